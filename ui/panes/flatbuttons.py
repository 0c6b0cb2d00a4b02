"""Flat tool buttons of pane headers and strips: an icon, a word, as wide as its text."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QToolButton, QWidget

from ui.drawing import TOOL_ICON
from ui.skins import follow_theme, tool_button_rules, wear_verb
from ui.tokens import Tokens


class FlatButton(QToolButton):
    """A tool button that asks for the room its text needs, where a style sheet asks for some 20 px more."""

    def sizeHint(self) -> QSize:
        text = self.fontMetrics().horizontalAdvance(self.text().replace("&", ""))
        icon = self.iconSize().width() if not self.icon().isNull() else 0
        return QSize((24 if text else 14) + icon + text, max(26, self.fontMetrics().height() + 8))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()


def flat_button(parent: QWidget, verb: str, text: str, *, checkable: bool = False) -> FlatButton:
    """Return a button with the icon of *verb* and *text*; without text it needs an accessible name of its own."""
    button = FlatButton(parent)
    button.setText(text)
    button.setCheckable(checkable)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setIconSize(TOOL_ICON if text else QSize(16, 16))
    wear_verb(button, verb)
    follow_theme(button, _dress)
    return button


def _dress(button: QToolButton, tokens: Tokens) -> None:
    button.setStyleSheet(tool_button_rules(tokens))
