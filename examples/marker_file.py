"""A resource type in one file: online means that a file exists. docs/resource-types.md explains it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import Kind
from nodeagent.resourcetypes.base import Progress, ResourceType, failure, setting


@dataclass(frozen=True, slots=True)
class Settings:
    """What a marker file needs."""

    path: str = setting("File whose existence means online", kind=Kind.FILE)
    content: str = setting("What is written into it", default="")


class MarkerFile(ResourceType[Settings]):
    """Writes a file to go online and removes it to go offline."""

    name: ClassVar[str] = "Marker File"
    description: ClassVar[str] = "A file that exists while the resource is online"
    settings = Settings

    def validate(self, mine: Settings) -> list[Problem]:
        """The folder must be there; the file itself comes and goes."""
        folder = Path(mine.path).parent
        return [] if folder.is_dir() else [problem("directory_missing", "Path", directory=str(folder))]

    def online(self, mine: Settings, progress: Progress) -> None:
        """Write the file."""
        progress(f"writing {mine.path}")
        try:
            Path(mine.path).write_text(mine.content, encoding="utf-8")
        except OSError as exc:
            raise failure("start_failed", detail=str(exc)) from exc

    def offline(self, mine: Settings, progress: Progress) -> None:
        """Remove the file."""
        del progress
        Path(mine.path).unlink(missing_ok=True)

    def terminate(self, mine: Settings) -> None:
        """Remove the file; there is nothing gentler about `offline`."""
        Path(mine.path).unlink(missing_ok=True)

    def is_alive(self, mine: Settings) -> bool:
        """Look whether it is there."""
        return Path(mine.path).is_file()
