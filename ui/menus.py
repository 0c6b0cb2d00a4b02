"""Menu bar and tool bar, made of the window's actions."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QMenu, QMenuBar, QSizePolicy, QToolBar, QToolButton, QWidget

from nodeagent.api.requests import Verb
from ui.actions import MENU_ORDER, WindowActions
from ui.drawing import TOOL_ICON
from ui.skins import dress_tool_bar, follow_theme, wear_verb
from ui.tokens import Tokens
from ui.verbs import Offer

FIND_WIDTH = 240
SHEET_ROOM = 24  # borders, padding and gap of a tool button under our sheet
# Tool buttons in the order in which they lose their words when the window is narrow.
WORDLESS_FIRST = ("why", "output", "properties", "new", "open", "move", "offline", "online")


def dress_menu_bar(bar: QMenuBar) -> None:
    """Make the menu bar as high as the design wants it, on chrome."""
    follow_theme(bar, _dress_menu_bar)


def _dress_menu_bar(bar: QMenuBar, tokens: Tokens) -> None:
    bar.setStyleSheet(
        f"QMenuBar {{ background: {tokens.chrome.name()}; padding: 0 2px; }}"
        f"QMenuBar::item {{ padding: 5px 10px; color: {tokens.text.name()}; background: transparent; }}"
        f"QMenuBar::item:selected {{ background: {tokens.sel.name()}; }}"
    )


class Menus:
    """The menus of the menu bar; those that change are filled when they are opened."""

    def __init__(self, bar: QMenuBar, actions: WindowActions) -> None:
        tr = actions.tr
        dress_menu_bar(bar)
        self.actions = actions
        self.file = bar.addMenu(tr("&File"))
        self.edit = bar.addMenu(tr("&Edit"))
        self.view = bar.addMenu(tr("&View"))
        self.action = bar.addMenu(tr("&Action"))
        self.window = bar.addMenu(tr("&Window"))
        self.help = bar.addMenu(tr("&Help"))
        self.recent = QMenu(tr("Recently Open"), self.file)
        self.move = QMenu(tr("Move Group To"), self.action)
        self.move.setAccessibleName(tr("Move Group To"))
        self._fill_file(tr)
        self._fill_edit()
        self._fill_view(tr)
        self._fill_action()
        self._fill_window()
        self.help.addAction(actions["keyboard"])
        self.help.addAction(actions["about"])
        for menu in (self.file, self.edit, self.view, self.action, self.window, self.help):
            menu.setToolTipsVisible(True)

    def shortcut_menu(self, parent: QWidget, found: Mapping[Verb, Offer]) -> QMenu:
        """Return the verbs of what is selected, as the right mouse button shows them: what applies, on or off."""
        menu = QMenu(parent)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.setToolTipsVisible(True)
        applying = {verb for verb, offer in found.items() if offer.items or offer.refused}
        for verbs in MENU_ORDER:
            for verb in (verb for verb in verbs if verb in applying):
                menu.addAction(self.actions.verbs[verb])
                if verb is Verb.MOVE_GROUP:
                    menu.addMenu(self.move)
            menu.addSeparator()  # Qt shows one only of several that follow each other
        menu.addAction(self.actions["output"])
        menu.addAction(self.actions["why"])
        for key in ("power_off", "power_on"):
            menu.addAction(self.actions[key])
        return menu

    def _fill_file(self, tr: Callable[[str], str]) -> None:
        actions = self.actions
        self.file.addAction(actions["open"])
        self.file.addMenu(self.recent)
        new = self.file.addMenu(tr("New"))
        new.addAction(actions.verbs[Verb.NEW_GROUP])
        new.addAction(actions.verbs[Verb.NEW_RESOURCE])
        self.file.addSeparator()
        self.file.addAction(actions["close"])
        self.file.addAction(actions["quit"])

    def _fill_edit(self) -> None:
        actions = self.actions
        for entry in (actions.verbs[Verb.RENAME], actions.verbs[Verb.DELETE]):
            self.edit.addAction(entry)
        self.edit.addSeparator()
        for key in ("copy_names", "select_all"):
            self.edit.addAction(actions[key])
        self.edit.addSeparator()
        for key in ("filter", "find"):
            self.edit.addAction(actions[key])

    def _fill_view(self, tr: Callable[[str], str]) -> None:
        actions = self.actions
        for key in ("details", "events", "toolbar", "status_bar"):
            self.view.addAction(actions[key])
        appearance = self.view.addMenu(tr("Appearance"))
        appearance.addActions(actions.appearances.actions())
        self.view.addSeparator()
        for key in ("up", "next_pane", "previous_pane", "refresh"):
            self.view.addAction(actions[key])

    def _fill_action(self) -> None:
        for verbs in MENU_ORDER:
            for verb in verbs:
                self.action.addAction(self.actions.verbs[verb])
                if verb is Verb.MOVE_GROUP:
                    self.action.addMenu(self.move)
            self.action.addSeparator()
        for key in ("output", "why", "power_off", "power_on"):
            self.action.addAction(self.actions[key])

    def _fill_window(self) -> None:
        for key in ("next_tab", "tile_side", "tile_above"):
            self.window.addAction(self.actions[key])
        self.window.addSeparator()


class ToolBar(QToolBar):
    """At most nine verbs in a fixed order; when it is narrow, words go first, by our order."""

    def __init__(self, actions: WindowActions, move_menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Tool bar"))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self._buttons: dict[str, _ToolButton] = {}
        dress_tool_bar(self)
        self._add("open", actions["open"])
        self.addSeparator()
        self._add("online", actions.verbs[Verb.BRING_ONLINE])
        self._add("offline", actions.verbs[Verb.TAKE_OFFLINE])
        self._add("move", actions.verbs[Verb.MOVE_GROUP], move_menu, split=True)
        self.addSeparator()
        self.new = QAction(self.tr("New…"), self)
        self.new.setIconText(self.new.text())
        wear_verb(self.new, "new")
        self.new.setToolTip(self.tr("Create a group or a resource"))
        menu = QMenu(self)
        menu.addAction(actions.verbs[Verb.NEW_GROUP])
        menu.addAction(actions.verbs[Verb.NEW_RESOURCE])
        self._add("new", self.new, menu)
        self._add("properties", actions.verbs[Verb.PROPERTIES])
        self._add("output", actions["output"])
        self._add("why", actions["why"])
        gap = QWidget(self)
        gap.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(gap)
        self.finder = _FindField(actions["find"], self)
        self.addWidget(self.finder)
        self._add("details", actions["details"], worded=False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(200, super().minimumSizeHint().height())

    def fit(self) -> None:
        """Give words to as many buttons as there is room for."""
        for silent in range(len(WORDLESS_FIRST) + 1):
            for number, key in enumerate(WORDLESS_FIRST):
                self._buttons[key].set_worded(number >= silent)
            if self._needed() <= self.width():
                return

    def _needed(self) -> int:
        return sum(button.sizeHint().width() + 2 for button in self._buttons.values()) + FIND_WIDTH + 60

    def _add(
        self, key: str, action: QAction, menu: QMenu | None = None, *, split: bool = False, worded: bool = True
    ) -> None:
        button = _ToolButton(action, self)
        if menu is not None:
            button.setMenu(menu)
            modes = QToolButton.ToolButtonPopupMode
            button.setPopupMode(modes.MenuButtonPopup if split else modes.InstantPopup)
        button.set_worded(worded)
        self.addWidget(button)
        self._buttons[key] = button


class _ToolButton(QToolButton):
    """Asks for the width of its text; under a style sheet Qt asks for some 20 px too much."""

    def __init__(self, action: QAction, parent: QWidget) -> None:
        super().__init__(parent)
        self._worded = True
        self.setDefaultAction(action)
        self.setStyleSheet("QToolButton::menu-indicator { image: none; width: 0; }")
        self.setIconSize(TOOL_ICON)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(action.text())

    def set_worded(self, worded: bool) -> None:
        styles = Qt.ToolButtonStyle
        self._worded = worded
        self.setToolButtonStyle(styles.ToolButtonTextBesideIcon if worded else styles.ToolButtonIconOnly)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        arrow = 18 if self.popupMode() == QToolButton.ToolButtonPopupMode.MenuButtonPopup else 0
        text = self.fontMetrics().horizontalAdvance(self._shown_text()) if self._worded else 0
        icon = TOOL_ICON.width()
        return QSize(SHEET_ROOM + icon + text + arrow, max(28, self.fontMetrics().height() + 10))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _shown_text(self) -> str:
        action = self.defaultAction()
        return action.iconText() if action is not None else self.text()


class _FindField(QLineEdit):
    """Looks like a field, opens the palette: by click, or by typing into it."""

    def __init__(self, action: QAction, parent: QWidget) -> None:
        super().__init__(parent)
        self._action = action
        self.setReadOnly(True)
        self.setPlaceholderText(self.tr("Find object or command  (Ctrl+K)"))
        self.setAccessibleName(self.tr("Find object or command"))
        self.setFixedWidth(FIND_WIDTH)
        self.setMinimumHeight(26)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        icon = self.addAction(action.icon(), QLineEdit.ActionPosition.LeadingPosition)
        wear_verb(icon, "search")
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mousePressEvent(self, event: object) -> None:
        del event
        self._action.trigger()
