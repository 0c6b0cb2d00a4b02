"""A scenario as it lies in its folder: the starting cluster, the steps, and the log that must come out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import yaml

from nodeagent.api.properties import Value

FOLDERS: Final = Path(__file__).parent
CLUSTER, STEPS, EXPECTED = "cluster.yaml", "steps.txt", "expected.log"


class _Read(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class ResourceStart(_Read, frozen=True, kw_only=True):
    """A resource of the starting cluster.

    Attributes:
        needs: names of its providers.
        possible: numbers of its possible owners; None means every node.
        wanted: "online", "offline" or "inherit".
        start, stop: seconds that its application takes.
    """

    type: str = "Application"
    needs: tuple[str, ...] = ()
    possible: tuple[int, ...] | None = None
    wanted: str = "inherit"
    separate: bool = False
    start: float = 0.02
    stop: float = 0.05
    properties: dict[str, Any] = {}


class GroupStart(_Read, frozen=True, kw_only=True):
    """A group of the starting cluster. *node* is where it is when the story begins."""

    resources: dict[str, ResourceStart] = {}
    node: int = 1
    preferred: tuple[int, ...] = ()
    wanted: str = "online"
    properties: dict[str, Any] = {}


class ClusterStart(_Read, frozen=True, kw_only=True):
    """The starting cluster.

    Attributes:
        about: the story in one sentence.
        rules: which rules it tells, by their keys in rules.py.
        switched_off: nodes that are not switched on when the story begins.
        without: resource types that are not installed on a node, by its number.
        fence: every node has a fence device.
        watchdog, reset: what every agent's settings say ("off", "required"; "sysrq").
        applications: the log also tells when each application really runs and ends.
        leader: the log also tells when another node takes the lead; who does is chance otherwise.
        stays_down: resources that nobody brings online again when everything has healed, because a rule says so.
    """

    about: str
    rules: tuple[str, ...]
    nodes: int = 3
    profile: str = "default"
    switched_off: tuple[int, ...] = ()
    clock: str = "2026-06-01 12:00"
    cluster: dict[str, Any] = {}
    without: dict[int, tuple[str, ...]] = {}
    fence: bool = False
    watchdog: str = "off"
    reset: str = "off"
    applications: bool = False
    leader: bool = False
    stays_down: tuple[str, ...] = ()
    groups: dict[str, GroupStart] = {}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One folder."""

    folder: Path
    start: ClusterStart
    steps: tuple[str, ...]
    expected: tuple[str, ...] = field(default=())

    @property
    def name(self) -> str:
        """Return the folder's name."""
        return self.folder.name

    def story(self) -> str:
        """Return what happens, without its numbers: two stories that differ in a number only are one."""
        start = yaml.safe_load((self.folder / CLUSTER).read_text())
        told = {key: value for key, value in start.items() if key not in ("about", "rules")}
        return re.sub(r"(?<![a-z])\d[\d.:-]*", "N", f"{yaml.safe_dump(told, sort_keys=True)}\n" + "\n".join(self.steps))


def read(folder: Path) -> Scenario:
    """Read a folder; a log that is not there yet is empty."""
    start = msgspec.convert(yaml.safe_load((folder / CLUSTER).read_text()), ClusterStart, strict=False)
    steps = [line.split("#", 1)[0].strip() for line in (folder / STEPS).read_text().splitlines()]
    log = folder / EXPECTED
    expected = log.read_text().splitlines() if log.exists() else []
    return Scenario(folder, start, tuple(line for line in steps if line), tuple(expected))


def names() -> list[str]:
    """Return the names of all scenarios."""
    return sorted(path.parent.name for path in FOLDERS.glob(f"*/{CLUSTER}"))


def value_of(text: Any) -> Value:
    """Return a property's value as it travels: lists are tuples."""
    return cast("Value", tuple(text) if isinstance(text, list) else text)
