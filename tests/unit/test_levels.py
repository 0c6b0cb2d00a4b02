"""tests/levels.py adds up what the levels' reports say."""

import pytest

from tests.levels import NOTHING_COLLECTED, Outcome, count, judged

REPORT = """<testsuites><testsuite>
  <testcase classname="a" name="passes"/>
  <testcase classname="a" name="fails"><failure/></testcase>
  <testcase classname="a" name="is skipped"><skipped/></testcase>
  <testcase classname="a" name="leaves something behind"><error/></testcase>
  <testcase classname="b" name="fails twice"><failure/></testcase>
  <testcase classname="b" name="fails twice"><error/></testcase>
</testsuite></testsuites>"""


def test_each_test_of_a_report_counts_once() -> None:
    assert count(REPORT) == Outcome(passed=1, failed=3, skipped=1)


def test_the_total_is_one_plain_line() -> None:
    assert str(Outcome(3, 0, 1) + Outcome(failed=2)) == "3 passed, 2 failed, 1 skipped"


@pytest.mark.parametrize(
    ("counted", "exit_code", "chosen", "expected"),
    [
        pytest.param(Outcome(2), 0, False, Outcome(2), id="all passed"),
        pytest.param(Outcome(2, 1), 1, False, Outcome(2, 1), id="a test failed"),
        pytest.param(Outcome(), -11, False, Outcome(failed=1), id="pytest died"),
        pytest.param(Outcome(), NOTHING_COLLECTED, False, Outcome(failed=1), id="a level without tests"),
        pytest.param(Outcome(), NOTHING_COLLECTED, True, Outcome(), id="none chosen by the caller's -k"),
    ],
)
def test_a_level_that_breaks_counts_as_failed(
    counted: Outcome, exit_code: int, *, chosen: bool, expected: Outcome
) -> None:
    assert judged(counted, exit_code, chosen=chosen) == expected
