"""python -m nodeagent.monitor --config FILE --name NAME: one Resource Monitor."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from pathlib import Path

from nodeagent import resourcetypes, settings
from nodeagent.monitor import notes, renewal
from nodeagent.monitor.backstop import Machine
from nodeagent.monitor.process import Monitor, Places
from nodeagent.monitor.reaping import containers_of, cut_all, cut_orphans, kill_resources, own_containers
from nodeagent.monitor.unitwatchdog import UnitWatchdog
from nodeagent.settings import AgentSettings
from nodeagent.system.clock import SystemClock
from nodeagent.system.launcher import Launcher
from nodeagent.system.processes import become_subreaper
from nodeagent.system.supervisor import Supervisor, watchdog_timeout
from nodeagent.system.urgency import LastResort, run_before_others
from nodeagent.system.watchdog import Watchdog, reset_host

SHARED = "shared"  # the monitor that every node has


def main(argv: list[str]) -> int:
    """Run until told to quit."""
    parser = argparse.ArgumentParser(prog="clusteragent monitor")
    parser.add_argument("--config", type=Path, default=settings.DEFAULT_CONFIG)
    parser.add_argument("--name", default=SHARED)
    parser.add_argument("--trial", action="store_true", help="only say whether it would start")
    arguments = parser.parse_args(argv)
    if arguments.trial:
        return 0 if resourcetypes.installed()[0] else 1
    config = settings.load(arguments.config)
    folder = config.monitors
    config.run.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True, mode=0o700)
    if not _lock(folder / f"{arguments.name}.lock"):
        sys.stderr.write(f"The Resource Monitor {arguments.name} is running already.\n")
        return 1
    socket, noted = folder / f"{arguments.name}.sock", notes.path_of(folder, arguments.name)
    places = Places(arguments.name, socket, noted, config.logs)
    become_subreaper()
    launcher = Launcher()
    containers = own_containers(config, arguments.name, launcher)
    types, failed = resourcetypes.installed()
    for name, why in failed.items():
        sys.stderr.write(f"The resource type {name} is not loaded: {why}.\n")
    former, state = notes.read(places.notes), renewal.carried()
    # Safety rule P8: nothing of a former one is left.
    if state is None and not (
        kill_resources(containers, former.held) and cut_all([former], types) and cut_orphans(types)
    ):
        sys.stderr.write("What a former Resource Monitor held cannot be ended.\n")
        return 1
    sys.stderr.flush()
    clock = SystemClock()
    supervisor, patience = Supervisor(), watchdog_timeout()
    run_before_others()
    killer = UnitWatchdog(clock, supervisor, patience) if patience else LastResort(clock)
    monitor = Monitor(places, types, containers, clock, _machine(config, arguments.name, killer))
    if isinstance(killer, UnitWatchdog):
        killer.live_on(monitor.later)
    if state is not None:
        renewal.restore(monitor, state)
    renewal.Renewal(monitor, state.guard if state is not None else None)
    supervisor.say("READY=1")
    monitor.run()
    return 0


def _machine(config: AgentSettings, name: str, killer: LastResort) -> Machine:
    """Return what of the machine this monitor may use; only the shared one has the watchdog, which opens only once."""

    def others_run() -> bool:
        """Whose containers these are, notes tell; what a dead monitor left counts as running until it is reaped."""
        mine = set(notes.read(notes.path_of(config.monitors, name)).held)
        everybody = containers_of(config)
        try:
            return any(not everybody.open(one).is_empty() for one in everybody.leftovers() if one not in mine)
        except (OSError, KeyError):  # one has gone while it was looked at; the next look is soon
            return True

    device = config.watchdog_device
    return Machine(
        watchdog=(lambda: Watchdog(device)) if config.watchdog != "off" and name == SHARED else None,
        device=str(device),
        reset=(lambda: reset_host(config.sysrq_trigger)) if config.reset == "sysrq" else None,
        others_run=others_run,
        killer=killer,
    )


def _lock(path: Path) -> bool:
    """Take the lock that a monitor of this name holds for life; False when another one has it."""
    held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
