"""The shared store: etcd, for the agents of several machines."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Final, NoReturn

import msgspec

from nodeagent.database.etcdcare import EtcdCare
from nodeagent.database.etcdgateway import Certificates, Gateway, NoAnswer, NotSent, Place
from nodeagent.database.etcdmessages import (
    TOO_LARGE,
    Event,
    Header,
    RangeAnswer,
    TxnAnswer,
    commit_error,
    decoded,
    error_text,
    read_error,
)
from nodeagent.database.etcdwatch import EtcdWatch
from nodeagent.database.limits import check_limits
from nodeagent.database.store import (
    Baseline,
    Change,
    ClusterStore,
    Compacted,
    Conflict,
    Contents,
    Entry,
    Restored,
    StoreHealth,
    Transaction,
    Unavailable,
    Unknown,
    Voter,
)

_PAGE: Final = 1000  # keys asked for at once
_OK: Final = 200
_NO_LIMIT: Final = 3600.0  # seconds; for calls inside a limit of their caller
_CARE_LIMIT: Final = 10.0  # seconds


class EtcdStore(ClusterStore):
    """The store in etcd's keys that begin with a namespace; whatever else is in that etcd is left alone.

    Reads and commits go over one kept connection (a second one while they overlap), each watch over one of its own.
    Every answer that etcd vouches for is compared with those before it: another cluster, or a revision below one that
    was seen, means that the database was restored from a backup (safety rule O7). From then on everything is refused.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        certificates: Certificates | None = None,
        *,
        namespace: str = "clusteradmin/",
        baseline: Baseline | None = None,
    ) -> None:
        """Touch nothing yet.

        Args:
            endpoints: https://HOST:2379 of each member, the nearest first.
            certificates: needed for https.
            namespace: what our keys begin with there.
            baseline: what an earlier process has seen of this database.

        Raises:
            ValueError: an endpoint is none.
        """
        self._gateway = Gateway([Place.of(url) for url in endpoints], certificates)
        self._namespace = namespace.encode()
        self._care = EtcdCare(self._gateway)
        self._cluster = baseline.cluster if baseline else 0
        self._newest = baseline.revision if baseline else 0
        self._restored: Restored | None = None
        self._changed = 0  # newest revision of a commit of this store that has changed something

    # --- reading --------------------------------------------------------------------------------------------------

    async def read(self, prefix: str, *, timeout: float = 2.0) -> Contents:
        """See `ClusterStore.read`. Page after page, all at the revision of the first."""
        entries: dict[str, Entry] = {}
        begin = self._namespace + prefix.encode()
        key, end, revision, limit = begin, range_end(begin), 0, _PAGE
        try:
            async with asyncio.timeout(timeout):
                while True:
                    answer = await self._page(key, end, revision, limit)
                    if answer is None:
                        limit = max(1, limit // 4)
                        continue
                    revision = revision or answer.header.revision
                    entries.update((self._name(kv.key), Entry(kv.value, kv.mod_revision)) for kv in answer.kvs)
                    if not answer.more:
                        return Contents(revision, entries)
                    key = answer.kvs[-1].key + b"\0"
        except TimeoutError as exc:
            raise Unavailable(f"The cluster database was not read within {timeout:g} s.") from exc
        except Compacted as exc:
            raise Unavailable("The revision that was being read has been compacted meanwhile.") from exc

    async def _page(self, key: bytes, end: bytes, revision: int, limit: int) -> RangeAnswer | None:
        """Return one page; None when it is more than the gateway passes on, so that fewer keys are to be asked for."""
        asked = {"key": key, "range_end": end, "limit": limit, "revision": revision}
        status, body, seen = await self._read_call("/v3/kv/range", asked)
        if status != _OK:
            text = error_text(status, body)
            if TOO_LARGE in text and limit > 1:
                return None
            raise read_error(text)
        answer = _answer(body, RangeAnswer)
        self._check(answer.header, seen)
        return answer

    async def _read_call(self, path: str, message: object) -> tuple[int, bytes, int]:
        """Return status, body, and the newest revision that was known before asking."""
        self._refuse_restored()
        seen, place = self._newest, self._gateway.place
        try:
            # The caller's time limit ends it: pages share one.
            status, body = await self._gateway.call(path, message, _NO_LIMIT)
        except (NotSent, NoAnswer) as exc:
            raise Unavailable(str(exc)) from exc
        except asyncio.CancelledError:
            self._gateway.failed(place)
            raise
        if status >= 500:  # the member cannot, as opposed to will not
            self._gateway.failed(place)
        return status, body, seen

    # --- committing -----------------------------------------------------------------------------------------------

    async def commit(self, transaction: Transaction, *, timeout: float = 2.0) -> int:
        """See `ClusterStore.commit`."""
        check_limits(transaction)
        self._refuse_restored()
        seen, place = self._newest, self._gateway.place
        try:
            status, body = await self._gateway.call("/v3/kv/txn", self._message(transaction), timeout)
        except NotSent as exc:
            raise Unavailable(str(exc)) from exc
        except NoAnswer as exc:
            raise Unknown(str(exc)) from exc
        if status != _OK:
            if status >= 500:  # the member cannot, as opposed to will not
                self._gateway.failed(place)
            raise commit_error(error_text(status, body))
        try:
            answer = decoded(body, TxnAnswer)
        except msgspec.DecodeError as exc:
            raise Unknown(f"{place} answered what is no answer: {exc}") from exc
        try:
            self._check(answer.header, seen)
        except Restored as exc:
            raise Unknown(f"The cluster database is not what it was: {exc}.") from exc  # applied, but to what?
        if not answer.succeeded:
            raise Conflict(self._differing(transaction, answer))
        if transaction.put:
            self._changed = max(self._changed, answer.header.revision)
        return answer.header.revision

    def _message(self, transaction: Transaction) -> object:
        expected = [self._key(key) for key in transaction.expect]
        compare = [
            {"key": key, "target": "MOD", "result": "EQUAL", "mod_revision": revision}
            for key, revision in zip(expected, transaction.expect.values(), strict=True)
        ]
        puts: list[dict[str, object]] = [
            {"request_put": {"key": self._key(key), "value": value}} for key, value in transaction.put.items()
        ]
        deletes: list[dict[str, object]] = [
            {"request_delete_range": {"key": self._key(key)}} for key in dict.fromkeys(transaction.delete)
        ]
        # A transaction without any operation is answered by the member as it stands, however far behind it is.
        look: dict[str, object] = {"request_range": {"key": self._namespace, "keys_only": True}}
        present = [{"request_range": {"key": key, "keys_only": True}} for key in expected]
        return {"compare": compare, "success": [*puts, *deletes] or [look], "failure": present}

    def _differing(self, transaction: Transaction, answer: TxnAnswer) -> tuple[str, ...]:
        found: dict[bytes, int] = {}
        for part in answer.responses:
            if part.response_range is not None:
                found.update((kv.key, kv.mod_revision) for kv in part.response_range.kvs)
        expected = transaction.expect.items()
        return tuple(key for key, revision in expected if found.get(self._key(key), 0) != revision)

    # --- watching -------------------------------------------------------------------------------------------------

    async def watch(self, prefix: str, after: int) -> AsyncGenerator[tuple[Change, ...], None]:
        """See `ClusterStore.watch`. After `close` the iteration ends.

        All our keys are watched and the others left out here: only so is it seen that the watch keeps up.
        """
        watch = EtcdWatch(self._gateway, self._namespace, range_end(self._namespace), lambda: self._changed)
        try:
            self._refuse_restored()
            async with contextlib.aclosing(watch.batches(after)) as batches:
                async for batch in batches:
                    if changes := tuple(self._changes(batch, prefix)):
                        yield changes
        except Unavailable:
            if not self._gateway.closed:
                raise

    def _changes(self, batch: Sequence[Event], prefix: str) -> Iterator[Change]:
        """Translate; those of one commit come in the order of their keys, as from every store."""
        changes = [
            Change(e.kv.mod_revision, self._name(e.kv.key), None if e.type == "DELETE" else e.kv.value) for e in batch
        ]
        changes.sort(key=lambda change: (change.revision, change.key))
        return (change for change in changes if change.key.startswith(prefix))

    # --- care -----------------------------------------------------------------------------------------------------

    async def compact(self, before: int) -> None:
        """See `ClusterStore.compact`."""
        self._refuse_restored()
        if before <= 1 and not self._gateway.closed:
            return
        # etcd takes away what the revision that it is told has replaced; a watch from that very one still works.
        try:
            async with asyncio.timeout(_CARE_LIMIT):
                status, body, _ = await self._read_call("/v3/kv/compaction", {"revision": max(1, before - 1)})
        except TimeoutError as exc:
            raise Unavailable(f"The cluster database was not compacted within {_CARE_LIMIT:g} s.") from exc
        if status != _OK:
            error = read_error(error_text(status, body))
            if not isinstance(error, Compacted):  # forgotten already
                raise error

    async def health(self) -> StoreHealth:
        """See `ClusterStore.health`."""
        self._refuse_restored()
        return await self._care.health()

    async def defragment(self, voter: Voter) -> None:
        """See `ClusterStore.defragment`."""
        await self._care.defragment(voter)

    async def clear_alarms(self) -> None:
        """See `ClusterStore.clear_alarms`."""
        await self._care.clear_alarms()

    def baseline(self) -> Baseline | None:
        """See `ClusterStore.baseline`."""
        return Baseline(self._cluster, self._newest) if self._cluster else None

    async def close(self) -> None:
        """See `ClusterStore.close`. A commit that is under way ends as Unknown."""
        await self._gateway.close()

    # --- the same database as before ------------------------------------------------------------------------------

    def _check(self, header: Header, seen: int) -> None:
        """Compare an answer that etcd vouches for with those that were there before it was asked (safety rule O7)."""
        self._refuse_restored()
        if self._cluster and header.cluster_id != self._cluster:
            self._found_restored(f"it is another one: {header.cluster_id:x} instead of {self._cluster:x}")
        elif header.revision < seen:
            self._found_restored(f"its revision went back from {seen} to {header.revision}")
        self._cluster = header.cluster_id
        self._newest = max(self._newest, header.revision)

    def _found_restored(self, why: str) -> NoReturn:
        self._restored = Restored(why)
        self.on_restored(self._restored)
        raise self._restored

    def _refuse_restored(self) -> None:
        if self._restored is not None:
            raise Restored(str(self._restored))

    # --- keys -----------------------------------------------------------------------------------------------------

    def _key(self, key: str) -> bytes:
        return self._namespace + key.encode()

    def _name(self, key: bytes) -> str:
        return key[len(self._namespace) :].decode(errors="backslashreplace")  # somebody else's, if it is no text


def range_end(prefix: bytes) -> bytes:
    """Return the first key after all that begin with *prefix*, as etcd wants it."""
    return prefix[:-1] + bytes([prefix[-1] + 1])  # UTF-8 has no byte 255


def _answer(body: bytes, kind: type[RangeAnswer]) -> RangeAnswer:
    try:
        return decoded(body, kind)
    except msgspec.DecodeError as exc:
        raise Unavailable(f"what etcd answered is no answer: {exc}") from exc
