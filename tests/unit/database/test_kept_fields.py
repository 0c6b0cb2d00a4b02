"""What a newer version has added to a record survives what an older one writes."""

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from nodeagent.database.records import (
    ClusterRecord,
    GroupRecord,
    HeartbeatRecord,
    NodeRecord,
    OwnerRecord,
    ResourceRecord,
    TypeRecord,
    decode,
    encode,
)

KEPT: dict[Any, dict[str, Any]] = {
    ClusterRecord: {"id": "c", "name": "C"},
    NodeRecord: {"id": 1, "name": "N"},
    HeartbeatRecord: {"incarnation": 1, "life": "alive", "attempt": "a", "boot": "b"},
    GroupRecord: {"id": "g", "name": "G"},
    OwnerRecord: {"phase": "free"},
    ResourceRecord: {"id": "r", "name": "R", "type": "T", "group": "g"},
    TypeRecord: {"name": "T"},
}
ADDED: dict[str, Any] = {"motto": "per aspera", "limits": {"most": [1, 2, {"x": None}]}, "zero": 0}
ALL = pytest.mark.parametrize("kind", list(KEPT), ids=lambda kind: kind.__name__)


@ALL
def test_it_is_kept_where_it_was(kind: Any) -> None:
    stored = json.dumps({**KEPT[kind], **ADDED}).encode()
    record = decode(stored, kind)
    first = kind.__struct_fields__[1] if kind is not TypeRecord else "name"
    changed = replace(record, **{first: getattr(record, first)})
    assert json.loads(encode(changed)) == {**KEPT[kind], **ADDED}
    assert decode(encode(changed), kind) == record


@ALL
def test_without_such_fields_nothing_of_it_is_stored(kind: Any) -> None:
    assert json.loads(encode(decode(json.dumps(KEPT[kind]).encode(), kind))) == KEPT[kind]


@ALL
def test_what_is_damaged_stays_unreadable(kind: Any) -> None:
    wrong = {**KEPT[kind], next(iter(KEPT[kind])): [1], **ADDED}
    with pytest.raises(msgspec.ValidationError):
        decode(json.dumps(wrong).encode(), kind)


def test_a_change_goes_before_what_was_there() -> None:
    record = decode(json.dumps({**KEPT[GroupRecord], **ADDED}).encode(), GroupRecord)
    assert json.loads(encode(replace(record, name="Web")))["name"] == "Web"


def test_a_schema_that_is_not_stored_is_the_first() -> None:
    assert decode(json.dumps(KEPT[ClusterRecord]).encode(), ClusterRecord).schema == 1
    assert "schema" not in json.loads(encode(ClusterRecord(id="c", name="C", schema=1)))
