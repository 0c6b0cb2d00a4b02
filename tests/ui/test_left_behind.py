"""The rules of tests/conftest.py for tests of the window, shown on tests that break them."""

import asyncio
from pathlib import Path

import pytest
import qasync
from pytestqt.qtbot import QtBot

from tests.support.brokentests import run_broken_tests

CASES = """
import asyncio
import pytest
from PySide6.QtWidgets import QMainWindow, QWidget
from tests import conftest

conftest.PATIENCE = 0.3  # what is left behind here never ends by itself
kept = []

def test_window(qapp):
    kept.append(QWidget(windowTitle="stray"))

def test_closed_window(qtbot):
    window = QMainWindow()
    qtbot.addWidget(window)
    window.menuBar().addMenu("File")
    window.show()

@pytest.mark.asyncio
async def test_task(qapp):
    kept.append(asyncio.create_task(asyncio.sleep(600), name="stray"))
"""


def test_a_window_or_task_left_behind_fails_the_test(tmp_path: Path) -> None:
    report = run_broken_tests(tmp_path, "ui", CASES)
    assert "The test left behind the windows QWidget 'stray'." in report
    assert "The test left behind the tasks stray" in report
    assert "3 passed, 2 errors" in report


@pytest.mark.asyncio
async def test_coroutines_of_the_window_run_on_qts_loop(qtbot: QtBot) -> None:
    del qtbot
    loop = asyncio.get_running_loop()
    assert isinstance(loop, qasync.QEventLoop)
    assert await asyncio.to_thread(lambda: 42) == 42
