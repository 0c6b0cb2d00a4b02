"""Resource types of an installed package, for the tests: one that blocks, hangs, crashes or reports as it is told."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from nodeagent.api.properties import Kind
from nodeagent.resourcetypes.base import ApplicationType, Progress, ResourceType, Running, failure, setting
from nodeagent.system.launching import Launch
from nodeagent.system.programs import DEFAULT_PATH


@dataclass(frozen=True, slots=True)
class Settings:
    """A file that exists while the thing is online, and one line per call."""

    folder: str = setting("Where the file lies", kind=Kind.DIRECTORY)
    online: str = setting("What online does besides: hang, crash, refuse, raise, daemon, report", default="")
    offline: str = setting("What offline does: hang, refuse", default="")
    alive: str = setting("What is_alive does: hang, crash", default="")


class Blocking(ResourceType[Settings]):
    """A flag file; whatever is asked of it is written down in the file "calls"."""

    name: ClassVar[str] = "Sample Blocking"
    settings = Settings

    def online(self, mine: Settings, progress: Progress) -> None:
        self._note(mine, "online")
        self._misbehave(mine.online, progress)
        (Path(mine.folder) / "flag").touch()

    def offline(self, mine: Settings, progress: Progress) -> None:
        self._note(mine, "offline")
        self._misbehave(mine.offline, progress)
        (Path(mine.folder) / "flag").unlink(missing_ok=True)

    def terminate(self, mine: Settings) -> None:
        self._note(mine, "terminate")
        if (Path(mine.folder) / "stuck").exists():
            raise failure("not_killable", name="flag")
        (Path(mine.folder) / "flag").unlink(missing_ok=True)

    def looks_alive(self, mine: Settings) -> bool:
        return (Path(mine.folder) / "flag").exists()

    def is_alive(self, mine: Settings) -> bool:
        self._note(mine, "is_alive")
        self._misbehave(mine.alive, print)
        return (Path(mine.folder) / "flag").exists()

    def _note(self, mine: Settings, text: str) -> None:
        with (Path(mine.folder) / "calls").open("a", encoding="utf-8") as calls:
            calls.write(text + "\n")
        with (Path(mine.folder) / "environment").open("w", encoding="utf-8") as environment:
            environment.writelines(f"{name}={value}\n" for name, value in os.environ.items())

    def _misbehave(self, how: str, progress: Progress) -> None:
        if how == "hang":
            time.sleep(1000)
        elif how == "crash":
            os.abort()
        elif how == "refuse":
            raise failure("start_failed", detail="it is broken")
        elif how == "raise":
            raise ZeroDivisionError("seven by zero")
        elif how == "daemon" and os.fork() == 0:
            os.execvp("sleep", ["sleep", "1000"])
        elif how == "report":
            for percent in (25, 50, 75):
                progress(f"{percent} %")
                time.sleep(0.25)


@dataclass(frozen=True, slots=True)
class CheckedSettings:
    """A file whose absence means that the program does not work."""

    healthy: str = setting("The file", kind=Kind.FILE)


class Checked(ApplicationType[CheckedSettings]):
    """A program that can be asked more than whether it exists."""

    name: ClassVar[str] = "Sample Checked"
    settings = CheckedSettings

    def prepare(self, mine: CheckedSettings) -> Running:
        Path(mine.healthy).touch()
        return Running(Launch(("sleep", "1000"), environment={"PATH": DEFAULT_PATH}))

    def is_alive(self, mine: CheckedSettings) -> bool:
        return Path(mine.healthy).exists()
