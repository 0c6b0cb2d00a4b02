"""The list's model: only rows that differ change, filters and order are its own."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from nodeagent.api.objects import NodeState, ObjectKind, ObjectRef, ResourceState, Snapshot
from tests.builders import changed, cluster, with_network
from ui.models.columns import COLUMNS
from ui.models.picture import Picture
from ui.models.places import CLUSTER, GROUPS, RESOURCES, Branch, Place
from ui.models.roles import Role, Tone
from ui.models.tables import ListModel

ONLINE, OFFLINE, FAILED = ResourceState.ONLINE, ResourceState.OFFLINE, ResourceState.FAILED
PENDING = ResourceState.ONLINE_PENDING

MIXED = {"Web": {"App": FAILED, "IP": ONLINE}, "Mail": {"Queue": OFFLINE, "Sender": PENDING}}


@pytest.fixture
def model(qapp: object) -> Iterator[ListModel]:
    made = ListModel()
    tester = QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal)
    yield made
    tester.deleteLater()
    made.deleteLater()


def texts(model: ListModel, column: str = "name") -> list[str]:
    number = [c.key for c in model.columns].index(column)
    return [str(model.index(row, number).data()) for row in range(model.rowCount())]


def show(model: ListModel, place: Place, snapshot: Snapshot) -> None:
    model.show_place(place, Picture(snapshot))


@pytest.mark.parametrize(
    ("branch", "titles"),
    [
        (Branch.GROUPS, ["Name", "State", "Owner", "Description", "Information"]),
        (Branch.GROUP, ["Name", "State", "Owner", "Resource Type", "Description", "Information"]),
        (Branch.RESOURCES, ["Name", "State", "Owner", "Group", "Resource Type", "Description", "Information"]),
        (Branch.ACTIVE_RESOURCES, ["Name", "State", "Group", "Resource Type", "Description", "Information"]),
        (Branch.NETWORKS, ["Name", "State", "Role", "Address and Mask", "Description"]),
        (Branch.NETWORK, ["Node", "Name", "State", "Adapter", "Address", "Description"]),
        (Branch.INTERFACES, ["Node", "Network", "State", "Adapter", "Address", "Description"]),
        (Branch.NODE, ["Name"]),
    ],
)
def test_each_kind_of_list_has_the_columns_of_the_original(branch: Branch, titles: list[str]) -> None:
    assert [column.title for column in COLUMNS[branch]] == titles


def test_every_place_can_be_shown(model: ListModel) -> None:
    snapshot = with_network(cluster("ab", MIXED))
    ids = {Branch.GROUP: "web", Branch.ACTIVE_GROUP: "web", Branch.NETWORK: "public"}
    for branch in Branch:
        show(model, Place(branch, ids.get(branch, "1")), snapshot)
        assert model.rowCount() > 0, branch
        for row in range(model.rowCount()):
            assert model.index(row, 0).data(), branch


def test_the_cluster_lists_its_folders_before_its_nodes(model: ListModel) -> None:
    show(model, CLUSTER, cluster(["node10", "node2"]))
    assert texts(model) == ["Groups", "Resources", "Cluster Configuration", "node2", "node10"]
    model.sort(0, Qt.SortOrder.DescendingOrder)
    assert texts(model) == ["Groups", "Resources", "Cluster Configuration", "node10", "node2"]


def test_resources_stand_by_group_and_then_by_name(model: ListModel) -> None:
    show(model, RESOURCES, cluster("ab", MIXED))
    assert texts(model) == ["Queue", "Sender", "App", "IP"]


def test_a_change_is_told_for_the_row_that_differs_only(model: ListModel) -> None:
    before = cluster("ab", MIXED)
    show(model, GROUPS, before)
    show(model, Place(Branch.GROUP, "web"), before)
    told: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda first, last, _roles: told.append((first.row(), last.row())))
    after = changed(before, "resource", "IP", description="first")
    model.update(Picture(after))
    row = texts(model).index("IP")
    assert told == [(row, row)]


def test_nothing_is_told_when_nothing_differs(model: ListModel) -> None:
    snapshot = cluster("ab", MIXED)
    show(model, RESOURCES, snapshot)
    told: list[QModelIndex] = []
    model.dataChanged.connect(lambda first, *_: told.append(first))
    model.update(Picture(snapshot, now=5.0))
    assert told == []


def test_an_owner_that_goes_down_is_seen_in_the_rows_of_its_resources(model: ListModel) -> None:
    before = cluster("ab", MIXED)
    show(model, RESOURCES, before)
    assert model.index(0, 2).data(Role.CELL).owner_glyph is None
    model.update(Picture(changed(before, "node", "a", state=NodeState.DOWN)))
    assert model.index(0, 2).data(Role.CELL).owner_glyph == "Down"


def test_selection_survives_changes_removals_and_another_order(model: ListModel, qtbot: QtBot) -> None:
    view = QTableView()
    qtbot.addWidget(view)
    view.setModel(model)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    snapshot = cluster("ab", {"Web": "A B C D E"})
    show(model, RESOURCES, snapshot)
    flags = QItemSelectionModel.SelectionFlag
    for name in ("b", "d"):
        index = model.index_of(ObjectRef(ObjectKind.RESOURCE, name))
        view.selectionModel().select(index, flags.Select | flags.Rows)

    def selected() -> list[str]:
        return sorted(str(index.data()) for index in view.selectionModel().selectedRows())

    snapshot = changed(snapshot, "resource", "D", state=FAILED)
    model.update(Picture(snapshot))
    assert selected() == ["B", "D"]
    model.sort(1)  # by state: failed first
    assert texts(model)[0] == "D"
    assert selected() == ["B", "D"]
    fewer = cluster("ab", {"Web": "B D E F"})
    model.update(Picture(fewer))
    assert sorted(texts(model)) == ["B", "D", "E", "F"]
    assert selected() == ["B", "D"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("state:failed", ["App"]),
        ("state:pending", ["Sender"]),
        ("group:mail", ["Queue", "Sender"]),
        ("owner:a state:online", ["Sender", "IP"]),
        ("MAIL off", ["Queue"]),
        ('group:"web" ip', ["IP"]),
        ("type:generic app", ["Queue", "Sender", "App", "IP"]),
        ("nobody", []),
        ("", ["Queue", "Sender", "App", "IP"]),
        ("10.0.0.1:80", []),
    ],
)
def test_a_filter_takes_words_and_columns(model: ListModel, text: str, names: list[str]) -> None:
    show(model, RESOURCES, cluster("ab", MIXED))
    model.set_filter(text)
    assert texts(model) == names
    assert model.total == 4


def test_a_row_that_comes_to_pass_the_filter_appears(model: ListModel) -> None:
    before = cluster("ab", MIXED)
    show(model, RESOURCES, before)
    model.set_filter("state:failed")
    model.update(Picture(changed(before, "resource", "Queue", state=FAILED)))
    assert texts(model) == ["Queue", "App"]


def test_without_a_connection_everything_is_stale(model: ListModel) -> None:
    snapshot = cluster("ab", MIXED)
    show(model, RESOURCES, snapshot)
    model.update(Picture(snapshot, live=False))
    cells = [model.index(row, column).data(Role.CELL) for row in range(4) for column in range(7)]
    assert {cell.tone for cell in cells} == {Tone.STALE}


def test_rows_that_came_while_the_connection_was_lost_are_counted(model: ListModel) -> None:
    before = cluster("ab", {"Web": "App"})
    show(model, RESOURCES, before)
    model.update(Picture(before, live=False))
    counted: list[int] = []
    model.counted.connect(lambda: counted.append(model.total))
    model.update(Picture(cluster("ab", {"Web": "App IP"})))
    assert counted == [2]


def test_a_pending_resource_shows_how_long_it_may_take(model: ListModel) -> None:
    snapshot = changed(cluster("a", MIXED), "resource", "Sender", pending_since=100.0, information="reading its queue")
    model.show_place(RESOURCES, Picture(snapshot, now=112.0))
    row = texts(model).index("Sender")
    cell = model.index(row, 6).data(Role.CELL)
    assert cell.text == "12 s of 180 s: reading its queue"
    assert cell.pending == (12.0, 180.0)
    model.grow_older(Picture(snapshot, now=113.0))
    assert model.index(row, 6).data(Role.CELL).pending == (13.0, 180.0)


def test_a_new_name_is_asked_for_and_shown_only_when_the_cluster_has_it(model: ListModel) -> None:
    show(model, RESOURCES, cluster("ab", MIXED))
    asked: list[tuple[ObjectRef, str]] = []
    model.renamed.connect(lambda reference, name: asked.append((reference, name)))
    index = model.index_of(ObjectRef(ObjectKind.RESOURCE, "ip"))
    assert model.flags(index) & Qt.ItemFlag.ItemIsEditable
    assert not model.setData(index, "Address")
    assert asked == [(ObjectRef(ObjectKind.RESOURCE, "ip"), "Address")]
    assert index.data() == "IP"


def test_ten_thousand_resources_are_shown_in_order(model: ListModel) -> None:
    names = [f"resource {number}" for number in range(10_000)]
    show(model, Place(Branch.GROUP, "big"), cluster("a", {"Big": names}))
    assert texts(model)[:3] == ["resource 0", "resource 1", "resource 2"]
    assert texts(model)[-1] == "resource 9999"
