"""Whether a node's groups are taken over when it fails, in one sentence, for every number of nodes and voters."""

import pytest
from msgspec.structs import replace

from nodeagent.api.objects import Snapshot
from nodeagent.api.quorum import Voter
from nodeagent.api.rules.quorum import failover, next_loss, quorum_now, takeover_problem
from nodeagent.api.texts import sentence
from tests.builders import cluster


def world(nodes: int, voters: int, answering: int | None = None, backend: str = "etcd") -> Snapshot:
    """Return a cluster; of its voters the first *answering* (all) do."""
    found = tuple(
        Voter(name=f"v{n}", answering=n < (voters if answering is None else answering)) for n in range(voters)
    )
    made = cluster(nodes="abcdefg"[:nodes])
    return replace(made, cluster=replace(made.cluster, voters=found, backend=backend))


@pytest.mark.parametrize(
    ("nodes", "voters", "answering", "code"),
    [
        (1, 1, 1, "failover_alone"),
        (1, 3, 3, "failover_alone"),
        (2, 2, 2, "failover_no_witness"),
        (2, 3, 3, "failover_yes"),
        (2, 3, 2, "failover_without_voter"),  # one is missing: no more may be lost
        (2, 1, 1, "failover_without_voter"),  # the one is on a node, or stands elsewhere
        (3, 2, 2, "failover_without_voter"),
        (3, 3, 3, "failover_yes"),
        (3, 3, 1, "failover_no_quorum"),
        (2, 2, 1, "failover_no_quorum"),
        (5, 5, 4, "failover_yes"),
        (5, 5, 3, "failover_without_voter"),
    ],
)
def test_what_becomes_of_a_node_s_groups_when_it_fails(nodes: int, voters: int, answering: int, code: str) -> None:
    seen = world(nodes, voters, answering)
    assert failover(seen).code == code
    automatic = code in ("failover_yes", "failover_without_voter")
    assert (takeover_problem(seen) is None) is automatic


def test_two_nodes_without_a_witness_are_told_in_one_sentence() -> None:
    assert sentence(failover(world(2, 2))) == (
        "There are two nodes and no third voter as witness: when one fails the other does not take over by itself."
    )


def test_the_nodes_of_an_embedded_database_take_over_from_each_other() -> None:
    seen = world(2, 0, backend="sqlite")
    assert failover(seen).code == "failover_yes"
    assert (quorum_now(seen.cluster).code, next_loss(seen.cluster).code) == ("quorum_embedded", "quorum_embedded_loss")


def test_before_anybody_has_looked_the_voters_are_not_known() -> None:
    seen = world(3, 0)
    assert quorum_now(seen.cluster).code == next_loss(seen.cluster).code == "quorum_unknown"
