"""The abstract store under the cluster database, and what each of its methods promises."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Callable, Mapping
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


class Restored(Unavailable):
    """The database is not the one it was: another cluster's, or an older state of it (safety rule O7).

    Raised for everything that is asked from then on, until a person has decided what is to count.
    """


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


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was last seen of a database, so that an older state of it is recognised after a restart too.

    Attributes:
        cluster: the store's own identity.
        revision: newest revision that it vouched for.
    """

    cluster: int
    revision: int


@dataclass(frozen=True, slots=True)
class Voter:
    """One of the members that the store consists of.

    Attributes:
        id: the store's own number for it.
        name: as its administrator named it; its address when it has none.
        address: where it answers its clients.
        answers: whether it has answered just now.
        leader: whether it leads the others.
        version: of its program, when it answers.
        size: bytes of its file.
        used: bytes of it that hold something.
    """

    id: int
    name: str
    address: str
    answers: bool
    leader: bool = False
    version: str = ""
    size: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """How a store of several members stands.

    Attributes:
        voters: all members that vote, in the order of their names.
        quota: bytes that the file of each may have; 0 when that is not known.
        alarms: what the store itself complains of, such as NOSPACE.
    """

    voters: tuple[Voter, ...]
    quota: int = 0
    alarms: tuple[str, ...] = ()

    @property
    def needed(self) -> int:
        """Return how many voters must answer: more than half."""
        return len(self.voters) // 2 + 1

    @property
    def answering(self) -> int:
        """Return how many voters answer."""
        return sum(voter.answers for voter in self.voters)

    @property
    def missing(self) -> tuple[Voter, ...]:
        """Return the voters that do not answer."""
        return tuple(voter for voter in self.voters if not voter.answers)

    @property
    def spare(self) -> int:
        """Return how many more may be lost; 0 means that the next loss stops the store, less that it stands."""
        return self.answering - self.needed

    @property
    def size(self) -> int:
        """Return the bytes of the largest file."""
        return max((voter.size for voter in self.voters), default=0)

    @property
    def used(self) -> int:
        """Return the bytes that hold something in the fullest file."""
        return max((voter.used for voter in self.voters), default=0)


class ClusterStore(abc.ABC):
    """A strictly serialisable store of keys with one revision for all.

    The revision grows by one with each commit that changes something. All methods may be called concurrently from
    one event loop. None of them retries by itself: whoever calls knows what a second attempt would mean.

    Attributes:
        on_restored: called once when the database is found to be another or an older one (`Restored`).
    """

    on_restored: Callable[[Restored], None] = staticmethod(lambda _why: None)

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

    async def health(self) -> StoreHealth | None:
        """Tell how the store's members stand; None for a store that has none.

        Raises:
            Unavailable: nobody answers.
        """
        return None

    async def defragment(self, voter: Voter) -> None:
        """Have one member give unused space back; it answers nobody meanwhile.

        Raises:
            Unavailable: it did not say that it has.
        """
        del voter

    async def clear_alarms(self) -> None:  # noqa: B027 - most stores have none
        """Have the members accept commits again that they refused for want of space.

        Raises:
            Unavailable: nobody answers.
        """

    def baseline(self) -> Baseline | None:
        """Return what has been seen of the database; None when nothing yet, or where it cannot be exchanged unseen."""
        return None

    @abc.abstractmethod
    async def close(self) -> None:
        """End all watches and give everything back. Calling it twice is not an error."""
