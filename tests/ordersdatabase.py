"""A cluster to show dialogs on: five nodes, a database with its disk, address and name, and what depends on it."""

from __future__ import annotations

import msgspec

from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.objects import (
    NodeId,
    NodeState,
    ObjectKind,
    ObjectRef,
    Resource,
    ResourceState,
    ResourceType,
    Snapshot,
)
from nodeagent.api.properties import Kind, PropertySpec
from tests.builders import cluster, with_network

NODES = {
    "atlas": NodeState.UP,
    "boreas": NodeState.UP,
    "ceres": NodeState.PAUSED,
    "doris": NodeState.DOWN,
    "eos": NodeState.UP,
}
ORDERS = {
    "Orders Disk": ResourceState.ONLINE,
    "Orders IP": ResourceState.ONLINE,
    "Orders Name": ResourceState.ONLINE,
    "PostgreSQL": ResourceState.ONLINE,
    "Orders API": ResourceState.OFFLINE,
}

_USE_NETWORK_NAME = PropertySpec(
    name="UseNetworkName", kind=Kind.BOOLEAN, label="Use Network Name for computer name", default=False
)
SCHEMAS = {
    "Generic Application": (
        PropertySpec(
            name="CommandLine",
            kind=Kind.COMMAND,
            label="Command line",
            required=True,
            help="Program and arguments, split as a shell would; no shell is started.",
        ),
        PropertySpec(
            name="CurrentDirectory",
            kind=Kind.DIRECTORY,
            label="Current directory",
            default="",
            help="Where the program starts; empty means the home of its user.",
        ),
        PropertySpec(
            name="Environment", kind=Kind.ENVIRONMENT, label="Environment", default=(), help="Added to the user's own."
        ),
        PropertySpec(name="RunAs", kind=Kind.USER, label="Run as user", default="", help="Empty: as the agent runs."),
        PropertySpec(
            name="StopSignal", kind=Kind.SIGNAL, label="Stop signal", default="SIGTERM", help="Asks it to end."
        ),
        PropertySpec(
            name="StopTimeout",
            kind=Kind.INTEGER,
            label="Stop timeout",
            default=20_000,
            minimum=100,
            maximum=3_600_000,
            unit="ms",
            help="Then it is killed.",
        ),
        PropertySpec(
            name="InteractWithDesktop",
            kind=Kind.BOOLEAN,
            label="Allow application to interact with desktop",
            default=False,
        ),
        _USE_NETWORK_NAME,
    ),
    "Generic Service": (
        PropertySpec(
            name="ServiceName",
            kind=Kind.STRING,
            label="Service name",
            required=True,
            help="A systemd unit. systemd must not start it by itself.",
        ),
        PropertySpec(name="StartParameters", kind=Kind.STRING, label="Start parameters", default=""),
        PropertySpec(name="CurrentDirectory", kind=Kind.DIRECTORY, label="Working folder", default=""),
        _USE_NETWORK_NAME,
    ),
    "IP Address": (
        PropertySpec(name="Address", kind=Kind.IPV4, label="Address", required=True),
        PropertySpec(name="SubnetMask", kind=Kind.MASK, label="Subnet mask", required=True),
        PropertySpec(name="Network", kind=Kind.NETWORK, label="Network to use", required=True),
    ),
    "Network Name": (PropertySpec(name="Name", kind=Kind.STRING, label="Name", required=True),),
    "Physical Disk": (PropertySpec(name="Device", kind=Kind.FILE, label="Disk", required=True),),
}
TYPES = {
    "Orders Disk": "Physical Disk",
    "Orders IP": "IP Address",
    "Orders Name": "Network Name",
    "PostgreSQL": "Generic Service",
    "Orders API": "Generic Application",
}
DEPENDENCIES = {"orders-name": ("orders-ip",), "postgresql": ("orders-disk",), "orders-api": ("postgresql",)}
PARAMETERS = {
    "Physical Disk": {"Device": "/dev/disk/by-label/orders"},
    "IP Address": {"Address": "10.20.0.41", "SubnetMask": "255.255.255.0", "Network": "Public"},
    "Network Name": {"Name": "orders"},
    "Generic Service": {"ServiceName": "postgresql@16-main.service"},
    "Generic Application": {"CommandLine": "/srv/orders/api --listen 8080"},
}


def orders_cluster() -> Snapshot:
    """Make it; the node eos does not have the type Physical Disk."""
    made = cluster(
        NODES,
        {"Orders Database": ORDERS, "Web Shop": "Shop"},
        owners={"Orders Database": "boreas", "Web Shop": "atlas"},
        name="HALAB",
        revision=100,
    )
    every = tuple(made.nodes)
    types = {name: _type(name, every) for name in SCHEMAS}
    resources = {one.id: _resource(one) for one in made.resources.values()}
    return with_network(msgspec.structs.replace(made, types=types, resources=resources))


def _type(name: str, every: tuple[NodeId, ...]) -> ResourceType:
    return ResourceType(
        name=name,
        display_name=name,
        schema=SCHEMAS[name],
        required_dependencies=("IP Address",) if name == "Network Name" else (),
        possible_owners=tuple(node for node in every if name != "Physical Disk" or node != 5),
        exclusive=name != "Generic Script",
    )


def _resource(one: Resource) -> Resource:
    kind = TYPES.get(one.name, "Generic Application")
    return msgspec.structs.replace(
        one,
        type=kind,
        dependencies=DEPENDENCIES.get(one.id, ()),
        parameters=PARAMETERS[kind],
        revision=90,
        process_id=4711 if one.name == "PostgreSQL" else 0,
        monitor_process_id=4002,
    )


def entry(sequence: int, name: str, code: str, severity: Severity = Severity.INFORMATION, **values: str) -> LogEntry:
    """Make an entry of the log about a resource."""
    return LogEntry(
        sequence=sequence,
        at=1_700_000_000.0 + sequence * 7.3,
        node="boreas",
        severity=severity,
        code=code,
        parameters={"name": name, **values},
        object=ObjectRef(ObjectKind.RESOURCE, name.casefold().replace(" ", "-")),
        object_name=name,
    )
