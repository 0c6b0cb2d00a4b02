"""Quorum as the asked node sees it just now: the voters of the cluster database, and what they mean."""

from __future__ import annotations

from msgspec.structs import replace

from nodeagent.api.objects import Snapshot
from nodeagent.api.quorum import Voter
from nodeagent.api.requests import QuorumRead
from nodeagent.api.rules.quorum import failover, needed, next_loss, quorum_now, spare
from nodeagent.database.store import ClusterStore


async def read_quorum(store: ClusterStore, cluster: Snapshot) -> QuorumRead:
    """Ask the store.

    Raises:
        Unavailable: no voter answers.
    """
    health = await store.health()
    voters = tuple(Voter(name=v.name, answering=v.answers, leader=v.leader) for v in health.voters) if health else ()
    seen = replace(cluster, cluster=replace(cluster.cluster, voters=voters))
    return QuorumRead(
        voters=voters,
        needed=needed(voters),
        quorum=not voters or spare(voters) >= 0,
        now=quorum_now(seen.cluster),
        next_loss=next_loss(seen.cluster),
        failover=failover(seen),
    )
