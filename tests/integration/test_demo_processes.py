"""How the demo keeps programs running, finds what it started, and shares directories: with real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clusteradmin.demo import control
from clusteradmin.demo.children import Children
from clusteradmin.demo.control import ControlServer, DemoStatus, NodeStatus
from clusteradmin.demo.home import Home, claim
from clusteradmin.demo.keeping import Kept, Program
from clusteradmin.demo.marked import MARK, carriers, kill_marked
from clusteradmin.demo.problems import DemoError, NoDemoError
from clusteradmin.demo.state import State

SECONDS = 10.0

TELL = """
import os, socket, sys, time
def tell(word):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(word.encode(), os.environ["NOTIFY_SOCKET"])
"""
LIVES = TELL + "tell('READY=1\\nWATCHDOG=1')\nwhile True: time.sleep(0.2); tell('WATCHDOG=1')"
HANGS = TELL + "tell('READY=1')\nwhile True: time.sleep(60)"


class Said:
    """What a demo says, and an event for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.changed = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.lines.append(line)
        self.changed.set()

    async def until(self, test: Callable[[], bool]) -> None:
        async with asyncio.timeout(SECONDS):
            while not test():
                self.changed.clear()
                await self.changed.wait()


def program(folder: Path, text: str) -> Program:
    return Program("The program", (sys.executable, "-c", text), os.environ, folder / "notices", folder / "console")


async def ready(kept: Kept) -> int:
    async with asyncio.timeout(SECONDS):
        await kept.ready.wait()
    return kept.pid


# --- kept programs


@pytest.mark.asyncio
async def test_a_program_that_is_killed_is_started_again_at_once(tmp_path: Path) -> None:
    said = Said()
    with Children() as children:
        kept = Kept(program(tmp_path, LIVES), children, said)
        kept.start()
        first = await ready(kept)
        os.kill(first, signal.SIGKILL)
        await said.until(lambda: bool(said.lines))
        second = await ready(kept)
        assert second != first
        assert said.lines == ["The program was ended by signal 9; it is started again now."]
        await kept.cut()
        assert kept.pid == 0


@pytest.mark.asyncio
async def test_a_program_that_hangs_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("clusteradmin.demo.keeping.clock", lambda: now)
    said = Said()
    with Children() as children:
        kept = Kept(program(tmp_path, HANGS), children, said)
        kept.start()
        first = await ready(kept)
        kept.check()
        now += 6.0
        kept.forgive()
        kept.check()
        assert kept.pid == first, "it was the computer that slept"
        now += 6.0
        kept.check()
        await said.until(lambda: len(said.lines) == 2)
        assert "silent for too long" in said.lines[0]
        assert await ready(kept) != first
        await kept.cut()


@pytest.mark.asyncio
async def test_a_program_that_never_gets_ready_is_hopeless_and_says_why(tmp_path: Path) -> None:
    with Children() as children:
        kept = Kept(program(tmp_path, "print('The settings are wrong.'); raise SystemExit(2)"), children, Said())
        kept.start()
        async with asyncio.timeout(SECONDS):
            await kept.hopeless.wait()
        assert kept.last_words().splitlines()[-1] == "The settings are wrong."
        await kept.cut()


@pytest.mark.asyncio
async def test_a_program_that_does_not_want_to_end_is_killed_in_the_end(tmp_path: Path) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); signal.pause()"
    with Children() as children:
        child = children.start((sys.executable, "-c", stubborn), os.environ, tmp_path / "console")
        assert await child.end(0.1) < 0


@pytest.mark.asyncio
async def test_orphans_are_reaped(tmp_path: Path) -> None:
    """The monitors of a dead Cluster Service become the demo's children."""
    parent = "import subprocess; print(subprocess.Popen(['sleep', '0.5']).pid, flush=True)"
    with Children() as children:
        child = children.start((sys.executable, "-c", parent), os.environ, tmp_path / "console")
        assert await asyncio.wait_for(asyncio.shield(child.ended), SECONDS) == 0
        orphan = int((tmp_path / "console").read_text())
        assert f"PPid:\t{os.getpid()}\n" in Path(f"/proc/{orphan}/status").read_text()
        pidfd = os.pidfd_open(orphan)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(pidfd, ended.set)
        await asyncio.wait_for(ended.wait(), SECONDS)
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
    assert not Path(f"/proc/{orphan}").exists()


# --- marked processes


def test_only_what_carries_the_mark_is_killed() -> None:
    environments = [{MARK: "m1"}, {MARK: "m1/NODE1"}, {MARK: "m1/NODE10"}, {MARK: "m12"}, {}]
    sleeps = [subprocess.Popen(["sleep", "60"], env=os.environ | mark) for mark in environments]
    try:
        assert set(carriers("m1/NODE1")) == {sleeps[1].pid}
        assert kill_marked("m1/NODE1")
        assert kill_marked("m1")
        assert [sleep.poll() for sleep in sleeps] == [-9, -9, -9, None, None]
        assert kill_marked("m1"), "nothing is left, and that is no failure"
    finally:
        for sleep in sleeps:
            sleep.kill()
            sleep.wait()


# --- the directory


def test_a_directory_belongs_to_one_demo_at_a_time(tmp_path: Path) -> None:
    first = claim(tmp_path / "home")
    assert Home(tmp_path / "home").is_live()
    with pytest.raises(DemoError, match=r"runs in .* already"):
        claim(tmp_path / "home")
    first.release()
    assert not Home(tmp_path / "home").is_live()
    claim(tmp_path / "home").release()


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    claimed = claim(tmp_path / "home")
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    claimed.release()


def test_a_directory_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear Anna")
    with pytest.raises(DemoError, match="not empty"):
        claim(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter"]


def test_a_directory_whose_path_is_too_long_for_the_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="too long"):
        claim(tmp_path / ("a" * 240) / ("b" * 240))
    assert list(tmp_path.iterdir()) == []


def test_what_was_made_is_removed_and_what_was_there_stays(tmp_path: Path) -> None:
    claimed = claim(tmp_path / "new" / "home")
    state = State(mark="m", client_home="", run=str(tmp_path / "new" / "home" / "run"), made=claimed.made)
    claimed.home.save(state)
    claimed.home.clear(state)
    claimed.remove()
    claimed.release()
    assert list(tmp_path.iterdir()) == []
    claimed = claim(tmp_path)
    claimed.remove()
    claimed.release()
    assert tmp_path.is_dir()


def test_sockets_of_a_home_with_a_long_name_are_elsewhere(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 20))
    home.directory.mkdir()
    run = home.short_run_directory()
    try:
        assert len(str(run)) < 60
        assert run.stat().st_mode & 0o777 == 0o700
    finally:
        home.clear(State(mark="m", client_home="", run=str(run)))
    assert not run.exists()


# --- control


class Toy:
    """What a control socket controls in these tests."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.switched: list[tuple[str, bool]] = []
        self.stopped = False

    async def power(self, node: str, on: bool) -> None:
        if node != "NODE1":
            raise DemoError(f"The demo has no node {node}.")
        self.switched.append((node, on))

    def status(self) -> DemoStatus:
        return DemoStatus(name="demo", home=str(self.home), pid=1, nodes=(NodeStatus(name="NODE1", on=True, port=2),))

    def stop(self) -> None:
        self.stopped = True


@pytest.mark.asyncio
async def test_a_running_demo_is_controlled_by_its_directory(tmp_path: Path) -> None:
    home = Home(tmp_path)
    state = State(mark="m", client_home="", run=str(tmp_path))
    toy = Toy(tmp_path)
    server = ControlServer(toy)
    with pytest.raises(NoDemoError, match="No demo runs in"):
        await control.status(tmp_path)
    home.save(state)
    with pytest.raises(NoDemoError, match="No demo runs in"):
        await control.status(tmp_path)
    await server.start(state.control_socket)
    await control.power(tmp_path, "NODE1", False)
    assert toy.switched == [("NODE1", False)]
    with pytest.raises(DemoError, match="no node NODE9"):
        await control.power(tmp_path, "NODE9", True)
    assert (await control.status(tmp_path)).nodes[0].name == "NODE1"
    await server.close()


@pytest.mark.asyncio
async def test_nonsense_at_the_control_socket_hurts_nobody(tmp_path: Path) -> None:
    home = Home(tmp_path)
    state = State(mark="m", client_home="", run=str(tmp_path))
    home.save(state)
    server = ControlServer(Toy(tmp_path))
    await server.start(state.control_socket)
    for nonsense in (b"\n", b"{}\n", b"\xff\n", b"x" * 100_000 + b"\n"):
        reader, writer = await asyncio.open_unix_connection(state.control_socket)
        writer.write(nonsense)
        assert await reader.read() == b""
        writer.close()
    assert (await control.status(tmp_path)).name == "demo"
    await server.close()
