"""window: the real main window on a large cluster: first picture, event to pixel, scrolling, memory."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from tests.benchmarks.figures import BenchmarkFailed, Figure

XVFB = ("xvfb-run", "-a", "-s", "-screen 0 1400x900x24")


def run() -> list[Figure]:
    """Measure offscreen and, where Xvfb is there, on an X server; each in a process of its own."""
    figures = _in_a_process("offscreen")
    if shutil.which("xvfb-run") and shutil.which("Xvfb"):
        figures += _in_a_process("xcb", *XVFB)
    return figures


def _in_a_process(platform: str, *prefix: str) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        done = subprocess.run(
            [*prefix, sys.executable, "-m", "tests.benchmarks.shownwindow", platform, str(time.time())],
            env={**os.environ, "QT_QPA_PLATFORM": platform, "HOME": folder},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if done.returncode:
        raise BenchmarkFailed(f"the window on {platform} ended with exit code {done.returncode}")
    return [Figure(**figure) for figure in json.loads(done.stdout.splitlines()[-1])]
