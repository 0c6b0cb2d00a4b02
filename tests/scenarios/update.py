"""Shows how logs differ from what is expected, and writes them when told so: for whoever changes a rule on purpose.

    python -m tests.scenarios.update [--write] [NAME]...

What it writes has to be read and judged before it is committed. It never runs where tests are run by a machine.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys

from tests.scenarios.running import played
from tests.scenarios.scenario import EXPECTED, FOLDERS, names, read
from tests.scenarios.telling import differences
from tests.simulation.world import BrokenPromise


def main() -> int:
    """Return 0 when all logs are as expected, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios.update")
    parser.add_argument("--write", action="store_true", help="write the logs that came out")
    parser.add_argument("names", nargs="*", help="scenarios, or the beginnings of their names; without, all")
    options = parser.parse_args()
    if os.environ.get("CI"):
        sys.exit("Expected logs are written by people, who judge them.")
    chosen = [name for name in names() if not options.names or name.startswith(tuple(options.names))]
    different = 0
    for name in chosen:
        scenario = read(FOLDERS / name)
        try:
            log = played(scenario)
        except BrokenPromise as exc:
            different += 1
            sys.stdout.write(f"== {name}\n{exc}\n")
            continue
        if any(differences(scenario.expected, log)):
            shown = difflib.unified_diff(scenario.expected, log, "expected", "came out", lineterm="", n=2)
            different += 1
            sys.stdout.write("\n".join([f"== {name}: {scenario.start.about}", *shown, ""]))
            if options.write:
                (scenario.folder / EXPECTED).write_text("\n".join(log) + "\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
