"""The strip above a cluster: how many nodes, groups and resources are in each state; a click lists them."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from ui.models.counts import SECTIONS, Kind, Section, counts
from ui.models.picture import Picture
from ui.models.roles import Tone
from ui.models.takeover import takeover_sentence
from ui.skins import follow_theme
from ui.theme import Height, Space, height, theme
from ui.widgets.chip import Chip
from ui.widgets.labels import ElidedLabel, TextLabel
from ui.widgets.lines import Divider

# The order in which chips give up their words when there is little room.
WORDLESS_FIRST = (
    "up",
    "online",
    "unknown",
    "stale",
    "joining",
    "offline",
    "pending",
    "partially online",
    "paused",
    "down",
    "failed",
)


class Strip(QWidget):
    """Chips of all states that occur. Normal ones show a number, exceptions number and word where there is room."""

    wanted = Signal(object, str)  # Place to list, filter for it; an empty filter when a chip is switched off

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chips: dict[tuple[str, str], Chip] = {}
        self._titles: list[TextLabel] = []
        self._lines: list[Divider] = []
        self._sentence = ElidedLabel(tone=Tone.TEXT2)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._live = True
        self._left_out: frozenset[str] = frozenset()  # glyphs whose chips have no room
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.MEDIUM - 1, 0, Space.SMALL, 1)
        row.setSpacing(2)
        for section in SECTIONS:
            self._add_section(row, section)
        row.addStretch(1)
        row.addWidget(self._sentence)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Summary"))
        follow_theme(self, lambda seen, _t: seen.setFixedHeight(height(Height.STRIP, seen.fontMetrics())))

    def show_picture(self, picture: Picture) -> None:
        """Count what *picture* has."""
        self._live = picture.live
        found = counts(picture)
        for (section, glyph), chip in self._chips.items():
            chip.show_count(found[section][glyph], stale=not picture.live)
        self._sentence.setText(takeover_sentence(picture))
        self._fit()

    def show_filter(self, section_place: object, text: str) -> None:
        """Mark the chip whose filter is in force for the list that is shown."""
        for section in SECTIONS:
            for kind in section.kinds:
                chip = self._chips[section.key, kind.glyph]
                chip.blockSignals(True)
                chip.setChecked(bool(text) and section.place == section_place and kind.filter == text)
                chip.blockSignals(False)
        self._fit()

    # Room

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def _fit(self) -> None:
        """Give words to as many exceptions as there is room for: those that speak for themselves lose them first.

        Then the titles go, the air around the chips, and at last whole chips in the same order; their states are in the
        list, too.
        """
        for title in self._titles:
            title.setVisible(True)
        self._left_out = frozenset()
        self._set_tight(False)
        for silent in range(len(WORDLESS_FIRST) + 1):
            self._give_words(frozenset(WORDLESS_FIRST[:silent]))
            if self._needed() <= self.width():
                break
        if self._needed() > self.width():
            for title in self._titles:
                title.setVisible(False)
            self._set_tight(self._needed() > self.width())
            for number in range(len(WORDLESS_FIRST)):
                if self._needed() <= self.width():
                    break
                self._left_out = frozenset(WORDLESS_FIRST[: number + 1])
        for (_, glyph), chip in self._chips.items():
            chip.setVisible(glyph not in self._left_out and (chip.count > 0 or chip.isChecked()))
        # An ellipsis of it would say nothing.
        self._sentence.setVisible(self._needed() + self._sentence.sizeHint().width() + Space.LARGE <= self.width())

    def _set_tight(self, tight: bool) -> None:
        for chip in self._chips.values():
            chip.set_tight(tight)

    def _give_words(self, silent: frozenset[str]) -> None:
        for section in SECTIONS:
            chips = [(kind, self._chips[section.key, kind.glyph]) for kind in section.kinds]
            healthy = all(kind.normal or not chip.count for kind, chip in chips)
            for kind, chip in chips:
                worded = kind.glyph not in silent and (healthy or not kind.normal)
                chip.show_count(chip.count, worded=worded, stale=not self._live)

    def _needed(self) -> int:
        shown = (chip for (_, glyph), chip in self._chips.items() if glyph not in self._left_out)
        chips = [chip for chip in shown if chip.count or chip.isChecked()]
        titles = [title for title in self._titles if not title.isHidden()]
        widths = sum(widget.sizeHint().width() + 2 for widget in (*chips, *titles))
        return widths + len(self._lines) * (Space.MEDIUM + 5) + Space.MEDIUM * 2

    # Parts

    def _add_section(self, row: QHBoxLayout, section: Section) -> None:
        if self._titles:
            line = Divider(20, self)
            row.addSpacing(Space.MEDIUM // 2)
            row.addWidget(line)
            row.addSpacing(Space.MEDIUM // 2)
            self._lines.append(line)
        title = TextLabel(section.text(), tone=Tone.TEXT2, parent=self)
        row.addWidget(title)
        self._titles.append(title)
        for kind in section.kinds:
            chip = Chip(kind.glyph, kind.text(), self)
            chip.clicked.connect(lambda on, place=section.place, kind=kind: self._clicked(place, kind, on))
            row.addWidget(chip)
            self._chips[section.key, kind.glyph] = chip

    def _clicked(self, place: object, kind: Kind, on: bool) -> None:
        self.wanted.emit(place, kind.filter if on else "")

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme().tokens.line)
