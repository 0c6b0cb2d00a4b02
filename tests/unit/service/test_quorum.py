"""Quorum in sentences, for every number of voters."""

import asyncio

import pytest

from nodeagent.api.requests import QuorumRead
from nodeagent.api.texts import sentence
from nodeagent.database.memory import MemoryDatabase, MemoryStore
from nodeagent.database.store import StoreHealth, Voter
from nodeagent.service.quorum import read_quorum
from tests.builders import cluster


class Voting(MemoryStore):
    """A store that says how its voters stand."""

    said: StoreHealth | None = None

    async def health(self) -> StoreHealth | None:
        return self.said


def quorum(answering: int | None, voters: int = 0, nodes: int = 3) -> QuorumRead:
    store = Voting(MemoryDatabase())
    if answering is not None:
        store.said = StoreHealth(
            tuple(Voter(n, f"v{n}", "", answers=n <= answering, leader=n == 1) for n in range(1, voters + 1))
        )
    return asyncio.run(read_quorum(store, cluster(nodes="abcdefg"[:nodes])))


@pytest.mark.parametrize(
    ("answering", "voters", "now", "loss"),
    [
        (3, 3, "quorum_there", "quorum_loss_spare"),
        (2, 3, "quorum_missing", "quorum_loss_stop"),
        (1, 3, "quorum_lost", "quorum_loss_stopped"),
        (5, 5, "quorum_there", "quorum_loss_spare"),
        (4, 5, "quorum_missing", "quorum_loss_spare"),
        (3, 5, "quorum_missing", "quorum_loss_stop"),
        (2, 2, "quorum_there", "quorum_loss_stop"),
        (1, 1, "quorum_there", "quorum_loss_stop"),
    ],
)
def test_what_one_more_loss_would_mean(answering: int, voters: int, now: str, loss: str) -> None:
    found = quorum(answering, voters)
    assert (found.now.code, found.next_loss.code) == (now, loss)
    assert found.quorum is (now != "quorum_lost")
    assert sum(voter.answering for voter in found.voters) == answering
    for said in (found.now, found.next_loss, found.failover):
        assert "(" not in sentence(said)


def test_who_is_missing_is_named() -> None:
    assert "v3" in sentence(quorum(2, 3).now)


def test_two_nodes_without_a_witness_do_not_take_over_from_each_other() -> None:
    assert quorum(2, 2, nodes=2).failover.code == "failover_no_witness"
    assert quorum(3, 3, nodes=2).failover.code == "failover_yes"
    assert quorum(1, 1, nodes=1).failover.code == "failover_alone"


def test_the_embedded_database_is_said_to_be_one_file_on_one_machine() -> None:
    found = quorum(None, nodes=2)
    assert found.voters == ()
    assert "one file on one machine" in sentence(found.now)
    assert found.failover.code == "failover_yes"
