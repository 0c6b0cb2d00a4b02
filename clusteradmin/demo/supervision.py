"""When a kept program is started again, when silence means that it hangs, and when it was the computer that slept."""

from __future__ import annotations

from typing import Final

SILENCE_SECONDS: Final = 5.0
START_SECONDS: Final = 30.0
"""A program that starts may be silent for longer: a cold disk has to be read first."""

TICK_SECONDS: Final = 1.0
_SLEPT_SECONDS: Final = 3.0
_SHORT_LIFE_SECONDS: Final = 1.0
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0


class Restarts:
    """How long to wait before a program that ended is started again.

    Attributes:
        in_a_row: how many of its lives, the last one included, were short.
    """

    def __init__(self) -> None:
        self.in_a_row = 0

    def pause(self, lived: float | None) -> float:
        """Return the pause in seconds: none, unless it ends again and again within a second.

        Args:
            lived: seconds since it was ready, None when it never was.
        """
        if lived is not None and lived >= _SHORT_LIFE_SECONDS:
            self.in_a_row = 0
            return 0.0
        self.in_a_row += 1
        if self.in_a_row == 1:
            return 0.0
        return min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** (self.in_a_row - 2))


class Silence:
    """Whether a program has said too little for too long. Times are seconds of any clock that counts sleep."""

    def __init__(self, now: float) -> None:
        self._heard = now
        self._ready = False

    def hear(self, now: float, *, ready: bool = False) -> None:
        self._heard = now
        self._ready = self._ready or ready

    def is_over(self, now: float) -> bool:
        """Tell whether patience is at an end."""
        return now - self._heard > (SILENCE_SECONDS if self._ready else START_SECONDS)


class Naps:
    """Notices that this process has not run for a while: suspended, stopped, or the whole machine frozen."""

    def __init__(self, now: float) -> None:
        self._last = now

    def look(self, now: float) -> float:
        """Call every `TICK_SECONDS`; return for how many seconds everything slept, 0 for "not"."""
        late = now - self._last - TICK_SECONDS
        self._last = now
        return late if late >= _SLEPT_SECONDS else 0.0
