"""The common properties of each kind of object, in the same form as a type's own settings.

Names, units, defaults and ranges are the original's (Platform SDK pages "Common Properties" of groups, resources,
resource types, nodes, networks; Windows Server 2003 readings where later pages differ).
"""

from __future__ import annotations

from typing import Final

from nodeagent.api.objects import ObjectKind
from nodeagent.api.properties import Choice, Kind, PropertySpec

UNSIGNED_MAXIMUM: Final = 0xFFFFFFFF
USE_TYPE: Final = -1
NEVER: Final = UNSIGNED_MAXIMUM

_DESCRIPTION = PropertySpec(name="Description", kind=Kind.TEXT, label="Description", default="")
_TYPE_VALUE = (Choice(USE_TYPE, "use the value from the resource type"),)
_NO_WINDOW = (Choice(-1, "no window"),)

PROFILES: Final = ("default", "fast", "virtual machines")

CLUSTER: Final = (
    _DESCRIPTION,
    PropertySpec(
        name="Profile",
        kind=Kind.CHOICE,
        label="Timing profile",
        default="default",
        choices=tuple(Choice(name, "") for name in PROFILES),
        help="How long a node may be silent before its groups are taken over.",
    ),
    PropertySpec(
        name="TimeZone",
        kind=Kind.STRING,
        label="Time zone",
        default="",
        help="Zone of the failback windows, for example Europe/Vienna; empty means the zone of the node that plans.",
        pattern=r"[A-Za-z0-9_+\-/]*",
        pattern_help="a name such as Europe/Vienna",
    ),
    PropertySpec(
        name="EnforcedAntiAffinity",
        kind=Kind.BOOLEAN,
        label="Enforce anti-affinity",
        default=False,
        help="Groups that share an anti-affinity class name never run on the same node, even if one stays offline.",
    ),
)

NODE: Final = (_DESCRIPTION,)

GROUP: Final = (
    _DESCRIPTION,
    PropertySpec(
        name="FailoverThreshold",
        kind=Kind.INTEGER,
        label="Threshold",
        default=10,
        minimum=0,
        maximum=UNSIGNED_MAXIMUM,
        unit="failovers",
        help="How often the group may fail over within the period.",
    ),
    PropertySpec(
        name="FailoverPeriod",
        kind=Kind.INTEGER,
        label="Period",
        default=6,
        minimum=0,
        maximum=1193,
        unit="hours",
        help="Window in which failovers are counted.",
    ),
    PropertySpec(
        name="AutoFailbackType",
        kind=Kind.CHOICE,
        label="Failback",
        default=0,
        choices=(Choice(0, "prevent failback"), Choice(1, "allow failback")),
        help="Whether the group returns to its most preferred owner when that node is up again.",
    ),
    PropertySpec(
        name="FailbackWindowStart",
        kind=Kind.INTEGER,
        label="Failback between",
        default=-1,
        minimum=0,
        maximum=23,
        unit="o'clock",
        special=_NO_WINDOW,
        help="Earliest hour of the day for failback, in the cluster's time zone.",
    ),
    PropertySpec(
        name="FailbackWindowEnd",
        kind=Kind.INTEGER,
        label="and",
        default=-1,
        minimum=0,
        maximum=23,
        unit="o'clock",
        special=_NO_WINDOW,
        help="Hour at which the window for failback ends; smaller than the start means the next day.",
    ),
    PropertySpec(
        name="AntiAffinityClassNames",
        kind=Kind.STRINGS,
        label="Anti-affinity class names",
        default=(),
        help="Groups that share a name try to stay on different nodes.",
    ),
)

RESOURCE: Final = (
    _DESCRIPTION,
    PropertySpec(
        name="RestartAction",
        kind=Kind.CHOICE,
        label="When the resource fails",
        default=2,
        choices=(
            Choice(0, "do not restart"),
            Choice(1, "restart, do not affect the group"),
            Choice(2, "restart, affect the group"),
        ),
    ),
    PropertySpec(
        name="RestartThreshold",
        kind=Kind.INTEGER,
        label="Threshold",
        default=3,
        minimum=0,
        maximum=UNSIGNED_MAXIMUM,
        unit="restarts",
        help="Restarts on the same node within the period; the next failure affects the group.",
    ),
    PropertySpec(
        name="RestartPeriod",
        kind=Kind.INTEGER,
        label="Period",
        default=900_000,
        minimum=0,
        maximum=UNSIGNED_MAXIMUM,
        unit="ms",
        help="Window in which restarts are counted.",
    ),
    PropertySpec(
        name="RetryPeriodOnFailure",
        kind=Kind.INTEGER,
        label="Try again after",
        default=NEVER,
        minimum=0,
        maximum=UNSIGNED_MAXIMUM,
        unit="ms",
        special=(Choice(NEVER, "never"),),
        help="How long a failed resource stays failed before it is tried again.",
    ),
    PropertySpec(
        name="LooksAlivePollInterval",
        kind=Kind.INTEGER,
        label="Looks Alive poll interval",
        default=USE_TYPE,
        minimum=10,
        maximum=UNSIGNED_MAXIMUM - 1,
        unit="ms",
        special=_TYPE_VALUE,
        help="How often the light check runs.",
    ),
    PropertySpec(
        name="IsAlivePollInterval",
        kind=Kind.INTEGER,
        label="Is Alive poll interval",
        default=USE_TYPE,
        minimum=10,
        maximum=UNSIGNED_MAXIMUM - 1,
        unit="ms",
        special=_TYPE_VALUE,
        help="How often the thorough check runs.",
    ),
    PropertySpec(
        name="PendingTimeout",
        kind=Kind.INTEGER,
        label="Pending timeout",
        default=180_000,
        minimum=10,
        maximum=UNSIGNED_MAXIMUM,
        unit="ms",
        help="Silence between two progress reports after which going online or offline has failed.",
    ),
    PropertySpec(
        name="SeparateMonitor",
        kind=Kind.BOOLEAN,
        label="Run this resource in a separate Resource Monitor",
        default=False,
        next_online=True,
    ),
)

RESOURCE_TYPE: Final = (
    PropertySpec(name="DisplayName", kind=Kind.STRING, label="Display name", default=""),
    _DESCRIPTION,
    PropertySpec(
        name="LooksAlivePollInterval",
        kind=Kind.INTEGER,
        label="Looks Alive poll interval",
        default=5000,
        minimum=1,
        maximum=UNSIGNED_MAXIMUM - 1,
        unit="ms",
    ),
    PropertySpec(
        name="IsAlivePollInterval",
        kind=Kind.INTEGER,
        label="Is Alive poll interval",
        default=60_000,
        minimum=1,
        maximum=UNSIGNED_MAXIMUM - 1,
        unit="ms",
    ),
)

NETWORK: Final = (
    _DESCRIPTION,
    PropertySpec(
        name="Role",
        kind=Kind.CHOICE,
        label="Role",
        default=3,
        choices=(
            Choice(0, "none"),
            Choice(1, "internal cluster communications only"),
            Choice(2, "client access only"),
            Choice(3, "all communications"),
        ),
    ),
)

INTERFACE: Final = (_DESCRIPTION,)

COMMON: Final[dict[ObjectKind, tuple[PropertySpec, ...]]] = {
    ObjectKind.CLUSTER: CLUSTER,
    ObjectKind.NODE: NODE,
    ObjectKind.GROUP: GROUP,
    ObjectKind.RESOURCE: RESOURCE,
    ObjectKind.RESOURCE_TYPE: RESOURCE_TYPE,
    ObjectKind.NETWORK: NETWORK,
    ObjectKind.INTERFACE: INTERFACE,
}
