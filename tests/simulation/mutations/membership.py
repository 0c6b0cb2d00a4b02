"""Rules of membership (M1 to M5, and the wait of M3), switched off."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from nodeagent.database.records import LEADER, HeartbeatRecord, Life, decode, encode, heartbeat_key
from nodeagent.database.store import Change, Transaction
from nodeagent.database.view import Delta
from nodeagent.service.leadership import Leadership
from nodeagent.service.membership import Membership
from nodeagent.service.monitors import Monitors
from nodeagent.service.unheld import Unheld
from tests.simulation import address, running
from tests.simulation.mutations.ownership import claim_without_commit
from tests.simulation.mutations.switching import Mutation, without_expecting

TOO_EARLY = 1.5  # seconds

_observe = Leadership._observe
_beat_record = Membership._beat_record


def _life_written(key: str, change: Transaction) -> Life | None:
    value = change.put.get(key)
    return decode(value, HeartbeatRecord).life if value is not None else None


def _after_s(self: Leadership, record: HeartbeatRecord) -> float:
    del self
    return record.self_stop


def _too_early(self: Leadership, record: HeartbeatRecord) -> float:
    del self, record
    return TOO_EARLY


def _observe_from_before(self: Leadership, delta: Delta) -> None:
    """Count from when the batch before came: that is when the waiting for this one began."""
    former, before = dict(self._seen), getattr(self, "_batch_before", self._clock.steady())
    _observe(self, delta)
    for node, (revision, at) in self._seen.items():
        if former.get(node, (0, 0.0))[0] != revision:
            self._seen[node] = (revision, min(at, before))
    self._batch_before = self._clock.steady()  # type: ignore[attr-defined]  # nobody else needs it


async def _declare_without_writing(
    self: Leadership, node: int, revision: int, reason: str, silence: float, text: str
) -> None:
    """Compare the heartbeat, and believe from then on that it says DEAD."""
    del text
    found, leader = self._following.view.heartbeat(node), self._following.view.leader()
    if found is None or leader is None or found[1] != revision:
        return
    key = heartbeat_key(node)
    compared = Transaction(expect={key: revision, LEADER: leader[1]}, put={"compared": b"{}"})
    await self._following.store.commit(compared)
    dead = replace(found[0], life=Life.DEAD, reason=reason, silence=silence, since=self._clock.wall())
    change = Change(self._following.view.revision, key, encode(dead))
    self._following._tell(self._following.view.apply((change,)))


def _same_incarnation(self: Membership, attempt: str, incarnation: int, *times: Any, since: float) -> HeartbeatRecord:
    if self._record is not None and incarnation > self._record.incarnation:
        incarnation = self._record.incarnation
    return _beat_record(self, attempt, incarnation, *times, since=since)


async def _nothing_to_prove(self: Monitors) -> bool:
    del self
    return True


def _nothing_is_cut() -> bool:
    return True


async def _no_strays(self: Unheld) -> None:
    del self


MEMBERSHIP = (
    Mutation(
        "takeover_after_s",
        ("M3",),
        "others wait for s, and not for k and m as well",
        {"service.leadership:Leadership._needed": _after_s},
    ),
    Mutation(
        "takeover_too_early",
        ("M3",),
        f"others wait for {TOO_EARLY:g} s",
        {"service.leadership:Leadership._needed": _too_early},
    ),
    Mutation(
        "beat_without_expectation",
        ("M1",),
        "a heartbeat is written over whatever is there, DEAD too",
        altered=without_expecting("heartbeats/", lambda key, change: _life_written(key, change) is Life.ALIVE),
    ),
    Mutation(
        "stale_dead",
        ("M2",),
        "DEAD does not expect the heartbeat whose silence was measured",
        altered=without_expecting("heartbeats/", lambda key, change: _life_written(key, change) is Life.DEAD),
    ),
    Mutation(
        "dead_only_compared",
        ("M2",),
        "the heartbeat is compared, and DEAD is not written into it",
        {"service.leadership:Leadership._declare": _declare_without_writing},
    ),
    Mutation(
        "counted_from_before",
        ("M3",),
        "a silence is counted from before the heartbeat was received",
        {"service.leadership:Leadership._observe": _observe_from_before},
    ),
    Mutation(
        "same_incarnation",
        ("M5", "O3"),
        "a new life goes on under the former incarnation, and claims without a commit",
        {
            "service.membership:Membership._beat_record": _same_incarnation,
            "service.owning:Owning.claim": claim_without_commit,
        },
    ),
    Mutation(
        "life_without_notes",
        ("M5",),
        "a service goes on though the run directory is another one, and looks for no monitor that it does not know",
        {"service.membership:Membership._is_noted": lambda _self, _record: True},
        besides=((running, "_kill_strays", lambda _config, _known: True),),
        seen="starts on",  # what that monitor holds is started again beside its successor's, in whatever order
    ),
    Mutation(
        "life_without_proof",
        ("M5",),
        "a new life begins without a proof that nothing of the former one runs",
        {
            "service.monitors:Monitors.stop_all": _nothing_to_prove,
            "service.unheld:Unheld.kill_all": _no_strays,
        },
    ),
    Mutation(
        "addresses_nobody_holds",
        ("M5",),
        "addresses that no living monitor holds, and of which no notes are left, stay",
        {"monitor.reaping:cut_orphans": _nothing_is_cut},
        besides=((address, "cut_orphans", _nothing_is_cut),),
    ),
)
