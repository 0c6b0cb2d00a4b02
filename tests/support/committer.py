"""A process of its own that commits to a store: arguments are "count" or "pairs", a number, and which store.

Which store: "sqlite" and the file; or "etcd", the namespace, three files (authority, certificate, key), the endpoints.
"""

import asyncio
import sys
from pathlib import Path

from nodeagent.database.etcd import EtcdStore
from nodeagent.database.etcdgateway import Certificates
from nodeagent.database.sqlite import SqliteStore
from nodeagent.database.store import ABSENT, ClusterStore, Conflict, Transaction

COUNTER = "counter"


async def count(store: ClusterStore, times: int) -> None:
    """Add one to the counter, *times* times, each by compare-and-set."""
    while times:
        entry = (await store.read(COUNTER)).entries.get(COUNTER)
        value, revision = (int(entry.value), entry.revision) if entry else (0, ABSENT)
        try:
            await store.commit(Transaction(expect={COUNTER: revision}, put={COUNTER: b"%d" % (value + 1)}), timeout=30)
        except Conflict:
            continue
        times -= 1


async def pairs(store: ClusterStore, size: int) -> None:
    """Put the same number under two keys, for ever, with *size* further bytes; say each number once it is stored."""
    number = 0
    while True:
        number += 1
        text = b"%d" % number
        await store.commit(Transaction(put={"left": text, "right": text, "ballast": bytes(size)}), timeout=30)
        print(number, flush=True)  # noqa: T201


def opened(kind: str, place: str, *more: str) -> ClusterStore:
    if kind == "sqlite":
        return SqliteStore(Path(place))
    ca, certificate, key, *endpoints = more
    return EtcdStore(endpoints, Certificates(Path(ca), Path(certificate), Path(key)), namespace=place)


async def main(what: str, argument: str, *which: str) -> None:
    store = opened(*which)
    try:
        await {"count": count, "pairs": pairs}[what](store, int(argument))
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
