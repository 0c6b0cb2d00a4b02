"""Before a node joins: the cluster it finds or forms, its own record, and what it says of itself."""

from __future__ import annotations

import uuid

from msgspec.structs import replace

from nodeagent.api.objects import NodeId
from nodeagent.api.problems import refuse
from nodeagent.database.records import (
    CLUSTER,
    SCHEMA,
    ClusterRecord,
    NodeRecord,
    NodeReport,
    decode,
    encode,
    node_key,
    report_key,
)
from nodeagent.database.store import ABSENT, ClusterStore, Conflict, Transaction, Unavailable, Unknown
from nodeagent.settings import AgentSettings


async def form(store: ClusterStore, settings: AgentSettings) -> None:
    """Create the cluster when the database is empty."""
    while (await store.read(CLUSTER)).entries.get(CLUSTER) is None:
        record = ClusterRecord(id=uuid.uuid4().hex, name=settings.cluster, schema=SCHEMA)
        try:
            await store.commit(Transaction(expect={CLUSTER: ABSENT}, put={CLUSTER: encode(record)}))
        except (Conflict, Unknown):
            continue


async def own_record(store: ClusterStore, settings: AgentSettings) -> NodeId:
    """Find or make this node's own record; its number is given in the order of joining."""
    while True:
        contents = await store.read("")
        entry = contents.entries[CLUSTER]
        cluster = decode(entry.value, ClusterRecord)
        if cluster.schema > SCHEMA:
            raise Unavailable(str(refuse("schema_unknown", theirs=cluster.schema, ours=SCHEMA)))
        for key, value in contents.entries.items():
            if key.startswith("nodes/"):
                node = decode(value.value, NodeRecord)
                if node.name.casefold() == settings.name.casefold() and not node.admitted:
                    return node.id
        number = cluster.next_node
        record = NodeRecord(id=number, name=settings.name)
        made = Transaction(
            expect={CLUSTER: entry.revision, node_key(number): ABSENT},
            put={CLUSTER: encode(replace(cluster, next_node=number + 1)), node_key(number): encode(record)},
        )
        try:
            await store.commit(made)
        except (Conflict, Unknown):
            continue


async def say_report(store: ClusterStore, node: NodeId, report: NodeReport) -> None:
    """Write what the node says of itself, if it says anything new."""
    key, value = report_key(node), encode(report)
    present = (await store.read(key)).entries.get(key)
    if present is None or present.value != value:
        await store.commit(Transaction(put={key: value}))


async def may_join(store: ClusterStore, settings: AgentSettings, node: NodeId) -> int:
    """Return the revision of the node's own record, which joining expects: who is evicted meanwhile stays out.

    Raises:
        Unavailable: it was evicted.
    """
    key = node_key(node)
    entry = (await store.read(key)).entries.get(key)
    if entry is None or decode(entry.value, NodeRecord).evicted is not None:
        raise Unavailable(f"{settings.name} was evicted from the cluster")
    return entry.revision
