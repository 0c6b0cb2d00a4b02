"""Icons of kinds, verbs and states in the colours of the theme, drawn once for each size, colour and screen."""

from functools import cache

from PySide6.QtCore import QObject, QRectF, Qt, Slot
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPixmap, QScreen

import icons
from ui.drawing import composed, drawn, widened
from ui.theme import theme
from ui.tokens import Tokens

RATIOS = (1.0, 1.25, 1.5, 2.0, 3.0)  # for others Qt takes the next larger one and scales it down
SIZES = {"kind": (16, 24, 32, 48), "verb": (16, 24, 32), "state": (14, 16, 24, 32)}  # each costs 0.1 ms a ratio
GLYPH_SIZE = 14  # a state glyph in a row, tab or chip
BADGE_FROM = 24  # below, a badge hides the kind
BADGE_SHARE = 0.62

# Names that a state may have, to the drawing that shows it; all others are the drawing's own name.
_SAME_GLYPH = {
    "up": "online",
    "ok": "online",
    "down": "failed",
    "error": "failed",
    "unavailable": "offline",
    "unreachable": "failed",
    "pending": "online-pending",
    "joining": "online-pending",
    "initializing": "online-pending",
    "partial": "partially-online",
    "info": "information",
}
_COLOUR_OF_GLYPH = {
    "online": "online",
    "check": "online",
    "offline": "offline",
    "failed": "failed",
    "online-pending": "pending",
    "offline-pending": "pending",
    "progress": "pending",
    "partially-online": "warn",
    "paused": "warn",
    "partitioned": "warn",
    "warning": "warn",
    "stale": "unknown",
    "unknown": "unknown",
    "information": "text2",
}


_NO_BADGE = frozenset({"information", "check", "arrow", "expand", "collapse"})


@cache
def glyph_name(state: str) -> str:
    """Return the drawing for *state*, in any spelling: ``Online Pending``, ``ONLINE_PENDING``, ``online-pending``.

    A state without a drawing, as a newer Cluster Service may report, is shown as unknown: it is.
    """
    name = state.strip().lower().replace(" ", "-").replace("_", "-")
    name = _SAME_GLYPH.get(name, name)
    return name if f"state-{name}" in icons.names() else "unknown"


@cache
def kind_name(kind: str) -> str:
    """Return the drawing for *kind*, in any spelling: ``IP Address``, ``ip-address``; `resource` if it has none."""
    name = kind.strip().lower().replace(" ", "-").replace("_", "-")
    return name if f"kind-{name}" in icons.names() else "resource"


def state_colour(state: str, tokens: Tokens) -> QColor:
    """Return the colour in which the glyph of *state* is drawn."""
    colour = getattr(tokens, _COLOUR_OF_GLYPH.get(glyph_name(state), "ink"))
    assert isinstance(colour, QColor)
    return colour


class IconStore(QObject):
    """The pixmaps and icons drawn so far, by size, colour and ratio.

    Another theme makes it forget them, and so does a screen whose ratio no other had: icons carry pixmaps for the
    ratios of the screens there are, since all five would cost 10 ms an icon.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._pixmaps: dict[tuple[str, int, int, float], QPixmap] = {}
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._theme = theme()
        self._tokens = self._theme.tokens
        self._ratios = _ratios_of_screens()
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.screenAdded.connect(self._meet_screen)
        for screen in QGuiApplication.screens():
            screen.geometryChanged.connect(self._check_ratios)

    def _meet_screen(self, screen: QScreen) -> None:
        screen.geometryChanged.connect(self._check_ratios)
        self._check_ratios()

    @Slot()
    def _check_ratios(self) -> None:
        self.use_ratios(_ratios_of_screens())

    @property
    def ratios(self) -> tuple[float, ...]:
        """The ratios that icons have pixmaps for."""
        return self._ratios

    def use_ratios(self, ratios: tuple[float, ...]) -> None:
        """Make icons for screens of *ratios*, some of RATIOS, from now on, and have them asked for anew."""
        if ratios != self._ratios:
            self._ratios = ratios
            self.forget()
            self._theme.changed.emit()

    def forget(self) -> None:
        """Empty the caches."""
        self._pixmaps.clear()
        self._icons.clear()
        self._tokens = self._theme.tokens

    def _tokens_in_force(self) -> Tokens:
        """Return the colours, after forgetting what was drawn in others.

        Asked for at each use, not told by `changed`: a widget that hears of the change first must not get old icons.
        """
        if self._tokens is not self._theme.tokens:
            self.forget()
        return self._tokens

    def pixmap(self, name: str, size: int, colour: QColor, ratio: float) -> QPixmap:
        """Return the drawing *name*, *size* logical pixels wide and high, in *colour*.

        Raises:
            KeyError: there is no drawing of that name.
        """
        tokens = self._tokens_in_force()
        key = (name, size, colour.rgba(), ratio)
        found = self._pixmaps.get(key)
        if found is None:
            found = self._pixmaps[key] = drawn(name, size, colour, tokens.knockout, ratio)
        return found

    def badged(self, kind: str, state: str, size: int, ratio: float) -> QPixmap:
        """Return the icon of *kind* with the glyph of *state* in its lower right corner, plain below 24 px."""
        tokens = self._tokens_in_force()
        plain = self.pixmap(f"kind-{kind_name(kind)}", size, tokens.ink, ratio)
        if size < BADGE_FROM:
            return plain
        glyph = glyph_name(state)
        if glyph in _NO_BADGE:
            return plain
        name, colour = f"kind-{kind_name(kind)}+{glyph}", state_colour(state, tokens)
        key = (name, size, colour.rgba(), ratio)
        if key not in self._pixmaps:
            side = round(size * BADGE_SHARE)
            badge = self.pixmap(f"state-{glyph}", side, colour, ratio)
            self._pixmaps[key] = composed(plain, badge, glyph, QRectF(size - side, size - side, side, side))
        return self._pixmaps[key]

    def icon(self, name: str, state: str | None = None) -> QIcon:
        """Return the drawing *name* as an icon of all sizes: in ink (a state in its colour), grey when disabled.

        With *state* its glyph is added as a badge to sizes from 24 px up; *name* is then that of a kind.
        """
        self._tokens_in_force()
        key = (name, state or "")
        found = self._icons.get(key)
        if found is None:
            found = self._icons[key] = self._make_icon(name, state)
        return found

    def _make_icon(self, name: str, state: str | None) -> QIcon:
        tokens = self._tokens
        icon = QIcon()
        colour = state_colour(name.removeprefix("state-"), tokens) if name.startswith("state-") else tokens.ink
        for size in SIZES[name.partition("-")[0]]:
            for ratio in self._ratios:
                normal = (
                    self.badged(name.removeprefix("kind-"), state, size, ratio)
                    if state is not None
                    else self.pixmap(name, size, colour, ratio)
                )
                # Selected and Active are given, or Qt tints the normal one with the highlight.
                for mode in (QIcon.Mode.Normal, QIcon.Mode.Active, QIcon.Mode.Selected):
                    icon.addPixmap(normal, mode)
                icon.addPixmap(self.pixmap(name, size, tokens.disabled, ratio), QIcon.Mode.Disabled)
        if name.startswith("verb-"):
            for ratio in self._ratios:
                icon.addPixmap(widened(self.pixmap(name, 16, colour, ratio)))
                icon.addPixmap(widened(self.pixmap(name, 16, tokens.disabled, ratio)), QIcon.Mode.Disabled)
        return icon


def icon_store() -> IconStore:
    """Return the store of the application's theme."""
    owner = theme()
    found = owner.findChild(IconStore, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return found if isinstance(found, IconStore) else IconStore(owner)


def kind_icon(kind: str, state: str | None = None) -> QIcon:
    """Return the icon of a kind of object, with the badge of *state* from 24 px up."""
    return icon_store().icon(f"kind-{kind_name(kind)}", state)


def verb_icon(verb: str) -> QIcon:
    """Return the icon of a verb, named as in the menu: ``bring-online``.

    Raises:
        KeyError: the verb has no drawing.
    """
    return icon_store().icon(f"verb-{verb}")


def state_glyph(state: str) -> QIcon:
    """Return the glyph of a state in its colour."""
    return icon_store().icon(f"state-{glyph_name(state)}")


def kind_pixmap(kind: str, size: int, ratio: float, state: str | None = None) -> QPixmap:
    """Return the icon of a kind for a screen of *ratio* device pixels, badged with *state* from 24 px up."""
    if state is not None:
        return icon_store().badged(kind, state, size, ratio)
    return icon_store().pixmap(f"kind-{kind_name(kind)}", size, theme().tokens.ink, ratio)


def state_pixmap(state: str, size: int, ratio: float, colour: QColor | None = None) -> QPixmap:
    """Return the glyph of a state; in *colour* instead of its own where what it says is old."""
    wanted = state_colour(state, theme().tokens) if colour is None else colour
    return icon_store().pixmap(f"state-{glyph_name(state)}", size, wanted, ratio)


def application_icon() -> QIcon:
    """Return the program's own icon, in all sizes that desktops ask for."""
    icon = QIcon()
    for size in (16, 24, 32, 48, 64, 128, 256):
        icon.addPixmap(drawn("app", size, QColor(), QColor(), 1.0))
    return icon


def _ratios_of_screens() -> tuple[float, ...]:
    """Return those of RATIOS that serve the present screens: for each the next larger one."""
    wanted = [screen.devicePixelRatio() for screen in QGuiApplication.screens()]
    return tuple(sorted({next((each for each in RATIOS if each >= ratio), RATIOS[-1]) for ratio in wanted}))
