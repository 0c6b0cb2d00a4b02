"""The abstract store under the cluster database, and what each of its methods promises."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Final

MAXIMUM_VALUE: Final = 512 * 1024  # bytes; etcd's limit for a whole request is 1.5 MiB
MAXIMUM_OPERATIONS: Final = 128  # expectations, puts and deletes of one commit each; etcd's default limit
ABSENT: Final = 0  # as an expected revision: the key must not exist


class StoreError(Exception):
    """Base of what a store raises."""


class Unavailable(StoreError):
    """The store cannot be asked now; what was asked was certainly not done. Unknown errors are mapped to this."""


class Unknown(StoreError):
    """The commit may have been applied, or may be applied later: read back before acting (safety rule O5)."""


class Conflict(StoreError):
    """An expectation did not hold; nothing was changed. *keys* are those that differ, where known."""

    def __init__(self, keys: tuple[str, ...] = ()) -> None:
        super().__init__(", ".join(keys))
        self.keys = keys


class Compacted(StoreError):
    """The revision asked for is gone: read everything again."""


class Refused(StoreError):
    """The transaction itself is wrong (value or number of operations above the limits): trying again cannot help."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value and the revision of the commit that wrote it."""

    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Contents:
    """Keys and values at one revision of the store."""

    revision: int
    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is to be changed in one step, and under which expectations.

    Attributes:
        expect: the revision that each of these keys must have; ABSENT for "must not exist".
        put: new values.
        delete: keys to remove; removing a key that does not exist is not an error.
    """

    expect: Mapping[str, int] = field(default_factory=dict)
    put: Mapping[str, bytes] = field(default_factory=dict)
    delete: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One key's new value (None: deleted) and the revision of the commit that did it."""

    revision: int
    key: str
    value: bytes | None


class ClusterStore(abc.ABC):
    """A strictly serialisable store of keys with one revision for all.

    The revision grows by one with each commit that changes something. All methods may be called concurrently from
    one event loop. None of them retries by itself: whoever calls knows what a second attempt would mean.
    """

    @abc.abstractmethod
    async def read(self, prefix: str, *, timeout: float = 2.0) -> Contents:
        """Return all keys that begin with *prefix*, linearizably: every commit that was answered before is seen.

        Args:
            timeout: seconds.

        Raises:
            Unavailable: no answer in time, or the store is not there.
        """

    @abc.abstractmethod
    async def commit(self, transaction: Transaction, *, timeout: float = 2.0) -> int:
        """Apply the transaction wholly or not at all, durably, and return its revision.

        A transaction that changes nothing returns the present revision and wakes no watcher.

        Args:
            timeout: seconds.

        Raises:
            Conflict: an expectation did not hold.
            Unknown: sent, but no answer; it may be applied at any later time.
            Unavailable: certainly not applied.
            Refused: above the limits.
        """

    @abc.abstractmethod
    def watch(self, prefix: str, after: int) -> AsyncIterator[tuple[Change, ...]]:
        """Yield every change of keys with *prefix* after revision *after*, each once, in order.

        Changes of one commit come in one batch; a batch may hold several commits. The iterator waits for ever when
        nothing changes; closing it (aclose) ends the watch.

        Raises:
            Compacted: changes after *after* are no longer known.
            Unavailable: the watch broke; resume after the last revision that came.
        """

    @abc.abstractmethod
    async def compact(self, before: int) -> None:
        """Forget changes older than revision *before*; present values stay.

        Raises:
            Unavailable: the store is not there.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """End all watches and give everything back. Calling it twice is not an error."""
