"""From a target to a transport: which places lead to a cluster, in which order, and the way there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clusteradmin.client.transport import LineTransport, UnixTransport
from clusteradmin.settings import ClientHome, KnownNode, SavedConnection
from clusteradmin.ssh.config import HostConfig, SshConfig, Target
from clusteradmin.ssh.credentials import Credentials, NoPrompter, Prompter
from clusteradmin.ssh.hostkeys import HostKey
from clusteradmin.ssh.jump import open_agent_channel
from nodeagent.api.objects import Endpoint, NodeId


@dataclass(frozen=True, slots=True)
class Place:
    """Where a Cluster Service can be reached: a socket of this machine, or a host.

    Attributes:
        text: how messages call it.
        node: of the cluster, where that is known; None for the target itself.
        host_keys: keys that the cluster reported; if there are any, the host must show one of them.
    """

    text: str
    socket: Path | None = None
    host: Target | None = None
    node: NodeId | None = None
    host_keys: tuple[HostKey, ...] = ()


class LaterPrompter(NoPrompter):
    """Asks nothing for now: nobody wants a question out of the blue because a connection was lost."""

    how = "is asked when you choose Try Now"


class Dialer:
    """Knows the ways to one cluster, and holds what was typed for it."""

    def __init__(self, saved: SavedConnection, prompter: Prompter, home: ClientHome) -> None:
        self._saved = saved
        self._prompter = prompter
        self._home = home
        self._credentials = Credentials(prompter)

    def places(self, nodes: Sequence[KnownNode], last: Place | None = None, target_node: NodeId = 0) -> list[Place]:
        """Return where to try, in order: where we were last, the target, then the other nodes.

        Args:
            nodes: of the cluster, as last reported.
            last: the place that led to the cluster before.
            target_node: the node that answered at the target, 0 when that is not known.
        """
        found = [last] if last else []
        found.append(self._target(nodes))
        if self._saved.socket is None:
            found += [place for node in nodes if node.id != target_node for place in self.places_of(node)]
        once: dict[tuple[Path | None, Target | None], Place] = {}
        for place in found:
            once.setdefault((place.socket, place.host), place)
        return list(once.values())

    def _target(self, nodes: Sequence[KnownNode]) -> Place:
        text = self._saved.target
        if self._saved.socket is not None:
            return Place(str(self._saved.socket), socket=self._saved.socket)
        host = Target.parse(text)
        reported = [e for node in nodes for e in node.endpoints if (e.host, e.port) == (host.host, host.port or 22)]
        return Place(text, host=host, host_keys=_keys(reported))

    def places_of(self, node: KnownNode) -> list[Place]:
        """Return the places at which *node* says it can be reached."""
        user = self._login.user if self._login else None
        return [
            Place(
                f"{node.name} ({endpoint.host}:{endpoint.port})",
                host=Target(endpoint.host, user, endpoint.port),
                node=node.id,
                host_keys=_keys([endpoint]),
            )
            for endpoint in node.endpoints
        ]

    @property
    def _login(self) -> Target | None:
        return None if self._saved.socket is not None else Target.parse(self._saved.target)

    async def dial(self, place: Place, *, may_ask: bool) -> LineTransport:
        """Connect to *place* and, on a host, start the relay there.

        Raises:
            TransportError: it did not come about; of its kinds `SshError` needs a person.
            ConfigError: what the ssh_config says cannot be understood.
        """
        if place.socket is not None:
            return await UnixTransport.open(place.socket)
        assert place.host is not None
        self._credentials.prompter = self._prompter if may_ask else LaterPrompter()
        return await open_agent_channel(
            place.host,
            self._saved.command,
            self._credentials,
            own_known_hosts=self._home.known_hosts,
            expected_host_keys=place.host_keys,
            config=_ClusterConfig(
                node=place.host, login=self._login, files=tuple(map(Path, self._saved.identity_files))
            ),
        )

    @property
    def needs_person(self) -> bool:
        """Whether a new connection needs a person, for a one-time code say."""
        return self._credentials.needs_person

    def forget(self) -> None:
        """Drop what was typed."""
        self._credentials.forget()


@dataclass(frozen=True, kw_only=True)
class _ClusterConfig(SshConfig):
    """The ssh_config, in which a node of the cluster is dialled as its target is: same keys, same way there."""

    node: Target
    login: Target | None = None
    files: tuple[Path, ...] = ()

    def look_up(self, target: Target | str) -> HostConfig:
        """Decide everything about a host."""
        found = super().look_up(target)
        if target != self.node:
            return found  # a jump host
        files = [*self.files, *found.identity_files]
        if self.login is not None and self.login != self.node:
            login = super().look_up(self.login)
            files += login.identity_files
            if login.alias != found.alias and not found.proxy_command and not found.proxy_jump:
                found = dataclasses.replace(found, proxy_jump=login.proxy_jump)
            if self.node.user is None:
                found = dataclasses.replace(found, user=login.user)
        return dataclasses.replace(found, identity_files=tuple(dict.fromkeys(files)))


def _keys(endpoints: Iterable[Endpoint]) -> tuple[HostKey, ...]:
    """Return the reported keys; one that cannot be read cannot be shown by any host either."""
    found: list[HostKey] = []
    for text in (key for endpoint in endpoints for key in endpoint.host_keys):
        try:
            found.append(HostKey.parse(text))
        except ValueError:
            continue
    return tuple(found)
