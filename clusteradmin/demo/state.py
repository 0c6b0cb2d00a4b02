"""What a demo writes down about itself: where it can be reached, and what cleans up after it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

STATE: Final = "demo.json"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Written into the demo's directory before the first process is started.

    Attributes:
        mark: in the environment of every process that the demo starts; nobody can guess it.
        client_home: the directory in which its connection is saved.
        run: directory of the sockets.
        made: directories that did not exist before, the deepest first.
        configs: the agents' configuration files.
    """

    mark: str
    client_home: str
    run: str
    made: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()

    @property
    def control_socket(self) -> Path:
        return Path(self.run) / "control.sock"


def read_state(directory: Path) -> State | None:
    """Return what the demo wrote that has or had *directory*, or None when there is nothing."""
    try:
        return msgspec.json.decode((directory / STATE).read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return None
