"""Having the Resource Monitors begin anew from what is installed: a trial first, then each as the same process (P8)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Final

from nodeagent.api.problems import Problem, problem
from nodeagent.monitor.messages import Renew
from nodeagent.monitor.renewal import BUSY_PATIENCE
from nodeagent.service.monitors import Monitors

TRIAL_PATIENCE: Final = 20.0  # seconds for what is installed to say that it starts
PATIENCE: Final = BUSY_PATIENCE + 10.0  # seconds for a monitor to find a moment, and to be there again
_SAID: Final = 300  # characters of what a failed trial said


async def renew(monitors: Monitors) -> dict[str, Problem]:
    """Return which monitors go on as they were, and why."""
    if failed := await asyncio.to_thread(_trial):
        return dict.fromkeys(monitors.names(), failed)
    waiting = {name: monitors.renewed(name) for name in monitors.names()}  # those that live after the trial
    if not waiting:
        return {}
    monitors.order_all(Renew())
    await asyncio.wait(waiting.values(), timeout=PATIENCE)
    refused: dict[str, Problem] = {}
    for name, answer in waiting.items():
        if not answer.done():
            answer.cancel()
            refused[name] = problem("renewal_silent")
        elif (why := answer.result()) is not None:
            refused[name] = why
    return refused


def _own_program() -> list[str]:
    """Return how this service was started, up to its command: by a module's name, or by the file that is installed.

    What Python would find under the module's name may be another one, or none: nothing of it need be on its path.
    """
    words = sys.orig_argv
    return [sys.executable, *words[1 : words.index("run")]]


def _trial() -> Problem | None:
    """Start what is installed and let it end: a monitor that could not go on would take its applications with it."""
    try:
        done = subprocess.run(
            [*_own_program(), "monitor", "--trial"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TRIAL_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return problem("renewal_failed", detail=str(exc))
    if done.returncode:
        return problem("renewal_failed", detail=done.stderr.strip()[-_SAID:] or str(done.returncode))
    return None
