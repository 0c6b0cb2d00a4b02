"""The command line on a real cluster: three agents, reached over SSH."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from tests.support.demo import RunningDemo, private_account, running_demo, still_there
from tests.support.witness import Witness

pytestmark = pytest.mark.timeout(300)

GROUP, RESOURCE = "High Availability Notepad", "Notepad"
SECONDS = 60.0


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    """A demo with the group High Availability Notepad online; each test leaves all nodes on and not paused."""
    with private_account() as account, running_demo(account) as running:
        yield running


def done(demo: RunningDemo, *arguments: str) -> str:
    found = demo.cli(*arguments)
    assert found.returncode == 0, (arguments, found.stdout, found.stderr)
    return found.stdout


def refused(demo: RunningDemo, code: int, *arguments: str) -> str:
    found = demo.cli(*arguments)
    assert found.returncode == code, (arguments, found.stdout, found.stderr)
    assert found.stderr.count("\n") == 1
    return found.stderr


@contextmanager
def following(demo: RunningDemo, *arguments: str) -> Iterator["SimpleQueue[Any]"]:
    """Run a command that prints JSON lines until the block ends; then end it by Ctrl-C."""
    words = [sys.executable, "-m", "ui", "--cluster", demo.name, *arguments, "--follow", "--json"]
    lines: SimpleQueue[Any] = SimpleQueue()
    with subprocess.Popen(
        words, env=demo.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None

        def read(stream: Any) -> None:
            for line in stream:
                lines.put(json.loads(line))

        reader = threading.Thread(target=read, args=(process.stdout,))
        reader.start()
        try:
            yield lines
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(SECONDS)
            reader.join()
        assert code == 0


def wait_for(lines: "SimpleQueue[Any]", key: str, text: str) -> Any:
    while True:
        found = lines.get(timeout=SECONDS)
        if text in found[key]:
            return found


def test_a_resource_lives_its_life_on_the_command_line(demo: RunningDemo) -> None:
    assert [node["state"] for node in demo.cli_json("node")] == ["Up"] * 3
    done(demo, "group", "Web", "--create", "--setowners:NODE2,NODE3", "--prop", "FailoverThreshold=4")
    create = ["resource", "App", "--create", "--group:Web", "--type:Generic Application"]
    done(demo, *create, "--priv", "CommandLine=sleep 1000", "CurrentDirectory=/", "--online:30")
    one = demo.cli_json("resource", "App")
    assert (one["state"], one["group"], one["type"]) == ("Online", "Web", "Generic Application")
    assert one["process_id"] > 0
    done(demo, "resource", "Base", "--create", "--group:Web", "--type:Generic Application")
    done(demo, "resource", "Base", "--priv", "CommandLine=sleep 1000", "CurrentDirectory=/")
    assert "Error ID: 5019" in refused(demo, 1, "resource", "App", "--adddep:Base")
    done(demo, "resource", "App", "--offline:30", "--adddep:Base", "--online:30")
    assert demo.cli_json("resource", "Base")["state"] == "Online"
    assert demo.cli_json("resource", "App", "--listdep") == ["Base"]
    done(demo, "group", "Web", "--moveto:NODE3", "--wait:30", "--note:maintenance")
    group = demo.cli_json("group", "Web")
    assert (group["owner"], group["state"]) == ("NODE3", "Online")
    assert "maintenance" in done(demo, "events")
    done(demo, "resource", "App", "--rename:Editor")
    assert "Error ID: 5019" in refused(demo, 1, "resource", "Editor", "--delete")
    assert "Error ID: 145" in refused(demo, 1, "group", "Web", "--delete")
    done(demo, "group", "Web", "--offline:30")
    assert "Editor" in refused(demo, 2, "resource", "Base", "--delete")
    done(demo, "resource", "Base", "--delete", "--yes")
    done(demo, "group", "Web", "--delete")
    assert "Error ID: 5013" in refused(demo, 1, "group", "Web")


def test_whatif_says_what_then_happens(demo: RunningDemo) -> None:
    before = demo.cli_json("group", GROUP)
    foreseen = demo.cli_json("group", GROUP, "--moveto", "--whatif")["whatif"]
    assert demo.cli_json("group", GROUP)["epoch"] == before["epoch"]
    done(demo, "group", GROUP, "--moveto", "--wait:30")
    after = demo.cli_json("group", GROUP)
    assert f"{GROUP} moves from {before['owner']} to {after['owner']}." in foreseen
    done(demo, "node", before["owner"], "--pause", "--wait:10")
    assert "paused" in refused(demo, 1, "group", GROUP, f"--moveto:{before['owner']}", "--whatif")
    assert "paused" in refused(demo, 1, "group", GROUP, f"--moveto:{before['owner']}")
    done(demo, "node", before["owner"], "--resume", "--wait:10")


def test_following_goes_on_when_the_node_it_is_connected_to_loses_power(demo: RunningDemo) -> None:
    connected = demo.cli_json("cluster")["connected_to"]
    done(demo, "group", GROUP, f"--moveto:{connected}", "--wait:30")
    with following(demo, "events", "--last:1") as events, following(demo, "log", RESOURCE) as written:
        events.get(timeout=SECONDS)
        written.get(timeout=SECONDS)
        demo.power(connected, False)
        online = wait_for(events, "text", f"{RESOURCE} is online on")
        assert connected not in online["text"]
        events_after = demo.cli_json("group", GROUP)
        assert events_after["owner"] in online["text"]
        assert wait_for(written, "text", "page 1")
        demo.power(connected, True)
        wait_for(events, "text", f"{connected} is up")


def test_the_papers_story_on_the_command_line(demo: RunningDemo, tmp_path: Path) -> None:
    witness = Witness(tmp_path / "lives")
    done(demo, "group", "Paper", "--create", "--setowners:NODE1,NODE2", "--prop", "AutoFailbackType=1")
    create = ["resource", "Editor", "--create", "--group:Paper", "--type:Generic Application"]
    done(demo, *create, "--priv", f"CommandLine={witness.command_line}", f"CurrentDirectory={tmp_path}")
    done(demo, "group", "Paper", "--online:NODE1", "--wait:60")
    with following(demo, "events", "--last:1") as events:
        events.get(timeout=SECONDS)
        process = process_of(demo, "Editor")
        assert witness.await_life(process).directory == tmp_path
        for used in (1, 2, 3):
            os.kill(process, signal.SIGKILL)
            assert f"Restart {used} of 3" in wait_for(events, "text", "Editor was restarted on NODE1")["cause"]
            process = process_of(demo, "Editor")
            witness.await_life(process)
        os.kill(process, signal.SIGKILL)
        wait_for(events, "text", "Editor is online on NODE2")
        done(demo, "group", "Paper", "--moveto:NODE1", "--wait:60")

        process = process_of(demo, "Editor")
        os.kill(demo.service_of("NODE1"), signal.SIGKILL)
        wait_for(events, "text", "The Cluster Service on NODE1 is attached to its Resource Monitor again")
        assert process_of(demo, "Editor") == witness.await_life(process).pid, "it has not noticed"

        assert demo.demo("--poweroff:NODE1").returncode == 0
        wait_for(events, "text", "Editor is online on NODE2")
        witness.await_life(process_of(demo, "Editor"))
        assert demo.demo("--poweron:NODE1").returncode == 0
        wait_for(events, "text", "Editor is online on NODE1")
    last = process_of(demo, "Editor")
    witness.await_life(last)
    done(demo, "group", "Paper", "--offline:60")
    assert still_there({last}) == []
    witness.prove_never_two()
    done(demo, "resource", "Editor", "--delete", "--yes")
    done(demo, "group", "Paper", "--delete")


def process_of(demo: RunningDemo, resource: str) -> int:
    """Return the resource's process, once it is online with one that runs."""
    found = demo.cli_json("resource", resource, "--online:60")
    assert found["state"] == "Online"
    process = found["process_id"]
    assert isinstance(process, int)
    return process
