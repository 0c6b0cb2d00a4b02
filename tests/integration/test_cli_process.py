"""The command line as a process: pipes that close, Ctrl-C, a person at a terminal."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.requests import Delete
from tests.builders import cluster, replace
from tests.support.obedient import obey
from tests.support.scriptedagent import ScriptedAgent, scripted_agent

SNAPSHOT = cluster(nodes=["NODE1"], groups={"Web": "App", "Empty": ""})
PROGRAM = [sys.executable, "-c", "import sys; from clusteradmin.cli.main import main; sys.exit(main(sys.argv[1:]))"]
SECONDS = 30.0


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[ScriptedAgent]:
    with scripted_agent(tmp_path, SNAPSHOT, answer=obey) as running:
        yield running


def environment(agent: ScriptedAgent) -> dict[str, str]:
    own = {"CLUSTERAGENT_SOCKET": str(agent.path), "CLUSTERADMIN_HOME": str(agent.path.parent / "home")}
    return os.environ | own | {"PYTHONPATH": str(Path(__file__).parents[2])}


def started(agent: ScriptedAgent, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, *words],
        env=environment(agent),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def entry(sequence: int, text: str) -> LogEntry:
    return LogEntry(
        sequence=sequence,
        at=1_700_000_000.0,
        node="NODE1",
        severity=Severity.INFORMATION,
        code="event_notice",
        parameters={"detail": text},
    )


def add(agent: ScriptedAgent, text: str) -> None:
    agent.push(replace(agent.snapshot), entry(len(agent.log) + 1, text))


def test_events_are_followed_until_ctrl_c_which_is_no_error(agent: ScriptedAgent) -> None:
    add(agent, "before")
    with started(agent, "events", "--follow", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["text"] == "before"
        add(agent, "after")
        assert json.loads(process.stdout.readline())["text"] == "after"
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, error) == (0, b"", b"")


def test_following_goes_on_when_the_connection_was_lost(agent: ScriptedAgent) -> None:
    add(agent, "before")
    with started(agent, "events", "--follow", "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        agent.stop()
        agent.log.append(entry(2, "meanwhile"))
        agent.start()
        assert json.loads(process.stdout.readline())["text"] == "meanwhile"
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert b"The connection is lost" in error
    assert b"Traceback" not in error


@pytest.mark.parametrize("words", [("events", "--follow"), ("events", "--follow", "--json")])
def test_a_reader_that_leaves_ends_it_quietly(agent: ScriptedAgent, words: tuple[str, ...]) -> None:
    add(agent, "before")
    with started(agent, *words) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        add(agent, "nobody reads this")
        assert process.wait(SECONDS) == 0
        assert process.stderr.read() == b""


def test_a_log_is_followed_until_its_reader_leaves(agent: ScriptedAgent) -> None:
    agent.output = b"line 1\n"
    with started(agent, "log", "App", "--follow") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line 1\n"
        agent.write(b"line 2\n")
        assert process.stdout.readline() == b"line 2\n"
        process.stdout.close()
        agent.write(b"line 3\n")
        assert process.wait(SECONDS) == 0
        assert process.stderr.read() == b""


def test_a_list_whose_reader_leaves_early_is_no_error(agent: ScriptedAgent) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        process = subprocess.run(
            [*PROGRAM, "resource"],
            env=environment(agent),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
            check=False,
        )
    finally:
        os.close(writing)
    assert (process.returncode, process.stderr) == (0, b"")


def test_ctrl_c_while_waiting_says_nothing_and_tells_the_shell(agent: ScriptedAgent) -> None:
    agent.answer = lambda agent, request: None
    with started(agent, "resource", "App", "--offline", "--wait") as process:
        until = time.monotonic() + SECONDS
        while not agent.requests and time.monotonic() < until:
            select.select([], [], [], 0.02)  # there is no notice of what the other thread has read
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, error) == (130, b"", b"")


def at_a_terminal(agent: ScriptedAgent, answer: bytes, *words: str) -> tuple[int, bytes]:
    """Run a command at a terminal, type *answer* once it asks, and return exit code and all that was shown."""
    ours, theirs = pty.openpty()
    # Ctrl-C reaches a program only through a terminal that it is in control of.
    claim = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); {PROGRAM[-1]}"
    with subprocess.Popen(
        [*PROGRAM[:-1], claim, *words],
        env=environment(agent),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        while piece := read(ours):
            shown += piece
            if shown.endswith(b"[y/N] ") and answer:
                os.write(ours, answer)
                answer = b""
        os.close(ours)
        return process.wait(SECONDS), shown


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # nobody has it open on the other side any more
        return b""


def test_a_person_is_asked_before_something_is_deleted(agent: ScriptedAgent) -> None:
    code, shown = at_a_terminal(agent, b"n\n", "group", "Empty", "--delete")
    assert code == 2
    assert b"Delete the group Empty?" in shown
    assert b"Nothing was done." in shown
    assert agent.requests == []
    code, _ = at_a_terminal(agent, b"y\n", "group", "Empty", "--delete")
    assert code == 0
    assert [type(request) for request in agent.requests] == [Delete]


def test_ctrl_c_at_a_question_ends_the_program_at_once(agent: ScriptedAgent) -> None:
    code, shown = at_a_terminal(agent, b"\x03", "group", "Empty", "--delete")
    assert code == 130
    assert b"Traceback" not in shown
    assert agent.requests == []
