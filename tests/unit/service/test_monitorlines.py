"""What Resource Monitors say to the service."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nodeagent.api.objects import ResourceState
from nodeagent.monitor.messages import Report, encode
from nodeagent.service.monitorlink import Link
from nodeagent.service.monitors import Monitors
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import SystemClock


class Heard:
    """Keeps the reports."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    def reported(self, report: Report) -> None:
        self.reports.append(report)


@pytest.mark.asyncio
async def test_a_monitor_that_began_anew_first_may_say_what_this_service_does_not_know(tmp_path: Path) -> None:
    """To let it go would kill it, and every application that it holds."""
    heard: Any = Heard()
    monitors = Monitors(
        AgentSettings(name="N", cluster="C", home=tmp_path, run=tmp_path), tmp_path, SystemClock(), heard
    )
    report = Report(id="r", group="g", epoch=1, incarnation=1, state=ResourceState.ONLINE, at=0.0)
    nothing: Any = None
    link = Link("shared", nothing, asyncio.StreamReader(), nothing, nothing)
    link.reader.feed_data(b'{"said":"something of a later version","number":1}\n' + encode(report))
    link.reader.feed_eof()
    monitors._closing = True  # nobody is to be replaced
    await monitors._listen(link)
    assert heard.reports == [report]
