"""What gives way when a cluster has little room, as in a tile beside others."""

import itertools

import msgspec
import pytest
from pytestqt.qtbot import QtBot

from nodeagent.api.freezing import Maintenance
from nodeagent.api.objects import Snapshot
from nodeagent.api.quorum import Voter
from tests.builders import cluster
from tests.webfarm import WebFarm
from ui.models.columns import COLUMNS
from ui.models.picture import Picture
from ui.models.places import Branch
from ui.models.takeover import takeover_sentence
from ui.panes.columnfit import LAST_COLUMN, LAST_COLUMN_LEAST, LEAST, NAME_LEAST, NAME_MOST, STATE_LEAST, fitted
from ui.panes.strip import Strip
from ui.widgets.fields import FILTER_WIDTH, LEAST_FILTER_WIDTH, FilterField
from ui.widgets.panels import PaneHeader

SHOWN = [column for column in COLUMNS[Branch.RESOURCES] if column.key in ("name", "state", "owner", "information")]
USUAL = {column.key: column.width for column in SHOWN[:-1]}


@pytest.mark.parametrize("room", [1200, 600, 480, 420, 390, 340])
def test_columns_fit_their_room_and_name_and_state_give_way_last(room: int) -> None:
    widths = fitted(SHOWN, {}, room)
    rest = room - sum(widths.values())
    assert rest >= min(LAST_COLUMN_LEAST, room - NAME_LEAST - STATE_LEAST - LEAST["owner"]) - 2
    if rest >= LAST_COLUMN_LEAST + 2:
        assert widths["name"] >= USUAL["name"]
        assert widths["state"] == USUAL["state"]
    if rest > LAST_COLUMN:
        assert widths == {**USUAL, "name": widths["name"]}


def test_names_get_room_that_nothing_else_needs_unless_their_width_was_chosen() -> None:
    assert fitted(SHOWN, {}, 1200)["name"] == NAME_MOST
    assert fitted(SHOWN, {"name": 120}, 1200)["name"] == 120
    assert fitted(SHOWN, {}, 700)["name"] == USUAL["name"]


def test_a_filter_shrinks_before_the_title_of_its_pane(qtbot: QtBot) -> None:
    header, field = PaneHeader(), FilterField("Filter", "Filter the list")
    qtbot.addWidget(header)
    header.set_title("Resources")
    header.set_subtitle("all groups")
    header.add_filter(field)
    header.resize(900, 40)
    header.show()
    assert field.width() == FILTER_WIDTH
    header.resize(260, 40)
    qtbot.waitUntil(lambda: field.width() < FILTER_WIDTH)
    assert field.width() >= LEAST_FILTER_WIDTH
    assert not header._title.is_elided()


@pytest.mark.parametrize("width", [1280, 640, 420])
def test_the_chips_of_a_strip_stand_beside_each_other_also_in_a_tile(qtbot: QtBot, width: int) -> None:
    strip = Strip()
    qtbot.addWidget(strip)
    strip.resize(width, 32)
    strip.show()
    strip.show_picture(Picture(WebFarm(now=1000.0).snapshot(), now=1000.0))
    shown = [chip for chip in strip._chips.values() if chip.isVisible()]
    qtbot.waitUntil(lambda: all(chip.width() == chip.sizeHint().width() for chip in shown))
    edges = sorted((chip.x(), chip.x() + chip.width()) for chip in shown)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(edges))
    assert edges[-1][1] <= strip.width()
    assert any(chip.state == "failed" for chip in shown)
    assert not strip._sentence.isVisible() or not strip._sentence.is_elided()


def with_cluster(snapshot: Snapshot, **changes: object) -> Snapshot:
    return msgspec.structs.replace(snapshot, cluster=msgspec.structs.replace(snapshot.cluster, **changes))


def test_the_strip_says_how_soon_a_dead_node_is_taken_over_or_why_it_is_not() -> None:
    three = cluster("abc")
    assert takeover_sentence(Picture(three)) == "Takeover after 4.5 s"
    assert takeover_sentence(Picture(with_cluster(three, properties={"Profile": "fast"}))) == "Takeover after 1.8 s"
    assert takeover_sentence(Picture(cluster("a"))) == ""
    voters = tuple(Voter(name=name, answering=name != "m3") for name in ("m1", "m2", "m3"))
    assert takeover_sentence(Picture(with_cluster(cluster("ab"), voters=voters))) == "Takeover after 4.5 s"
    two = with_cluster(cluster("ab"), voters=voters[:2])
    assert takeover_sentence(Picture(two)) == "No takeover by itself: two nodes, no third voter"
    lost = with_cluster(three, voters=(voters[0], voters[2], voters[2]))
    assert takeover_sentence(Picture(lost)) == "No takeover: the cluster database has no quorum"
    held = with_cluster(three, brake=(2, 3))
    assert takeover_sentence(Picture(held)) == "2 of 3 nodes fell silent at once: takeover is held"
    frozen = with_cluster(three, maintenance=Maintenance(since=0.0, until=90_000.0))
    assert takeover_sentence(Picture(frozen)).startswith("In maintenance until ")
