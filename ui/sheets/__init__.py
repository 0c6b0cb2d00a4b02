"""Property sheets: `open_properties` shows an object's, or raises the one that is open."""

from ui.sheets.opening import open_properties

__all__ = ["open_properties"]
