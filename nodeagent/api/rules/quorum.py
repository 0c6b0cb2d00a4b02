"""What the voters of the cluster database mean: how it stands, what one more loss does, who takes over from a node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from nodeagent.api.objects import Cluster, Snapshot
from nodeagent.api.problems import Problem, problem
from nodeagent.api.quorum import Voter

SHARED: Final = "etcd"  # the database that has voters; the others are one file, or one process
WITNESSED: Final = 3  # voters from which on one may be lost


def needed(voters: Sequence[Voter]) -> int:
    """Return how many must answer: more than half."""
    return len(voters) // 2 + 1


def spare(voters: Sequence[Voter]) -> int:
    """Return how many more may be lost; below 0 there is no quorum."""
    return sum(voter.answering for voter in voters) - needed(voters)


def quorum_now(cluster: Cluster) -> Problem:
    """Say how many voters answer, and who is missing."""
    voters = cluster.voters
    if not voters:
        return problem("quorum_unknown" if cluster.backend == SHARED else "quorum_embedded")
    answering = sum(voter.answering for voter in voters)
    counts = {"answering": answering, "voters": len(voters), "needed": needed(voters)}
    if answering < needed(voters):
        return Problem(code="quorum_lost", parameters={**counts})
    if missing := tuple(voter.name for voter in voters if not voter.answering):
        return Problem(code="quorum_missing", parameters={**counts, "missing": missing})
    return Problem(code="quorum_there", parameters={**counts})


def next_loss(cluster: Cluster) -> Problem:
    """Say what the loss of one more voter would mean."""
    voters = cluster.voters
    if not voters:
        return problem("quorum_unknown" if cluster.backend == SHARED else "quorum_embedded_loss")
    left = spare(voters)
    if left < 0:
        return problem("quorum_loss_stopped", count=-left)
    if left == 0:
        return problem("quorum_loss_stop")
    return problem("quorum_loss_spare", left=sum(voter.answering for voter in voters) - 1, voters=len(voters))


def takeover_problem(cluster: Snapshot) -> Problem | None:
    """Say why a node's groups are not taken over by themselves when it fails; None when they are.

    Of two nodes with two voters neither can go on without the other, so neither stops by itself (docs/safety.md).
    """
    voters = cluster.cluster.voters
    if len(cluster.nodes) < 2:
        return problem("failover_alone")
    if not voters:
        return None
    if spare(voters) < 0:
        return problem("failover_no_quorum")
    if len(cluster.nodes) == len(voters) == WITNESSED - 1:
        return problem("failover_no_witness")
    return None


def failover(cluster: Snapshot) -> Problem:
    """Say in one sentence what happens to a node's groups when it fails."""
    voters = cluster.cluster.voters
    if bad := takeover_problem(cluster):
        return bad
    if voters and spare(voters) == 0:
        return problem("failover_without_voter")
    return problem("failover_yes")
