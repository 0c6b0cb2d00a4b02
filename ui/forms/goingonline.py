"""The order of going online, drawn in one line or a few: rank → rank → the resource itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from nodeagent.api.objects import Resource
from ui.icons import kind_pixmap
from ui.skins import follow_theme
from ui.theme import FontRole, Space, theme

_ICON = 16
_LINE = 22


@dataclass(frozen=True, slots=True)
class _Piece:
    place: QRect
    text: str
    kind: str = ""  # of an arrow: none
    strong: bool = False


class GoingOnline(QWidget):
    """Draws the ranks; wraps where the width ends."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ranks: tuple[tuple[Resource, ...], ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)
        follow_theme(self, lambda seen, _tokens: seen.update())

    def show_ranks(self, ranks: Sequence[Sequence[Resource]]) -> None:
        """Show who goes online before whom; the last rank is the resource in question."""
        self._ranks = tuple(tuple(rank) for rank in ranks)
        self.setAccessibleName(self.text())
        self._fit()
        self.update()

    def text(self) -> str:
        """Return the order in words: "Disk, IP → Name → App"."""
        return " → ".join(", ".join(one.name for one in rank) for rank in self._ranks)

    def sizeHint(self) -> QSize:
        return QSize(200, self._height())

    def minimumSizeHint(self) -> QSize:
        return QSize(100, self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if self.minimumHeight() != self._height():
            self.setFixedHeight(self._height())

    def _height(self) -> int:
        return max((piece.place.bottom() + 1 for piece in self._pieces()), default=_LINE)

    def _pieces(self) -> Iterator[_Piece]:
        plain, strong = (QFontMetrics(theme().font(role)) for role in (FontRole.BODY, FontRole.STRONG))
        line = max(_LINE, plain.height() + 4)
        room = max(self.width(), 100)
        x = y = 0
        for number, rank in enumerate(self._ranks):
            last = number == len(self._ranks) - 1
            for place, one in enumerate(rank):
                comma = "," if place < len(rank) - 1 else ""
                width = (strong if last else plain).horizontalAdvance(one.name + comma) + 1
                whole = _ICON + Space.ICON_TEXT_ROW + width
                if x and x + whole > room:
                    x, y = 0, y + line
                yield _Piece(QRect(x, y, min(whole, room), line), one.name + comma, one.type, last)
                x += whole + Space.SMALL
            if not last:
                yield _Piece(QRect(x, y, plain.horizontalAdvance("→"), line), "→")
                x += plain.horizontalAdvance("→") + Space.SMALL

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        tokens = theme().tokens
        for piece in self._pieces():
            painter.setFont(theme().font(FontRole.STRONG if piece.strong else FontRole.BODY))
            room = piece.place
            if piece.kind:
                icon = kind_pixmap(piece.kind, _ICON, self.devicePixelRatioF())
                painter.drawPixmap(QPoint(room.left(), room.top() + (room.height() - _ICON) // 2), icon)
                room = room.adjusted(_ICON + Space.ICON_TEXT_ROW, 0, 0, 0)
            painter.setPen(tokens.text if piece.kind else tokens.text2)
            shown = painter.fontMetrics().elidedText(piece.text, Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine), shown)
