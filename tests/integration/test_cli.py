"""The command line and the automation objects on a real cluster: three agents, reached over SSH."""

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

from clusteradmin.automation import Cluster, ClusterError, ResourceState
from tests.support.demo import RunningDemo, account, demo

pytestmark = pytest.mark.timeout(300)

__all__ = ["account", "demo"]  # fixtures

GROUP, RESOURCE = "High Availability Notepad", "Notepad"
EXAMPLE = Path(__file__).parents[2] / "examples" / "high_availability_notepad.py"
SECONDS = 60.0


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


def test_the_papers_script_runs_twice_and_its_program_is_started_again(demo: RunningDemo) -> None:
    environment = {**demo.environment, "PYTHONPATH": os.pathsep.join(filter(None, [str(EXAMPLE.parents[1])]))}
    for _ in range(2):
        words = [sys.executable, str(EXAMPLE), "--cluster", demo.name, "--program", "sleep 1000"]
        script = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert script.returncode == 0, script.stderr
        assert "Online on NODE" in script.stdout
    with Cluster(home=demo.clients).open(demo.name) as cluster:
        resource = cluster.resources.item(RESOURCE)
        assert resource.private_properties["CommandLine"] == "sleep 1000"
        assert resource.offline(30) is False
        assert resource.online(30) is False
        killed = resource.process_id
        events = cluster.events(timeout=SECONDS)
        os.kill(killed, signal.SIGKILL)
        assert any(entry.object_name == RESOURCE for entry in events)
        found = cluster.client.until(lambda s: _other_process(s.resources[resource.reference.id].process_id, killed))
        assert cluster.run(found) not in (0, killed)
        assert resource.state is ResourceState.ONLINE
        resource.private_properties["CommandLine"] = "no such program"
        with pytest.raises(ClusterError, match="not saved"):
            resource.online(10)
        resource.private_properties.refresh()


def _other_process(process: int, than: int) -> int | None:
    return process if process not in (0, than) else None
