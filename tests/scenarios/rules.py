"""Which rules the scenarios tell, and the table of README.md that says by which one each is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, cast

import yaml

from tests.scenarios.scenario import FOLDERS, names, read

README: Final = FOLDERS / "README.md"
BEGIN: Final = "<!-- what follows is written by python -m tests.scenarios.rules -->"
ELSEWHERE: Final = "elsewhere"


def all_rules() -> dict[str, dict[str, str]]:
    """Return the rules by their sections; those told elsewhere are a section too."""
    return cast("dict[str, dict[str, str]]", yaml.safe_load(Path(FOLDERS / "rules.yaml").read_text()))


def told() -> dict[str, list[str]]:
    """Return the scenarios that tell each rule."""
    found: dict[str, list[str]] = {}
    for name in names():
        for rule in read(FOLDERS / name).start.rules:
            found.setdefault(rule, []).append(name)
    return found


def table() -> str:
    """Return the part of README.md that is made."""
    by = told()
    lines = [BEGIN, "", f"{len(names())} scenarios tell {len(by)} rules."]
    for section, rules in all_rules().items():
        if section == ELSEWHERE:
            lines += ["", "## Told elsewhere", "", "| rule | where, and why not here |", "| --- | --- |"]
            lines += [f"| {rule} | {text} |" for rule, text in rules.items()]
        else:
            lines += ["", f"## {section}", "", "| rule | says | told by |", "| --- | --- | --- |"]
            lines += [f"| {rule} | {text} | {', '.join(by.get(rule, []))} |" for rule, text in rules.items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the table into README.md."""
    kept = README.read_text().split(BEGIN)[0]
    README.write_text(kept + table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
