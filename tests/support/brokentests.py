"""Runs tests that break a rule of ours, in a pytest of their own, and returns what it says."""

import os
import subprocess
import sys
from pathlib import Path

from tests.levels import ROOT


def run_broken_tests(parent: Path, level: str, cases: str, *options: str) -> str:
    """Run the tests written in *cases* as if they were in tests/*level*, under this tree's settings."""
    folder = parent / "tests" / level
    folder.mkdir(parents=True)
    (folder / "test_cases.py").write_text(cases)
    command = [
        *(sys.executable, "-m", "pytest", str(folder), "-c", str(ROOT / "pyproject.toml"), f"--rootdir={parent}"),
        *("-p", "tests.conftest", "-p", "no:cacheprovider", "-q", *options),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(command, cwd=parent, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
