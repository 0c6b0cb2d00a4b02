"""A real Resource Monitor, and the line of a service to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.monitors import Line, RunningMonitor, running_monitor


@pytest.fixture
def monitor() -> Iterator[RunningMonitor]:
    with running_monitor() as running:
        yield running


@pytest.fixture
def line(monitor: RunningMonitor) -> Line:
    return monitor.attach()
