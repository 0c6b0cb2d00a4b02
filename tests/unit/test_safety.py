"""The table of the safety rules, against the program and against what is written about them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import nodeagent
from nodeagent.safety import RULES

ROOT = Path(nodeagent.__file__).parent
NAME = r"([PMO])(\d+)"
NAMED = re.compile(rf"\b{NAME}(?: to {NAME})?\b")


def named(text: str) -> Iterator[str]:
    """Yield the rules that a text names, those between two ends ("P1 to P9") too."""
    for letter, first, _, last in NAMED.findall(text):
        yield from (f"{letter}{number}" for number in range(int(first), int(last or first) + 1))


@cache
def rules_in(module: str) -> set[str]:
    """Return the rules that a module names in its comments and docstrings."""
    return set(named((ROOT / f"{module.replace('.', '/')}.py").read_text()))


def resolved(enforcer: str) -> Any:
    module, _, path = enforcer.partition(":")
    found: Any = importlib.import_module(f"nodeagent.{module}")
    for name in path.split("."):
        found = getattr(found, name)
    return found


ENFORCED = [(rule, enforcer) for rule in RULES for enforcer in RULES[rule].enforcers]


@pytest.mark.parametrize(("rule", "enforcer"), ENFORCED)
def test_what_enforces_a_rule_exists_and_its_module_names_the_rule(rule: str, enforcer: str) -> None:
    assert callable(resolved(enforcer))
    assert rule in rules_in(enforcer.partition(":")[0])


def test_every_rule_of_the_document_is_in_the_table_and_every_rule_of_the_table_in_the_document() -> None:
    document = (ROOT.parent / "docs" / "safety.md").read_text()
    assert set(re.findall(r"^- \*\*([PMO]\d+)\*\*", document, re.MULTILINE)) == set(RULES)


def test_every_rule_has_an_enforcer_and_a_sentence() -> None:
    assert all(rule.enforcers and rule.sentence.endswith(".") for rule in RULES.values())


def test_no_rule_is_named_in_the_program_that_is_not_in_the_table() -> None:
    texts = [
        text for path in ROOT.rglob("*.py") for text in re.findall(r"(?:rule|rules) [^.\n]{0,40}", path.read_text())
    ]
    assert {name for text in texts for name in named(text)} <= set(RULES)
