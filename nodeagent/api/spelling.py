"""Spelling of names: the form in which they are stored, and the form in which they are compared."""

from __future__ import annotations

import unicodedata


def normal_form(name: str) -> str:
    """Return the form in which names are stored: Unicode NFC."""
    return unicodedata.normalize("NFC", name)


def comparable(name: str) -> str:
    """Return the form in which names are compared: neither case nor the way of composing characters matters.

    The same on every machine: no locale has a say, so a Turkish dotless i is not an i. Source: Unicode Standard,
    section 3.13, canonical caseless matching.
    """
    if name.isascii():
        return name.casefold()
    folded = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", folded)
