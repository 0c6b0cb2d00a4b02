"""A coroutine for a widget: cancelled with it, its result or refusal told to it in the window's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import shiboken6
from PySide6.QtWidgets import QWidget

from nodeagent.api.problems import ClusterError

T = TypeVar("T")


def run(
    widget: QWidget,
    coroutine: Coroutine[Any, Any, T],
    *,
    done: Callable[[T], None] | None = None,
    failed: Callable[[ClusterError], None] | None = None,
) -> asyncio.Task[T]:
    """Start *coroutine*; when *widget* is destroyed first, it is cancelled and nobody is told.

    Args:
        done: called with the result.
        failed: called with a refusal or a lost connection; without it these are errors of the task, as others are.
    """
    task = asyncio.get_running_loop().create_task(coroutine, name=f"for {type(widget).__name__}")

    def cancel() -> None:
        task.cancel()

    def ended(_: asyncio.Task[T]) -> None:
        error = None if task.cancelled() else task.exception()
        if not shiboken6.isValid(widget):
            return
        with suppress(RuntimeError):  # the widget is being destroyed
            widget.destroyed.disconnect(cancel)
        if task.cancelled():
            return
        if error is None:
            if done is not None:
                done(task.result())
        elif failed is not None and isinstance(error, ClusterError):
            failed(error)
        else:
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"A task of {type(widget).__name__} failed", "exception": error, "task": task}
            )

    widget.destroyed.connect(cancel)
    task.add_done_callback(ended)
    return task
