"""The Information column tells of maintenance, for what is frozen and for what is frozen with it."""

import msgspec
import pytest
from PySide6.QtCore import QLocale

from nodeagent.api.freezing import Maintenance
from nodeagent.api.objects import Snapshot
from tests.builders import changed, cluster, replace
from ui.models.explain import explain
from ui.models.information import information
from ui.models.picture import Picture

NOON = 1_763_900_000.0
FROZEN = Maintenance(since=NOON, until=NOON + 1800, user="anna", reason="a new disk")


def said(now: Snapshot, name: str) -> str:
    item = next(item for item in now.everything() if item.name == name)
    return information(item, Picture(now, now=NOON))


@pytest.mark.parametrize(("what", "group"), [("group", True), ("node", True), ("cluster", True), ("other", False)])
def test_a_group_says_until_when_it_is_frozen_and_why(what: str, group: bool) -> None:
    now = cluster("ab", {"Web": "App"})
    if what == "cluster":
        now = replace(now, cluster=msgspec.structs.replace(now.cluster, maintenance=FROZEN))
    elif what == "group":
        now = changed(now, "group", "Web", maintenance=FROZEN)
    else:
        now = changed(now, "node", "a" if what == "node" else "b", maintenance=FROZEN)
    assert ("In maintenance until" in said(now, "Web")) is group
    assert ("a new disk" in said(now, "Web")) is group
    assert ("a new disk" in said(now, "a")) is (what == "node")


def test_a_node_that_is_drained_and_frozen_says_both() -> None:
    plain = msgspec.structs.replace(FROZEN, reason="")
    now = changed(cluster("ab"), "node", "a", information="groups are moved away from it", maintenance=plain)
    assert said(now, "a").startswith("groups are moved away from it; In maintenance until ")


def test_the_details_of_a_node_give_its_memory_in_larger_units() -> None:
    now = changed(cluster("ab", {}), "node", "a", facts={"cpus": "2", "memory": "25276510208"})
    node = next(node for node in now.nodes.values() if node.name == "a")
    said_of_it = explain([node], Picture(now, now=NOON)).sentences
    assert any(QLocale().formattedDataSize(25276510208, 1) in sentence for sentence in said_of_it), said_of_it
