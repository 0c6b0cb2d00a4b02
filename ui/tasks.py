"""Coroutines for widgets: busy while they run, their errors shown where they were started, cancelled with them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, TypeVar, runtime_checkable

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from nodeagent.api.problems import ClusterError, Problem, problem

T = TypeVar("T")
_log = logging.getLogger(__name__)

# The loop holds tasks weakly; who started one need not hold it.
_running: set[asyncio.Task[Any]] = set()


@runtime_checkable
class ShowsProblems(Protocol):
    """A window that has a place for problems: a line, or the dialog's own."""

    def show_problem(self, problem: Problem) -> None: ...


def run(
    widget: QWidget,
    coroutine: Coroutine[Any, Any, T],
    *,
    done: Callable[[T], None] | None = None,
    failed: Callable[[ClusterError], None] | None = None,
    busy: QWidget | None = None,
) -> asyncio.Task[T]:
    """Run *coroutine* for *widget* and return its task.

    When the widget is destroyed first, the task is cancelled and nobody is told.

    Args:
        done: called with the result.
        failed: called with a refusal or a lost connection; without it the nearest parent with `show_problem`
            shows it, as it shows a fault of ours in any case.
        busy: is off, with the cursor of waiting, while it runs: usually the button that started it.
    """
    task = asyncio.get_running_loop().create_task(coroutine, name=f"for {type(widget).__name__}")
    _running.add(task)

    def cancel() -> None:
        task.cancel()

    def ended(_: asyncio.Task[T]) -> None:
        _running.discard(task)
        error = None if task.cancelled() else task.exception()
        if not shiboken6.isValid(widget):
            return
        with suppress(RuntimeError):  # the widget is being destroyed
            widget.destroyed.disconnect(cancel)
        _set_busy(busy, False)
        if task.cancelled():
            return
        if error is None:
            if done is not None:
                done(task.result())
        elif failed is not None and isinstance(error, ClusterError):
            failed(error)
        else:
            show_problem(widget, _problem_of(error))

    widget.destroyed.connect(cancel)
    _set_busy(busy, True)
    task.add_done_callback(ended)
    return task


def _set_busy(widget: QWidget | None, busy: bool) -> None:
    if widget is None or not shiboken6.isValid(widget):
        return
    widget.setEnabled(not busy)
    if busy:
        widget.setCursor(Qt.CursorShape.WaitCursor)
    else:
        widget.unsetCursor()


def _problem_of(error: BaseException) -> Problem:
    if isinstance(error, ClusterError):
        return error.problem
    # A fault of ours: the person is told that nothing came of it, the log says where it is.
    _log.error("a command of the window failed", exc_info=error)
    return problem("event_notice", detail=f"{type(error).__name__}: {error}")


def show_problem(widget: QWidget, found: Problem) -> None:
    """Show *found* in the nearest place for problems around *widget*."""
    place: QWidget | None = widget
    while place is not None:
        if isinstance(place, ShowsProblems):
            place.show_problem(found)
            return
        place = place.parentWidget()
    _log.warning("nobody shows this problem: %s", found)


async def cancel_all() -> None:
    """Cancel what still runs and wait for its end; called once, when the window is closed."""
    tasks = list(_running)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
