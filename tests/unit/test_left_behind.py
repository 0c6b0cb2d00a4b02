"""The rules of tests/conftest.py, shown on tests that break them."""

import re
from pathlib import Path

import pytest

from tests.support.brokentests import run_broken_tests

CASES = """
import asyncio, subprocess, threading
import pytest
from tests import conftest

conftest.PATIENCE = 0.3  # what is left behind here never ends by itself
kept = []
never = threading.Event()

def test_process():
    kept.append(subprocess.Popen(["sleep", "600"]))

def test_zombie():
    kept.append(subprocess.Popen(["true"]))

def test_thread():
    threading.Thread(target=never.wait, name="stray", daemon=True).start()

@pytest.mark.asyncio
async def test_task():
    kept.append(asyncio.create_task(asyncio.sleep(600), name="stray"))

@pytest.mark.asyncio
async def test_clean():
    ended = await asyncio.create_subprocess_exec("true")
    await asyncio.to_thread(ended.pid.bit_length)
    await ended.wait()

def test_orphan():
    subprocess.run(["sh", "-c", "sleep 600 >/dev/null 2>&1 &"])
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    return run_broken_tests(tmp_path_factory.mktemp("broken"), "unit", CASES, "-p", "no:pytest-qt")


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        ("test_process", r"The test left behind process \d+ \(sleep 600\)\."),
        ("test_zombie", r"The test left behind process \d+ \(ended, but nobody waited for it\)\."),
        ("test_thread", r"The test left behind the threads stray\."),
        ("test_task", r"The test left behind the tasks stray .*\."),
        ("test_orphan", r"One of the tests left behind process \d+ \(sleep 600\)\."),
    ],
)
def test_what_a_test_leaves_behind_fails_it(report: str, test: str, sentence: str) -> None:
    assert re.search(rf"ERROR at teardown of {test} _+\n{sentence}\n", report), report


def test_a_test_that_ends_what_it_started_passes(report: str) -> None:
    assert "6 passed, 5 errors" in report
    assert "teardown of test_clean" not in report


def runs(pid: str) -> bool:
    """Tell whether process *pid* is there and has not ended; its parent may not have waited for it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_processes_left_behind_are_killed(report: str) -> None:
    left = re.findall(r"^(?:The test|One of).* process (\d+) \(sleep", report, re.MULTILINE)
    assert len(left) == 2
    assert not [pid for pid in left if runs(pid)]
