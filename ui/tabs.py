"""Tabs of open clusters: glyph, name, how connected; in groups that can be tiled."""

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QStackedWidget, QTabBar, QToolButton, QVBoxLayout, QWidget

from ui.clusterarea import ClusterArea
from ui.icons import GLYPH_SIZE, icon_store, state_pixmap
from ui.panes.flatbuttons import flat_button
from ui.skins import follow_theme
from ui.theme import FontRole, Height, height, theme

MARGIN = 12
GAP = 8
CLOSE = 16
LEAST_WIDTH = 120


class ClusterTabs(QTabBar):
    """Draws a tab as a state glyph, the cluster's name in DemiBold, and quietly by which node."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._texts: list[tuple[str, str, str]] = []
        self._active = True
        self._closing = -1
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(True)
        self.setMouseTracking(True)
        self.setElideMode(Qt.TextElideMode.ElideRight)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(self.tr("Open clusters"))
        follow_theme(self, lambda seen, _tokens: seen.updateGeometry())

    def show_tab(self, index: int, glyph: str, name: str, connected: str) -> None:
        """Show these in the tab at *index*."""
        while len(self._texts) <= index:
            self._texts.append(("unknown", "", ""))
        if self._texts[index] == (glyph, name, connected):
            return
        resized = self._texts[index][1:] != (name, connected)
        self._texts[index] = (glyph, name, connected)
        if resized:
            self.setTabText(index, f"{name} {connected}".strip())  # what screen readers say; also lays out anew
        self.update()

    def forget_tab(self, index: int) -> None:
        """Drop what was shown in a tab that is removed."""
        del self._texts[index]

    def set_active(self, active: bool) -> None:
        """Mark the current tab in accent, or in grey while another tile is the active one."""
        self._active = active
        self.update()

    def tabSizeHint(self, index: int) -> QSize:
        _, name, connected = self._texts[index] if index < len(self._texts) else ("", "", "")
        width = MARGIN + GLYPH_SIZE + GAP + self._strong().horizontalAdvance(name) + GAP
        if connected:
            width += self.fontMetrics().horizontalAdvance(connected) + GAP
        return QSize(max(LEAST_WIDTH, width + CLOSE + MARGIN), height(Height.TAB, self.fontMetrics()))

    def minimumTabSizeHint(self, index: int) -> QSize:
        return QSize(LEAST_WIDTH, self.tabSizeHint(index).height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.tabAt(event.position().toPoint())
        middle = event.button() == Qt.MouseButton.MiddleButton
        if index >= 0 and (middle or self._close_rect(index).contains(event.position().toPoint())):
            self._closing = index
            return
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        closing, self._closing = self._closing, -1
        if closing >= 0 and self.tabAt(event.position().toPoint()) == closing:
            self.tabCloseRequested.emit(closing)
            return
        super().mouseReleaseEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().tokens.sunken)
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme().tokens.line)
        for index in range(self.count()):
            self._paint_tab(painter, index, self.tabRect(index))

    def _paint_tab(self, painter: QPainter, index: int, rect: QRect) -> None:
        tokens = theme().tokens
        current = index == self.currentIndex()
        glyph, name, connected = self._texts[index] if index < len(self._texts) else ("unknown", "", "")
        if current:
            painter.fillRect(rect, tokens.chrome)
            painter.fillRect(rect.left(), 0, rect.width(), 2, tokens.accent if self._active else tokens.line_strong)
        elif rect.contains(self.mapFromGlobal(self.cursor().pos())):
            painter.fillRect(rect.adjusted(0, 0, 0, -1), tokens.hover)
        painter.fillRect(rect.right(), rect.top(), 1, rect.height(), tokens.line)
        if current and self.hasFocus():
            painter.setPen(QPen(tokens.accent, 1))
            painter.drawRect(rect.adjusted(1, 3, -2, -2))
        left = rect.left() + MARGIN
        top = rect.top() + (rect.height() - GLYPH_SIZE) // 2 + 1
        painter.drawPixmap(left, top, state_pixmap(glyph, GLYPH_SIZE, self.devicePixelRatioF()))
        left += GLYPH_SIZE + GAP
        right = self._close_rect(index).left() - GAP
        painter.setFont(theme().font(FontRole.STRONG) if current else self.font())
        painter.setPen(tokens.text if current else tokens.text2)
        left = self._write(painter, name, QRect(left, rect.top() + 1, right - left, rect.height()))
        painter.setFont(self.font())
        painter.setPen(tokens.text2)
        self._write(painter, connected, QRect(left + GAP, rect.top() + 1, right - left - GAP, rect.height()))
        close = icon_store().pixmap("verb-close", CLOSE, tokens.ink, self.devicePixelRatioF())
        painter.drawPixmap(self._close_rect(index).topLeft(), close)

    @staticmethod
    def _write(painter: QPainter, text: str, room: QRect) -> int:
        """Write *text*, elided, and return where it ends."""
        if room.width() <= 0 or not text:
            return room.left()
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine), shown)
        return room.left() + painter.fontMetrics().horizontalAdvance(shown)

    def _close_rect(self, index: int) -> QRect:
        rect = self.tabRect(index)
        return QRect(QPoint(rect.right() - MARGIN + 4 - CLOSE, rect.center().y() - CLOSE // 2 + 2), QSize(CLOSE, CLOSE))

    @staticmethod
    def _strong() -> QFontMetrics:
        return QFontMetrics(theme().font(FontRole.STRONG))


class TabGroup(QWidget):
    """One tile: tabs, and the area of the current one."""

    activated = Signal()  # the person turned to this tile
    current_changed = Signal()
    close_wanted = Signal(object)  # ClusterArea
    open_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tabs = ClusterTabs(self)
        self.pages = QStackedWidget(self)
        self.plus: QToolButton = flat_button(self, "new", "")
        self.plus.setAccessibleName(self.tr("Open another cluster"))
        self.plus.setToolTip(self.tr("Open another cluster (Ctrl+O)"))
        self.plus.clicked.connect(self.open_wanted)
        self.tabs.currentChanged.connect(self._current_changed)
        self.tabs.tabCloseRequested.connect(lambda index: self.close_wanted.emit(self.pages.widget(index)))
        head = _TabStrip(self)
        row = QHBoxLayout(head)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(4)
        row.addWidget(self.tabs)
        row.addWidget(self.plus)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(self.pages, 1)

    def areas(self) -> list[ClusterArea]:
        found = (self.pages.widget(index) for index in range(self.pages.count()))
        return [area for area in found if isinstance(area, ClusterArea)]

    def current(self) -> ClusterArea | None:
        area = self.pages.currentWidget()
        return area if isinstance(area, ClusterArea) else None

    def add(self, area: ClusterArea) -> None:
        """Add a tab for *area* and make it current."""
        self.pages.addWidget(area)
        area.changed.connect(self.refresh_tabs)
        self.tabs.addTab("")
        self.refresh_tabs()
        self.tabs.setCurrentIndex(self.tabs.count() - 1)

    def remove(self, area: ClusterArea) -> None:
        """Take the tab of *area* away; the area itself is the caller's again."""
        index = self.pages.indexOf(area)
        area.changed.disconnect(self.refresh_tabs)
        self.tabs.blockSignals(True)
        self.tabs.removeTab(index)
        self.tabs.blockSignals(False)
        self.tabs.forget_tab(index)
        self.pages.removeWidget(area)
        self._current_changed(self.tabs.currentIndex())

    def show_area(self, area: ClusterArea) -> None:
        """Make the tab of *area* current."""
        self.tabs.setCurrentIndex(self.pages.indexOf(area))

    def refresh_tabs(self) -> None:
        """Show in each tab how its cluster is."""
        for index, area in enumerate(self.areas()):
            self.tabs.show_tab(index, area.glyph, area.cluster.name, area.connected_by)

    def _current_changed(self, index: int) -> None:
        if 0 <= index < self.pages.count():
            self.pages.setCurrentIndex(index)
        self.current_changed.emit()


class _TabStrip(QWidget):
    """The sunken strip behind tabs and plus."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        follow_theme(self, lambda seen, _t: seen.setFixedHeight(height(Height.TAB, seen.fontMetrics())))

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().tokens.sunken)
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme().tokens.line)
