"""Levels of tests: runs each in a process of its own and adds up what came out. Started by tests/run."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests"

# Only these load pytest-qt, which imports PySide6: all others run where Qt is missing.
LEVELS_WITH_QT = frozenset({"ui", "integration", "benchmarks", "screenshots"})
# Screenshots choose their own platform: some are taken from a real X server.
LEVELS_OFFSCREEN = LEVELS_WITH_QT - {"screenshots"}
LEVELS_WITH_SEEDS = frozenset({"simulation", "campaign"})

CHECKS: dict[str, list[str]] = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "mypy": ["-m", "mypy"],
    "import rules": [str(Path(sys.executable).with_name("lint-imports"))],
}

NOTHING_COLLECTED = 5  # pytest's exit code


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of one step; a step that breaks before its first test has one failure."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def count(junit: str) -> Outcome:
    """Count the tests of a JUnit report, each once.

    pytest writes a test twice when it fails and its teardown fails as well.
    """
    results: dict[tuple[str, str], str] = {}
    for case in ET.fromstring(junit).iter("testcase"):
        test = case.get("classname", ""), case.get("name", "")
        tags = {child.tag for child in case}
        if tags & {"failure", "error"} or results.get(test) == "failed":
            results[test] = "failed"
        else:
            results[test] = "skipped" if "skipped" in tags else "passed"
    found = list(results.values())
    return Outcome(found.count("passed"), found.count("failed"), found.count("skipped"))


def judged(counted: Outcome, exit_code: int, *, chosen: bool) -> Outcome:
    """Return *counted*, with a failure added when pytest failed without a failing test.

    Args:
        counted: from the report.
        exit_code: pytest's.
        chosen: the caller gave arguments to pytest, so that a level may be left without a test.
    """
    if exit_code == 0 or counted.failed or (exit_code == NOTHING_COLLECTED and chosen):
        return counted
    return counted + Outcome(failed=1)


def say(line: str) -> None:
    print(line, flush=True)


def run_pytest(level: str, target: str, arguments: Sequence[str]) -> Outcome:
    environment = dict(os.environ)
    if level in LEVELS_OFFSCREEN:
        environment["QT_QPA_PLATFORM"] = "offscreen"
    plugins = [] if level in LEVELS_WITH_QT else ["-p", "no:pytest-qt"]
    with tempfile.TemporaryDirectory(prefix="clusteradmin-tests-") as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", target, "-q", *plugins, f"--junitxml={report}", *arguments]
        exit_code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        counted = count(report.read_text()) if report.exists() else Outcome()
    return judged(counted, exit_code, chosen=bool(arguments))


def run_program(arguments: Sequence[str]) -> Outcome:
    exit_code = subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode
    return Outcome(passed=1) if exit_code == 0 else Outcome(failed=1)


def run_checks() -> Outcome:
    total = Outcome()
    for name, arguments in CHECKS.items():
        say(f"-- {name}")
        total += run_program(arguments)
    say("-- our own rules")
    return total + run_pytest("checks", "tests/test_repository.py", [])


def run_level(level: str, arguments: Sequence[str]) -> Outcome:
    if level == "checks":
        return run_checks()
    if (TESTS / level / "__main__.py").exists():
        return run_program(["-m", f"tests.{level}", *arguments])
    return run_pytest(level, f"tests/{level}", arguments)


def run_levels(levels: Sequence[str], seeds: int | None, arguments: Sequence[str]) -> Outcome:
    total = Outcome()
    lines = []
    for level in levels:
        say(f"\n== {level}")
        started = time.monotonic()
        own = [f"--seeds={seeds}"] if seeds is not None and level in LEVELS_WITH_SEEDS else []
        outcome = run_level(level, [*own, *arguments])
        lines.append(f"{level:<12} {time.monotonic() - started:7.1f} s   {outcome}")
        total += outcome
    say("\n== all levels")
    for line in lines:
        say(line)
    say(str(total))
    return total


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.levels")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("levels", nargs="+")
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:split])
    try:
        total = run_levels(options.levels, options.seeds, sys.argv[split + 1 :])
    except KeyboardInterrupt:
        return 130
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
