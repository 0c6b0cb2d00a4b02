"""Many random stories by hand, and how soon each rule that is switched off is missed by them.

usage: python -m tests.simulation.campaign seeds FIRST LAST      every story from FIRST to LAST
       python -m tests.simulation.campaign mutations [NAME]...   rule by rule, a table for docs/safety.md
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

from tests.simulation.mutations import MUTATIONS, NEEDLESS, Mutation, switched_off
from tests.simulation.playing import tell
from tests.simulation.world import BrokenPromise

MOST = 500  # seeds within which a rule that is switched off must be missed
EVERY = 100  # stories after which it is said how far this has come


def say(line: str) -> None:
    """Print at once: whoever runs ten thousand stories looks into a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def failures(first: int, last: int) -> Iterator[tuple[int, str]]:
    """Tell the stories of these seeds; yield those that do not end well, with what went wrong."""
    began = time.monotonic()
    for seed in range(first, last + 1):
        try:
            tell(seed)
        except BrokenPromise as exc:
            yield seed, str(exc)
        if (seed - first + 1) % EVERY == 0:
            told = seed - first + 1
            say(f"{told} stories, {told / (time.monotonic() - began):.2f} each second")


def found_by(mutation: Mutation, most: int = MOST) -> tuple[int, str] | None:
    """Return the first seed whose story misses the rule, and what it saw; None when no one does.

    A story that sees the same with all rules on shows nothing.
    """
    for seed in range(1, most + 1):
        wrong = ""
        with switched_off(mutation) as prepare:
            try:
                tell(seed, prepare)
            except BrokenPromise as exc:
                wrong = str(exc).split("\n", 1)[0]
        if wrong and mutation.is_missed(wrong) and not _ends_badly(seed):
            return seed, wrong.split(";", 1)[0]
    return None


def _ends_badly(seed: int) -> bool:
    try:
        tell(seed)
    except BrokenPromise:
        return True
    return False


def run_seeds(first: int, last: int) -> int:
    """Report every story that does not end well; return how many."""
    found = 0
    for seed, wrong in failures(first, last):
        found += 1
        say(f"seed {seed}: {wrong.splitlines()[0]}")
    say(f"{last - first + 1} stories, {found} of them did not end well")
    return found


def run_mutations(names: list[str]) -> int:
    """Print the table; return how many rules are not missed, or are though safety does not need them."""
    wrong = 0
    say("| rule | switched off | missed by seed | what was seen |\n| --- | --- | --- | --- |")
    for mutation in MUTATIONS.values():
        if names and mutation.name not in names:
            continue
        found = found_by(mutation)
        wrong += found is None
        seed, seen = found or (f"none of {MOST}", "")
        say(f"| {', '.join(mutation.rules) or '-'} | {mutation.dropped} | {seed} | {seen} |")
    for mutation in NEEDLESS:
        if names and mutation.name not in names:
            continue
        found = found_by(mutation, EVERY)
        wrong += found is not None
        seed, seen = found or (f"none of {EVERY}, nor need it be", "")
        say(f"| {', '.join(mutation.rules) or '-'} | {mutation.dropped} | {seed} | {seen} |")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.campaign")
    chosen = parser.add_subparsers(dest="what", required=True)
    seeds = chosen.add_parser("seeds")
    seeds.add_argument("first", type=int)
    seeds.add_argument("last", type=int)
    mutations = chosen.add_parser("mutations")
    mutations.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    wrong = run_seeds(options.first, options.last) if options.what == "seeds" else run_mutations(options.names)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
