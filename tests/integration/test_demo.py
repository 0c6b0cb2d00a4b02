"""The demo as a person starts it: what it prints, who can open it, what it survives, and what it leaves behind."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from clusteradmin.automation import Cluster
from tests.support.applications import online_on, until
from tests.support.demo import NOBODY, RunningDemo, private_account, running_demo, started_demo, still_there

ROOT = Path(__file__).parents[2]
GROUP = "High Availability Notepad"

# A demo starts in two seconds on an idle machine; a busy one may take ten times as long, for each of two.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def account() -> Iterator[Path]:
    with private_account() as found:
        yield found


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningDemo]:
    """A demo that several tests look at; each leaves it with all nodes on and the group online."""
    with private_account() as found, running_demo(found) as running:
        yield running


# --- what there is


def test_it_says_when_it_is_ready_and_by_which_name(shared: RunningDemo) -> None:
    assert "ready: clusteradmin --cluster demo" in shared.output
    assert shared.clients.connection("demo") is not None


def test_the_papers_group_is_online_on_one_of_three_nodes(shared: RunningDemo) -> None:
    group = shared.cli_json("group", GROUP)
    assert group["state"] == "Online"
    nodes = shared.cli_json("node")
    assert [node["name"] for node in nodes] == ["NODE1", "NODE2", "NODE3"]
    assert {node["state"] for node in nodes} == {"Up"}
    resource = shared.cli_json("resource", "Notepad")
    assert resource["process_id"] in shared.pids


def test_the_saved_connection_is_by_ssh_and_asks_nothing(shared: RunningDemo) -> None:
    saved = shared.clients.connection("demo")
    assert saved is not None
    assert saved.target.rpartition("@")[2].startswith("127.0.0.1:")
    assert saved.demo_home == str(shared.home)
    assert all(node.endpoints[0].host_keys for node in saved.nodes)
    assert not shared.clients.known_hosts.exists()


def test_nobody_else_can_look_into_its_directory(shared: RunningDemo) -> None:
    assert shared.home.stat().st_mode & 0o777 == 0o700
    for key in (shared.home / "keys" / "client_key", shared.home / "NODE1" / "host_key"):
        assert key.stat().st_mode & 0o777 == 0o600


def test_its_status_is_told(shared: RunningDemo) -> None:
    done = shared.demo("--status")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["NODE1", "NODE2", "NODE3"]
    assert shared.run("clusteradmin.demo", "--status").stdout == done.stdout, "the only demo need not be named"


def test_a_second_one_in_the_same_directory_is_refused(shared: RunningDemo) -> None:
    done = shared.demo("--headless")
    assert done.returncode == 1
    assert done.stderr.startswith(f"A demo runs in {shared.home} already.")
    assert shared.status().name == "demo"


def test_an_unknown_node_cannot_be_switched(shared: RunningDemo) -> None:
    done = shared.demo("--poweroff:NODE9")
    assert (done.returncode, done.stderr) == (1, "The demo has no node NODE9. It has NODE1, NODE2, NODE3.\n")


# --- faults


def test_a_cluster_service_that_is_killed_is_back_and_the_application_has_not_noticed(shared: RunningDemo) -> None:
    before = shared.cli_json("resource", "Notepad")
    service = shared.service_of(before["owner"])
    os.kill(service, signal.SIGKILL)
    shared.await_line(f"The Cluster Service of {before['owner']} was ended by signal 9")
    assert not still_there({service}, 10.0)
    after = shared.cli_json("resource", "Notepad")
    assert (after["process_id"], after["owner"]) == (before["process_id"], before["owner"])
    assert shared.service_of(before["owner"]) != service


def test_when_the_power_of_its_node_fails_the_group_goes_to_another_one(shared: RunningDemo) -> None:
    before = shared.cli_json("resource", "Notepad")
    owner = before["owner"]
    done = shared.demo(f"--poweroff:{owner}")
    assert done.returncode == 0, done.stderr
    assert not still_there({before["process_id"]}, 0.1)
    status = {node.name: node for node in shared.status().nodes}
    assert not status[owner].on
    assert status[owner].service == status[owner].sshd == 0
    again = shared.demo(f"--poweroff:{owner}")
    assert (again.returncode, again.stderr) == (1, f"{owner} is off already.\n")
    with Cluster(home=shared.clients).open(shared.name) as cluster:
        until(cluster.resources.item("Notepad"), online_on(*status.keys() - {owner}))
    after = shared.cli_json("resource", "Notepad")
    assert after["owner"] != owner
    assert after["process_id"] in shared.pids
    states = {node["name"]: node["state"] for node in shared.cli_json("node")}
    assert states.pop(owner) == "Down"
    assert set(states.values()) == {"Up"}
    done = shared.demo(f"--poweron:{owner}")
    assert done.returncode == 0, done.stderr


# --- its end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_and_nothing_is_left(account: Path, number: int) -> None:
    with running_demo(account) as demo:
        before = demo.pids
        assert demo.end(number) == 0
        demo.prove_gone(before)


def test_stop_ends_it_and_returns_when_all_is_gone(account: Path) -> None:
    with running_demo(account, "--empty") as demo:
        before = demo.pids
        done = demo.demo("--stop")
        assert done.returncode == 0, done.stderr
        assert demo.end() == 0
        demo.prove_gone(before)
        nobody = demo.demo("--stop")
        assert (nobody.returncode, nobody.stderr) == (4, f"No demo runs in {demo.home}.\n")


def test_it_can_be_ended_while_it_begins(account: Path) -> None:
    with started_demo(account) as demo:
        while not (demo.home / "demo.json").exists():
            assert demo.process.poll() is None, demo.output
            time.sleep(0.01)  # so early it says nothing yet
        before = demo.pids
        assert demo.end() == 0, demo.output
        demo.prove_gone(before)


def test_one_that_was_killed_is_cleaned_up_by_the_next_one(account: Path) -> None:
    with running_demo(account) as first:
        application = first.cli_json("resource", "Notepad")["process_id"]
        before = first.pids
        first.kill()
        assert Path(f"/proc/{application}").exists(), "an application outlives the demo's own death"
        with running_demo(account) as second:
            assert second.output[0].startswith(f"A demo in {first.home} was not ended")
            assert second.name == "demo"
            first_left = [pid for pid in before - {first.process.pid} if Path(f"/proc/{pid}/exe").exists()]
            assert first_left == []


def test_one_that_was_killed_elsewhere_is_cleaned_up_and_its_name_is_free_again(account: Path) -> None:
    with running_demo(account, "--empty", home=account / "a") as first:
        before = first.pids
        first.kill()
        with running_demo(account, "--empty", home=account / "b") as second:
            assert second.name == "demo"
            assert not first.home.exists()
            first.prove_gone(before)


def test_stop_cleans_up_after_one_that_was_killed(account: Path) -> None:
    with running_demo(account) as demo:
        before = demo.pids
        demo.kill()
        done = demo.demo("--stop")
        assert done.returncode == 0, done.stderr
        demo.prove_gone(before)


# --- side by side


def test_two_of_them_live_side_by_side(account: Path) -> None:
    with (
        running_demo(account, home=account / "one") as one,
        running_demo(account, home=account / "two") as two,
    ):
        assert (one.name, two.name) == ("demo", "demo-2")
        assert one.cli_json("resource", "Notepad")["process_id"] in one.pids
        assert two.cli_json("resource", "Notepad")["process_id"] in two.pids
        unclear = one.run("clusteradmin.demo", "--status")
        assert unclear.returncode == 1
        assert unclear.stderr.startswith("Several demos run. Name one with --home:")
        one.power("NODE3", on=False)
        assert [node.on for node in two.status().nodes] == [True] * 3


def test_a_name_that_is_taken_is_refused(account: Path) -> None:
    with (
        running_demo(account, "--empty", "--name", "shop", home=account / "one") as one,
        started_demo(account, "--name", "shop", home=account / "two") as two,
    ):
        assert one.name == "shop"
        assert two.process.wait(60) == 1
        two.await_line("There is a saved connection named shop already.")
        assert not two.home.exists()


# --- with its window


def process_with(demo: RunningDemo, *words: bytes, seconds: float = 60.0) -> int:
    """Return the process of the demo that has *words* in its command line, as soon as there is one."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for pid in demo.pids:
            with contextlib.suppress(OSError):
                if set(words) <= set(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")):
                    return pid
        time.sleep(0.1)  # the kernel gives no notice of a new process
    pytest.fail(f"The demo has no process {b' '.join(words).decode()}:\n" + "\n".join(demo.output))


def test_a_picture_of_the_window_can_be_had_without_a_display(account: Path) -> None:
    with started_demo(account, "--screenshot", str(account / "demo.png")) as demo:
        demo.await_line("ready: ")
        before = demo.pids
        assert demo.process.wait(120) == 0, demo.output
        assert (account / "demo.png").read_bytes().startswith(b"\x89PNG")
        demo.prove_gone(before)


@contextlib.contextmanager
def x_server() -> Iterator[str]:
    """Run an X server without a screen; yield its display."""
    if shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb")
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-nolisten", "tcp"], pass_fds=[writing], stderr=subprocess.DEVNULL
    )
    os.close(writing)
    try:
        yield f":{os.read(reading, 20).decode('ascii').strip()}"
    finally:
        os.close(reading)
        server.terminate()
        server.wait(20)


def test_the_demo_ends_with_its_window(account: Path) -> None:
    with (
        x_server() as display,
        started_demo(account, environment={"DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}, headless=False) as demo,
    ):
        demo.await_line("ready: ")
        process_with(demo, b"nodeagent", b"relay")  # the window has connected
        before = demo.pids
        os.kill(process_with(demo, b"ui", b"--cluster"), signal.SIGTERM)  # as a session does at its end
        assert demo.process.wait(60) == 0, demo.output
        demo.prove_gone(before)


# --- as an ordinary user

AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def python_for_others() -> tuple[str, dict[str, str]]:
    """Return an interpreter that another user can run, and what it needs to find our packages; skip without one.

    The one that runs the tests may lie in a home directory.
    """
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    here = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(msgspec.__file__).parent.parent)])}
    for python, packages in ((sys.executable, {}), (system, here)):
        # Twice, since setpriv itself may still do what root may.
        probe = [*AS_NOBODY, "/bin/sh", "-c", f"cd / && {python} -c 'import paramiko, psutil, nodeagent'; exit $?"]
        environment = {"PATH": "/usr/bin:/bin", **packages}
        if subprocess.run(probe, env=environment, capture_output=True, check=False).returncode == 0:
            return python, packages
    pytest.skip("another user cannot run this Python")


@pytest.mark.skipif(os.geteuid() != 0, reason="all other tests run as an ordinary user already")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_an_ordinary_user_can_have_one() -> None:
    python, packages = python_for_others()
    with (
        private_account(NOBODY) as account,
        running_demo(account, prefix=AS_NOBODY, python=python, environment=packages) as demo,
    ):
        assert demo.cli_json("group", GROUP)["state"] == "Online"
        demo.power("NODE2", on=False)
        assert not next(node for node in demo.status().nodes if node.name == "NODE2").on
        assert sum("not root" in line for line in demo.output) == 1, demo.output
        assert sum("sessions" in line for line in demo.output) == 1, demo.output
