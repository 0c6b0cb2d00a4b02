"""Quorum as it is: the voters of the cluster database, who is missing, and what the loss of one more would mean."""

from __future__ import annotations

from nodeagent.api.objects import Snapshot
from nodeagent.api.problems import Problem, problem
from nodeagent.api.requests import QuorumRead, Voter
from nodeagent.database.store import ClusterStore, StoreHealth

WITNESSED = 3  # voters from which on one may be lost


async def read_quorum(store: ClusterStore, cluster: Snapshot) -> QuorumRead:
    """Ask the store.

    Raises:
        Unavailable: no voter answers.
    """
    health = await store.health()
    failover = _failover(len(cluster.nodes), len(health.voters) if health else None)
    if health is None:
        return QuorumRead(now=problem("quorum_embedded"), next_loss=problem("quorum_embedded_loss"), failover=failover)
    return QuorumRead(
        voters=tuple(Voter(name=v.name, answering=v.answers, leader=v.leader) for v in health.voters),
        needed=health.needed,
        quorum=health.spare >= 0,
        now=_now(health),
        next_loss=_next_loss(health),
        failover=failover,
    )


def _now(health: StoreHealth) -> Problem:
    counts = {"answering": health.answering, "voters": len(health.voters), "needed": health.needed}
    if health.spare < 0:
        return Problem(code="quorum_lost", parameters={**counts})
    if health.missing:
        names = tuple(voter.name for voter in health.missing)
        return Problem(code="quorum_missing", parameters={**counts, "missing": names})
    return Problem(code="quorum_there", parameters={**counts})


def _next_loss(health: StoreHealth) -> Problem:
    if health.spare < 0:
        return problem("quorum_loss_stopped", count=-health.spare)
    if health.spare == 0:
        return problem("quorum_loss_stop")
    return problem("quorum_loss_spare", left=health.answering - 1, voters=len(health.voters))


def _failover(nodes: int, voters: int | None) -> Problem:
    """Say whether a node's groups are taken over when it fails; *voters* is None where all nodes are one machine's."""
    if nodes < 2:
        return problem("failover_alone")
    if nodes == 2 and voters is not None and voters < WITNESSED:
        return problem("failover_no_witness")
    return problem("failover_yes")
