"""What names may look like, and when two of them are the same."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeagent.api.objects import ObjectKind, ObjectRef
from nodeagent.api.rules.names import MAXIMUM_LENGTH, name_problem, normal_form, shape_problem
from nodeagent.api.spelling import comparable
from nodeagent.api.texts import sentence
from tests.builders import cluster, with_network

GROUP = ObjectKind.GROUP


@pytest.mark.parametrize(
    "name",
    [
        "Web",
        "a",
        "x" * MAXIMUM_LENGTH,
        "Übersicht 2",
        "データベース",
        "قاعدة بيانات",
        "می‌خواهم",  # Persian, with a zero-width non-joiner inside the word
        "👩‍💻 group",
        "--online",
        "a/b\\c:d",
    ],
)
def test_such_names_are_possible(name: str) -> None:
    assert shape_problem(GROUP, name) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name_empty"),
        ("   ", "name_empty"),
        ("\u2003", "name_empty"),
        ("x" * (MAXIMUM_LENGTH + 1), "name_too_long"),
        (" Web", "name_blanks"),
        ("Web\u00a0", "name_blanks"),
        ("We\tb", "name_control_characters"),
        ("We\nb", "name_control_characters"),
        ("We\0b", "name_control_characters"),
        ("We\x85b", "name_control_characters"),
        ("We\ud800b", "name_control_characters"),
        ("We\u2028b", "name_control_characters"),
        ("We\u202eb", "name_invisible_characters"),  # from here on right to left
        ("We\u200fb", "name_invisible_characters"),
        ("We\u200bb", "name_invisible_characters"),
        ("\ufeffWeb", "name_invisible_characters"),
        ("\u200d", "name_invisible_characters"),  # nothing but a joiner
    ],
)
def test_such_names_are_refused(name: str, code: str) -> None:
    bad = shape_problem(GROUP, name)
    assert bad is not None
    assert (bad.code, bad.field) == (code, "name")
    assert sentence(bad).endswith(".")


def test_the_length_is_counted_and_said_in_composed_characters() -> None:
    assert shape_problem(GROUP, "e\u0301" * MAXIMUM_LENGTH) is None
    bad = shape_problem(GROUP, "e\u0301" * (MAXIMUM_LENGTH + 2))
    assert bad is not None
    assert sentence(bad) == "The name has 130 characters; a group's name may have at most 128."


@pytest.mark.parametrize("other", ["WEB É", "web e\u0301", "Web \u00c9", "wEB E\u0301"])
def test_neither_case_nor_composition_makes_another_name(other: str) -> None:
    taken = cluster(groups={"Web \u00e9": ""})
    bad = name_problem(GROUP, other, taken)
    assert bad is not None
    assert (bad.code, bad.number) == ("name_taken", 5010)
    assert taken.find(GROUP, other) is taken.groups["web-\u00e9"]


@pytest.mark.parametrize(("one", "two"), [("Straße", "STRASSE"), ("\u01f0x", "J\u030cX"), ("ΌΣΟΣ", "όσος")])
def test_letters_that_change_their_number_with_their_case_are_the_same(one: str, two: str) -> None:
    assert comparable(one) == comparable(two)


def test_no_locale_has_a_say() -> None:
    """In Turkish I and i are two letters; names must compare the same on every node and workstation."""
    assert comparable("DISK") == comparable("disk")
    assert comparable("d\u0131sk") != comparable("disk")
    assert comparable("D\u0130SK") == comparable("di\u0307sk")


@given(st.text())
def test_composing_and_comparing_once_is_enough(name: str) -> None:
    assert comparable(comparable(name)) == comparable(name)
    for form in ("NFC", "NFD"):
        assert comparable(unicodedata.normalize(form, name)) == comparable(name)
    assert normal_form(normal_form(name)) == normal_form(name)


@given(st.text())
def test_any_text_is_judged(name: str) -> None:
    bad = name_problem(GROUP, name, cluster(groups={"Web": ""}))
    assert bad is None or bad.code.startswith("name_")
    if bad is None:
        assert normal_form(name).encode()


def test_an_object_keeps_its_own_name_in_another_spelling() -> None:
    now = cluster(groups={"Web": "App"})
    assert name_problem(GROUP, "WEB", now, renamed="web") is None
    assert name_problem(ObjectKind.RESOURCE, "app", now, renamed="app") is None


def test_groups_and_resources_do_not_share_names_but_each_kind_is_unique_in_the_cluster() -> None:
    now = with_network(cluster(groups={"Web": "App", "Mail": "Store"}))
    assert name_problem(GROUP, "App", now) is None
    assert name_problem(ObjectKind.RESOURCE, "Web", now) is None
    for kind, name in ((ObjectKind.RESOURCE, "store"), (GROUP, "mail"), (ObjectKind.NETWORK, "public")):
        bad = name_problem(kind, name, now)
        assert bad is not None
        assert bad.code == "name_taken"


def test_an_object_is_found_by_name_first_then_by_id() -> None:
    now = cluster("ab", {"Web": "App"})
    assert now.find(ObjectKind.NODE, "B") is now.nodes[2]
    assert now.find(ObjectKind.NODE, "2") is now.nodes[2]
    assert now.find(GROUP, "web") is now.groups["web"]


@pytest.mark.parametrize("odd", ["", "²", "٢", "-1", "2.0", "9" * 5000, "node 2"])
def test_what_is_no_number_of_a_node_finds_none(odd: str) -> None:
    assert cluster("ab").get(ObjectRef(ObjectKind.NODE, odd)) is None
