"""Small controls that every surface uses."""

from ui.widgets.band import Band
from ui.widgets.chip import Chip
from ui.widgets.fields import FieldError, FieldReason, FilterField
from ui.widgets.labels import ElidedLabel, LinkLabel, StateLabel, TextLabel
from ui.widgets.panels import InfoPanel, PaneHeader
from ui.widgets.twolists import Choice, TwoLists

__all__ = [
    "Band",
    "Chip",
    "Choice",
    "ElidedLabel",
    "FieldError",
    "FieldReason",
    "FilterField",
    "InfoPanel",
    "LinkLabel",
    "PaneHeader",
    "StateLabel",
    "TextLabel",
    "TwoLists",
]
