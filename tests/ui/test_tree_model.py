"""The tree's model: the original's structure, and changes that leave the rest alone."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QModelIndex, QPersistentModelIndex
from PySide6.QtTest import QAbstractItemModelTester

from nodeagent.api.objects import NodeState, ResourceState, Snapshot
from tests.builders import changed, cluster, replace, with_network
from ui.models.picture import Picture
from ui.models.places import CLUSTER, GROUPS, Branch, Place
from ui.models.roles import Role
from ui.models.tree import TreeModel


@pytest.fixture
def model(qapp: object) -> Iterator[TreeModel]:
    made = TreeModel()
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield made
    tester.deleteLater()
    made.deleteLater()


def below(model: TreeModel, place: Place) -> list[str]:
    index = model.index_of(place)
    return [str(model.index(row, 0, index).data()) for row in range(model.rowCount(index))]


def two_nodes() -> Snapshot:
    return with_network(cluster("ab", {"Web": "IP App", "Mail": "Queue"}, owners={"Web": "b"}))


def test_the_tree_has_the_structure_of_the_original(model: TreeModel) -> None:
    model.update(Picture(two_nodes()))
    assert [model.index(row, 0).data() for row in range(model.rowCount())] == ["TEST"]
    assert below(model, CLUSTER) == ["Groups", "Resources", "Cluster Configuration", "a", "b"]
    assert below(model, GROUPS) == ["Mail", "Web"]
    assert below(model, Place(Branch.CONFIGURATION)) == ["Resource Types", "Networks", "Network Interfaces"]
    assert below(model, Place(Branch.NETWORKS)) == ["Public"]
    assert below(model, Place(Branch.NODE, "2")) == ["Active Groups", "Active Resources", "Network Interfaces"]
    assert below(model, Place(Branch.ACTIVE_GROUPS, "2")) == ["Web"]
    assert below(model, Place(Branch.ACTIVE_GROUPS, "1")) == ["Mail"]
    assert below(model, Place(Branch.RESOURCES)) == []


def test_a_group_that_moved_stands_under_its_new_owner(model: TreeModel) -> None:
    before = two_nodes()
    model.update(Picture(before))
    model.update(Picture(changed(before, "group", "Web", owner=1)))
    assert below(model, Place(Branch.ACTIVE_GROUPS, "1")) == ["Mail", "Web"]
    assert below(model, Place(Branch.ACTIVE_GROUPS, "2")) == []


def test_a_renamed_group_moves_to_its_place_and_keeps_its_index(model: TreeModel) -> None:
    before = two_nodes()
    model.update(Picture(before))
    kept = QPersistentModelIndex(model.index_of(Place(Branch.GROUP, "web")))
    model.update(Picture(changed(before, "group", "Web", name="Alpha")))
    assert below(model, GROUPS) == ["Alpha", "Mail"]
    assert model.place_at(kept) == Place(Branch.GROUP, "web")


def test_a_deleted_group_disappears_in_both_places(model: TreeModel) -> None:
    before = two_nodes()
    model.update(Picture(before))
    rest = {key: group for key, group in before.groups.items() if key != "web"}
    model.update(Picture(replace(before, groups=rest)))
    assert below(model, GROUPS) == ["Mail"]
    assert below(model, Place(Branch.ACTIVE_GROUPS, "2")) == []
    assert not model.index_of(Place(Branch.GROUP, "web")).isValid()


def test_only_exceptions_have_a_glyph_and_the_cluster_shows_the_worst(model: TreeModel) -> None:
    before = two_nodes()
    model.update(Picture(before))

    def glyph(place: Place) -> object:
        return model.index_of(place).data(Role.CELL).right_glyph

    assert glyph(CLUSTER) is None
    assert glyph(Place(Branch.GROUP, "web")) is None
    after = changed(before, "resource", "App", state=ResourceState.FAILED)
    after = changed(after, "node", "a", state=NodeState.PAUSED)
    model.update(Picture(after))
    assert glyph(Place(Branch.GROUP, "web")) == "Failed"
    assert glyph(Place(Branch.NODE, "1")) == "Paused"
    assert glyph(CLUSTER) == "Failed"


def test_what_did_not_change_is_not_told(model: TreeModel) -> None:
    before = two_nodes()
    model.update(Picture(before))
    told: list[str] = []
    model.dataChanged.connect(lambda first, *_: told.append(first.data()))
    model.update(Picture(changed(before, "resource", "App", state=ResourceState.OFFLINE)))
    assert sorted(set(told)) == ["TEST", "Web"]
    told.clear()
    model.update(Picture(changed(before, "resource", "App", state=ResourceState.OFFLINE)))
    assert told == []


def test_finding_keeps_what_leads_to_a_match(model: TreeModel) -> None:
    model.update(Picture(two_nodes()))
    model.set_filter("mai")
    assert below(model, CLUSTER) == ["Groups", "a"]
    assert below(model, GROUPS) == ["Mail"]
    model.set_filter("")
    assert below(model, CLUSTER) == ["Groups", "Resources", "Cluster Configuration", "a", "b"]


def test_folders_count_what_they_hold(model: TreeModel) -> None:
    model.update(Picture(two_nodes()))
    counts = {
        place: model.index_of(place).data(Role.CELL).right_text
        for place in (GROUPS, Place(Branch.RESOURCES), Place(Branch.ACTIVE_RESOURCES, "2"))
    }
    assert list(counts.values()) == ["2", "3", "2"]


def test_an_index_of_nothing_is_invalid(model: TreeModel) -> None:
    assert model.parent(QModelIndex()) == QModelIndex()
    assert not model.index_of(CLUSTER).isValid()
