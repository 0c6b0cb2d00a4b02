"""The order of going online."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from clusteradmin.wizards.order import ranks
from nodeagent.api.objects import Resource, Snapshot
from tests.builders import cluster, replace
from tests.ordersdatabase import orders_cluster


def names(found: tuple[tuple[Resource, ...], ...]) -> list[list[str]]:
    return [[one.name for one in rank] for rank in found]


def with_dependencies(**dependencies: tuple[str, ...]) -> Snapshot:
    made = cluster(groups={"G": " ".join(dependencies)})
    table = {
        key: msgspec.structs.replace(one, dependencies=dependencies[one.name]) for key, one in made.resources.items()
    }
    return replace(made, resources=table)


def test_a_resource_that_needs_nothing_stands_alone() -> None:
    made = orders_cluster()
    assert names(ranks(made.resources["orders-disk"], made)) == [["Orders Disk"]]


def test_a_chain_is_drawn_from_its_beginning() -> None:
    made = orders_cluster()
    assert names(ranks(made.resources["orders-api"], made)) == [["Orders Disk"], ["PostgreSQL"], ["Orders API"]]


def test_what_is_needed_by_several_stands_before_the_first_of_them() -> None:
    made = with_dependencies(a=("b", "c"), b=("c",), c=(), d=())
    assert names(ranks(made.resources["a"], made)) == [["c"], ["b"], ["a"]]


def test_a_circle_does_not_hang() -> None:
    made = with_dependencies(a=("b",), b=("a", "c"), c=("b",))
    assert names(ranks(made.resources["a"], made))[-1] == ["a"]


@given(st.lists(st.sets(st.integers(0, 7)), min_size=8, max_size=8))
def test_every_provider_stands_in_an_earlier_rank(edges: list[set[int]]) -> None:
    acyclic = {f"r{n}": tuple(f"r{m}" for m in sorted(found) if m > n) for n, found in enumerate(edges)}
    made = with_dependencies(**acyclic)
    found = ranks(made.resources["r0"], made)
    rank_of = {one.id: number for number, rank in enumerate(found) for one in rank}
    assert found[-1] == (made.resources["r0"],)
    for rank in found:
        for one in rank:
            assert all(rank_of[provider] < rank_of[one.id] for provider in one.dependencies)
