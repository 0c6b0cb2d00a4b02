"""Colours: the one place of the window that names them, in a light and a dark set, and their contrast."""

import dataclasses
from dataclasses import dataclass

from PySide6.QtGui import QColor


@dataclass(frozen=True, slots=True)
class Tokens:
    """One set of colours. Every text pair but *disabled* has at least 4.5:1 on *base* and on *sel* (WCAG 2 AA)."""

    chrome: QColor  # bars and dialogs
    base: QColor  # lists, trees, pages
    alt: QColor  # unfolded causes
    sunken: QColor  # tab strip, wizard rail
    raised: QColor  # tooltips, graph boxes, buttons
    line: QColor  # hairlines: decoration
    line_strong: QColor  # outlines of controls and frames: 3:1 (WCAG 1.4.11)
    text: QColor  # names, values, state words
    text2: QColor  # secondary text, property names, placeholders
    disabled: QColor  # disabled controls only, never a reason
    accent: QColor  # focus, current tab, default button, changed dot
    on_accent: QColor  # text on accent
    pending: QColor
    link: QColor  # underlined always
    sel: QColor  # selected row of the focused view
    sel_idle: QColor  # selected row of another view
    hover: QColor  # row under the mouse
    online: QColor
    warn: QColor  # Partially Online, Paused, Partitioned, warnings, ages
    failed: QColor
    offline: QColor
    unknown: QColor
    ink: QColor  # strokes of kind and verb icons
    knockout: QColor  # the mark inside a filled glyph
    info_bg: QColor  # what-if panels
    warn_bg: QColor
    failed_bg: QColor

    @property
    def is_dark(self) -> bool:
        """Tell whether surfaces are darker than what is written on them."""
        return luminance(self.base) < luminance(self.text)


LIGHT = Tokens(
    chrome=QColor("#F2F4F6"),
    base=QColor("#FFFFFF"),
    alt=QColor("#F7F8FA"),
    sunken=QColor("#E9ECEF"),
    raised=QColor("#FFFFFF"),
    line=QColor("#D8DDE2"),
    line_strong=QColor("#878F99"),
    text=QColor("#1B2026"),
    text2=QColor("#56606B"),
    disabled=QColor("#8B949E"),
    accent=QColor("#0B5FB0"),
    on_accent=QColor("#FFFFFF"),
    pending=QColor("#0B5FB0"),
    link=QColor("#0B5FB0"),
    sel=QColor("#D7E7F8"),
    sel_idle=QColor("#E4E8EC"),
    hover=QColor("#EFF3F7"),
    online=QColor("#17722F"),
    warn=QColor("#8A5B00"),
    failed=QColor("#BE2323"),
    offline=QColor("#5B6570"),
    unknown=QColor("#5B6570"),
    ink=QColor("#48525E"),
    knockout=QColor("#FFFFFF"),
    info_bg=QColor("#E8F1FB"),
    warn_bg=QColor("#FFF5D9"),
    failed_bg=QColor("#FDEBEA"),
)

# Not inverted light: surfaces get lighter as they rise, states are lighter and less saturated.
DARK = Tokens(
    chrome=QColor("#22262B"),
    base=QColor("#191C20"),
    alt=QColor("#1E2226"),
    sunken=QColor("#15181B"),
    raised=QColor("#2B3036"),
    line=QColor("#383E46"),
    line_strong=QColor("#79838F"),
    text=QColor("#E3E7EC"),
    text2=QColor("#A4AEB9"),
    disabled=QColor("#707A85"),
    accent=QColor("#6DB1F5"),
    on_accent=QColor("#0C1116"),
    pending=QColor("#6DB1F5"),
    link=QColor("#7DBBF7"),
    sel=QColor("#20405F"),
    sel_idle=QColor("#31373E"),
    hover=QColor("#262B31"),
    online=QColor("#58C274"),
    warn=QColor("#E5B44A"),
    failed=QColor("#FF8B82"),
    offline=QColor("#A4AEB9"),
    unknown=QColor("#A4AEB9"),
    ink=QColor("#B7C0CA"),
    knockout=QColor("#14171A"),
    info_bg=QColor("#1C2B3B"),
    warn_bg=QColor("#382E14"),
    failed_bg=QColor("#3E2020"),
)


def high_contrast(tokens: Tokens) -> Tokens:
    """Return *tokens* as somebody who asked the system for more contrast needs them."""
    return dataclasses.replace(tokens, line=tokens.line_strong, text2=tokens.text, offline=tokens.text)


def luminance(colour: QColor) -> float:
    """Return the relative luminance of *colour*, 0 to 1. Source: WCAG 2.2, "relative luminance"."""

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF())


def contrast(one: QColor, other: QColor) -> float:
    """Return the contrast ratio of two colours, 1 to 21. Source: WCAG 2.2, "contrast ratio"."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def tone_colour(tokens: Tokens, tone: str) -> QColor:
    """Return the colour in which text of *tone* (a `ui.models.roles.Tone`) is written."""
    match tone:
        case "text2" | "stale":
            return tokens.text2
        case "failed":
            return tokens.failed
        case "warn":
            return tokens.warn
        case "link":
            return tokens.link
        case _:
            return tokens.text
