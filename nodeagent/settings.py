"""The agent's settings: one TOML file per node, read once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from nodeagent.api.objects import Endpoint, ObjectKind
from nodeagent.api.problems import ClusterError, problem
from nodeagent.api.rules.names import shape_problem

DEFAULT_CONFIG: Final = Path("/etc/clusteragent/agent.toml")
DEFAULT_SOCKET: Final = "/run/clusteragent/agent.sock"
SOCKET_VARIABLE: Final = "CLUSTERAGENT_SOCKET"


class EtcdSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the members of etcd are reached, for ``database = "etcd"``.

    Attributes:
        endpoints: https://HOST:2379 of each member, the nearest first.
        ca: file with the authority that signed the members' certificates.
        certificate: this node's certificate, signed by an authority that the members trust.
        key: the key that belongs to it; only the agent's user should be able to read it.
        namespace: what this cluster's keys begin with there, so that one etcd can hold several clusters.
    """

    endpoints: tuple[str, ...] = ()
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    namespace: str = "clusteradmin/"


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a node's agent is told.

    Attributes:
        name: the node's name in the cluster.
        cluster: name of the cluster, used when this node creates it.
        home: directory of what is kept: state, output logs, the node's event log.
        run: directory of sockets and of what is void after a reboot.
        socket: where workstations and relays connect; empty means agent.sock in *run*.
        database: "sqlite:/path/of/cluster.db", "etcd" or "memory:".
        etcd: where etcd is and who this node is there.
        endpoints: where this node's sshd answers, told to the workstations; without this, what the configuration of
            sshd and the network cards say.
        start_monitors: how Resource Monitors are started: "spawned" by the Cluster Service, or as "units" of systemd,
            which kills what a monitor holds when it dies or hangs.
        watchdog: whether a watchdog device resets this machine when the self-stop deadline is not kept: "off",
            "preferred" (where there is one) or "required" (without one this node does not join).
        watchdog_device: its path.
        reset: what is done about something that cannot be stopped at the deadline: "never" (the node says that it is
            unclean, and is not taken over by time), "sysrq" (the machine is reset), "watchdog" (it fires).
        sysrq_trigger: where "b" resets the machine.
    """

    name: str
    cluster: str = "CLUSTER"
    home: Path = Path("/var/lib/clusteragent")
    run: Path = Path("/run/clusteragent")
    socket: str = ""
    database: str = "sqlite:/var/lib/clusteragent/cluster.db"
    endpoints: tuple[Endpoint, ...] | None = None
    etcd: EtcdSettings = EtcdSettings()
    start_monitors: Literal["spawned", "units"] = "spawned"
    watchdog: Literal["off", "preferred", "required"] = "off"
    watchdog_device: Path = Path("/dev/watchdog")
    reset: Literal["never", "sysrq", "watchdog"] = "never"
    sysrq_trigger: Path = Path("/proc/sysrq-trigger")

    @property
    def socket_path(self) -> Path:
        """Return where the service listens."""
        return Path(self.socket) if self.socket else self.run / "agent.sock"

    @property
    def monitors(self) -> Path:
        """Return the directory of the monitors' sockets and notes."""
        return self.run / "monitors"

    @property
    def logs(self) -> Path:
        """Return the directory of the resources' output logs."""
        return self.home / "output"

    @property
    def alarm(self) -> Path:
        """Return the file that says that the database was exchanged, until a person has decided what counts."""
        return self.home / "database-restored"

    @property
    def mark(self) -> str:
        """Return a name for this agent's cgroups that no other agent of the machine has."""
        return "clusteragent-" + hashlib.sha256(os.fsencode(self.home.absolute())).hexdigest()[:12]


def _path(kind: type[Any], value: Any) -> Any:
    if kind is Path and isinstance(value, str) and value.startswith("/"):
        return Path(value)
    raise ValueError(f"{value!r} is not an absolute path")


def load(path: Path) -> AgentSettings:
    """Read the settings.

    Raises:
        ClusterError: config_missing or config_invalid, with the place at fault.
    """
    try:
        text = path.read_bytes()
    except OSError as exc:
        raise ClusterError(problem("config_missing", path=str(path), detail=exc.strerror or "")) from exc
    try:
        settings = msgspec.toml.decode(text, type=AgentSettings, dec_hook=_path)
    except (msgspec.DecodeError, ValueError) as exc:
        raise ClusterError(problem("config_invalid", path=str(path), detail=str(exc))) from exc
    for name in (settings.name, settings.cluster):
        if bad := shape_problem(ObjectKind.NODE, name):
            raise ClusterError(bad)
    if settings.reset == "watchdog" and settings.watchdog == "off":
        detail = 'reset = "watchdog" needs watchdog = "preferred" or "required"'
        raise ClusterError(problem("config_invalid", path=str(path), detail=detail))
    if len(os.fsencode(settings.monitors)) > 70:
        # sun_path holds 107 bytes; a monitor's socket adds a slash, 32 digits and ".sock"
        raise ClusterError(problem("run_path_too_long", path=str(settings.run)))
    return settings
