"""What etcd's JSON gateway answers: its messages as values, its errors as ours.

Names and numbers are those of etcd's API (rpc.proto). 64-bit numbers come as text, zero values are left out, bytes are
base64.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from nodeagent.database.store import Compacted, Refused, StoreError, Unavailable, Unknown

M = TypeVar("M", bound=msgspec.Struct)


class Header(msgspec.Struct, frozen=True):
    """Which cluster and member answered, and the revision of its contents."""

    cluster_id: int = 0
    member_id: int = 0
    revision: int = 0


class KeyValue(msgspec.Struct, frozen=True):
    """A key as it is; deleted keys have no value and the revision of their deletion."""

    key: bytes
    mod_revision: int = 0
    value: bytes = b""


class RangeAnswer(msgspec.Struct, frozen=True):
    """Answer of /v3/kv/range; *more* when the page was full."""

    header: Header = Header()
    kvs: tuple[KeyValue, ...] = ()
    more: bool = False


class TxnPart(msgspec.Struct, frozen=True):
    """Answer of one operation of a transaction; only ranges matter to us."""

    response_range: RangeAnswer | None = None


class TxnAnswer(msgspec.Struct, frozen=True):
    """Answer of /v3/kv/txn."""

    header: Header = Header()
    succeeded: bool = False
    responses: tuple[TxnPart, ...] = ()


class Event(msgspec.Struct, frozen=True):
    """A change; *type* is left out for a put."""

    kv: KeyValue
    type: str = "PUT"


class WatchResult(msgspec.Struct, frozen=True):
    """One message of a watch. *fragment*: the same batch goes on in the next one."""

    header: Header = Header()
    created: bool = False
    canceled: bool = False
    compact_revision: int = 0
    cancel_reason: str = ""
    fragment: bool = False
    events: tuple[Event, ...] = ()


class ErrorAnswer(msgspec.Struct, frozen=True):
    """An error: of a call, or inside a stream."""

    message: str = ""
    error: str = ""
    code: int = 0


class WatchMessage(msgspec.Struct, frozen=True):
    """What a line of a watch holds."""

    result: WatchResult | None = None
    error: ErrorAnswer | None = None


class Member(msgspec.Struct, frozen=True, rename={"id": "ID", "urls": "clientURLs", "learner": "isLearner"}):
    """One member of etcd, as its list has it."""

    id: int = 0
    name: str = ""
    urls: tuple[str, ...] = ()
    learner: bool = False


class MembersAnswer(msgspec.Struct, frozen=True):
    """Answer of /v3/cluster/member/list."""

    header: Header = Header()
    members: tuple[Member, ...] = ()


class StatusAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """Answer of /v3/maintenance/status: of the very member that was asked."""

    header: Header = Header()
    version: str = ""
    db_size: int = 0
    db_size_in_use: int = 0
    leader: int = 0


class Alarm(msgspec.Struct, frozen=True, rename={"member": "memberID"}):
    """An alarm that some member has raised."""

    member: int = 0
    alarm: str = ""


class AlarmsAnswer(msgspec.Struct, frozen=True):
    """Answer of /v3/maintenance/alarm."""

    alarms: tuple[Alarm, ...] = ()


def decoded(data: bytes, kind: type[M]) -> M:
    """Read an answer; fields that we do not know are passed over.

    Raises:
        msgspec.DecodeError: it is none (a ValidationError is one too).
    """
    return msgspec.json.decode(data, type=kind, strict=False)


# What etcd says before it has proposed anything, or in place of applying it: such a commit changes nothing, ever.
# "database space exceeded" is not among them: the very commit that fills the database is applied and answered so.
_NOT_APPLIED: Final = (
    "etcdserver: too many requests",
    "etcdserver: permission denied",
    "etcdserver: user name is empty",
    "etcdserver: invalid auth token",
    "etcdserver: not capable",
    "raft proposal dropped",
)
_WRONG: Final = (
    "etcdserver: request is too large",
    "etcdserver: too many operations in txn request",
    "etcdserver: duplicate key given in txn request",
    "etcdserver: key is not provided",
    "etcdserver: value is provided",
)
_COMPACTED: Final = "etcdserver: mvcc: required revision has been compacted"
NO_SPACE: Final = "etcdserver: mvcc: database space exceeded"
TOO_LARGE: Final = "received message larger than max"  # said by the gateway of an answer that it may not pass on


def error_text(status: int, body: bytes) -> str:
    """Return what an error answer says."""
    try:
        answer = decoded(body, ErrorAnswer)
    except msgspec.DecodeError:
        return f"HTTP status {status}"
    return answer.message or answer.error or f"HTTP status {status}"


def read_error(text: str) -> StoreError:
    """Return what an error means for a call that changes nothing: whatever it is, there is no answer."""
    return Compacted(text) if text == _COMPACTED else Unavailable(text)


def commit_error(text: str) -> StoreError:
    """Return what an error means for a commit: what is not known to have come to nothing may have been applied."""
    if text in _WRONG:
        return Refused(text)
    if text in _NOT_APPLIED or text == "HTTP status 404":
        return Unavailable(text)
    return Unknown(text)
