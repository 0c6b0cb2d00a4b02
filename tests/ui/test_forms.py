"""Fields made from a schema."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QLocale
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPlainTextEdit
from pytestqt.qtbot import QtBot

from nodeagent.api.commonproperties import COMMON, NEVER
from nodeagent.api.properties import Choice, Kind, PropertySpec, Value, check
from tests.ordersdatabase import SCHEMAS
from ui.forms.editors import NumberEditor, editor_for
from ui.forms.form import PropertyForm
from ui.forms.numbers import NumberBox, echo
from ui.forms.row import PropertyRow, value_text

EVERY_SPEC = [spec for schema in (*COMMON.values(), *SCHEMAS.values()) for spec in schema]
SAMPLES: dict[Kind, Value] = {
    Kind.STRING: "text",
    Kind.TEXT: "two\nlines",
    Kind.COMMAND: "/bin/true --now",
    Kind.DIRECTORY: "/srv",
    Kind.FILE: "/srv/file",
    Kind.INTEGER: 20,
    Kind.NUMBER: 2.5,
    Kind.BOOLEAN: True,
    Kind.STRINGS: ("a", "b"),
    Kind.ENVIRONMENT: ("A=1", "B=2"),
    Kind.USER: "postgres",
    Kind.SIGNAL: "SIGINT",
    Kind.IPV4: "10.0.0.1",
    Kind.MASK: "255.255.255.0",
    Kind.NETWORK: "Public",
    Kind.CHOICE: 1,
}


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_property_has_a_field_that_gives_back_what_it_shows(qtbot: QtBot, kind: Kind) -> None:
    choices = (Choice(0, "none"), Choice(1, "one"))
    editor = editor_for(PropertySpec(name="P", kind=kind, choices=choices), ["Public", "Private"])
    qtbot.addWidget(editor)
    editor.show_value(SAMPLES[kind])
    assert editor.value() == SAMPLES[kind]
    assert type(editor.value()) is type(SAMPLES[kind])


@pytest.mark.parametrize("spec", EVERY_SPEC, ids=lambda spec: spec.name)
def test_showing_the_default_changes_nothing(qtbot: QtBot, spec: PropertySpec) -> None:
    row = PropertyRow(spec, editor_for(spec))
    qtbot.addWidget(row)
    row.show_value(None)
    assert row.value() is None
    assert not row.differs()


def test_typing_tells_the_value_and_the_default_is_told_as_none(qtbot: QtBot) -> None:
    spec = PropertySpec(name="StopSignal", kind=Kind.STRING, default="abc")
    row = PropertyRow(spec, editor_for(spec))
    qtbot.addWidget(row)
    told: list[object] = []
    row.edited.connect(told.append)
    field = row.editor.focusProxy()
    assert isinstance(field, QLineEdit)
    QTest.keyClicks(field, "d")
    field.clear()
    QTest.keyClicks(field, "abc")
    assert told[0] == "abcd"
    assert told[-1] is None


def test_a_list_is_one_entry_per_line(qtbot: QtBot) -> None:
    editor = editor_for(PropertySpec(name="Environment", kind=Kind.ENVIRONMENT))
    qtbot.addWidget(editor)
    field = editor.focusProxy()
    assert isinstance(field, QPlainTextEdit)
    field.setPlainText("A=1\n\n  \nB=2;3\n")
    assert editor.value() == ("A=1", "B=2;3")


def test_a_special_value_is_a_check_box_that_switches_the_number_off(qtbot: QtBot) -> None:
    spec = PropertySpec(
        name="RetryPeriodOnFailure",
        kind=Kind.INTEGER,
        default=NEVER,
        minimum=0,
        maximum=NEVER,
        unit="ms",
        special=(Choice(NEVER, "never"),),
    )
    editor = NumberEditor(spec, scale=1000)
    qtbot.addWidget(editor)
    editor.show_value(NEVER)
    assert isinstance(editor.special, QCheckBox)
    assert editor.special.isChecked()
    assert not editor.box.isEnabled()
    editor.special.click()
    assert editor.box.isEnabled()
    assert editor.value() == 0
    editor.special.click()
    assert editor.value() == NEVER


def test_a_stored_value_that_is_no_choice_any_more_is_shown_as_it_is(qtbot: QtBot) -> None:
    editor = editor_for(PropertySpec(name="P", kind=Kind.CHOICE, choices=(Choice(0, "none"),)))
    qtbot.addWidget(editor)
    editor.show_value(7)
    field = editor.focusProxy()
    assert isinstance(field, QComboBox)
    assert (field.currentText(), editor.value()) == ("7", 7)


def test_the_arrows_of_a_number_stop_at_its_bounds(qtbot: QtBot) -> None:
    box = NumberBox(PropertySpec(name="P", kind=Kind.INTEGER, minimum=0, maximum=3), step=2)
    qtbot.addWidget(box)
    box.show_value(1)
    box.stepBy(1)
    assert box.value() == 3
    assert not box.stepEnabled() & NumberBox.StepEnabledFlag.StepUpEnabled
    box.stepBy(-5)
    assert box.value() == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.integers(0, 0xFFFFFFFF), language=st.sampled_from(["C", "en_US", "de_DE", "de_CH", "fr_FR", "hi_IN"]))
def test_a_number_is_read_as_it_is_shown_in_every_language(qtbot: QtBot, value: int, language: str) -> None:
    before = QLocale()
    QLocale.setDefault(QLocale(language))
    try:
        for scale in (1, 1000):
            box = NumberBox(PropertySpec(name="P", kind=Kind.INTEGER), scale)
            qtbot.addWidget(box)
            box.show_value(value)
            assert box._read(box.lineEdit().text()) == value
    finally:
        QLocale.setDefault(before)


@given(text=st.text(max_size=20))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_into_a_number_is_a_number_or_said_to_be_none(qtbot: QtBot, text: str) -> None:
    spec = PropertySpec(name="P", kind=Kind.INTEGER, minimum=0, maximum=10)
    box = NumberBox(spec)
    qtbot.addWidget(box)
    value = box._read(text)
    assert check(spec, value) is not None or (isinstance(value, int) and 0 <= value <= 10)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (900, "s", "= 15 min"),
        (90, "s", ""),
        (180, "s", "= 3 min"),
        (200, "s", "≈ 3 min"),
        (2000, "ms", "= 2 s"),
        (2500, "ms", ""),
        (6, "hours", ""),
        (48, "hours", "= 2 d"),
        (3, "restarts", ""),
        ("many", "s", ""),
    ],
)
def test_long_times_are_said_again_in_larger_units(value: object, unit: str, shown: str) -> None:
    assert echo(value, unit) == shown


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        (PropertySpec(name="P", kind=Kind.INTEGER, default=5000, unit="ms"), "5000 ms"),
        (PropertySpec(name="P", kind=Kind.BOOLEAN, default=True), "on"),
        (PropertySpec(name="P", kind=Kind.STRINGS, default=()), "empty"),
        (PropertySpec(name="P", kind=Kind.CHOICE, default=1, choices=(Choice(1, "allow failback"),)), "allow failback"),
    ],
)
def test_a_default_is_said_in_words(spec: PropertySpec, shown: str) -> None:
    assert value_text(spec, spec.default) == shown


def test_a_form_says_each_problem_at_its_field_and_goes_to_the_first(qtbot: QtBot) -> None:
    form = PropertyForm(SCHEMAS["Generic Application"])
    qtbot.addWidget(form)
    form.show_problems({"CurrentDirectory": "Wrong.", "StopTimeout": "Too long."})
    assert form.rows["CurrentDirectory"].error.problem == "Wrong."
    assert form.rows["CommandLine"].error.problem is None
    assert form.focus_first_problem()
    form.show_problems({})
    assert not form.focus_first_problem()


def test_a_name_with_an_ampersand_is_written_as_it_is(qtbot: QtBot) -> None:
    editor = editor_for(PropertySpec(name="P", kind=Kind.BOOLEAN, label="Search & destroy"))
    qtbot.addWidget(editor)
    field = editor.focusProxy()
    assert isinstance(field, QCheckBox)
    assert field.text() == "Search && destroy"
