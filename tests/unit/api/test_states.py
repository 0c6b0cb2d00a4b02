"""A group's state from its resources', the desired state, and the index that a snapshot keeps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from nodeagent.api.objects import GroupState, ObjectRef, ResourceState, Wanted, kind_of, ref
from nodeagent.api.states import group_state, state_words, wanted
from tests.builders import cluster, with_network

S = ResourceState
G = GroupState


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([], G.OFFLINE),
        ([S.OFFLINE], G.OFFLINE),
        ([S.ONLINE], G.ONLINE),
        ([S.ONLINE, S.ONLINE], G.ONLINE),
        ([S.ONLINE, S.OFFLINE], G.PARTIAL_ONLINE),
        ([S.ONLINE, S.INITIALIZING], G.PARTIAL_ONLINE),
        ([S.INITIALIZING], G.OFFLINE),
        ([S.ONLINE_PENDING, S.ONLINE], G.PENDING),
        ([S.OFFLINE_PENDING, S.OFFLINE], G.PENDING),
        ([S.FAILED, S.ONLINE], G.FAILED),
        ([S.FAILED, S.ONLINE_PENDING], G.FAILED),
        ([S.FAILED, S.UNKNOWN], G.FAILED),
        ([S.UNKNOWN, S.ONLINE_PENDING], G.UNKNOWN),
    ],
)
def test_the_most_exceptional_resource_decides(states: list[ResourceState], expected: GroupState) -> None:
    assert group_state(states) is expected


@given(st.lists(st.sampled_from(ResourceState)).flatmap(lambda s: st.tuples(st.just(s), st.permutations(s))))
def test_the_order_of_resources_does_not_matter(orders: tuple[list[ResourceState], list[ResourceState]]) -> None:
    assert group_state(orders[0]) is group_state(orders[1])


@pytest.mark.parametrize("own", Wanted)
@pytest.mark.parametrize("groups", [Wanted.ONLINE, Wanted.OFFLINE])
def test_a_resource_without_a_wish_of_its_own_wants_what_its_group_wants(own: Wanted, groups: Wanted) -> None:
    now = cluster(groups={"Web": "App"})
    resource, group = replace(now.resources["app"], persistent_state=own), now.groups["web"]
    assert wanted(resource, replace(group, persistent_state=groups)) is (groups if own is Wanted.INHERIT else own)


def test_states_are_called_as_in_the_original() -> None:
    assert state_words(S.ONLINE_PENDING) == "Online Pending"
    assert state_words(G.PARTIAL_ONLINE) == "Partially Online"
    assert [int(state) for state in G] == [-1, 0, 1, 2, 3, 4]
    assert [int(state) for state in S] == [-1, 1, 2, 3, 4, 129, 130]


def test_every_object_is_found_by_its_reference() -> None:
    now = with_network(cluster("ab", {"Web": "App"}))
    for item in now.everything():
        assert now.get(ref(item)) is item
        assert now.find(kind_of(item), item.name.upper()) is item
        assert now.get(ObjectRef(kind_of(item), "99")) is None


def test_the_index_is_neither_sent_nor_kept_for_other_resources() -> None:
    now = cluster(groups={"Web": "B A", "Mail": "C"})
    assert [r.name for r in now.resources_of("web")] == ["A", "B"]
    now.resources_of("web").clear()
    assert len(now.resources_of("web")) == 2, "what is returned is the caller's own"
    smaller = replace(now, resources={"c": now.resources["c"]})
    assert smaller.resources_of("web") == []
    assert smaller.dependents_of("a") == []
    assert now == cluster(groups={"Web": "B A", "Mail": "C"})


def test_other_groups_keep_the_index_of_resources() -> None:
    now = cluster(groups={"Web": "A"})
    assert now.resources_of("web")
    other = now.with_groups({**now.groups, "web": replace(now.groups["web"], owner=2)})
    assert other.groups["web"].owner == 2
    assert other.resources_of("web") == now.resources_of("web")
    assert now.groups["web"].owner == 1
