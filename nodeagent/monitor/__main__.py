"""python -m nodeagent.monitor --config FILE --name NAME: one Resource Monitor."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nodeagent import resourcetypes, settings
from nodeagent.monitor.process import Monitor, Places
from nodeagent.monitor.reaping import containers_of
from nodeagent.system.clock import SystemClock
from nodeagent.system.processes import become_subreaper


def main(argv: list[str]) -> int:
    """Run until told to quit."""
    parser = argparse.ArgumentParser(prog="clusteragent monitor")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--name", required=True)
    arguments = parser.parse_args(argv)
    config = settings.load(arguments.config)
    folder = config.monitors
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    become_subreaper()
    types, _ = resourcetypes.installed()
    places = Places(arguments.name, folder / f"{arguments.name}.sock", folder / f"{arguments.name}.json", config.logs)
    Monitor(places, types, containers_of(config), SystemClock()).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
