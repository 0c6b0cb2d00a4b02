"""The embedded store's file: whose it may be, who may read it, and what happens when the disk or a lock says no."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from nodeagent.database import filesystems
from nodeagent.database.filesystems import network_file_system
from nodeagent.database.sqlite import SqliteStore, Unusable
from nodeagent.database.sqlitefile import SqliteFile
from nodeagent.database.store import Change, Compacted, Transaction, Unavailable, Unknown

PATIENCE = 30.0  # seconds

A = Transaction(put={"a": b"1"})
B = Transaction(put={"b": b"2"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "database" / "cluster.sqlite"


@pytest_asyncio.fixture
async def store(file: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(file)
    yield store
    await store.close()


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the file as another process would in the middle of a commit."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.close()


async def keys(store: SqliteStore) -> list[str]:
    return list((await store.read("")).entries)


async def next_change(watch: AsyncIterator[tuple[Change, ...]]) -> tuple[Change, ...]:
    async with asyncio.timeout(PATIENCE):
        return await anext(watch)


# --- the file -------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_only_its_owner_may_read_the_database(store: SqliteStore, file: Path) -> None:
    old = os.umask(0)
    try:
        await store.commit(A)
        async with watched(store):
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (file.parent, *file.parent.iterdir())}
            await store.commit(B)
    finally:
        os.umask(old)
    assert modes == {"database": 0o700, "cluster.sqlite": 0o600, "cluster.sqlite-journal": 0o600, "watch": 0o700}


@pytest.mark.asyncio
async def test_what_was_committed_is_there_after_a_restart(store: SqliteStore, file: Path) -> None:
    revision = await store.commit(A)
    await store.close()
    again = SqliteStore(file)
    assert (await again.read("")).revision == revision
    async with contextlib.aclosing(again.watch("", revision - 1)) as watch:
        assert await next_change(watch) == (Change(revision, "a", b"1"),)
    await again.close()


def foreign(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()


def marked_by_others(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA application_id = 7")
    connection.commit()
    connection.close()


def no_database(file: Path) -> None:
    file.write_text("Dear diary, " * 100)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("make", "sentence"),
    [(foreign, "another program"), (marked_by_others, "another program"), (no_database, "not a database")],
)
async def test_a_file_of_others_is_refused_and_left_alone(
    store: SqliteStore, file: Path, make: object, sentence: str
) -> None:
    assert callable(make)
    file.parent.mkdir()
    make(file)
    before = file.read_bytes()
    for _ in range(2):
        with pytest.raises(Unusable, match=sentence):
            await store.read("")
        with pytest.raises(Unusable, match=sentence):
            await store.commit(A)
    assert file.read_bytes() == before


@pytest.mark.asyncio
async def test_a_database_of_a_newer_version_is_refused(store: SqliteStore, file: Path) -> None:
    await store.commit(A)
    await store.close()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE meta SET schema = schema + 1")
        connection.commit()
    newer = SqliteStore(file)
    for _ in range(2):
        with pytest.raises(Unusable, match="newer version"):
            await newer.read("")
    await newer.close()


@pytest.mark.asyncio
async def test_a_damaged_database_is_said_to_be_damaged(store: SqliteStore, file: Path) -> None:
    for number in range(20):
        await store.commit(Transaction(put={f"key{number}": bytes(3000)}))
    await store.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))
    damaged = SqliteStore(file)
    for _ in range(2):
        with pytest.raises(Unusable, match="damaged"):
            await damaged.read("")
    await damaged.close()


@pytest.mark.asyncio
async def test_an_empty_file_becomes_a_database(store: SqliteStore, file: Path) -> None:
    file.parent.mkdir()
    file.touch()  # what a power loss right after its making leaves
    assert await store.commit(A) == 1


@pytest.mark.asyncio
async def test_a_removed_file_is_not_made_anew_under_a_running_store(store: SqliteStore, file: Path) -> None:
    await store.commit(A)
    backup = file.with_name("backup")
    shutil.copy(file, backup)
    await store.commit(B)
    file.unlink()
    with pytest.raises(Unavailable, match="removed"):
        await store.commit(A)
    assert not file.exists()
    backup.rename(file)
    assert await keys(store) == ["a"]


@pytest.mark.asyncio
async def test_a_path_that_cannot_be_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = SqliteStore(tmp_path / "file" / "database")
    with pytest.raises(Unavailable, match="Not a directory"):
        await store.read("")
    await store.close()


# --- network file systems -------------------------------------------------------------------------------------------

MOUNTS = """\
21 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw
30 21 0:30 / /srv rw shared:1 - nfs4 server:/srv rw
31 30 0:31 / /srv/local rw - xfs /dev/vdb rw
32 21 0:32 / /home/my\\040files rw - fuse.sshfs me@there: rw
33 31 0:33 / /srv/local rw - cifs //server/share rw
34 21 0:34 / /mnt rw - fuse.ntfs-3g /dev/vdc rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", ""),
        ("/srv", "nfs4"),
        ("/srv/deep/er", "nfs4"),
        ("/srvother", ""),
        ("/srv/local/x", "cifs"),
        ("/home/my files", "fuse.sshfs"),
        ("/mnt", ""),
    ],
)
def test_a_folder_of_another_machine_is_known_by_its_mount(folder: str, kind: str) -> None:
    assert network_file_system(Path(folder), MOUNTS) == kind


@pytest.mark.asyncio
async def test_a_database_on_a_network_file_system_is_refused(
    store: SqliteStore, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"30 21 0:30 / {tmp_path} rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(filesystems, "_MOUNTS", mounts)
    with pytest.raises(Unusable, match="nfs4"):
        await store.commit(A)
    assert not file.parent.exists()


# --- locks, and commits of which nobody knows -----------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_lock_is_waited_for_until_the_time_limit_and_then_nothing_was_done(
    store: SqliteStore, file: Path
) -> None:
    await store.commit(A)
    with locked(file):
        with pytest.raises(Unavailable):
            await store.commit(B, timeout=0.05)
        with pytest.raises(Unavailable):
            await store.read("", timeout=0.05)
        waiting = asyncio.create_task(store.read("", timeout=PATIENCE))
        behind = asyncio.create_task(store.commit(B, timeout=0.05))  # the store's thread is not free for it in time
        with pytest.raises(Unavailable):
            await behind
    assert list((await waiting).entries) == ["a"]
    assert await keys(store) == ["a"]


@pytest.mark.asyncio
async def test_a_reader_only_delays_a_commit(store: SqliteStore, file: Path) -> None:
    await store.commit(A)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM current").fetchall()
        with pytest.raises(Unavailable):  # known, although COMMIT itself was refused
            await store.commit(B, timeout=0.05)
    assert await keys(store) == ["a"]
    await store.commit(B)
    assert await keys(store) == ["a", "b"]


class Disk:
    """Stands between the store and COMMIT: what a disk does that stalls, or fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fails_with: int | None = None
        self.applies = True
        self.reached, self.goes_on = threading.Event(), threading.Event()
        self.goes_on.set()
        monkeypatch.setattr(SqliteFile, "_commit_now", staticmethod(self.commit))

    def commit(self, connection: sqlite3.Connection) -> None:
        self.reached.set()
        assert self.goes_on.wait(PATIENCE)
        if self.fails_with is None or self.applies:
            connection.execute("COMMIT")
        if self.fails_with is not None:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = self.fails_with
            raise error


@pytest.mark.asyncio
async def test_a_commit_on_a_stalled_disk_is_unknown_and_its_watches_see_it_later(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = await store.commit(A)
    disk = Disk(monkeypatch)
    async with contextlib.aclosing(store.watch("", revision)) as watch:
        waiting = asyncio.create_task(next_change(watch))
        await keys(store)
        disk.goes_on.clear()
        with pytest.raises(Unknown):
            await store.commit(B, timeout=0.05)
        with pytest.raises(Unavailable):
            await store.read("", timeout=0.05)
        disk.goes_on.set()
        assert await waiting == (Change(revision + 1, "b", b"2"),)


@pytest.mark.asyncio
async def test_a_cancelled_commit_that_was_sent_is_seen_by_the_watch(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = await store.commit(A)
    disk = Disk(monkeypatch)
    disk.goes_on.clear()
    committing = asyncio.create_task(store.commit(B, timeout=PATIENCE))
    await asyncio.to_thread(disk.reached.wait, PATIENCE)
    committing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await committing
    disk.goes_on.set()
    async with contextlib.aclosing(store.watch("", revision)) as watch:
        assert await next_change(watch) == (Change(revision + 1, "b", b"2"),)


@pytest.mark.asyncio
@pytest.mark.parametrize("applied", [True, False])
async def test_a_failure_inside_commit_is_unknown_and_reading_tells(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, applied: bool
) -> None:
    revision = await store.commit(A)
    disk = Disk(monkeypatch)
    disk.fails_with, disk.applies = sqlite3.SQLITE_IOERR_FSYNC, applied
    with pytest.raises(Unknown):
        await store.commit(B)
    disk.fails_with = None
    assert await keys(store) == (["a", "b"] if applied else ["a"])
    assert await store.commit(B) == revision + 1 + applied


@pytest.mark.asyncio
async def test_a_full_disk_is_known_to_have_changed_nothing(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.commit(A)
    disk = Disk(monkeypatch)
    disk.fails_with, disk.applies = sqlite3.SQLITE_FULL, False
    with pytest.raises(Unavailable, match="full"):
        await store.commit(B)
    disk.fails_with = None
    assert await keys(store) == ["a"]


# --- waking ---------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def watched(store: SqliteStore) -> AsyncIterator[asyncio.Task[tuple[Change, ...]]]:
    """Give the task that waits for the next change, once the watch listens."""
    async with contextlib.aclosing(store.watch("", (await store.read("")).revision)) as watch:
        waiting = asyncio.create_task(next_change(watch))
        while not list(store._file.path.parent.glob("watch/*.sock")):  # noqa: ASYNC110 - bound in the loop, no notice
            await asyncio.sleep(0)
        yield waiting
        await waiting


@pytest.mark.asyncio
async def test_sockets_of_the_dead_are_removed_and_of_the_living_go_with_them(store: SqliteStore, file: Path) -> None:
    other = SqliteStore(file)
    await other.commit(A)
    async with watched(store):
        (mine,) = file.parent.glob("watch/*.sock")
        dead = mine.with_name("1-0.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unattended:
            folder = os.open(dead.parent, os.O_PATH)
            unattended.bind(f"/proc/self/fd/{folder}/{dead.name}")
            os.close(folder)
        await other.commit(B)
        assert mine.exists()
        assert not dead.exists()
    await store.close()
    await other.close()
    assert list(file.parent.glob("watch/*")) == []


@pytest.mark.asyncio
async def test_a_lost_wake_up_is_made_up_for_by_the_poll(store: SqliteStore, file: Path) -> None:
    other = SqliteStore(file)
    async with watched(store) as waiting:
        for path in file.parent.glob("watch/*.sock"):
            path.unlink()
        await other.commit(A)
        assert await waiting == (Change(1, "a", b"1"),)
    await other.close()


@pytest.mark.asyncio
async def test_stores_of_one_process_and_a_long_path_do_not_disturb_each_other(tmp_path: Path) -> None:
    file = tmp_path / ("long" * 50) / "cluster.sqlite"  # longer than the address of a socket may be
    stores = [SqliteStore(file) for _ in range(3)]
    async with contextlib.AsyncExitStack() as stack:
        waiting = [await stack.enter_async_context(watched(store)) for store in stores]
        assert len(list(file.parent.glob("watch/*.sock"))) >= 1
        await stores[0].commit(A)
        assert [await task for task in waiting] == [(Change(1, "a", b"1"),)] * 3
    for store in stores:
        await store.close()
    assert list(file.parent.glob("watch/*")) == []


# --- compaction -----------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_old_changes_are_forgotten_now_and_then(file: Path) -> None:
    store = SqliteStore(file, keep=10)
    for _ in range(30):
        await store.commit(A)
    async with contextlib.aclosing(store.watch("", 5)) as watch:
        with pytest.raises(Compacted):
            await next_change(watch)
    async with contextlib.aclosing(store.watch("", 20)) as watch:
        assert [change.revision for change in await next_change(watch)] == list(range(21, 31))
    await store.close()
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM history").fetchone()[0] <= 12
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
