"""Tables fit the terminal whatever is in them; errors carry the original's numbers."""

import io

from hypothesis import given
from hypothesis import strategies as st

from clusteradmin.cli.output import Output, cells, error_line, shortened, table
from nodeagent.api.problems import problem


def test_columns_are_aligned_by_cells_and_not_by_characters() -> None:
    lines = table(("Name", "State"), [("日本", "Online"), ("cafe\u0301", "Offline")]).splitlines()
    assert [cells(line[: line.index(word)]) for line, word in zip(lines[2:], ("Online", "Offline"), strict=True)] == [
        6,
        6,
    ]


@given(st.text(max_size=30), st.integers(1, 20))
def test_what_is_shortened_fits(text: str, width: int) -> None:
    assert cells(shortened(text, width)) <= width


@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60)), max_size=4), st.integers(20, 60))
def test_a_table_fits_the_terminal(rows: list[tuple[str, str]], width: int) -> None:
    lines = table(("A", "B"), rows, width).split("\n")
    assert len(lines) == len(rows) + 2
    assert all(cells(line) <= width for line in lines)


def test_what_a_program_wrote_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in table(("A",), [("\x1b[2J\nboo",)])
    assert len(table(("A",), [("one\ntwo",)]).splitlines()) == 3


def test_an_error_carries_the_originals_number_in_both_forms() -> None:
    text = error_line(problem("wrong_state", name="Notepad", state="Offline Pending"))
    assert text == "Notepad is Offline Pending; wait until that has ended. Error ID: 5023 (0000139f)."
    assert "Error ID" not in error_line(problem("not_json", detail="x"))


def test_one_document_is_printed_as_it_is_and_several_as_a_list() -> None:
    out = io.StringIO()
    output = Output(as_json=True, out=out)
    output.say("for people")
    output.table(("A",), [("x",)], {"a": "x"})
    output.finish()
    assert out.getvalue() == '{\n  "a": "x"\n}\n'
    output.document([1])
    output.document([2])
    output.finish()
    assert out.getvalue().endswith("[\n  [\n    1\n  ],\n  [\n    2\n  ]\n]\n")
