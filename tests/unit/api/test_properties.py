"""Values against their schema: what can be stored, how typed text is read, and what counts."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeagent.api.commonproperties import COMMON, GROUP, NEVER, RESOURCE, UNSIGNED_MAXIMUM, USE_TYPE
from nodeagent.api.problems import Problem
from nodeagent.api.properties import (
    LONGEST,
    Choice,
    Kind,
    PropertySpec,
    Value,
    by_name,
    check,
    check_all,
    effective,
    merge,
    normalise,
    parse,
    range_text,
)
from nodeagent.api.texts import sentence


def common(name: str) -> PropertySpec:
    return next(spec for schema in COMMON.values() for spec in schema if spec.name == name)


def spec(kind: Kind, **more: object) -> PropertySpec:
    return msgspec.structs.replace(PropertySpec(name="P", kind=kind), **more)


def code_of(bad: Problem | None) -> str:
    return "" if bad is None else bad.code


# --- numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "stored"),
    [
        ("LooksAlivePollInterval", "-1", USE_TYPE),
        ("LooksAlivePollInterval", "0xFFFFFFFF", USE_TYPE),
        ("LooksAlivePollInterval", "4294967295", USE_TYPE),
        ("LooksAlivePollInterval", "10", 10),
        ("RetryPeriodOnFailure", "-1", NEVER),
        ("RetryPeriodOnFailure", "0xffffffff", NEVER),
        ("RestartThreshold", "0xFFFFFFFF", UNSIGNED_MAXIMUM),
        ("RestartThreshold", "1e3", 1000),
        ("RestartThreshold", " 007 ", 7),
        ("FailbackWindowStart", "-1", -1),
        ("FailbackWindowStart", "4294967295", -1),
        ("FailbackWindowStart", "-0", 0),
    ],
)
def test_numbers_are_read_as_the_original_tools_write_them(name: str, text: str, stored: int) -> None:
    value = parse(common(name), text)
    assert check(common(name), value) is None
    assert normalise(common(name), value) == stored
    assert type(normalise(common(name), value)) is int


@pytest.mark.parametrize(("name", "stored"), [("IsAlivePollInterval", USE_TYPE), ("RetryPeriodOnFailure", NEVER)])
@pytest.mark.parametrize("word", [-1, 0xFFFFFFFF])
def test_a_program_may_set_either_word_for_unset(name: str, stored: int, word: int) -> None:
    assert check(common(name), word) is None
    assert merge(RESOURCE, {}, {name: word}) == {name: stored}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("LooksAlivePollInterval", 9, "value_out_of_range"),
        ("LooksAlivePollInterval", 0, "value_out_of_range"),
        ("LooksAlivePollInterval", -2, "value_out_of_range"),
        ("RestartThreshold", -1, "value_out_of_range"),
        ("RestartThreshold", 2**32, "value_out_of_range"),
        ("RestartThreshold", 10**400, "value_out_of_range"),
        ("RestartThreshold", 1.5, "value_of_wrong_kind"),
        ("RestartThreshold", 3.0, "value_of_wrong_kind"),
        ("RestartThreshold", True, "value_of_wrong_kind"),
        ("RestartThreshold", "3", "value_of_wrong_kind"),
        ("RestartThreshold", math.nan, "value_of_wrong_kind"),
        ("RestartThreshold", ("3",), "value_of_wrong_kind"),
        ("FailbackWindowEnd", 24, "value_out_of_range"),
        ("FailoverPeriod", 1194, "value_out_of_range"),
        ("PendingTimeout", 9, "value_out_of_range"),
        ("AutoFailbackType", 2, "value_not_a_choice"),
        ("RestartAction", "restart", "value_not_a_choice"),
        ("SeparateMonitor", 2, "value_of_wrong_kind"),
        ("SeparateMonitor", "yes", "value_of_wrong_kind"),
    ],
)
def test_such_values_are_refused_as_invalid_parameters(name: str, value: Value, code: str) -> None:
    bad = check(common(name), value)
    assert bad is not None
    assert (bad.code, bad.field, bad.number) == (code, name, 87)
    assert msgspec.json.decode(msgspec.json.encode(bad), type=Problem) == bad, "it can be sent"
    assert len(sentence(bad)) < 200


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_refused(value: float) -> None:
    assert code_of(check(spec(Kind.NUMBER), value)) == "value_of_wrong_kind"
    assert code_of(check(spec(Kind.NUMBER), parse(spec(Kind.NUMBER), str(value)))) == "value_of_wrong_kind"


@pytest.mark.parametrize("value", [0, 0.0, -0.0, 1.5, -(2**63), 2**63 - 1])
def test_a_number_without_bounds_fits_into_64_bits(value: float) -> None:
    assert check(spec(Kind.NUMBER), value) is None
    assert code_of(check(spec(Kind.INTEGER), 2**63)) == "value_out_of_range"


@pytest.mark.parametrize("text", ["", "abc", "0x", "1,5", "nan", "-", "9" * 5000, "0x" + "f" * 50_000, "1e400"])
def test_what_is_no_number_is_refused_and_not_guessed(text: str) -> None:
    threshold = common("RestartThreshold")
    bad = check(threshold, parse(threshold, text))
    assert bad is not None
    assert len(sentence(bad)) < 200


def test_a_range_is_said_in_whole_numbers_with_its_unit_and_its_special_value() -> None:
    assert range_text(common("LooksAlivePollInterval")) == (
        "from 10 to 4294967294 ms, or -1 (use the value from the resource type)"
    )
    assert range_text(spec(Kind.NUMBER, minimum=-5e6)) == "-5000000 or more"
    assert range_text(spec(Kind.NUMBER, maximum=0.5)) == "at most 0.5"
    assert range_text(spec(Kind.NUMBER)) == "any number that fits into 64 bits"


# --- switches and choices ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["1", "true", "YES", "On"])
def test_these_words_switch_on(text: str) -> None:
    assert parse(common("SeparateMonitor"), text) is True


@pytest.mark.parametrize("text", ["0", "false", "NO", "Off"])
def test_these_words_switch_off(text: str) -> None:
    assert parse(common("SeparateMonitor"), text) is False


@pytest.mark.parametrize(("value", "stored"), [(0, False), (1, True), (True, True)])
def test_a_switch_is_stored_as_one(value: Value, stored: bool) -> None:
    assert check(common("SeparateMonitor"), value) is None
    assert merge(RESOURCE, {}, {"separatemonitor": value}) == {"SeparateMonitor": stored}


@pytest.mark.parametrize("value", [1, 1.0, True])
def test_a_choice_is_stored_as_the_schema_has_it(value: Value) -> None:
    assert check(common("AutoFailbackType"), value) is None
    assert type(merge(GROUP, {}, {"AutoFailbackType": value})["AutoFailbackType"]) is int


def test_a_choice_is_read_by_its_value_or_its_words() -> None:
    assert parse(common("RestartAction"), "restart, affect the group") == 2
    assert parse(common("RestartAction"), "0") == 0
    bad = check(common("AutoFailbackType"), "sometimes")
    assert bad is not None
    assert sentence(bad) == "AutoFailbackType must be one of: 0 (prevent failback), 1 (allow failback)."


# --- texts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a\0b", "a\x1bb", "a\x7fb", "a\x85b", "a\ud800b", "a\rb", "a\nb"])
def test_control_characters_are_refused(text: str) -> None:
    assert code_of(check(spec(Kind.STRING), text)) == "control_characters"


def test_a_text_of_several_lines_keeps_them_and_a_string_has_one() -> None:
    assert check(spec(Kind.TEXT), "one\n\ttwo") is None
    assert code_of(check(spec(Kind.TEXT), "one\r\ntwo")) == "control_characters"
    assert check(spec(Kind.STRING), "one\ttwo é 👩‍💻") is None


def test_a_text_has_an_end() -> None:
    assert check(spec(Kind.STRING), "x" * LONGEST) is None
    bad = check(spec(Kind.COMMAND), "x" * (LONGEST + 1))
    assert bad is not None
    assert sentence(bad) == "P has 32769 characters; at most 32768 are possible."
    assert code_of(check(spec(Kind.STRINGS), ("x" * 1000,) * 40)) == "value_too_long"


@pytest.mark.parametrize("value", ["", "  ", "\t", ()])
def test_what_is_required_is_not_blank(value: Value) -> None:
    kind = Kind.STRINGS if value == () else Kind.STRING
    assert code_of(check(spec(kind, required=True), value)) == "value_required"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("sleep 1", ""),
        ("sh -c 'a b'", ""),
        ("sh -c 'a", "command_malformed"),
        ("''", "value_required"),
        ("a\\", "command_malformed"),
    ],
)
def test_a_command_line_can_be_split(text: str, code: str) -> None:
    assert code_of(check(spec(Kind.COMMAND), text)) == code


@pytest.mark.parametrize(
    ("kind", "value", "good"),
    [
        (Kind.IPV4, "10.0.0.5", True),
        (Kind.IPV4, "255.255.255.255", True),
        (Kind.IPV4, "10.0.0.256", False),
        (Kind.IPV4, "10.0.0", False),
        (Kind.IPV4, "10.0.0.05", False),
        (Kind.IPV4, "10.0.0.٥", False),
        (Kind.IPV4, "::1", False),
        (Kind.MASK, "255.255.255.0", True),
        (Kind.MASK, "0.0.0.0", True),
        (Kind.MASK, "24", True),
        (Kind.MASK, "33", False),
        (Kind.MASK, "255.0.255.0", False),
        (Kind.MASK, "/24", False),
        (Kind.DIRECTORY, "/srv", True),
        (Kind.DIRECTORY, "srv", False),
        (Kind.SIGNAL, "SIGTERM", True),
        (Kind.SIGNAL, "TERM", False),
        (Kind.STRING, 5, False),
    ],
)
def test_each_kind_of_text_has_its_form(kind: Kind, value: Value, good: bool) -> None:
    assert (check(spec(kind), value) is None) is good


def test_a_pattern_holds_for_the_whole_text_and_is_said_in_words() -> None:
    zone = common("TimeZone")
    assert check(zone, "Europe/Vienna") is None
    bad = check(zone, "../../etc/passwd")
    assert bad is not None
    assert sentence(bad) == "TimeZone must be a name such as Europe/Vienna."


# --- lists ------------------------------------------------------------------------------------------------------


def test_a_list_is_typed_by_lines_or_semicolons() -> None:
    assert parse(spec(Kind.STRINGS), "a; b\n\n c ") == ("a", "b", "c")
    assert parse(spec(Kind.STRINGS), "") == ()


def test_a_semicolon_inside_a_variable_stays() -> None:
    assert parse(spec(Kind.ENVIRONMENT), "PATH=a;b;HOME=/h") == ("PATH=a;b", "HOME=/h")
    assert parse(spec(Kind.ENVIRONMENT), "A=1\n B= x \n") == ("A=1", "B= x ")


@pytest.mark.parametrize(
    ("line", "good"), [("A=", True), ("_a1=b=c", True), ("=b", False), ("1A=b", False), ("A", False)]
)
def test_a_variable_has_a_name(line: str, good: bool) -> None:
    assert (check(spec(Kind.ENVIRONMENT), (line,)) is None) is good


# --- whole schemas ----------------------------------------------------------------------------------------------

SCHEMA = (
    PropertySpec(name="CommandLine", kind=Kind.COMMAND, required=True),
    PropertySpec(name="Size", kind=Kind.INTEGER, default=5, minimum=1),
    PropertySpec(name="Serial", kind=Kind.STRING, read_only=True),
)


def test_names_do_not_mind_case_and_get_the_schemas_spelling() -> None:
    assert check_all(SCHEMA, {"commandline": "true", "SIZE": 7}, complete=True) == []
    assert merge(SCHEMA, {"Size": 1}, {"SIZE": 7}) == {"Size": 7}
    assert by_name(SCHEMA, "cOmMandLine") is SCHEMA[0]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = check_all(SCHEMA, {"CommandLine": None, "Size": 0, "Serial": "x", "Colour": "red"})
    assert [bad.code for bad in found] == [
        "value_required",
        "value_out_of_range",
        "property_read_only",
        "property_unknown",
    ]
    assert sentence(found[-1]) == "There is no property Colour; known are: CommandLine, Size, Serial."
    assert [bad.code for bad in check_all(SCHEMA, {}, complete=True)] == ["value_required"]


def test_none_returns_to_the_default() -> None:
    after = merge(SCHEMA, {"CommandLine": "true", "Size": 9}, {"Size": None})
    assert after == {"CommandLine": "true"}
    assert effective(SCHEMA, after, "Size") == 5
    assert effective(SCHEMA, after, "CommandLine") == "true"
    assert effective(SCHEMA, after, "Nothing") is None


def test_the_common_properties_accept_their_own_defaults() -> None:
    for kind, schema in COMMON.items():
        for one in schema:
            assert one.default is not None, (kind, one.name)
            assert check(one, one.default) is None, (kind, one.name)
            assert normalise(one, one.default) == one.default


def test_a_special_value_counts_only_in_its_own_type() -> None:
    odd = spec(Kind.INTEGER, minimum=5, special=(Choice(1, "one"),))
    assert check(odd, 1) is None
    assert code_of(check(odd, True)) == "value_of_wrong_kind"


values = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.text()).map(tuple),
    st.sampled_from([0xFFFFFFFF, -1, 2**63, 2**64, "1", "", "SIGTERM"]),
)
specs = st.sampled_from(
    [
        *(one for schema in COMMON.values() for one in schema),
        *(PropertySpec(name=kind.value, kind=kind) for kind in Kind),
    ]
)


@given(specs, values)
def test_whatever_is_accepted_can_be_sent_and_is_still_acceptable(one: PropertySpec, value: Value) -> None:
    bad = check(one, value)
    if bad is not None:
        assert "(" + bad.code not in sentence(bad)
        assert msgspec.json.decode(msgspec.json.encode(bad), type=Problem) == bad
        return
    stored = normalise(one, value)
    assert check(one, stored) is None
    assert normalise(one, stored) == stored
    assert msgspec.json.decode(msgspec.json.encode(stored), type=Value) == stored


@given(specs, st.text())
def test_whatever_is_typed_is_read_or_refused(one: PropertySpec, text: str) -> None:
    value = parse(one, text)
    bad = check(one, value)
    assert bad is None or sentence(bad)
