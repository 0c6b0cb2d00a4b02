"""What the workstation remembers: saved connections, what was learned of their nodes, and what was opened last.

One JSON file per saved connection, so that two programs that save at the same time both keep theirs.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from nodeagent.api.objects import Endpoint, Snapshot

LOCAL_SOCKET: Final = "/run/clusteragent/agent.sock"
LOCAL_SOCKET_VARIABLE: Final = "CLUSTERAGENT_SOCKET"
RELAY_COMMAND: Final = "clusteragent relay"
DIRECTORY_VARIABLE: Final = "CLUSTERADMIN_HOME"
UNIX_PREFIX: Final = "unix:"
MOST_RECENT: Final = 12

_T = TypeVar("_T")


class SettingsError(Exception):
    """A file of ours cannot be read or written; ``str()`` is a sentence."""


class KnownNode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A node as the cluster reported it: where its sshd answers and which keys it shows."""

    id: int
    name: str
    endpoints: tuple[Endpoint, ...] = ()


class SavedConnection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cluster that can be opened by a name.

    Attributes:
        name: by which it is opened; empty for one that is not saved.
        target: "." for the local socket, "unix:/path", or [user@]host[:port] and aliases of ssh_config.
        command: what SSH runs on the node.
        identity_files: keys to offer besides those of the ssh_config.
        cluster, cluster_name: id and name of the cluster that answered last.
        nodes: learned from it; where to go on when the node of *target* is away.
        demo_home: directory of the demo that runs it, empty when it is no demo.
    """

    name: str = ""
    target: str = "."
    command: str = RELAY_COMMAND
    identity_files: tuple[str, ...] = ()
    cluster: str = ""
    cluster_name: str = ""
    nodes: tuple[KnownNode, ...] = ()
    demo_home: str = ""

    @property
    def socket(self) -> Path | None:
        """The Unix socket that *target* means, or None when it is a host."""
        return socket_of(self.target)


def socket_of(target: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the Unix socket that *target* means, or None when it names a host."""
    if target in ("", "."):
        return Path(environment.get(LOCAL_SOCKET_VARIABLE) or LOCAL_SOCKET)
    if target.startswith(UNIX_PREFIX):
        return Path(target.removeprefix(UNIX_PREFIX))
    return None


def nodes_of(snapshot: Snapshot) -> tuple[KnownNode, ...]:
    """Return what is worth remembering of the snapshot's nodes."""
    found = sorted(snapshot.nodes.values(), key=lambda node: node.id)
    return tuple(KnownNode(id=node.id, name=node.name, endpoints=node.endpoints) for node in found)


@dataclass(frozen=True, slots=True)
class ClientHome:
    """The directory of this account that holds what the workstation remembers; it is made when something is saved."""

    directory: Path

    @classmethod
    def default(cls, environment: Mapping[str, str] = os.environ) -> ClientHome:
        """Return $CLUSTERADMIN_HOME, or cluster-administrator below $XDG_CONFIG_HOME or ~/.config."""
        if own := environment.get(DIRECTORY_VARIABLE):
            return cls(Path(own))
        base = environment.get("XDG_CONFIG_HOME") or ""
        root = Path(base) if base.startswith("/") else Path.home() / ".config"
        return cls(root / "cluster-administrator")

    @property
    def known_hosts(self) -> Path:
        """Our own file of accepted host keys."""
        return self.directory / "known_hosts"

    @property
    def _connections(self) -> Path:
        return self.directory / "connections"

    def _file(self, name: str) -> Path:
        return self._connections / f"{quote(name, safe='')}.json"

    def connections(self) -> tuple[SavedConnection, ...]:
        """Return the saved connections by name; a file that cannot be understood is left out."""
        found: list[SavedConnection] = []
        for file in self._connections.glob("*.json"):
            try:
                found.append(_read(file, SavedConnection))
            except SettingsError:
                continue
        return tuple(sorted(found, key=lambda saved: saved.name.casefold()))

    def connection(self, name: str) -> SavedConnection | None:
        """Return the connection saved under *name* (case matters), or None.

        Raises:
            SettingsError: it is there and cannot be read.
        """
        file = self._file(name)
        return _read(file, SavedConnection) if name and file.exists() else None

    def resolve(self, target: str) -> SavedConnection:
        """Return the saved connection that *target* names, or one that is not saved.

        Raises:
            SettingsError: the saved one cannot be read.
        """
        return self.connection(target) or SavedConnection(target=target or ".")

    def save(self, connection: SavedConnection) -> None:
        """Save *connection* under its name, in place of what was there.

        Raises:
            SettingsError: it has no name, or the file cannot be written.
        """
        if not connection.name:
            raise SettingsError("A saved connection needs a name.")
        write_json(self._file(connection.name), connection)

    def forget(self, name: str) -> None:
        """Remove the saved connection; one that is not there is no error."""
        self._file(name).unlink(missing_ok=True)

    def learn(self, name: str, snapshot: Snapshot) -> SavedConnection | None:
        """Keep with a saved connection what its cluster reports of itself; return what is saved now.

        Raises:
            SettingsError: the file cannot be read or written.
        """
        saved = self.connection(name)
        if saved is None:
            return None
        learned = msgspec.structs.replace(
            saved, cluster=snapshot.cluster.id, cluster_name=snapshot.cluster.name, nodes=nodes_of(snapshot)
        )
        if learned != saved:
            self.save(learned)
        return learned

    def recent(self) -> tuple[str, ...]:
        """Return the targets opened last, newest first."""
        try:
            return _read(self.directory / "recent.json", tuple[str, ...])
        except SettingsError:
            return ()

    def remember(self, target: str) -> None:
        """Put *target* at the head of the recent ones.

        Raises:
            SettingsError: the file cannot be written.
        """
        others = (other for other in self.recent() if other != target)
        self.write_recent((target, *others))

    def write_recent(self, targets: Iterable[str]) -> None:
        """Replace the list of recent targets.

        Raises:
            SettingsError: the file cannot be written.
        """
        write_json(self.directory / "recent.json", tuple(targets)[:MOST_RECENT])


def _read(file: Path, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except OSError as exc:
        raise SettingsError(f"{file} cannot be read ({exc.strerror or exc}).") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{file} cannot be understood ({exc}).") from exc


def write_json(file: Path, content: object) -> None:
    """Replace *file* in one step; only its owner may read it.

    Raises:
        SettingsError: it cannot be written.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
            Path(temporary).replace(file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise SettingsError(f"{file} cannot be written ({exc.strerror or exc}).") from exc
