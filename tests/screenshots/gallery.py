"""Draws the icons, the controls, a list and a tree into PNG files: ``gallery.py FOLDER [SCALE ...]``."""

import os
import subprocess
import sys
from pathlib import Path

# A screen is not needed, and the script is run by its path.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QTabBar,
    QTableView,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

import icons
from tests.screenshots.samples import STATES, Rows, event_rows, resource_rows, tree
from ui.icons import kind_pixmap, state_pixmap, verb_icon
from ui.models.roles import Tone
from ui.skins import dress_cluster_tabs, dress_page_tabs, dress_tool_bar, dress_view, wear_state, wear_verb
from ui.theme import Appearance, FontRole, Height, Space, theme
from ui.tokens import Tokens
from ui.widgets import (
    Band,
    Chip,
    Choice,
    ElidedLabel,
    FieldError,
    FieldReason,
    FilterField,
    InfoPanel,
    LinkLabel,
    PaneHeader,
    StateLabel,
    TextLabel,
    TwoLists,
)
from ui.widgets.band import BandKind

SCALES = ("1", "1.25", "2")
VERBS_IN_ROW = 14


class IconSheet(QWidget):
    """All drawings at 16 and 32 px, the glyphs at 14, 16 and 32, badges, the glyphs without colour, and the tokens."""

    def __init__(self) -> None:
        super().__init__()
        self._verb_names = [name.removeprefix("verb-") for name in sorted(icons.names()) if name.startswith("verb-")]
        self._rows = -(-len(self._verb_names) // VERBS_IN_ROW)
        self.setFixedSize(1180, 66 + self._rows * 54 + 320)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        del event
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().tokens.base)
        self._kinds(painter, [name.removeprefix("kind-") for name in sorted(icons.names()) if name.startswith("kind-")])
        for row in range(self._rows):
            start = row * VERBS_IN_ROW
            self._verbs(painter, self._verb_names[start : start + VERBS_IN_ROW], 66 + row * 54)
        painter.translate(0, 66 + self._rows * 54 - 174)
        self._states(painter)
        self._tokens(painter)

    def _caption(self, painter: QPainter, x: int, y: int, text: str) -> None:
        painter.setFont(QFont(theme().font(FontRole.SMALL).family(), 7))
        painter.setPen(theme().tokens.text2)
        painter.drawText(QRect(x, y, 92, 14), int(Qt.AlignmentFlag.AlignHCenter), text)

    def _kinds(self, painter: QPainter, kinds: list[str]) -> None:
        step, ratio = 1180 // len(kinds), self.devicePixelRatioF()
        for place, kind in enumerate(kinds):
            x = place * step + 8
            painter.drawPixmap(x, 16, kind_pixmap(kind, 16, ratio))
            painter.drawPixmap(x + 22, 8, kind_pixmap(kind, 32, ratio))
            self._caption(painter, x - 18, 44, kind)

    def _verbs(self, painter: QPainter, verbs: list[str], top: int) -> None:
        for place, verb in enumerate(verbs):
            x = place * (1180 // VERBS_IN_ROW) + 24
            verb_icon(verb).paint(painter, QRect(x, top + 5, 16, 16))
            verb_icon(verb).paint(painter, QRect(x + 20, top, 24, 24))
            self._caption(painter, x - 24, top + 28, verb)

    def _states(self, painter: QPainter) -> None:
        ratio, tokens = self.devicePixelRatioF(), theme().tokens
        for place, state in enumerate(STATES):
            x = place * 90 + 10
            painter.drawPixmap(x, 189, state_pixmap(state, 14, ratio))
            painter.drawPixmap(x + 20, 188, state_pixmap(state, 16, ratio))
            painter.drawPixmap(x + 42, 180, state_pixmap(state, 32, ratio))
            self._caption(painter, x - 8, 218, state)
            painter.drawPixmap(x, 240, kind_pixmap("node", 32, ratio, state))
            painter.drawPixmap(x + 40, 240, kind_pixmap("physical-disk", 32, ratio, state))
            painter.drawPixmap(x, 280, kind_pixmap("group", 24, ratio, state))
            painter.drawPixmap(x + 40, 276, kind_pixmap("generic-service", 48, ratio, state))
            painter.drawPixmap(x + 8, 334, state_pixmap(state, 24, ratio, tokens.text2))

    def _tokens(self, painter: QPainter) -> None:
        tokens = theme().tokens
        for place, name in enumerate(Tokens.__slots__):
            x, y = place % 14 * 83 + 10, 376 + place // 14 * 52
            painter.setPen(tokens.line)
            painter.setBrush(getattr(tokens, name))
            painter.drawRoundedRect(x, y, 60, 24, 3, 3)
            self._caption(painter, x - 16, y + 27, name)


def table(model: Rows, widths: tuple[int, ...], row: Height) -> QTableView:
    view = QTableView()
    model.setParent(view)
    view.setModel(model)
    dress_view(view, row=row)
    for column, width in enumerate(widths):
        view.setColumnWidth(column, width)
    return view


def lists() -> QWidget:
    page = QWidget()
    page.setFixedSize(1180, 640)
    column = QVBoxLayout(page)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    bar = QToolBar()
    for verb, text in (
        ("open", "Open…"),
        ("bring-online", "Bring Online"),
        ("take-offline", "Take Offline"),
        ("move-group", "Move Group"),
    ):
        action = bar.addAction(text)
        wear_verb(action, verb)
        action.setEnabled(verb != "take-offline")
    bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    dress_tool_bar(bar)
    column.addWidget(bar)
    tabs = QTabBar()
    for name in ("WEBFARM", "HALAB"):
        tabs.addTab(name)
    dress_cluster_tabs(tabs)
    tabs.setExpanding(False)
    column.addWidget(tabs)
    strip = QWidget()
    row = QHBoxLayout(strip)
    row.setContentsMargins(10, 4, 8, 4)
    row.setSpacing(2)
    row.addWidget(TextLabel("Resources", tone=Tone.TEXT2))
    for place, state in enumerate(STATES[:8]):
        chip = Chip(state, state, strip)
        chip.show_count(place + 1, worded=place > 0, stale=state == "Unknown")
        chip.setChecked(state == "Failed")
        row.addWidget(chip)
    row.addStretch(1)
    column.addWidget(strip)
    band = Band(BandKind.WARN)
    column.addWidget(band)
    band.say(
        "Connection to WEBFARM lost 38 s ago.",
        "Showing 14:31:07. Trying ceres; 3 tries failed, next in 6 s.",
        glyph="unknown",
    )
    for text in ("Try Now", "What Was Tried…"):
        band.add_button(text)
    body = QHBoxLayout()
    body.setSpacing(1)
    left = tree()
    left.setFixedWidth(244)
    body.addWidget(left)
    right = QVBoxLayout()
    right.setSpacing(0)
    header = PaneHeader("Resources")
    header.set_kind("resources")
    header.set_subtitle("all groups")
    header.add_widget(TextLabel("11 of 20", tone=Tone.TEXT2))
    header.add_widget(FilterField("Filter, e.g. state:failed", "Filter resources"))
    right.addWidget(header)
    resources = table(resource_rows(), (142, 136, 96, 152), Height.ROW)
    resources.selectRow(10)
    right.addWidget(resources, 3)
    events = PaneHeader("Events")
    events.set_subtitle("stopped at 14:31:07; missed events are fetched on reconnection", Tone.WARN)
    right.addWidget(events)
    right.addWidget(table(event_rows(), (154, 76, 172), Height.EVENT_ROW), 2)
    body.addLayout(right)
    column.addLayout(body, 1)
    resources.setFocus()
    return page


def controls() -> QWidget:
    page = QWidget()
    page.setFixedSize(1180, 760)
    columns = QHBoxLayout(page)
    columns.setContentsMargins(*(Space.PAGE_MARGIN,) * 4)
    columns.setSpacing(Space.HUGE)
    left, right = QVBoxLayout(), QVBoxLayout()
    columns.addLayout(left, 5)
    columns.addLayout(right, 6)
    left.setSpacing(Space.SMALL)
    right.setSpacing(Space.SMALL)
    left.addWidget(TextLabel("PostgreSQL", FontRole.TITLE))
    left.addWidget(StateLabel("online", "Online on boreas, in group Orders Database"))
    pages = QTabBar()
    for name in ("General", "Dependencies", "Advanced", "Parameters"):
        pages.addTab(name)
    pages.setCurrentIndex(2)
    pages.setExpanding(False)
    dress_page_tabs(pages)
    left.addWidget(pages)
    left.addWidget(TextLabel("When the resource fails", FontRole.STRONG))
    left.addWidget(QRadioButton("Do not restart"))
    restart = QRadioButton("Restart")
    restart.setChecked(True)
    left.addWidget(restart)
    check = QCheckBox("Affect the group")
    check.setChecked(True)
    left.addWidget(check)
    numbers = QHBoxLayout()
    spin = QSpinBox()
    spin.setRange(0, 10000)
    spin.setValue(900)
    spin.setFixedWidth(86)
    numbers.addWidget(spin)
    numbers.addWidget(TextLabel("seconds"))
    numbers.addWidget(TextLabel("= 15 min", tone=Tone.TEXT2))
    numbers.addStretch(1)
    combo = QComboBox()
    combo.addItems(["postgresql@16-main.service", "other"])
    numbers.addWidget(combo)
    left.addLayout(numbers)
    field = QLineEdit("srv/orders")
    left.addWidget(field)
    error = FieldError(field)
    left.addWidget(error)
    error.show_problem("Must be an absolute path; write /srv/orders.")
    off = QCheckBox("Use Network Name for computer name")
    off.setEnabled(False)
    left.addWidget(off)
    reason = FieldReason()
    left.addWidget(reason)
    reason.show_reason("Needs a direct dependency on a Network Name.", "Add Orders Name…")
    command = QPlainTextEdit("clusteradmin resource PostgreSQL --priv ServiceName=postgresql@16-main.service")
    command.setFont(theme().font(FontRole.MONO))
    command.setFixedHeight(48)
    left.addWidget(command)
    panel = InfoPanel("What these settings do")
    panel.set_text(
        "If PostgreSQL fails, it is restarted on the same node, at most 5 times in 15 minutes. "
        "The next failure moves the whole group Orders Database (5 resources) to its best possible owner."
    )
    left.addWidget(panel)
    left.addStretch(1)
    buttons = QHBoxLayout()
    buttons.addStretch(1)
    for text in ("OK", "Cancel", "Apply"):
        button = QPushButton(text)
        button.setDefault(text == "OK")
        button.setEnabled(text != "Apply")
        button.setMinimumWidth(84)
        buttons.addWidget(button)
    left.addLayout(buttons)
    right.addWidget(TextLabel("Dependencies", FontRole.TITLE))
    two = TwoLists("Available in Orders Database", "Orders Exporter goes online after", ordered=True)
    two.set_choices(
        [
            Choice("name", "Orders Name", "network-name", "Network Name"),
            Choice("ip", "Orders IP", "ip-address", "IP Address"),
            Choice("disk", "Orders Disk", "physical-disk", "Physical Disk"),
            Choice("api", "Orders API", "generic-application", "Generic Application"),
            Choice("node", "ceres", "node", "Node", "paused"),
            Choice("sql", "PostgreSQL", "generic-service", "Generic Service"),
            Choice("job", "Nightly", "generic-script", "Generic Script"),
        ],
        ["sql", "job"],
    )
    two.set_refusals({"api": "Would be a circle: Orders API → PostgreSQL → Orders API"})
    two.available.selectRow(0)
    two.chosen_view.selectRow(1)
    right.addWidget(two)
    for kind, text in ((BandKind.INFO, "ceres joins the cluster."), (BandKind.FAILED, "doris is down since 14:31:02.")):
        band = Band(kind)
        right.addWidget(band)
        band.say(text, "Its groups are taken over at 14:31:09.2 at the latest, and this sentence is long.")
        band.add_button("Why?")
    line = QHBoxLayout()
    line.addWidget(ElidedLabel("A name that is far too long for the room that it has here, and is elided"))
    line.addWidget(link := LinkLabel("Make boreas a possible owner…"))
    link.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    right.addLayout(line)
    icons_row = QHBoxLayout()
    for state in ("online", "failed"):
        button = QPushButton(state.title())
        wear_state(button, state)
        icons_row.addWidget(button)
    right.addLayout(icons_row)
    return page


def draw(folder: Path, scale: str) -> None:
    """Draw every sheet in both appearances, at the scale this process was started with."""
    application = QApplication(sys.argv[:1])
    application.setFont(QFont(os.environ.get("GALLERY_FONT", "Noto Sans"), 10))
    for appearance in (Appearance.LIGHT, Appearance.DARK):
        theme().set_appearance(appearance)
        for name, make in (("icons", IconSheet), ("lists", lists), ("controls", controls)):
            sheet = make()
            sheet.show()
            application.processEvents()
            sheet.grab().save(str(folder / f"{name}-{appearance}-{scale}.png"))
            sheet.close()
            sheet.deleteLater()
    application.processEvents()


def main(arguments: list[str]) -> None:
    folder, *scales = arguments
    Path(folder).mkdir(parents=True, exist_ok=True)
    if os.environ.get("GALLERY_SCALE"):
        draw(Path(folder), os.environ["GALLERY_SCALE"])
        return
    for scale in scales or SCALES:  # Qt takes its scale from the environment, once for each process
        environment = {**os.environ, "QT_SCALE_FACTOR": scale, "GALLERY_SCALE": scale}
        subprocess.run([sys.executable, __file__, folder], env=environment, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
