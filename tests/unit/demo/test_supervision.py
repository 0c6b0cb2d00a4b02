"""When a program is started again, and when silence means that it hangs."""

from clusteradmin.demo.supervision import SILENCE_SECONDS, START_SECONDS, Naps, Restarts, Silence


def test_a_program_that_dies_now_and_then_is_started_again_at_once() -> None:
    restarts = Restarts()
    assert [restarts.pause(3600.0) for _ in range(5)] == [0.0] * 5


def test_one_quick_death_costs_no_pause() -> None:
    assert Restarts().pause(0.2) == 0.0


def test_a_program_that_dies_again_and_again_is_started_more_and_more_rarely() -> None:
    restarts = Restarts()
    pauses = [restarts.pause(None) for _ in range(9)]
    assert pauses == sorted(pauses)
    assert pauses[1] > 0
    assert pauses[-1] == pauses[-2] == 10.0


def test_a_long_life_ends_the_row() -> None:
    restarts = Restarts()
    for _ in range(6):
        restarts.pause(0.1)
    assert restarts.pause(60.0) == 0.0
    assert restarts.pause(0.1) == 0.0


def test_five_seconds_of_silence_are_too_long_once_it_was_ready() -> None:
    silence = Silence(100.0)
    silence.hear(101.0, ready=True)
    assert not silence.is_over(101.0 + SILENCE_SECONDS)
    assert silence.is_over(101.1 + SILENCE_SECONDS)


def test_a_program_that_starts_may_be_silent_for_longer() -> None:
    silence = Silence(100.0)
    assert not silence.is_over(100.0 + START_SECONDS)
    assert silence.is_over(100.1 + START_SECONDS)


def test_every_word_begins_the_time_anew() -> None:
    silence = Silence(0.0)
    silence.hear(1.0, ready=True)
    for second in range(2, 60):
        silence.hear(float(second))
        assert not silence.is_over(second + 4.9)


def test_a_night_in_the_bag_is_noticed_once() -> None:
    naps = Naps(0.0)
    assert naps.look(1.0) == 0.0
    assert naps.look(2.1) == 0.0
    assert round(naps.look(2.1 + 1 + 28800)) == 28800
    assert naps.look(28804.1) == 0.0
