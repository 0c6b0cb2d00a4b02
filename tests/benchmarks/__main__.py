"""python -m tests.benchmarks [NAME...]: measures, prints tables, and writes JSON on request.

No run fails because something took long; one fails when something does not work.
"""

import argparse
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks import agentfarm, etcdfarm, failover, idle, planning, recovery, roundtrip, window
from tests.benchmarks.figures import Figure, table

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "recovery": recovery.run,
    "roundtrip": roundtrip.run,
    "window": window.run,
    "idle": idle.run,
    "planning": planning.run,
    "failover": failover.run,
    "etcdfarm": etcdfarm.run,
}
LONG: dict[str, Callable[[], list[Figure]]] = {"agentfarm": agentfarm.run}  # only when they are named


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    every = {**BENCHMARKS, **LONG}
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(every)}; all but {', '.join(LONG)} unless some are named"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file, too")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in every]:
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(every)}")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    print(machine())
    found: dict[str, list[Figure]] = {}
    failed = []
    for name in options.names or BENCHMARKS:
        began = time.monotonic()
        try:
            found[name] = every[name]()
        except Exception:  # noqa: BLE001 - the others are still worth running
            traceback.print_exc()
            failed.append(name)
            continue
        print(f"\n{name} ({time.monotonic() - began:.0f} s)\n{table(found[name])}", flush=True)
    if options.json:
        figures = {name: [asdict(figure) for figure in of_one] for name, of_one in found.items()}
        options.json.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=2) + "\n")
    if failed:
        print(f"\nThese did not work: {', '.join(failed)}.", file=sys.stderr)
    return 1 if failed else 0


def machine() -> str:
    """Say on what was measured, and how busy it was."""
    release = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} processors ({models[0] if models else platform.machine()}), Linux {platform.release()}, "
        f"{release}, Python {platform.python_version()}, load {load}"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    sys.exit(main())
