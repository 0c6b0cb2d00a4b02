"""python -m nodeagent.monitor --config FILE --name NAME: one Resource Monitor."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from pathlib import Path

from nodeagent import resourcetypes, settings
from nodeagent.monitor import notes
from nodeagent.monitor.process import Monitor, Places
from nodeagent.monitor.reaping import containers_of, kill_resources
from nodeagent.system.clock import SystemClock
from nodeagent.system.processes import become_subreaper
from nodeagent.system.urgency import LastResort, run_before_others


def main(argv: list[str]) -> int:
    """Run until told to quit."""
    parser = argparse.ArgumentParser(prog="clusteragent monitor")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--name", required=True)
    arguments = parser.parse_args(argv)
    config = settings.load(arguments.config)
    folder = config.monitors
    config.run.mkdir(parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True, mode=0o700)
    if not _lock(folder / f"{arguments.name}.lock"):
        sys.stderr.write(f"The Resource Monitor {arguments.name} is running already.\n")
        return 1
    places = Places(arguments.name, folder / f"{arguments.name}.sock", folder / f"{arguments.name}.json", config.logs)
    become_subreaper()
    containers = containers_of(config)
    if not kill_resources(containers, notes.read(places.notes).held):  # safety rule P8: nothing of a former one runs
        sys.stderr.write("What a former Resource Monitor held cannot be killed.\n")
        return 1
    types, failed = resourcetypes.installed()
    for name, why in failed.items():
        sys.stderr.write(f"The resource type {name} is not loaded: {why}.\n")
    sys.stderr.flush()
    clock = SystemClock()
    run_before_others()
    Monitor(places, types, containers, clock, LastResort(clock)).run()
    return 0


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
