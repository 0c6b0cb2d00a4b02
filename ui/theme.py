"""The look of the window: palettes of the chosen appearance, fonts by role, spacing, and news of a change."""

from enum import Enum, IntEnum, StrEnum

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QFont, QFontDatabase, QFontMetrics
from PySide6.QtWidgets import QApplication

from ui.palettes import OUTLINED_CLASSES, application_palette, outlined_palette
from ui.tokens import DARK, LIGHT, Tokens, high_contrast

MINIMUM_BUTTON_WIDTH = 84
BUTTON_PADDING = 28
NUMBER_FIELD_WIDTH = 86


class Appearance(StrEnum):
    """What the user chose in View > Appearance."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Space(IntEnum):
    """Distances between things, in logical pixels: multiples of the 4 px grid, and the two of forms."""

    TINY = 4
    SMALL = 8
    MEDIUM = 12
    LARGE = 16
    HUGE = 24
    ICON_TEXT = 8
    ICON_TEXT_ROW = 6
    PAGE_MARGIN = 16
    FIELD_GROUPS = 14
    INDENT = 24
    DOT_COLUMN = 10
    LABEL_COLUMN = 150


class Height(IntEnum):
    """Heights in logical pixels for the usual font; ask `height` for what a larger font needs."""

    MENU = 28
    TOOLBAR = 38
    TAB = 32
    STRIP = 32
    PANE_HEADER = 36
    LIST_HEADER = 26
    ROW = 24
    EVENT_ROW = 22
    FIELD = 26
    BUTTON = 28
    STATUS_BAR = 24
    BAND = 40


class FontRole(Enum):
    """What a text is for: points more than the system's size, and whether it is DemiBold."""

    BODY = (0.0, False)
    STRONG = (0.0, True)
    SMALL = (-1.0, False)
    HEADING = (0.5, True)
    TITLE = (2.5, True)
    DISPLAY = (7.0, True)
    MONO = (-1.0, None)  # None, so that it is not an alias of SMALL


def role_font(role: FontRole, base: QFont) -> QFont:
    """Return *base* in the size and weight of *role*; MONO is the system's fixed font, in proportion to *base*."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont) if role is FontRole.MONO else QFont(base)
    points, strong = role.value
    size = base.pointSizeF()
    if size > 0:
        font.setPointSizeF(max(size + points, 1.0))
    else:  # the user's font is given in pixels: a point is 4/3 of one at 96 per inch
        font.setPixelSize(max(round(base.pixelSize() + points * 4 / 3), 1))
    if strong:
        font.setWeight(QFont.Weight.DemiBold)
    return font


def height(of: Height, metrics: QFontMetrics) -> int:
    """Return the height of *of*, or what the font needs when it is large: 3 px above and below, 2 in rows of events."""
    air = 4 if of is Height.EVENT_ROW else 6
    return max(int(of), metrics.height() + air)


class Theme(QObject):
    """The colours and fonts in force.

    `changed` comes when the colours or the user's font became others: who keeps colours, fonts, or pictures made of
    them, forgets them then. Widgets get the palette and the font from Qt a little later, with the next events.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._appearance = Appearance.SYSTEM
        self._more_contrast = False
        self._tokens: Tokens | None = None
        # Held in a variable: the object returned by a chained call is taken for deleted by PySide6 6.11.
        hints = QApplication.styleHints()
        hints.colorSchemeChanged.connect(self.refresh)
        accessibility = hints.accessibility()
        accessibility.contrastPreferenceChanged.connect(self.refresh)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.fontChanged.connect(self._use_font)

    @property
    def tokens(self) -> Tokens:
        """The colours in force."""
        if self._tokens is None:
            self.refresh()
        assert self._tokens is not None
        return self._tokens

    @property
    def appearance(self) -> Appearance:
        return self._appearance

    def set_appearance(self, appearance: Appearance) -> None:
        """Show the window in *appearance* from now on; `Appearance.SYSTEM` follows the system's light or dark."""
        self._appearance = appearance
        hints = QApplication.styleHints()
        # Tells the platform too, so that title bars and native dialogs agree with the window.
        match appearance:
            case Appearance.LIGHT:
                hints.setColorScheme(Qt.ColorScheme.Light)
            case Appearance.DARK:
                hints.setColorScheme(Qt.ColorScheme.Dark)
            case Appearance.SYSTEM:
                hints.unsetColorScheme()
        self.refresh()

    def set_more_contrast(self, wanted: bool) -> None:
        """Strengthen lines and secondary text even if the system does not ask for it."""
        self._more_contrast = wanted
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Work out the colours anew and, where they differ, give them to the application."""
        tokens = self._wanted_tokens()
        if tokens == self._tokens:
            return
        self._tokens = tokens
        QApplication.setPalette(application_palette(tokens))
        for name in OUTLINED_CLASSES:
            # The stub says bytes, the call takes str only (PySide6 6.11).
            QApplication.setPalette(outlined_palette(tokens), name)  # type: ignore[arg-type]
        self.changed.emit()

    @Slot()
    def _use_font(self) -> None:
        self.changed.emit()

    def _wanted_tokens(self) -> Tokens:
        hints = QApplication.styleHints()
        match self._appearance:
            case Appearance.LIGHT:
                dark = False
            case Appearance.DARK:
                dark = True
            case Appearance.SYSTEM:  # a system that does not say (bare X11) is taken for light
                dark = hints.colorScheme() == Qt.ColorScheme.Dark
        tokens = DARK if dark else LIGHT
        accessibility = hints.accessibility()
        asked = accessibility.contrastPreference() == Qt.ContrastPreference.HighContrast
        return high_contrast(tokens) if asked or self._more_contrast else tokens

    def font(self, role: FontRole) -> QFont:
        """Return the user's font in the size and weight of *role*."""
        return role_font(role, QApplication.font())

    def metrics(self, role: FontRole = FontRole.BODY) -> QFontMetrics:
        """Return the measures of the user's font in *role*: right also before the widgets have got it."""
        return QFontMetrics(self.font(role))


def theme() -> Theme:
    """Return the application's theme; the first call makes it and applies it, with Qt's Fusion style.

    Raises:
        RuntimeError: there is no QApplication yet.
    """
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        raise RuntimeError("the theme belongs to a QApplication, and there is none")
    found = application.findChild(Theme, options=Qt.FindChildOption.FindDirectChildrenOnly)
    if isinstance(found, Theme):
        return found
    application.setStyle("Fusion")
    made = Theme(application)
    made.refresh()
    return made
