"""The machine is reset when what a dead Resource Monitor left still runs at T + k (safety rule P7).

What a living one holds that one sees to (`backstop`). Both who uses this decide by what is noted and what truly runs:
the Cluster Service, and `clusteragent reap` for when there is none.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Final

from nodeagent.api.objects import ResourceId
from nodeagent.monitor import notes, permissions
from nodeagent.monitor.notes import Notes
from nodeagent.monitor.reaping import containers_of
from nodeagent.settings import AgentSettings
from nodeagent.system import processes
from nodeagent.system.clock import Clock, boot_identity
from nodeagent.system.processes import ProcessIdentity
from nodeagent.system.watchdog import reset_host

PATIENCE: Final = 5.0  # seconds that `clusteragent reap` waits for T + k
LOOK_AGAIN: Final = 0.05  # seconds between its looks


def left_running(settings: AgentSettings) -> list[ResourceId]:
    """Return what still runs of what dead monitors held and had to stop within k."""
    promised, spared = set[ResourceId](), set[ResourceId]()
    for noted, lives in _monitors(settings):
        if lives:
            spared |= set(noted.held)
        else:
            promised |= set(noted.promised)
    containers = containers_of(settings)
    left = (promised - spared) & set(containers.leftovers())
    return sorted(name for name in left if not containers.open(name).is_empty())


def _monitors(settings: AgentSettings) -> Iterator[tuple[Notes, bool]]:
    for path in sorted(settings.monitors.glob("*.json")):
        noted = notes.read(path)
        process = processes.adopt(ProcessIdentity(noted.process, noted.started, boot_identity()))
        if process is not None:
            process.close()
        yield noted, process is not None


def reset(settings: AgentSettings, left: list[ResourceId]) -> bool:
    """Reset the machine because of *left*; False when it cannot be."""
    sys.stderr.write(f"{', '.join(left)} cannot be stopped: this machine is reset.\n")
    sys.stderr.flush()
    try:
        reset_host(settings.sysrq_trigger)
    except OSError as exc:
        sys.stderr.write(f"It cannot be reset: {exc}\n")
        return False
    return True


def reset_if_overdue(settings: AgentSettings, clock: Clock, patience: float = PATIENCE) -> bool:
    """Reset the machine if something left runs at T + k; tells whether it was reset.

    A living service renews the permission, having said that the node is unclean: then nothing is reset.

    Args:
        patience: seconds; a T + k that is later is left to the service.
    """
    while settings.reset == "sysrq" and (left := left_running(settings)):
        noted = permissions.read(settings.run)
        if noted is None or noted.until is None:
            return False
        rest = noted.until + noted.bound - clock.steady()
        if rest <= 0:
            return reset(settings, left)
        if rest > patience:
            return False
        time.sleep(min(rest, LOOK_AGAIN))  # nothing tells when a device or file server answers
    return False
