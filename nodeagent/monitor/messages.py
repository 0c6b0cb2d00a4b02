"""What Cluster Service and Resource Monitor say to each other: one JSON object per line on a Unix socket.

Times are seconds on the node's steady clock unless said otherwise.
"""

from __future__ import annotations

from typing import Final

import msgspec

from nodeagent.api.causes import Cause
from nodeagent.api.objects import GroupId, ResourceId, ResourceState
from nodeagent.api.problems import Problem
from nodeagent.api.properties import Value
from nodeagent.planner.policies import Policy


class _ToMonitor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="do"):
    pass


class _FromMonitor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="said"):
    pass


class Attach(_ToMonitor, frozen=True, kw_only=True, tag="attach"):
    """First message of a service: from now on it gives the orders; what a former one sent and was not read is void."""

    service: str


class Permit(_ToMonitor, frozen=True, kw_only=True, tag="permit"):
    """What is exclusive and was started under *incarnation* may run until *until*; None: for ever (unguarded node).

    The latest permission replaces the earlier one (safety rule P3).

    Attributes:
        bound: k that the node announces, seconds; what is exclusive has stopped by *until* + *bound*.
        shorten: never later than the present one: said before shorter times are announced (safety rule P9).
    """

    incarnation: int
    until: float | None
    bound: float = 0.6
    shorten: bool = False


class Guard(_ToMonitor, frozen=True, kw_only=True, tag="guard"):
    """Have the machine reset unless the deadline is kept: open the watchdog device (safety rule P10).

    Attributes:
        seconds: w to ask of the device.
        most: the longest w that can be kept alive between heartbeats; a device that cannot be as short is not used.
    """

    seconds: float
    most: float


class Definition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A resource as the monitor needs to know it."""

    id: ResourceId
    name: str
    type: str
    parameters: dict[str, Value] = {}
    policy: Policy = Policy()


class Start(_ToMonitor, frozen=True, kw_only=True, tag="start"):
    """Bring it online and keep it so: arms (group, epoch, incarnation) for this resource.

    Attributes:
        fresh: its former failures on this node are forgotten.
        follows: what will be started as soon as it is online; that may be made ready meanwhile, and nothing else.
    """

    resource: Definition
    group: GroupId
    epoch: int
    incarnation: int
    fresh: bool = False
    follows: tuple[Definition, ...] = ()


class Update(_ToMonitor, frozen=True, kw_only=True, tag="update"):
    """Another policy for a resource that is held."""

    id: ResourceId
    policy: Policy


class Stop(_ToMonitor, frozen=True, kw_only=True, tag="stop"):
    """Take it offline; *now* kills it without asking."""

    id: ResourceId
    now: bool = False


class Fail(_ToMonitor, frozen=True, kw_only=True, tag="fail"):
    """Treat it as failed (initiate failure)."""

    id: ResourceId
    cause: Cause


class CloseEpoch(_ToMonitor, frozen=True, kw_only=True, tag="close"):
    """Nothing of the group is ever started again under this epoch or a lower one (safety rule O4)."""

    group: GroupId
    epoch: int


class Forget(_ToMonitor, frozen=True, kw_only=True, tag="forget"):
    """The resource was deleted or belongs elsewhere; only heeded when nothing of it runs."""

    id: ResourceId


class StopAll(_ToMonitor, frozen=True, kw_only=True, tag="stop_all"):
    """Stop everything at once and forget the permission; answered only when it is proven (safety rule M5)."""


class Quit(_ToMonitor, frozen=True, kw_only=True, tag="quit"):
    """End, when nothing runs; a monitor of a single resource that is offline."""


class Renew(_ToMonitor, frozen=True, kw_only=True, tag="renew"):
    """Begin anew from what is installed now, under everything that is held; see `renewal`. Answered by Renewed."""


class Renewed(_FromMonitor, frozen=True, kw_only=True, tag="renewed"):
    """It has begun anew, as the same process; or it has not, and *why*."""

    process_id: int
    why: Problem | None = None


class Report(_FromMonitor, frozen=True, kw_only=True, tag="report"):
    """The present state of a resource.

    Attributes:
        information: why it is in that state, or how its last life ended.
        restarts: failures within the running restart period.
        may_restart: it failed, and its policy allows another start here.
        restarted: its process is a new one: it was restarted in place.
        deadline: it stands still because the permission ran out, and starts again by itself.
        flapping: it stood still for that so often that its group should go elsewhere.
        at: wall-clock seconds of the change.
    """

    id: ResourceId
    group: GroupId
    epoch: int
    incarnation: int
    state: ResourceState
    at: float
    process_id: int = 0
    information: Problem | None = None
    restarts: int = 0
    may_restart: bool = False
    restarted: bool = False
    deadline: bool = False
    flapping: bool = False
    cause: Cause | None = None


class Attached(_FromMonitor, frozen=True, kw_only=True, tag="attached"):
    """Answer to Attach: what is held, and which epochs are closed."""

    name: str
    process_id: int
    held: tuple[Report, ...] = ()
    closed: dict[GroupId, int] = {}


class Acknowledged(_FromMonitor, frozen=True, kw_only=True, tag="acknowledged"):
    """The permission is in force. *bound* is the longest k of what is held, UNBOUNDED where a type promises none."""

    incarnation: int
    until: float | None
    bound: float = 0.0


class Enforced(_FromMonitor, frozen=True, kw_only=True, tag="enforced"):
    """The permission that was given until *until* has ended: what is exclusive is being killed (safety rule P5)."""

    until: float | None


class Resisting(_FromMonitor, frozen=True, kw_only=True, tag="resisting"):
    """Which exclusive resources could not be proven stopped within k; said when it changes, and after Attached (P7)."""

    resources: tuple[ResourceId, ...] = ()


class Guarded(_FromMonitor, frozen=True, kw_only=True, tag="guarded"):
    """Answer to Guard: w as read back from the device, 0 when there is none, and *why*."""

    seconds: float
    why: Problem | None = None


class Closed(_FromMonitor, frozen=True, kw_only=True, tag="closed"):
    """The epoch is closed; *clean* says that nothing of the group runs any more."""

    group: GroupId
    epoch: int
    clean: bool


class StoppedAll(_FromMonitor, frozen=True, kw_only=True, tag="stopped_all"):
    """Nothing runs; *proven* is False when something could not be ended."""

    proven: bool


ToMonitor = Attach | Permit | Guard | Start | Update | Stop | Fail | CloseEpoch | Forget | StopAll | Quit | Renew
FromMonitor = Report | Attached | Acknowledged | Enforced | Resisting | Guarded | Closed | StoppedAll | Renewed

MAXIMUM_LINE: Final = 1024 * 1024

_encoder = msgspec.json.Encoder()
_to_monitor: msgspec.json.Decoder[ToMonitor] = msgspec.json.Decoder(ToMonitor)
_from_monitor: msgspec.json.Decoder[FromMonitor] = msgspec.json.Decoder(FromMonitor)


def refused(order: Start, why: Problem, at: float) -> Report:
    """Return what is said of an order that is not carried out."""
    return Report(
        id=order.resource.id,
        group=order.group,
        epoch=order.epoch,
        incarnation=order.incarnation,
        state=ResourceState.FAILED,
        at=at,
        information=why,
    )


def encode(message: ToMonitor | FromMonitor) -> bytes:
    """Return the line for *message*."""
    return _encoder.encode(message) + b"\n"


def decode_order(line: bytes) -> ToMonitor:
    """Read what a service says. Raises msgspec.DecodeError."""
    return _to_monitor.decode(line)


def decode_news(line: bytes) -> FromMonitor:
    """Read what a monitor says. Raises msgspec.DecodeError."""
    return _from_monitor.decode(line)
