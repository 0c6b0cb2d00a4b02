"""Every code that is used has a sentence, and every sentence gets what it names."""

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nodeagent.api.causes import Cause, cause
from nodeagent.api.details import DETAILS
from nodeagent.api.problems import NUMBERS, ClusterError, problem, refuse
from nodeagent.api.texts import SENTENCES, because, render, sentence

ROOT = Path(__file__).parents[3]
ALL = {**SENTENCES, **DETAILS}

# Functions that make a sentence: its code is their first argument that is a text.
MAKERS = frozenset({"problem", "refuse", "cause", "failure", "render", "entry", "_entry"})
ENTRIES = frozenset({"entry", "_entry"})  # the name of the object they are about is a parameter


@dataclass(frozen=True)
class Use:
    """One place that makes a sentence; *names* is None where the parameters are not written out."""

    place: str
    code: str
    names: frozenset[str] | None


def codes_in(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from codes_in(node.body)
        yield from codes_in(node.orelse)


def keys_of(node: ast.expr | None) -> frozenset[str] | None:
    """Return the keys of a dict display; None when they cannot be read off."""
    if not isinstance(node, ast.Dict) or not all(isinstance(key, ast.Constant) for key in node.keys):
        return None
    return frozenset(str(key.value) for key in node.keys if isinstance(key, ast.Constant))


def uses_in(source: str | bytes, place: str) -> Iterator[Use]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = {k.arg: k.value for k in node.keywords if k.arg}
            yield from uses_of(name, node, given, f"{place}:{node.lineno}")


def uses_of(name: str, node: ast.Call, given: dict[str, ast.expr], place: str) -> Iterator[Use]:
    if name in ("Problem", "Cause", "LogEntry"):
        code = given.get("rule" if name == "Cause" else "code")
        names = keys_of(given.get("parameters")) if "parameters" in given else frozenset()
        for found in codes_in(code) if code else ():
            yield Use(place, found, names)
    elif name in MAKERS:
        number, codes = next(((n, c) for n, a in enumerate(node.args) if (c := list(codes_in(a)))), (0, []))
        names = frozenset(given)
        if name == "render":
            names = keys_of(node.args[1])
        elif name in ENTRIES and (len(node.args) > number + 1 or "name" in given):
            names = frozenset(given) | {"name"}
        if any(k.arg is None for k in node.keywords):
            names = None
        yield from (Use(place, code, names) for code in codes if re.fullmatch(r"[a-z]+(_[a-z]+)*", code))


def product_uses() -> list[Use]:
    files = [p for package in ("nodeagent", "clusteradmin", "ui") for p in sorted((ROOT / package).rglob("*.py"))]
    return [use for path in files for use in uses_in(path.read_bytes(), str(path.relative_to(ROOT)))]


def fields(pattern: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(pattern) if name)


def test_every_code_that_is_used_has_a_sentence() -> None:
    uses = product_uses()
    assert len(uses) > 100, "the search finds the places that make sentences"
    assert [f"{use.place}: {use.code}" for use in uses if use.code not in ALL] == []


def test_every_sentence_gets_what_it_names() -> None:
    lacking = [
        f"{use.place}: {use.code} lacks {', '.join(sorted(missing))}"
        for use in product_uses()
        if use.names is not None and (missing := fields(ALL.get(use.code, "")) - use.names)
    ]
    assert lacking == []


def test_the_search_finds_what_is_missing() -> None:
    """The two tests above can fail."""
    source = 'problem("name_taken", kind="group")\nlog.entry(W, "event_online", item)\ncause("nonsense")'
    by_code = {use.code: use.names for use in uses_in(source, "here")}
    assert fields(SENTENCES["name_taken"]) - (by_code["name_taken"] or set()) == {"name"}
    assert fields(SENTENCES["event_online"]) - (by_code["event_online"] or set()) == {"node"}
    assert "nonsense" in by_code
    assert "nonsense" not in ALL


@pytest.mark.parametrize("code", sorted(ALL))
def test_a_sentence_reads_as_one(code: str) -> None:
    text = render(code, dict.fromkeys(fields(ALL[code]), "X"))
    assert "(" + code not in text
    assert "{" not in text
    assert not re.search(r"\bplease\b|!|successful|\boops\b|  ", text, re.IGNORECASE)
    if code in SENTENCES and not code.startswith("event_"):
        assert text[0].isupper() or text[0] == "“"
        assert text.endswith((".", "X")), text


def test_a_code_is_either_a_sentence_or_a_detail() -> None:
    assert SENTENCES.keys() & DETAILS.keys() == set()


def test_every_number_belongs_to_a_code_with_a_sentence() -> None:
    assert [code for code in NUMBERS if code not in ALL] == []


def test_a_code_of_a_newer_version_is_shown_as_it_came_with_its_parameters() -> None:
    assert render("from_the_future", {"name": "Web", "nodes": ("a", "b")}) == "from_the_future (name: Web, nodes: a, b)"
    assert render("from_the_future", {}) == "from_the_future"


def test_parameters_are_never_taken_for_patterns() -> None:
    bad = problem("name_taken", kind="group", name="{kind} %s {0} {name.__class__}")
    assert sentence(bad) == (
        "This cluster already has a group named {kind} %s {0} {name.__class__}; choose another name."
    )


@pytest.mark.parametrize(
    ("value", "shown"), [(4294967295, "4294967295"), (2.5, "2.5"), (6.0, "6"), (1e7, "10000000"), (0.1 + 0.2, "0.3")]
)
def test_numbers_are_written_as_people_do(value: float, shown: str) -> None:
    assert f"within {shown} s" in sentence(problem("timed_out", seconds=value))


def test_words_of_the_wire_are_not_shown_with_underscores() -> None:
    text = sentence(problem("verb_does_not_apply", verb="bring_online", kind="resource_type"))
    assert text == "“bring online” is not possible for an object of this kind (resource type)."
    assert (
        sentence(problem("resource_unknown", id="my_app")) == "There is no resource my_app; it may have been deleted."
    )


def test_only_a_circle_is_shown_with_arrows() -> None:
    circle = problem("dependency_cycle", name="A", provider="B", circle=("A", "B", "A"))
    assert "(A → B → A)" in sentence(circle)
    assert "(A, A)" in sentence(problem("group_not_empty", name="Web", resources=("A", "A")))


def test_reasons_follow_the_sentence_that_does_not_name_them() -> None:
    bad = problem("no_node_available", name="Web", reasons=("b is not up (Down).", "c is paused; resume it first."))
    assert sentence(bad) == "No other node can run Web now. b is not up (Down). c is paused; resume it first."


def test_a_note_is_quoted_behind_the_cause() -> None:
    assert because(cause("cause_wanted_online")) == "It is wanted online."
    told = Cause(rule="cause_requested", parameters={"user": "anna"}, note="patch day")
    assert because(told) == "anna asked for it. “patch day”"


def test_a_refusal_is_an_exception_that_says_its_sentence() -> None:
    error = refuse("group_unknown", "group", id="web")
    assert isinstance(error, ClusterError)
    assert str(error) == "There is no group web; it may have been deleted."
    assert error.problem.field == "group"
    assert error.problem.number == 5013
