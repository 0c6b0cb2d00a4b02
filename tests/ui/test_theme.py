"""The colours keep their contrast, the fonts their roles, and a change of appearance reaches every widget."""

from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QTableView
from pytestqt.qtbot import QtBot

from ui.palettes import FUSION_OUTLINE_DARKENING
from ui.skins import dress_view, follow_theme
from ui.theme import Appearance, FontRole, Height, height, role_font, theme
from ui.tokens import DARK, LIGHT, Tokens, contrast, high_contrast

AA_TEXT = 4.5  # WCAG 2.2, 1.4.3
AA_OUTLINE = 3.0  # WCAG 2.2, 1.4.11

# token, then its contrast on base and on sel, in light and in dark: the table that the colours were chosen by
TABLE = (
    ("line_strong", 3.3, 2.6, 4.4, 2.8),
    ("text", 16.4, 13.0, 13.8, 8.6),
    ("text2", 6.4, 5.1, 7.6, 4.8),
    ("disabled", 3.1, 2.4, 3.9, 2.5),
    ("accent", 6.4, 5.1, 7.5, 4.7),
    ("pending", 6.4, 5.1, 7.5, 4.7),
    ("link", 6.4, 5.1, 8.4, 5.3),
    ("online", 6.0, 4.8, 7.6, 4.8),
    ("warn", 5.9, 4.7, 8.9, 5.6),
    ("failed", 6.1, 4.8, 7.5, 4.7),
    ("offline", 5.9, 4.7, 7.6, 4.8),
    ("unknown", 5.9, 4.7, 7.6, 4.8),
    ("ink", 7.9, 6.3, 9.3, 5.8),
)
WRITTEN = ("text", "text2", "link", "online", "warn", "failed", "offline", "unknown", "accent", "pending", "ink")


@pytest.fixture(autouse=True)
def light(qapp: QApplication) -> Iterator[None]:
    font = QFont(qapp.font())
    theme().set_appearance(Appearance.LIGHT)
    yield
    qapp.setFont(font)
    theme().set_more_contrast(False)
    theme().set_appearance(Appearance.SYSTEM)


def colour(tokens: Tokens, name: str) -> QColor:
    found = getattr(tokens, name)
    assert isinstance(found, QColor)
    return found


def test_contrast_is_that_of_black_on_white_at_most_and_one_at_least() -> None:
    assert contrast(QColor("#000000"), QColor("#FFFFFF")) == pytest.approx(21.0)
    assert contrast(QColor("#777777"), QColor("#777777")) == pytest.approx(1.0)
    assert contrast(QColor("#777777"), QColor("#FFFFFF")) == pytest.approx(4.48, abs=0.01)  # WCAG's known near miss


@pytest.mark.parametrize(("name", "light_base", "light_sel", "dark_base", "dark_sel"), TABLE)
def test_each_colour_has_the_contrast_it_was_chosen_for(
    name: str, light_base: float, light_sel: float, dark_base: float, dark_sel: float
) -> None:
    for tokens, on_base, on_sel in ((LIGHT, light_base, light_sel), (DARK, dark_base, dark_sel)):
        assert contrast(colour(tokens, name), tokens.base) == pytest.approx(on_base, abs=0.06)
        assert contrast(colour(tokens, name), tokens.sel) == pytest.approx(on_sel, abs=0.06)


@pytest.mark.parametrize("tokens", [LIGHT, DARK, high_contrast(LIGHT), high_contrast(DARK)])
def test_everything_written_can_be_read_on_every_background(tokens: Tokens) -> None:
    for name in WRITTEN:
        for background in ("base", "sel"):
            assert contrast(colour(tokens, name), colour(tokens, background)) >= AA_TEXT, (name, background)
    for name in ("text", "text2", "link"):
        for background in ("chrome", "alt", "raised", "sel_idle", "hover", "info_bg", "warn_bg", "failed_bg"):
            assert contrast(colour(tokens, name), colour(tokens, background)) >= AA_TEXT, (name, background)
    assert contrast(tokens.on_accent, tokens.accent) >= AA_TEXT
    for state in ("online", "warn", "failed"):
        assert contrast(tokens.knockout, colour(tokens, state)) >= AA_TEXT
    for background in ("base", "chrome"):
        assert contrast(tokens.line_strong, colour(tokens, background)) >= AA_OUTLINE - 0.05, background


def test_more_contrast_makes_lines_and_secondary_text_as_strong_as_the_others() -> None:
    theme().set_more_contrast(True)
    assert theme().tokens.line == LIGHT.line_strong
    assert theme().tokens.text2 == LIGHT.text


def test_a_change_of_appearance_reaches_widgets_views_and_who_asked(qtbot: QtBot) -> None:
    label, view = QLabel("text"), QTableView()
    qtbot.addWidget(label)
    qtbot.addWidget(view)
    dress_view(view)
    heard: list[bool] = []
    follow_theme(label, lambda _seen, tokens: heard.append(tokens.is_dark))
    with qtbot.waitSignal(theme().changed):
        theme().set_appearance(Appearance.DARK)
    assert heard == [False, True]
    qtbot.waitUntil(lambda: label.palette().color(QPalette.ColorRole.Window) == DARK.chrome)
    assert view.palette().color(QPalette.ColorGroup.Active, QPalette.ColorRole.Highlight) == DARK.sel
    assert view.palette().color(QPalette.ColorGroup.Inactive, QPalette.ColorRole.Highlight) == DARK.sel_idle
    assert DARK.chrome.name() in view.horizontalHeader().styleSheet()


def test_who_is_gone_is_not_dressed_again(qtbot: QtBot) -> None:
    label = QLabel("text")
    heard: list[bool] = []
    follow_theme(label, lambda _seen, tokens: heard.append(tokens.is_dark))
    label.deleteLater()
    qtbot.waitUntil(lambda: not _is_valid(label))
    theme().set_appearance(Appearance.DARK)
    assert heard == [False]


def test_what_is_dressed_anew_forgets_how_it_was_dressed_before(qtbot: QtBot) -> None:
    label = QLabel("text")
    qtbot.addWidget(label)
    heard: list[str] = []
    follow_theme(label, lambda _seen, _tokens: heard.append("first"), subject="icon")
    follow_theme(label, lambda _seen, _tokens: heard.append("second"), subject="icon")
    theme().set_appearance(Appearance.DARK)
    assert heard == ["first", "second", "second"]


def test_the_same_appearance_again_changes_nothing(qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(theme().changed):
        theme().set_appearance(Appearance.LIGHT)


@pytest.mark.parametrize("appearance", [Appearance.LIGHT, Appearance.DARK])
def test_fields_are_outlined_in_the_strong_line(qtbot: QtBot, appearance: Appearance) -> None:
    theme().set_appearance(appearance)
    field = QLineEdit()
    qtbot.addWidget(field)
    field.ensurePolished()
    drawn = field.palette().color(QPalette.ColorRole.Window).darker(round(FUSION_OUTLINE_DARKENING * 100))
    wanted = theme().tokens.line_strong
    assert (
        abs(drawn.red() - wanted.red()) + abs(drawn.green() - wanted.green()) + abs(drawn.blue() - wanted.blue()) <= 3
    )
    assert drawn != QLabel().palette().color(QPalette.ColorRole.Window).darker(140)


def test_fonts_are_the_users_in_other_sizes_and_weights(qapp: QApplication) -> None:
    base = QFont("DejaVu Sans")
    base.setPointSizeF(10)
    assert role_font(FontRole.SMALL, base).pointSizeF() == 9
    assert role_font(FontRole.TITLE, base).pointSizeF() == 12.5
    assert role_font(FontRole.TITLE, base).weight() == QFont.Weight.DemiBold
    assert role_font(FontRole.BODY, base) == base
    assert role_font(FontRole.MONO, base).family() != base.family()
    pixels = QFont("DejaVu Sans")
    pixels.setPixelSize(20)
    assert role_font(FontRole.DISPLAY, pixels).pixelSize() == 29


def test_another_font_of_the_user_is_told_and_used(qapp: QApplication, qtbot: QtBot) -> None:
    larger = QFont(qapp.font())
    larger.setPointSizeF(larger.pointSizeF() + 6)
    with qtbot.waitSignal(theme().changed):
        qapp.setFont(larger)
    assert theme().font(FontRole.SMALL).pointSizeF() == larger.pointSizeF() - 1


def test_large_fonts_grow_the_rows() -> None:
    small, large = QFont("DejaVu Sans", 8), QFont("DejaVu Sans", 30)
    assert height(Height.ROW, QFontMetrics(small)) == 24
    assert height(Height.ROW, QFontMetrics(large)) == QFontMetrics(large).height() + 6


def _is_valid(label: QLabel) -> bool:
    return bool(shiboken6.isValid(label))
