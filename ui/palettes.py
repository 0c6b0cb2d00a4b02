"""Qt palettes made of the colour tokens: for the application, for controls with an outline, for item views."""

from PySide6.QtGui import QColor, QPalette

from ui.tokens import Tokens

# Fusion draws the outline of a control as its Window colour, .darker(140); there is no role of its own for it.
FUSION_OUTLINE_DARKENING = 1.4
OUTLINED_CLASSES = (
    "QLineEdit",
    "QAbstractSpinBox",
    "QComboBox",
    "QCheckBox",
    "QRadioButton",
    "QPushButton",
    "QPlainTextEdit",
)

Role = QPalette.ColorRole
Group = QPalette.ColorGroup


def application_palette(tokens: Tokens) -> QPalette:
    """Return the palette of everything that has none of its own."""
    palette = QPalette()
    for role, colour in {
        Role.Window: tokens.chrome,
        Role.WindowText: tokens.text,
        Role.Base: tokens.base,
        Role.AlternateBase: tokens.alt,
        Role.Text: tokens.text,
        Role.PlaceholderText: tokens.text2,
        Role.Button: tokens.raised,
        Role.ButtonText: tokens.text,
        Role.BrightText: tokens.failed,
        Role.ToolTipBase: tokens.raised,
        Role.ToolTipText: tokens.text,
        Role.Highlight: tokens.accent,
        Role.HighlightedText: tokens.on_accent,
        Role.Accent: tokens.accent,
        Role.Link: tokens.link,
        Role.LinkVisited: tokens.link,
        Role.Light: tokens.raised,
        Role.Midlight: tokens.chrome,
        Role.Mid: tokens.line_strong,
        Role.Dark: tokens.line_strong,
        Role.Shadow: tokens.sunken if tokens.is_dark else tokens.line_strong,
    }.items():
        palette.setColor(role, colour)
    for role in (Role.WindowText, Role.Text, Role.ButtonText, Role.PlaceholderText, Role.ToolTipText):
        palette.setColor(Group.Disabled, role, tokens.disabled)
    palette.setColor(Group.Disabled, Role.Base, tokens.chrome)
    palette.setColor(Group.Disabled, Role.Highlight, tokens.sel_idle)
    palette.setColor(Group.Disabled, Role.HighlightedText, tokens.disabled)
    return palette


def outlined_palette(tokens: Tokens) -> QPalette:
    """Return the palette whose outline, as Fusion draws it, is *line_strong*."""
    palette = application_palette(tokens)
    palette.setColor(Role.Window, _outline_source(tokens.line_strong))
    palette.setColor(Group.Disabled, Role.Window, _outline_source(tokens.line))
    return palette


def view_palette(tokens: Tokens, *, framed: bool) -> QPalette:
    """Return the palette of an item view: its selection leaves the state colours readable."""
    palette = outlined_palette(tokens) if framed else application_palette(tokens)
    palette.setColor(Group.Active, Role.Highlight, tokens.sel)
    palette.setColor(Group.Inactive, Role.Highlight, tokens.sel_idle)
    for group in (Group.Active, Group.Inactive):
        palette.setColor(group, Role.HighlightedText, tokens.text)
    palette.setColor(Group.Disabled, Role.Base, tokens.base)
    return palette


def _outline_source(outline: QColor) -> QColor:
    return QColor(*(min(255, round(part * FUSION_OUTLINE_DARKENING)) for part in _rgb(outline)))


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()
