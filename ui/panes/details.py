"""The Details pane: state and since when, why it is here, and what can be done now with what consequence."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from nodeagent.api.objects import ClusterObject
from nodeagent.api.requests import Verb
from ui.icons import kind_pixmap
from ui.models.explain import Explanation, NodeLine, explain
from ui.models.picture import Picture
from ui.models.roles import Tone
from ui.panes.verbrow import VerbRow
from ui.skins import dress_scroll_bars, follow_theme
from ui.theme import FontRole, Space
from ui.tokens import Tokens
from ui.verbs import Offer
from ui.widgets.emptying import clear
from ui.widgets.labels import ElidedLabel, StateLabel, TextLabel
from ui.widgets.lines import HairLine
from ui.words import verb_drawing, verb_title

ICON = 32
MINIMUM_WIDTH = 270
# Verbs that are always to be had are not listed: they say nothing of the object's state.
UNLISTED = (Verb.PROPERTIES, Verb.RENAME, Verb.NEW_GROUP, Verb.NEW_RESOURCE)


class DetailsPane(QScrollArea):
    """Shows one selection of one cluster."""

    verb_wanted = Signal(object)  # Verb

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shortcuts: Mapping[Verb, str] = {}
        self._shown: Explanation | None = None
        self._offers: dict[Verb, Offer] = {}
        self.rows: dict[Verb, VerbRow] = {}
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumWidth(MINIMUM_WIDTH)
        self.setAccessibleName(self.tr("Details"))
        dress_scroll_bars(self)
        self._page = QWidget(self)
        self._icon = QLabel()
        self._icon.setFixedSize(ICON, ICON)
        self._name = ElidedLabel(role=FontRole.TITLE)
        self._state = StateLabel()
        self._plain_state = ElidedLabel(tone=Tone.TEXT2)
        self._why_title = TextLabel(role=FontRole.HEADING)
        self._sentences = QVBoxLayout()
        self._can_title = TextLabel(self.tr("What you can do now"), role=FontRole.HEADING)
        self._verbs = QVBoxLayout()
        self._lay_out()
        follow_theme(self, DetailsPane._dress)

    def set_shortcuts(self, shortcuts: Mapping[Verb, str]) -> None:
        """Show these shortcuts beside the verbs."""
        self._shortcuts = dict(shortcuts)

    def show_selection(self, selection: Sequence[ClusterObject], picture: Picture, found: dict[Verb, Offer]) -> None:
        """Show *selection* and what can be done with it; what did not change is left alone."""
        explanation = explain(selection, picture)
        if explanation != self._shown:
            self._show(explanation)
        self._show_offers(found)

    def sizeHint(self) -> QSize:
        return QSize(320, 400)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    # Parts

    def _fit(self) -> None:
        """Give the page the height that its wrapped texts need: a scroll area by itself squeezes them."""
        self._page.setMinimumHeight(max(0, self._page.heightForWidth(self.viewport().width())))

    def _show(self, explanation: Explanation) -> None:
        before, self._shown = self._shown, explanation
        self._name.setText(explanation.name)
        has_state = explanation.glyph is not None
        self._state.setVisible(has_state)
        self._plain_state.setVisible(not has_state)
        if explanation.glyph is not None:
            bad = explanation.glyph in ("Failed", "Down") and not explanation.stale
            usual = Tone.FAILED if bad else Tone.TEXT2
            tone = Tone.STALE if explanation.stale else usual
            self._state.show_state(explanation.glyph, explanation.state, tone)
        self._plain_state.setText(explanation.state)
        self._why_title.setText(explanation.title)
        self._why_title.setVisible(bool(explanation.title and (explanation.sentences or explanation.nodes)))
        self._show_icon()
        if (
            before is None
            or before.sentences != explanation.sentences
            or before.nodes != explanation.nodes
            or before.nodes_title != explanation.nodes_title
            or before.stale is not explanation.stale
        ):
            self._show_sentences(explanation)

    def _show_sentences(self, explanation: Explanation) -> None:
        clear(self._sentences)
        for sentence in explanation.sentences:
            self._sentences.addWidget(TextLabel(sentence, wrap=True, selectable=True))
        if explanation.nodes:
            self._sentences.addSpacing(Space.TINY)
            self._sentences.addWidget(TextLabel(explanation.nodes_title, tone=Tone.TEXT2))
            for line in explanation.nodes:
                self._sentences.addWidget(_NodeRow(line, stale=explanation.stale))

    def _show_offers(self, found: dict[Verb, Offer]) -> None:
        if found == self._offers:
            return
        self._offers = found
        listed = [verb for verb in found if verb not in UNLISTED and (found[verb].items or found[verb].refused)]
        if listed != list(self.rows):
            clear(self._verbs)
            self.rows = {}
            for verb in listed:
                row = VerbRow(verb_drawing(verb), verb_title(verb), self._shortcuts.get(verb, ""))
                row.clicked.connect(lambda _on=False, verb=verb: self.verb_wanted.emit(verb))
                self._verbs.addWidget(row)
                QWidget.setTabOrder(list(self.rows.values())[-1] if self.rows else self, row)
                self.rows[verb] = row
        for verb, row in self.rows.items():
            offer = found[verb]
            sentence = offer.consequence if offer.possible else self.tr("Not now: {0}").format(offer.reason)
            title = verb_title(verb)
            if verb is Verb.MOVE_GROUP and len(offer.items) == 1:
                title = f"{title} {offer.items[0].name}"
            row.show_offer(title, sentence, possible=offer.possible)
        off = found[Verb.BRING_ONLINE].reason if not listed else ""
        self._off.setText(off)
        self._off.setVisible(bool(off))
        self._fit()

    def _show_icon(self) -> None:
        if self._shown is not None:
            state = None if self._shown.stale else self._shown.glyph
            self._icon.setPixmap(kind_pixmap(self._shown.drawing, ICON, self.devicePixelRatioF(), state))

    def _dress(self, tokens: Tokens) -> None:
        palette = self.palette()
        palette.setColor(palette.ColorRole.Window, tokens.base)
        self.setPalette(palette)
        self.viewport().setPalette(palette)
        self._page.setPalette(palette)
        self._show_icon()

    def _lay_out(self) -> None:
        page = self._page
        page.setAutoFillBackground(True)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._name)
        words.addWidget(self._state)
        words.addWidget(self._plain_state)
        head = QHBoxLayout()
        head.setSpacing(Space.MEDIUM)
        head.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        self._off = TextLabel(tone=Tone.TEXT2, wrap=True)
        self._sentences.setSpacing(Space.TINY)
        self._verbs.setSpacing(Space.TINY)
        column = QVBoxLayout(page)
        column.setContentsMargins(Space.MEDIUM, Space.MEDIUM, Space.MEDIUM, Space.MEDIUM)
        column.setSpacing(Space.SMALL)
        column.addLayout(head)
        column.addWidget(HairLine(page, air=0))
        column.addWidget(self._why_title)
        column.addLayout(self._sentences)
        column.addWidget(HairLine(page, air=0))
        column.addWidget(self._can_title)
        column.addWidget(self._off)
        column.addLayout(self._verbs)
        column.addStretch(1)
        self.setWidget(page)


class _NodeRow(QWidget):
    """A node's glyph and name, and beside it whether it could take the group."""

    def __init__(self, line: NodeLine, *, stale: bool) -> None:
        super().__init__()
        name = StateLabel(line.glyph, line.name, Tone.STALE if stale else Tone.TEXT)
        reason = TextLabel(line.reason, FontRole.SMALL, Tone.TEXT2, wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.SMALL)
        row.addWidget(name, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(reason, 1, Qt.AlignmentFlag.AlignTop)
