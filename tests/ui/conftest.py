"""Fixtures that several tests of the window share."""

from __future__ import annotations

from tests.support.sheets import opened, window

__all__ = ["opened", "window"]
