"""The same as a command: what a dialog would do, as lines for a terminal, with Copy."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QToolButton, QWidget

from ui.skins import follow_theme, tool_button_rules, wear_verb
from ui.theme import FontRole
from ui.widgets.labels import TextLabel
from ui.widgets.panels import InfoPanel, PanelKind


class CommandPanel(InfoPanel):
    """A panel with the commands; hidden while there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.set_panel_kind(PanelKind.PLAIN)
        self.set_title(self.tr("The same as a command"))
        self.commands = TextLabel("", FontRole.MONO, wrap=True, selectable=True)
        self.commands.setAccessibleName(self.tr("The same as a command"))
        self.body.addWidget(self.commands)
        self.copy_button = QToolButton()
        self.copy_button.setText(self.tr("Copy"))
        self.copy_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.copy_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        wear_verb(self.copy_button, "copy")
        follow_theme(self.copy_button, lambda seen, tokens: seen.setStyleSheet(tool_button_rules(tokens)))
        self.copy_button.clicked.connect(self.copy)
        self.head.addWidget(self.copy_button)
        self.show_commands("")

    def show_commands(self, text: str) -> None:
        """Show *text*, one command per line."""
        if text != self.commands.text():
            self.commands.setText(text)
        self.setVisible(bool(text))

    def copy(self) -> None:
        """Put the commands on the clipboard."""
        QGuiApplication.clipboard().setText(self.commands.text())
