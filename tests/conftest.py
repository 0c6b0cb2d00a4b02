"""What a test may not leave behind: child processes, asyncio tasks, threads and, under tests/ui, windows.

Each is given a short time to end by itself; what is still there then fails the test, and processes are killed so
that the next test starts clean. What was there before the test (a fixture of wider scope holds it) does not count.
"""

import asyncio
import gc
import os
import select
import signal
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

# Before anything imports Qt: no test needs a display of its own accord.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# A shell in the background starts us with these ignored, which every program we start would inherit.
for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGQUIT, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)

# How long threads, processes and tasks that were told to end may take to do so, in seconds.
PATIENCE = 2.0

# In the environment of every process started from here, by whatever way: it finds those that lost their parent.
MARK = "CLUSTERADMIN_TEST_SESSION"
os.environ[MARK] = uuid.uuid4().hex

# The levels that start whole agents; reading every process's environment after each unit test would be too slow.
LEVELS_WITH_AGENTS = frozenset({"integration", "lab"})


def level_of(item: pytest.Item) -> str:
    """Return the folder below tests/ that *item* is in, or "" for one that is directly in tests/."""
    folders = item.path.parent.parts
    last = max((place for place, name in enumerate(folders) if name == "tests"), default=len(folders))
    return folders[last + 1] if last + 1 < len(folders) else ""


def uses_qt(item: pytest.Item) -> bool:
    return level_of(item) == "ui" or "qapp" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave what opens windows to the end: Qt keeps threads and files, and a process with threads forks no program."""
    items.sort(key=uses_qt)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run coroutine tests of the window on Qt's loop, all others on asyncio's own."""
    del config
    if not uses_qt(item):
        return {"asyncio": asyncio.new_event_loop}
    from PySide6 import QtWidgets  # noqa: I001  PySide6 before qasync, or it may choose another binding

    import qasync

    if QtWidgets.QApplication.instance() is None:
        QtWidgets.QApplication([])  # pytest-qt's qapp is this one, too
    return {"qt": qasync.QEventLoop}


# --- processes --------------------------------------------------------------------------------------------------


def children_of(pid: int) -> Iterator[int]:
    """Yield all descendants of *pid*, zombies included."""
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # ended meanwhile
            for child in map(int, listing.read_text().split()):
                yield child
                yield from children_of(child)


def marked_processes() -> Iterator[int]:
    """Yield the processes that were started from this session, whoever their parent is now."""
    mark = f"{MARK}={os.environ[MARK]}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or another user's
            if mark in (process / "environ").read_bytes().split(b"\0"):
                yield int(process.name)


def described(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return f"process {pid}"
    return f"process {pid} ({command})" if command else f"process {pid} (ended, but nobody waited for it)"


def wait_for_exit(pids: set[int], until: float) -> None:
    """Return when the first of *pids* ends, or at *until* (seconds, monotonic)."""
    with ExitStack() as stack:
        poll = select.poll()
        for pid in pids:
            try:
                exit_notice = os.pidfd_open(pid)
            except ProcessLookupError:
                return
            stack.callback(os.close, exit_notice)
            poll.register(exit_notice, select.POLLIN)
        if poll.poll(max(0.0, until - time.monotonic()) * 1000):
            time.sleep(0.005)  # it ended; whoever waits for it may need a moment, of which there is no notice


def processes_left(running: Callable[[], set[int]]) -> list[str]:
    """Say which processes of *running* do not end in time, and kill them."""
    until = time.monotonic() + PATIENCE
    while (left := running()) and time.monotonic() < until:
        wait_for_exit(left, until)
    sentences = [described(pid) for pid in sorted(left)]
    for pid in left:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    for pid in left:
        wait_for_exit({pid}, time.monotonic() + PATIENCE)
        with suppress(ChildProcessError):  # not a child of ours, but of one of those
            os.waitpid(pid, 0)
    return sentences


@contextmanager
def no_process_left(level: str) -> Iterator[None]:
    def started() -> set[int]:
        found = set(children_of(os.getpid()))
        return found | set(marked_processes()) - {os.getpid()} if level in LEVELS_WITH_AGENTS else found

    def of_the_test() -> set[int]:
        # What was there before may go on starting others, as a demo does that several tests look at.
        return started() - before - {pid for earlier in before for pid in children_of(earlier)}

    before = started()
    yield
    if left := processes_left(of_the_test):
        pytest.fail(f"The test left behind {', '.join(left)}.", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def no_orphan_left() -> Iterator[None]:
    """Find what lost its parent in any test, at the end of all."""
    yield
    if left := processes_left(lambda: set(marked_processes()) - {os.getpid()}):
        pytest.fail(f"One of the tests left behind {', '.join(left)}.", pytrace=False)


# --- threads ----------------------------------------------------------------------------------------------------


@contextmanager
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + PATIENCE
    started = [thread for thread in threading.enumerate() if thread not in before]
    # Threads that Qt started and Python has only seen can neither be joined nor told to be gone (before 3.13).
    ours = [thread for thread in started if not isinstance(thread, threading._DummyThread)]
    for thread in ours:
        thread.join(max(0.0, until - time.monotonic()))
    if left := [thread.name for thread in ours if thread.is_alive()]:
        pytest.fail(f"The test left behind the threads {', '.join(left)}.", pytrace=False)


# --- windows ----------------------------------------------------------------------------------------------------


@contextmanager
def no_window_left() -> Iterator[None]:
    import shiboken6
    from PySide6.QtCore import QCoreApplication, QEvent
    from PySide6.QtWidgets import QApplication, QWidget

    def windows() -> dict[int, QWidget]:
        # Qt keeps the last tool tip for itself.
        shown = (widget for widget in QApplication.topLevelWidgets() if not widget.inherits("QTipLabel"))
        return {shiboken6.getCppPointer(widget)[0]: widget for widget in shown}

    before = set(windows())
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    if windows().keys() - before:
        gc.collect()  # a window in a cycle of references is no fault: nobody can reach it
    left = [widget for address, widget in windows().items() if address not in before]
    names = [f"{type(widget).__name__} {widget.windowTitle()!r}" for widget in left]
    for widget in left:
        widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    if names:
        pytest.fail(f"The test left behind the windows {', '.join(names)}.", pytrace=False)


# --- the test itself --------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Autouse, so set up before the test's own fixtures and its loop, and torn down after them."""
    level = level_of(request.node)
    with ExitStack() as stack:
        stack.enter_context(no_process_left(level))
        stack.enter_context(no_thread_left())
        if level == "ui":
            stack.enter_context(no_window_left())
        yield


@pytest_asyncio.fixture
async def tasks_of_test() -> AsyncIterator[None]:
    """Look before the loop is closed, which would cancel tasks without a word."""
    before = asyncio.all_tasks()
    yield
    started = asyncio.all_tasks() - before - {asyncio.current_task()}
    if started:
        _, left = await asyncio.wait(started, timeout=PATIENCE)
        if left:
            names = sorted(f"{task.get_name()} ({task.get_coro()})" for task in left)
            pytest.fail(f"The test left behind the tasks {', '.join(names)}.", pytrace=False)


@pytest.fixture(autouse=True)
def no_task_left(request: pytest.FixtureRequest, nothing_left_behind: None) -> None:
    """Separate from nothing_left_behind, which must outlast the loop: closing it ends the loop's own threads."""
    marker = request.node.get_closest_marker("asyncio")
    # A loop that several tests share may carry tasks from one to the next.
    if marker is not None and marker.kwargs.get("loop_scope", "function") == "function":
        request.getfixturevalue("tasks_of_test")
