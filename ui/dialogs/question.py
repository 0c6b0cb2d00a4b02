"""A question before something that cannot be undone: what goes, by name, and a button that repeats the verb."""

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QWidget

from ui.dialogs.frame import FramedDialog
from ui.widgets.panels import InfoPanel

WIDTH = 480


class Question(FramedDialog):
    """Says what will be done; done it is only by its button."""

    def __init__(
        self, title: str, text: str, accept: str, parent: QWidget, *, also: str = "", names: Sequence[str] = ()
    ) -> None:
        """Ask.

        Args:
            title: verb and object.
            text: what happens, in a sentence.
            accept: the verb, on the button.
            also: title of the panel that lists *names*, what is affected besides.
        """
        super().__init__(title, accept, parent)
        self.set_accept_text(accept)
        self.setMinimumWidth(WIDTH)
        self.add_text(text)
        if names:
            panel = InfoPanel(also)
            panel.set_text("\n".join(names))
            self.page.addWidget(panel)
        self.page.addStretch(1)


def ask(question: Question, accepted: Callable[[], object]) -> Question:
    """Show *question*, and call *accepted* when it is answered by its button."""
    question.accepted.connect(accepted)
    question.open()
    return question
