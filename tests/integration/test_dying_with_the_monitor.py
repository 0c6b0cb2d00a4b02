"""What a monitor starts dies with it by the kernel's hand, and is not spared as the monitor is when memory runs out."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Starts a program as a monitor does, says its number, and waits.
PARENT = """
import select, signal
from nodeagent.system.cgroups import open_containers
from nodeagent.system.launching import Launch
starting = open_containers("0123456789", None).open("sleeper").begin(Launch(("/bin/sleep", "60"), "/"))
while not starting.ready():
    select.select([starting], [], [])
print(starting.process.pid, flush=True)
signal.pause()
"""
PATIENCE = 10.0  # seconds


@contextmanager
def running() -> Iterator[subprocess.Popen[str]]:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    try:
        yield parent
    finally:
        parent.kill()
        parent.communicate()


@pytest.fixture
def spared() -> Iterator[None]:
    """This process, and so what it starts, is spared when memory runs out, as the monitor's unit is."""
    score = Path("/proc/self/oom_score_adj")
    usual = score.read_text(encoding="ascii")
    try:
        score.write_text("-500", encoding="ascii")
    except PermissionError:
        pytest.skip("this user may not be spared when memory runs out")
    yield
    score.write_text(usual, encoding="ascii")


def started(parent: subprocess.Popen[str]) -> int:
    assert parent.stdout is not None
    return int(parent.stdout.readline())


def test_a_program_dies_with_the_monitor_that_started_it() -> None:
    with running() as parent:
        notice = os.pidfd_open(started(parent))
        try:
            parent.kill()
            poll = select.poll()
            poll.register(notice, select.POLLIN)
            assert poll.poll(PATIENCE * 1000), "it runs on"
        finally:
            os.close(notice)


@pytest.mark.usefixtures("spared")
def test_a_program_is_not_spared_when_memory_runs_out() -> None:
    with running() as parent:
        program = started(parent)
        assert Path(f"/proc/{parent.pid}/oom_score_adj").read_text(encoding="ascii").strip() == "-500"
        assert Path(f"/proc/{program}/oom_score_adj").read_text(encoding="ascii").strip() == "0"
