"""Where there can be no lab its tests are skipped, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.lab.layers import CannotBuild
from tests.lab.places import why_not


@contextmanager
def skipped_where_impossible() -> Iterator[None]:
    """Skip the test when this machine allows no lab, or the system of its hosts cannot be built in the block."""
    if why := why_not():
        pytest.skip(why)
    try:
        yield
    except CannotBuild as exc:
        pytest.skip(f"the hosts' system cannot be built: {exc}")
