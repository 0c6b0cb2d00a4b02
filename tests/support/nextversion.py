"""The next version of this very program: a copy of the package tree, changed where a release would change it.

Protocol and schema are one higher; a group's record has one more field, there is one more request, which sets it, and
one more key, which that request writes. Each change must find its place, or the copy is not made.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nodeagent
from tests.support.agents import Agent

SOFTWARE = "0.2.0"

_REQUEST = '''class SetMotto(_Request, frozen=True, kw_only=True, tag="set_motto"):
    """Give a group a motto."""

    group: GroupId
    motto: str


class ReadQuorum('''
_HANDLER = """    async def set_motto(self, request: r.SetMotto, why: Cause) -> Done:
        group = self._desk.now.group(request.group)
        record = replace(self._desk.group_record(group.id), motto=request.motto)
        motto = encode(record)
        return await self._desk.commit(
            self._desk.expect(group_key(group.id)),
            {group_key(group.id): motto, f"mottoes/{group.id}": motto},
            self._desk.entry("event_changed", group, why, what="motto"),
        )

    async def set_preferred_owners("""
_CHANGES = (
    ("nodeagent/api/wire.py", 'SOFTWARE: Final = "0.1.0"', f'SOFTWARE: Final = "{SOFTWARE}"'),
    ("nodeagent/api/wire.py", "PROTOCOL: Final = (1, 1)", "PROTOCOL: Final = (1, 2)"),
    ("nodeagent/database/records.py", "SCHEMA: Final = 1", "SCHEMA: Final = 2"),
    (
        "nodeagent/database/records.py",
        "    preferred_owners: tuple[NodeId, ...] = ()\n",
        '    preferred_owners: tuple[NodeId, ...] = ()\n    motto: str = ""\n',
    ),
    ("nodeagent/api/requests.py", "class ReadQuorum(", _REQUEST),
    ("nodeagent/api/requests.py", "    | ReadQuorum\n", "    | ReadQuorum\n    | SetMotto\n"),
    (
        "nodeagent/service/handlers.py",
        "            r.EndMaintenance: maintenance.end,\n",
        "            r.EndMaintenance: maintenance.end,\n            r.SetMotto: configuring.set_motto,\n",
    ),
    ("nodeagent/service/configuring.py", "    async def set_preferred_owners(", _HANDLER),
)
_PACKAGES = ("nodeagent", "clusteradmin", "ui", "icons")


def copy_tree(folder: Path) -> Path:
    """Copy the packages as they are; returns where they lie."""
    source = Path(nodeagent.__file__).parent.parent
    for package in _PACKAGES:
        shutil.copytree(source / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def make_next(folder: Path) -> None:
    """Change a copy into the next version.

    Raises:
        AssertionError: a change does not find the one place that it is for.
    """
    for name, before, after in _CHANGES:
        path = folder / name
        text = path.read_text()
        assert text.count(before) == 1, (name, before, text.count(before))
        path.write_text(text.replace(before, after))


def run_from(agent: Agent, folder: Path) -> None:
    """Have the agent run the program that lies there, from its next start on."""
    agent.place = folder
    agent.environment = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
