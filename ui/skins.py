"""Style sheets of the four chrome widgets that date Fusion: headers, scroll bars, tool bars, tabs; dresses views.

Never on fields, combo boxes, spin boxes and buttons (a sheet takes their native drawing away), and never on the
application (every widget would be painted by QStyleSheetStyle: a list twice as slowly).
"""

from collections.abc import Callable
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QFrame,
    QHeaderView,
    QTabBar,
    QTableView,
    QToolBar,
    QTreeView,
    QWidget,
)

from ui.delegate import PADDING, CellDelegate
from ui.drawing import TOOL_ICON
from ui.icons import kind_icon, state_glyph, verb_icon
from ui.palettes import view_palette
from ui.theme import FontRole, Height, height, theme
from ui.tokens import Tokens

Dressed = TypeVar("Dressed", bound=QObject)
TREE_INDENTATION = 16


class _Skin(QObject):
    """Dresses its parent whenever the theme changes. It does not hold the widget, or neither would ever be freed."""

    def __init__(self, widget: QObject, dress: Callable[[Any, Tokens], None]) -> None:
        super().__init__(widget)
        self._dress = dress
        self._theme = theme()
        self._theme.changed.connect(self.dress)
        self.dress()

    @Slot()
    def dress(self) -> None:
        self._dress(self.parent(), self._theme.tokens)

    def retire(self) -> None:
        """Dress no more."""
        self._theme.changed.disconnect(self.dress)
        self.setParent(None)
        self.deleteLater()


def follow_theme(widget: Dressed, dress: Callable[[Dressed, Tokens], None], *, subject: str | None = None) -> None:
    """Call *dress* with *widget* and the colours, now and at every change, until the widget is gone.

    Args:
        widget: who is dressed.
        dress: must not hold the widget itself: a function, or ``Class.method`` rather than ``self.method``.
        subject: what is dressed, when that may be done anew: the earlier *dress* of the same subject is forgotten.
    """
    if subject is not None:
        earlier = widget.findChild(_Skin, subject, Qt.FindChildOption.FindDirectChildrenOnly)
        if isinstance(earlier, _Skin):
            earlier.retire()
    _Skin(widget, dress).setObjectName(subject or "")


def lie_on_base(page: QWidget) -> None:
    """Give a page the background of lists, now and in every theme."""
    page.setAutoFillBackground(True)
    follow_theme(page, _dress_page, subject="background")


def _dress_page(page: QWidget, tokens: Tokens) -> None:
    palette = page.palette()
    palette.setColor(QPalette.ColorRole.Window, tokens.base)
    page.setPalette(palette)


def dress_view(view: QAbstractItemView, *, row: Height = Height.ROW, framed: bool = False) -> CellDelegate:
    """Give a list, tree or event view our delegate, palette, flat header and scroll bars; return the delegate.

    Args:
        view: a QTableView or QTreeView; the owner still sets its model, column widths and selection mode.
        row: the height of rows in the usual font; a larger font makes them higher.
        framed: whether it has an outline, as views in dialogs do.
    """
    delegate = CellDelegate(view, row)
    view.setItemDelegate(delegate)
    view.setFrameShape(QFrame.Shape.StyledPanel if framed else QFrame.Shape.NoFrame)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    dress_scroll_bars(view)
    if isinstance(view, QTableView):
        view.setShowGrid(False)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)  # Tab leaves the view
        view.verticalHeader().hide()
        view.verticalHeader().setMinimumSectionSize(1)
        dress_header(view.horizontalHeader())
    elif isinstance(view, QTreeView):
        view.setUniformRowHeights(True)
        view.setIndentation(TREE_INDENTATION)
        dress_header(view.header())
    follow_theme(view, _dress_framed_view if framed else _dress_plain_view)
    return delegate


def _dress_plain_view(view: QAbstractItemView, tokens: Tokens) -> None:
    _dress_rows(view, view_palette(tokens, framed=False))


def _dress_framed_view(view: QAbstractItemView, tokens: Tokens) -> None:
    _dress_rows(view, view_palette(tokens, framed=True))


def _dress_rows(view: QAbstractItemView, palette: QPalette) -> None:
    view.setPalette(palette)
    delegate = view.itemDelegate()
    if isinstance(view, QTableView) and isinstance(delegate, CellDelegate):
        delegate.use_font(theme().font(FontRole.BODY))
        view.verticalHeader().setDefaultSectionSize(delegate.row_height)


def dress_header(header: QHeaderView) -> None:
    """Make a header flat: chrome, one hairline below, hairlines between the sections."""
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setHighlightSections(False)
    header.setStretchLastSection(True)
    follow_theme(header, _dress_header)


def _dress_header(header: QHeaderView, tokens: Tokens) -> None:
    header.setStyleSheet(header_sheet(tokens))
    header.setFixedHeight(height(Height.LIST_HEADER, theme().metrics()))


def dress_scroll_bars(area: QAbstractScrollArea) -> None:
    """Make both scroll bars 12 px wide, without arrows."""
    for bar in (area.verticalScrollBar(), area.horizontalScrollBar()):
        follow_theme(bar, lambda seen, tokens: seen.setStyleSheet(scroll_bar_sheet(tokens)))


def dress_tool_bar(bar: QToolBar) -> None:
    """Make a tool bar and its buttons flat, text beside icon, where it is."""
    bar.setIconSize(TOOL_ICON)
    bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    bar.setMovable(False)
    follow_theme(bar, _dress_tool_bar)


def _dress_tool_bar(bar: QToolBar, tokens: Tokens) -> None:
    bar.setStyleSheet(tool_bar_sheet(tokens))
    bar.setFixedHeight(height(Height.TOOLBAR, theme().metrics()))


def dress_cluster_tabs(bar: QTabBar) -> None:
    """Make tabs flat on the sunken strip, a 2 px accent line on top of the current one."""
    bar.setDrawBase(False)
    follow_theme(bar, lambda seen, tokens: seen.setStyleSheet(cluster_tabs_sheet(tokens)))


def dress_page_tabs(bar: QTabBar) -> None:
    """Make the tabs of a property sheet flat, the current one underlined by 2 px accent."""
    bar.setDrawBase(False)
    follow_theme(bar, lambda seen, tokens: seen.setStyleSheet(page_tabs_sheet(tokens)))


def wear_verb(wearer: QAction | QAbstractButton, verb: str) -> None:
    """Give an action or button the icon of *verb*, now and in every theme."""
    follow_theme(wearer, lambda seen, _tokens: seen.setIcon(verb_icon(verb)), subject="icon")


def wear_kind(wearer: QAction | QAbstractButton, kind: str) -> None:
    """Give an action or button the icon of *kind*, now and in every theme."""
    follow_theme(wearer, lambda seen, _tokens: seen.setIcon(kind_icon(kind)), subject="icon")


def wear_state(wearer: QAction | QAbstractButton, state: str) -> None:
    """Give an action or button the glyph of *state*, now and in every theme."""
    follow_theme(wearer, lambda seen, _tokens: seen.setIcon(state_glyph(state)), subject="icon")


def header_sheet(tokens: Tokens) -> str:
    return (
        f"QHeaderView {{ background: {tokens.chrome.name()}; border: none; }}"
        f"QHeaderView::section {{ background: {tokens.chrome.name()}; color: {tokens.text2.name()}; border: none;"
        f" border-right: 1px solid {tokens.line.name()}; border-bottom: 1px solid {tokens.line.name()};"
        f" padding: 0 {PADDING}px 0 {PADDING}px; font-weight: normal; }}"
        f"QHeaderView::section:hover {{ background: {tokens.hover.name()}; }}"
    )


def scroll_bar_sheet(tokens: Tokens) -> str:
    handle = tokens.line_strong.name()
    return (
        "QScrollBar { background: transparent; border: none; margin: 0; }"
        "QScrollBar:vertical { width: 12px; } QScrollBar:horizontal { height: 12px; }"
        f"QScrollBar::handle {{ background: {handle}; border-radius: 3px; margin: 3px; }}"
        "QScrollBar::handle:vertical { min-height: 28px; } QScrollBar::handle:horizontal { min-width: 28px; }"
        f"QScrollBar::handle:hover {{ background: {tokens.text2.name()}; }}"
        "QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }"
        "QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }"
    )


def tool_bar_sheet(tokens: Tokens) -> str:
    return (
        f"QToolBar {{ background: {tokens.chrome.name()}; border: none;"
        f" border-bottom: 1px solid {tokens.line.name()}; spacing: 2px; padding: 3px 6px; }}"
        f"QToolBar::separator {{ background: {tokens.line.name()}; width: 1px; margin: 5px 5px; }}"
    ) + tool_button_rules(tokens)


def tool_button_rules(tokens: Tokens) -> str:
    """Return the rules of flat tool buttons, which chips and pane headers use too."""
    return (
        f"QToolButton {{ color: {tokens.text.name()}; background: transparent;"
        " border: 1px solid transparent; border-radius: 3px; padding: 3px 5px; }"
        f"QToolButton:hover {{ background: {tokens.hover.name()}; border-color: {tokens.line.name()}; }}"
        f"QToolButton:focus {{ border-color: {tokens.accent.name()}; }}"
        f"QToolButton:pressed {{ background: {tokens.sel_idle.name()}; }}"
        f"QToolButton:checked {{ background: {tokens.sel.name()}; border-color: {tokens.accent.name()}; }}"
        f"QToolButton:disabled {{ color: {tokens.disabled.name()}; }}"
        "QToolButton[popupMode='1'] { padding-right: 18px; }"
        "QToolButton::menu-button { border: none; width: 16px; }"
    )


def cluster_tabs_sheet(tokens: Tokens) -> str:
    return (
        f"QTabBar {{ background: {tokens.sunken.name()}; border: none; }}"
        f"QTabBar::tab {{ background: transparent; color: {tokens.text2.name()}; border: none;"
        f" border-top: 2px solid transparent; border-right: 1px solid {tokens.line.name()};"
        " padding: 0 10px; height: 30px; }"
        f"QTabBar::tab:hover {{ background: {tokens.hover.name()}; }}"
        f"QTabBar::tab:selected {{ background: {tokens.chrome.name()}; color: {tokens.text.name()};"
        f" border-top-color: {tokens.accent.name()}; }}"
        f"QTabBar[idle='true']::tab:selected {{ border-top-color: {tokens.line_strong.name()}; }}"
        f"QTabBar::tab:focus {{ border: 1px solid {tokens.accent.name()}; }}"
    )


def page_tabs_sheet(tokens: Tokens) -> str:
    return (
        "QTabBar { background: transparent; border: none; }"
        f"QTabBar::tab {{ background: transparent; color: {tokens.text2.name()}; border: none;"
        " border-bottom: 2px solid transparent; padding: 7px 12px 7px 12px; }"
        f"QTabBar::tab:hover {{ color: {tokens.text.name()}; }}"
        f"QTabBar::tab:selected {{ color: {tokens.text.name()}; border-bottom-color: {tokens.accent.name()}; }}"
        f"QTabBar::tab:focus {{ border: 1px solid {tokens.accent.name()};"
        f" border-bottom: 2px solid {tokens.accent.name()}; }}"
        f"QTabBar::tab:disabled {{ color: {tokens.disabled.name()}; }}"
    )
