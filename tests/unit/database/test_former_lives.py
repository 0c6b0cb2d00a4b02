"""What was reported under an incarnation that has ended, or under an earlier claim of the same one."""

from __future__ import annotations

import msgspec

from nodeagent.api.objects import ResourceState
from tests.unit.database.test_view import ALIVE, FAILED, HELD, Database


def test_what_a_node_reported_in_a_former_life_counts_for_nothing_in_the_next() -> None:
    database = Database({"states/r": msgspec.structs.replace(FAILED, incarnation=1)})
    assert database.state() is ResourceState.FAILED
    alive = msgspec.structs.replace(ALIVE, incarnation=2)
    database.put({"heartbeats/1": alive, "owners/g": msgspec.structs.replace(HELD, incarnation=2, epoch=7)})
    resource = database.view.snapshot.resources["r"]
    assert (resource.state, resource.exhausted) == (ResourceState.OFFLINE, False)


def test_what_failed_when_a_node_had_the_group_before_has_not_failed_again_when_it_claims_it_anew() -> None:
    database = Database({"states/r": FAILED})
    assert database.state() is ResourceState.FAILED
    database.put({"owners/g": msgspec.structs.replace(HELD, epoch=HELD.epoch + 4, given=HELD.epoch + 3)})
    resource = database.view.snapshot.resources["r"]
    assert (resource.state, resource.exhausted) == (ResourceState.OFFLINE, False)
