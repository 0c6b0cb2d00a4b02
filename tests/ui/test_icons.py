"""Every drawing can be drawn, follows the grammar, takes the theme's colours, and is sharp on every screen."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon, QImage, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import icons
from ui.drawing import TOOL_ICON
from ui.icons import (
    BADGE_FROM,
    GLYPH_SIZE,
    RATIOS,
    application_icon,
    glyph_name,
    icon_store,
    kind_icon,
    kind_name,
    kind_pixmap,
    state_glyph,
    state_pixmap,
    verb_icon,
)
from ui.theme import Appearance, theme
from ui.tokens import DARK, LIGHT

DRAWINGS = sorted(icons.names())
GRID_DRAWINGS = [name for name in DRAWINGS if name != "app"]
STATES = ("online", "offline", "failed", "online-pending", "offline-pending", "partially-online", "paused", "unknown")
KINDS = (
    "cluster", "node", "group", "resource", "resources", "folder", "resource-types", "network", "interface",
    "ip-address", "network-name", "physical-disk", "generic-application", "generic-service", "generic-script",
    "file-share", "witness",
)  # fmt: skip
VERBS = (
    "open", "bring-online", "take-offline", "move-group", "change-group", "initiate-failure", "pause", "resume",
    "new-group", "new-resource", "new", "delete", "rename", "properties", "graph", "why", "undo", "redo", "search",
    "filter", "details", "copy", "save", "follow", "power-on", "power-off", "evict", "refresh", "close", "settings",
)  # fmt: skip


@pytest.fixture(autouse=True)
def light(qapp: QApplication) -> Iterator[None]:
    theme().set_appearance(Appearance.LIGHT)
    ratios = icon_store().ratios
    yield
    icon_store().use_ratios(ratios)
    theme().set_appearance(Appearance.SYSTEM)


def drawn_colours(pixmap: QPixmap) -> set[str]:
    """Return the colours of all opaque pixels."""
    image = pixmap.toImage().convertToFormat(QImage.Format.Format_ARGB32)
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return {colour.name() for colour in pixels if colour.alpha() == 255}


@pytest.mark.parametrize("name", GRID_DRAWINGS)
def test_a_drawing_keeps_to_the_grid_and_to_its_two_colours(name: str) -> None:
    root = ET.fromstring(icons.source(name))
    assert root.get("viewBox") == "0 0 16 16"
    colours = {
        value
        for element in root.iter()
        for attribute in ("fill", "stroke", "color")
        if (value := element.get(attribute)) is not None
    }
    assert colours <= {"none", "currentColor", "#ffffff"}
    assert not [element for element in root.iter() if element.tag.endswith(("text", "image", "Gradient", "style"))]


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_valid_and_shows_something_inside_its_margin(name: str, qapp: QApplication) -> None:
    assert QSvgRenderer(icons.source(name).encode()).isValid()
    image = icon_store().pixmap(name, 32, QColor("#000000"), 1.0).toImage()
    opaque = [(x, y) for x in range(32) for y in range(32) if image.pixelColor(x, y).alpha() > 40]
    assert opaque
    if name != "app":
        assert min(min(x, y) for x, y in opaque) >= 1
        assert max(max(x, y) for x, y in opaque) <= 30


def test_there_is_a_drawing_for_every_kind_and_verb() -> None:
    assert {f"kind-{kind}" for kind in KINDS} <= icons.names()
    assert {f"verb-{verb}" for verb in VERBS} <= icons.names()
    assert {f"state-{state}" for state in STATES} <= icons.names()


def test_states_differ_in_shape_and_not_only_in_colour() -> None:
    grey = QColor("#666666")
    shapes = [state_pixmap(state, GLYPH_SIZE, 1.0, grey).toImage() for state in (*STATES, "stale", "partitioned")]
    for place, shape in enumerate(shapes):
        for other in shapes[place + 1 :]:
            different = sum(
                abs(shape.pixelColor(x, y).alpha() - other.pixelColor(x, y).alpha())
                for x in range(GLYPH_SIZE)
                for y in range(GLYPH_SIZE)
            )
            assert different > 255 * 6  # the area of six pixels


@pytest.mark.parametrize("ratio", RATIOS)
def test_icons_are_drawn_for_the_pixels_of_the_screen(ratio: float) -> None:
    icon_store().use_ratios(RATIOS)
    pixmap = state_pixmap("Failed", GLYPH_SIZE, ratio)
    assert pixmap.size() == QSize(round(GLYPH_SIZE * ratio), round(GLYPH_SIZE * ratio))
    assert pixmap.devicePixelRatio() == ratio
    for size in (QSize(16, 16), TOOL_ICON):
        drawn = verb_icon("graph").pixmap(size, ratio)
        assert drawn.size() == QSize(round(size.width() * ratio), round(size.height() * ratio))


def test_a_glyph_is_in_its_colour_with_the_mark_cut_out_of_it() -> None:
    assert drawn_colours(state_pixmap("failed", 32, 1.0)) >= {LIGHT.failed.name(), LIGHT.knockout.name()}
    theme().set_appearance(Appearance.DARK)
    assert drawn_colours(state_pixmap("failed", 32, 1.0)) >= {DARK.failed.name(), DARK.knockout.name()}


def test_icons_asked_for_after_a_change_of_theme_have_its_colours(qtbot: QtBot) -> None:
    verb_icon("graph")
    asked: list[set[str]] = []

    def ask() -> None:
        asked.append(drawn_colours(verb_icon("graph").pixmap(QSize(32, 32), 1.0)))

    theme().changed.connect(ask)
    try:
        theme().set_appearance(Appearance.DARK)
    finally:
        theme().changed.disconnect(ask)
    assert asked
    assert DARK.ink.name() in asked[0]
    assert LIGHT.ink.name() not in asked[0]


def test_a_pixmap_is_drawn_once(qapp: QApplication) -> None:
    first = kind_pixmap("node", 16, 1.0)
    assert kind_pixmap("Node", 16, 1.0).cacheKey() == first.cacheKey()
    icon_store().forget()
    assert kind_pixmap("node", 16, 1.0).cacheKey() != first.cacheKey()


def test_a_screen_of_another_ratio_makes_icons_be_asked_for_anew(qtbot: QtBot) -> None:
    icon_store().use_ratios((1.0,))
    with qtbot.waitSignal(theme().changed):
        icon_store().use_ratios((1.0, 2.0))
    with qtbot.assertNotEmitted(theme().changed):
        icon_store().use_ratios((1.0, 2.0))


def test_a_disabled_verb_is_grey() -> None:
    disabled = verb_icon("graph").pixmap(QSize(32, 32), 1.0, QIcon.Mode.Disabled)
    assert drawn_colours(disabled) <= {LIGHT.disabled.name()}


def test_the_badge_shows_the_state_from_24_pixels_up() -> None:
    for size in (BADGE_FROM, 32, 48):
        assert LIGHT.failed.name() in drawn_colours(kind_pixmap("node", size, 1.0, "failed"))
    assert LIGHT.failed.name() not in drawn_colours(kind_pixmap("node", 16, 1.0, "failed"))
    assert LIGHT.failed.name() in drawn_colours(kind_icon("node", "Failed").pixmap(QSize(32, 32), 1.0))


def test_a_ring_is_cut_out_around_the_badge() -> None:
    plain, badged = kind_pixmap("node", 32, 1.0).toImage(), kind_pixmap("node", 32, 1.0, "online").toImage()
    emptied = [
        (x, y)
        for x in range(32)
        for y in range(32)
        if plain.pixelColor(x, y).alpha() > 200 and badged.pixelColor(x, y).alpha() < 40
    ]
    assert emptied


@pytest.mark.parametrize(
    ("state", "glyph"),
    [
        ("Online Pending", "online-pending"),
        ("ONLINE_PENDING", "online-pending"),
        ("Up", "online"),
        ("Down", "failed"),
        ("Joining", "online-pending"),
        ("a state of a newer Cluster Service", "unknown"),
    ],
)
def test_a_state_is_found_in_any_spelling(state: str, glyph: str) -> None:
    assert glyph_name(state) == glyph
    assert not state_glyph(state).isNull()


def test_a_type_without_a_drawing_gets_that_of_a_resource() -> None:
    assert kind_name("IP Address") == "ip-address"
    assert kind_name("ocf:heartbeat:nginx") == "resource"


def test_a_verb_without_a_drawing_is_refused() -> None:
    with pytest.raises(KeyError, match="verb-fly"):
        verb_icon("fly")


def test_the_application_has_an_icon_in_the_sizes_of_desktops(qapp: QApplication) -> None:
    assert {size.width() for size in application_icon().availableSizes()} >= {16, 32, 48, 256}


def test_names_are_those_of_menus_and_kinds() -> None:
    assert all(re.fullmatch(r"(kind|verb|state)-[a-z]+(-[a-z]+)*", name) for name in GRID_DRAWINGS)
