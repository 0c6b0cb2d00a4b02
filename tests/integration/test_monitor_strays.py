"""Resource Monitors of which the notes are lost: they and all below them are found by their command line, and ended."""

from __future__ import annotations

import signal

from nodeagent.monitor.strays import kill_strays
from tests.support.monitors import PATIENCE, kill, running_monitor, shell, wait_for_end

TREE = "sleep 1000 & sleep 1000 & wait"


def test_a_monitor_that_nobody_knows_is_ended_with_all_below_it() -> None:
    with running_monitor() as monitor:
        line = monitor.attach(seconds=60.0)
        line.start(shell(TREE))
        process = line.online().process_id
        assert kill_strays(monitor.config, set())
        assert monitor.process.wait(PATIENCE) == 0  # asked, it ends all that it holds, addresses too
        assert wait_for_end(process)


def test_one_that_stands_still_is_ended_too() -> None:
    with running_monitor() as monitor:
        line = monitor.attach(seconds=60.0)
        line.start(shell(TREE))
        process = line.online().process_id
        kill(monitor.process.pid, signal.SIGSTOP)
        assert kill_strays(monitor.config, set())
        assert wait_for_end(process)


def test_the_monitors_that_are_known_and_those_of_others_are_left_alone() -> None:
    with running_monitor() as monitor, running_monitor("alone") as other:
        line = monitor.attach(seconds=60.0)
        line.start(shell(TREE))
        process = line.online().process_id
        assert kill_strays(monitor.config, {monitor.process.pid})
        assert kill_strays(monitor.config.with_name("no.toml"), set())
        assert monitor.process.poll() is None
        assert other.process.poll() is None
        assert not wait_for_end(process, 0)
