"""Quorum on the cluster's General page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QWidget

from nodeagent.api.objects import ObjectKind, ObjectRef
from nodeagent.api.problems import problem
from nodeagent.api.requests import ReadQuorum
from tests.support.sheets import Opener, opened, page_of, standin, window
from ui.sheets.general import ClusterGeneral

__all__ = ["opened", "window"]
CLUSTER = ObjectRef(ObjectKind.CLUSTER, "cluster")


async def _until(test: Callable[[], object]) -> None:
    for _ in range(1000):  # rounds of the loop; an answer takes a few
        if test():
            return
        await asyncio.sleep(0)
    pytest.fail("no answer is shown")


@pytest.mark.asyncio
async def test_it_says_who_is_missing_and_what_one_more_loss_means(opened: Opener, window: QWidget) -> None:
    sheet = opened(None, CLUSTER)
    page = page_of(sheet, ClusterGeneral)
    assert isinstance(page, ClusterGeneral)
    sheet.show()
    if not page.quorum.text():
        page.quorum.ask()
    await _until(page.quorum.text)
    assert "missing: castor" in page.quorum.text()
    assert "stops the whole cluster" in page.quorum.text()
    assert ReadQuorum() in standin(sheet).requests
    standin(sheet).refusal = problem("store_unavailable", detail="nobody answers")
    page.quorum.button.click()
    await _until(lambda: "cannot be reached" in page.quorum.text())
    sheet.close()
