"""The file under the SQLite store: its tables, its transactions, and what its errors mean. Everything here blocks."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from nodeagent.database.filesystems import network_file_system
from nodeagent.database.records import SCHEMA
from nodeagent.database.store import (
    ABSENT,
    Change,
    Compacted,
    Conflict,
    Contents,
    Entry,
    Transaction,
    Unavailable,
    Unknown,
)

APPLICATION: Final = 0x436C4164  # marks the file as ours (PRAGMA application_id)
_PAGE: Final = 1000  # revisions that a watch reads at once
_RETRY: Final = 0.001  # seconds

_TABLES: Final = (
    "CREATE TABLE current (key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE history (revision INTEGER, key TEXT, value BLOB, PRIMARY KEY (revision, key)) WITHOUT ROWID",
    "CREATE TABLE meta (revision INTEGER NOT NULL, compacted INTEGER NOT NULL, schema INTEGER NOT NULL)",
    f"PRAGMA application_id = {APPLICATION}",
)


class Unusable(Unavailable):
    """The file is damaged, or not a cluster database that this version can use; waiting does not help."""


class Attempt:
    """One commit on its way: either its caller gives it up, or it is sent; never both."""

    def __init__(self) -> None:
        """Begin unsent."""
        self._lock = threading.Lock()
        self._sent = self._given_up = False

    def send(self) -> bool:
        """Take the step after which nobody knows whether it was applied; False when it was given up before."""
        with self._lock:
            self._sent = not self._given_up
            return self._sent

    def take_back(self) -> None:
        """Say that it was certainly not applied, and that it may be tried again."""
        with self._lock:
            self._sent = False

    def give_up(self) -> bool:
        """Prevent it from being sent; False when it is on its way, or was applied."""
        with self._lock:
            self._given_up = not self._sent
            return self._given_up


class SqliteFile:
    """Blocking access to one file by one thread. Times are seconds of time.monotonic().

    Rollback journal, not WAL: the SQLite of Debian 12 can lose pages of a WAL (bug "WAL-reset", 3.7.0 to 3.51.2). With
    synchronous=FULL the truncated journal is synced too, so that an answered commit survives a power loss.
    """

    def __init__(self, path: Path, keep: int) -> None:
        """Touch nothing yet.

        Args:
            path: of the database; made on first use.
            keep: number of revisions of which the changes stay known.
        """
        self.path = path
        self._keep = keep
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    # --- what the store promises ----------------------------------------------------------------------------------

    def read(self, prefix: str, deadline: float) -> Contents:
        """Return the keys with *prefix*."""
        with self._transaction("BEGIN", deadline) as connection:
            revision, _ = self._meta(connection, deadline)
            span, bounds = _span(prefix)
            rows = connection.execute(f"SELECT key, value, revision FROM current WHERE {span} ORDER BY key", bounds)  # noqa: S608 - no text of others in it
            return Contents(revision, {key: Entry(value, written) for key, value, written in rows})

    def changes(self, prefix: str, after: int, deadline: float) -> tuple[tuple[Change, ...], int]:
        """Return the changes of a number of commits after revision *after*, and the revision that they reach.

        Raises:
            Compacted: some of them are forgotten.
        """
        with self._transaction("BEGIN", deadline) as connection:
            revision, compacted = self._meta(connection, deadline)
            if after + 1 < compacted:
                raise Compacted(f"Changes before revision {compacted} are forgotten.")
            reached = max(after, min(revision, after + _PAGE))
            span, bounds = _span(prefix)
            rows = connection.execute(
                f"SELECT revision, key, value FROM history WHERE revision > ? AND revision <= ? AND {span}"  # noqa: S608
                " ORDER BY revision, key",
                (after, reached, *bounds),
            )
            return tuple(Change(*row) for row in rows), reached

    def commit(self, transaction: Transaction, attempt: Attempt, deadline: float) -> tuple[int, tuple[Change, ...]]:
        """Apply the transaction; return the revision, and what changed as `changes` would tell it.

        Raises:
            Conflict, Unavailable, Unknown: as in `ClusterStore.commit`.
        """
        with self._transaction("BEGIN IMMEDIATE", deadline) as connection:
            revision, _ = self._meta(connection, deadline)
            present = {key: _revision_of(connection, key) for key in (*transaction.expect, *transaction.delete)}
            if differing := tuple(key for key, wanted in transaction.expect.items() if present[key] != wanted):
                raise Conflict(differing)
            gone = [key for key in dict.fromkeys(transaction.delete) if present[key] != ABSENT]
            if not transaction.put and not gone:
                return revision, ()
            revision += 1
            values = {**transaction.put, **dict.fromkeys(gone)}
            self._write(connection, revision, values)
            if revision % max(1, self._keep // 5) == 0:
                self._forget(connection, revision - self._keep + 1)
            self._send(connection, attempt, deadline)
            return revision, tuple(Change(revision, key, values[key]) for key in sorted(values))

    def compact(self, before: int, deadline: float) -> None:
        """Forget changes older than *before*."""
        with self._transaction("BEGIN IMMEDIATE", deadline) as connection:
            revision, _ = self._meta(connection, deadline)
            self._forget(connection, min(before, revision + 1))
            _patiently(connection, "COMMIT", deadline)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):  # of a failed rollback; the next to open the file does it again
                self._connection.close()
            self._connection = None

    # --- transactions ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self, begin: str, deadline: float) -> Iterator[sqlite3.Connection]:
        """Run the body in a transaction, which ends with it: rolled back unless the body has committed."""
        connection = self._connected(deadline)
        try:
            _patiently(connection, begin, deadline)
            yield connection
        except sqlite3.Error as error:
            if not _busy(error):
                self.close()  # its state is not to be trusted; what is on disk is rolled back by the next to open it
            raise self._meaning(error) from error
        finally:
            if self._connection is not None and connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    def _send(self, connection: sqlite3.Connection, attempt: Attempt, deadline: float) -> None:
        """Commit as soon as the readers let it, unless the caller has given up before."""
        while attempt.send():
            try:
                self._commit_now(connection)
            except sqlite3.Error as error:
                # Both are told before the journal is truncated, which is the moment of the commit.
                if not _busy(error) and _code(error) != sqlite3.SQLITE_FULL:
                    self.close()
                    raise Unknown(f"{self.path}: {error} while committing.") from error
                attempt.take_back()
                if not _busy(error) or time.monotonic() >= deadline:
                    raise
            else:
                return
            time.sleep(_RETRY)  # another process holds the lock: SQLite has no event for its end
        raise Unavailable("The time limit of the commit has passed before it was sent.")

    @staticmethod
    def _commit_now(connection: sqlite3.Connection) -> None:
        connection.execute("COMMIT")

    def _meta(self, connection: sqlite3.Connection, deadline: float) -> tuple[int, int]:
        row: tuple[int, int] | None
        row = _patiently(connection, "SELECT revision, compacted FROM meta", deadline).fetchone()
        if row is None:
            raise Unusable(f"{self.path} is damaged (no revision in it); put a copy of it back.")
        return row

    @staticmethod
    def _write(connection: sqlite3.Connection, revision: int, values: dict[str, bytes | None]) -> None:
        for key, value in values.items():
            connection.execute("INSERT INTO history VALUES (?, ?, ?)", (revision, key, value))
            if value is None:
                connection.execute("DELETE FROM current WHERE key = ?", (key,))
            else:
                connection.execute("INSERT OR REPLACE INTO current VALUES (?, ?, ?)", (key, value, revision))
        connection.execute("UPDATE meta SET revision = ?", (revision,))

    @staticmethod
    def _forget(connection: sqlite3.Connection, before: int) -> None:
        connection.execute("DELETE FROM history WHERE revision < ?", (before,))
        connection.execute("UPDATE meta SET compacted = max(compacted, ?)", (before,))

    # --- opening --------------------------------------------------------------------------------------------------

    def _connected(self, deadline: float) -> sqlite3.Connection:
        try:
            if self._connection is not None and self._identity == self._identify():
                return self._connection
            # Another file under the same name: a restored copy. What was open is no longer the database.
            self.close()
            return self._open(deadline)
        except OSError as error:
            raise Unavailable(f"{self.path}: {error.strerror}.") from error
        except sqlite3.Error as error:
            raise self._meaning(error) from error

    def _identify(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    def _open(self, deadline: float) -> sqlite3.Connection:
        if kind := network_file_system(self.path.parent):
            raise Unusable(
                f"{self.path} lies on a network file system ({kind}), whose locks cannot be trusted; choose a folder on"
                " a disk of this machine."
            )
        if self._identify() is None:
            if self._identity is not None:
                raise Unavailable(f"{self.path} was removed while it was in use; put it back or start anew.")
            self._make_empty()
        identity = self._identify()
        # mode=rw: SQLite itself never makes the file, with whatever rights.
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
        try:
            self._recognise(connection, deadline)
            mode = _patiently(connection, "PRAGMA journal_mode = TRUNCATE", deadline).fetchone()[0]
            if mode != "truncate":
                raise Unusable(f"{self.path} is in journal mode {mode}; close what else uses it.")
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, identity
        return connection

    def _make_empty(self) -> None:
        folder = self.path.parent
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Under another name first: closing a descriptor of the file itself would drop all locks that this process
        # holds on it (POSIX locks belong to process and file, not to the descriptor).
        descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=folder)
        os.close(descriptor)
        try:
            os.link(name, self.path)
        except FileExistsError:
            return  # another process was faster
        finally:
            Path(name).unlink()

    def _recognise(self, connection: sqlite3.Connection, deadline: float) -> None:
        """Make the tables of an empty file; refuse one that is not ours, before anything of it is changed."""
        if self._application(connection, deadline) == 0:
            _patiently(connection, "BEGIN IMMEDIATE", deadline)
            if self._application(connection, deadline) == 0:
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise self._foreign()
                for statement in _TABLES:
                    connection.execute(statement)
                connection.execute("INSERT INTO meta VALUES (0, 0, ?)", (SCHEMA,))
            _patiently(connection, "COMMIT", deadline)
        if self._application(connection, deadline) != APPLICATION:
            raise self._foreign()
        schema = _patiently(connection, "SELECT schema FROM meta", deadline).fetchone()[0]
        if schema > SCHEMA:
            raise Unusable(
                f"{self.path} was written by a newer version (schema {schema}, known here {SCHEMA}); update this node."
            )

    @staticmethod
    def _application(connection: sqlite3.Connection, deadline: float) -> int:
        mark: int = _patiently(connection, "PRAGMA application_id", deadline).fetchone()[0]
        return mark

    def _foreign(self) -> Unusable:
        return Unusable(f"{self.path} is a database of another program; choose another file.")

    def _meaning(self, error: sqlite3.Error) -> Unavailable:
        code = _code(error)
        if _busy(error):
            return Unavailable(f"{self.path} was locked by another process for the whole time limit.")
        if code == sqlite3.SQLITE_NOTADB:
            return Unusable(f"{self.path} is not a database; choose another file.")
        if code == sqlite3.SQLITE_CORRUPT:
            return Unusable(f"{self.path} is damaged ({error}); put a copy of it back.")
        if code == sqlite3.SQLITE_FULL:
            return Unavailable(f"The disk of {self.path} is full.")
        return Unavailable(f"{self.path}: {error}.")


def _patiently(connection: sqlite3.Connection, statement: str, deadline: float) -> sqlite3.Cursor:
    """Execute *statement*, again and again while another process holds the lock, until *deadline*.

    SQLite's own waiting sleeps up to 100 ms at a time, which in a busy hour never meets the moment of a free lock.
    """
    while True:
        try:
            return connection.execute(statement)
        except sqlite3.OperationalError as error:
            if not _busy(error) or time.monotonic() >= deadline:
                raise
        time.sleep(_RETRY)  # as above: the lock of another process


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code, 0 for what the Python module itself complains of."""
    extended: int = getattr(error, "sqlite_errorcode", 0)
    return extended & 0xFF


def _busy(error: sqlite3.Error) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _revision_of(connection: sqlite3.Connection, key: str) -> int:
    row = connection.execute("SELECT revision FROM current WHERE key = ?", (key,)).fetchone()
    return row[0] if row else ABSENT


def _span(prefix: str) -> tuple[str, tuple[Any, ...]]:
    """Return the condition for keys with *prefix*; SQLite compares text by its UTF-8 bytes, as code points sort."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return "key >= ?", (prefix,)
    following = ord(stem[-1]) + 1
    if following == 0xD800:
        following = 0xE000  # the surrogates between are no characters
    return "key >= ? AND key < ?", (prefix, stem[:-1] + chr(following))
