"""The wall clock that can be stepped: whom it reaches, and that every other clock is left alone."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.lab import wallclock
from tests.lab.places import LAYERS, why_not

HOUR: Final = 3600
CLOCKS: Final = ("CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME")
READ: Final = f"""
import json, struct, sys, time
def read():
    clocks = {{name: time.clock_gettime(getattr(time, name)) for name in {CLOCKS!r}}}
    return {{**clocks, "time": time.time(), "monotonic": time.monotonic()}}
before = read()
if len(sys.argv) > 1:
    with open(sys.argv[1], "r+b", buffering=0) as file:
        file.write(struct.pack("=q", {HOUR}))
time.sleep(0.05)  # to an absolute time, which libfaketime refuses
print(json.dumps([before, read()]))
"""


@pytest.fixture
def preloaded(tmp_path: Path) -> dict[str, str]:
    """The environment that the units get."""
    if why := why_not():
        pytest.skip(why)
    built = tmp_path / "wallclock"
    wallclock.build(built)
    (built / "ahead").write_bytes(struct.pack("=q", 0))
    names = {"LD_PRELOAD": "library.so", "WALLCLOCK": "ahead", "WALLCLOCK_VDSO": "vdso.so"}
    return {**os.environ, **{name: str(built / file) for name, file in names.items()}}


def test_a_step_reaches_a_running_program_and_none_of_its_other_clocks(preloaded: dict[str, str]) -> None:
    def read(*arguments: str, environment: dict[str, str]) -> list[dict[str, float]]:
        done = subprocess.run(
            [sys.executable, "-c", READ, *arguments], env=environment, capture_output=True, check=True
        )
        found: list[dict[str, float]] = json.loads(done.stdout)
        return found

    before, after = read(preloaded["WALLCLOCK"], environment=preloaded)
    real = read(environment=dict(os.environ))[1]
    for name in before:
        wall = name in {"CLOCK_REALTIME", "time"}
        assert 0.05 <= after[name] - before[name] - (HOUR if wall else 0) < 20, name
        assert 0 <= real[name] - after[name] + (HOUR if wall else 0) < 20, name


def test_it_reaches_a_program_in_go(preloaded: dict[str, str], tmp_path: Path) -> None:
    program = LAYERS / "etcd/usr/bin/etcd"
    if not program.exists():
        pytest.skip("the hosts' system is not built yet")
    Path(preloaded["WALLCLOCK"]).write_bytes(struct.pack("=q", 10 * 365 * 24 * HOUR))
    wrong = ["--logger=zap", f"--data-dir={tmp_path}/data", "--listen-client-urls=http://256.0.0.1:1"]  # ends at once
    done = subprocess.run([program, *wrong], env=preloaded, capture_output=True, text=True, timeout=20, check=False)
    stamps = [json.loads(line)["ts"] for line in done.stderr.splitlines() if line.startswith("{")]
    real = subprocess.run([program, *wrong], capture_output=True, text=True, timeout=20, check=False)
    now = [json.loads(line)["ts"] for line in real.stderr.splitlines() if line.startswith("{")]
    assert int(stamps[0][:4]) - int(now[0][:4]) in {9, 10}
