"""A question before something that cannot be undone: what goes, by name, and a button that repeats the verb."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QLineEdit, QWidget

from nodeagent.api.spelling import comparable
from ui.dialogs.frame import FramedDialog
from ui.theme import FontRole
from ui.widgets.labels import TextLabel
from ui.widgets.panels import InfoPanel

WIDTH = 480


class Question(FramedDialog):
    """Says what will be done; done it is only by its button."""

    def __init__(
        self,
        title: str,
        text: str,
        accept: str,
        parent: QWidget,
        *,
        also: str = "",
        names: Sequence[str] = (),
        confirm: str = "",
    ) -> None:
        """Ask.

        Args:
            title: verb and object.
            text: what happens, in a sentence.
            accept: the verb, on the button.
            also: title of the panel that lists *names*, what is affected besides.
            confirm: the name that has to be typed before the button is on.
        """
        super().__init__(title, accept, parent)
        self.set_accept_text(accept)
        self.setMinimumWidth(WIDTH)
        self.add_text(text)
        if names:
            panel = InfoPanel(also)
            panel.set_text("\n".join(names))
            self.page.addWidget(panel)
        self.field = QLineEdit()
        self.field.setVisible(bool(confirm))
        if confirm:
            label = TextLabel(self.tr("Type the name {0} to confirm").format(confirm), FontRole.HEADING)
            label.setBuddy(self.field)
            self.field.setAccessibleName(label.text())
            self.page.addWidget(label)
            self.page.addWidget(self.field)
            self.field.textChanged.connect(lambda typed: self.accept_button.setEnabled(_same(typed, confirm)))
            self.accept_button.setEnabled(False)
            self.field.setFocus()
        self.page.addStretch(1)

    @property
    def typed(self) -> str:
        """What was typed to confirm."""
        return self.field.text().strip()


def _same(typed: str, name: str) -> bool:
    return comparable(typed.strip()) == comparable(name)


def ask(question: Question, accepted: Callable[[], object]) -> Question:
    """Show *question*, and call *accepted* when it is answered by its button."""
    question.accepted.connect(accepted)
    question.open()
    return question
