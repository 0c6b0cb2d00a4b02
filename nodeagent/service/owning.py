"""A node's ownership of groups: claim, release after a proven stop, stuck (safety rules O1 to O5, P7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from nodeagent.api.causes import cause
from nodeagent.api.events import Severity
from nodeagent.api.objects import Group, GroupId, Phase, ResourceId
from nodeagent.database.records import OwnerRecord, encode, owner_key
from nodeagent.database.store import Transaction
from nodeagent.monitor.messages import Closed, CloseEpoch, Report
from nodeagent.service.eventlog import EventLog, put
from nodeagent.service.following import Following
from nodeagent.service.holding import ResourceMonitors
from nodeagent.service.membership import Membership
from nodeagent.system.clock import Clock

STUCK_AFTER: Final = 5.0  # seconds that something resists before its group is stuck: a slow disk may take some
_RELEASABLE: Final = (Phase.MOVING, Phase.STUCK)


class Owning:
    """What this process has claimed, what is being closed, and which groups have something that does not stop.

    Attributes:
        claimed: epochs that this very process has claimed, by group (safety rule O3).
    """

    def __init__(
        self,
        following: Following,
        membership: Membership,
        clock: Clock,
        events: EventLog,
        look_at: Callable[[GroupId, float], None],
    ) -> None:
        """Begin with nothing claimed.

        Args:
            look_at: has a group looked at again after some seconds.
        """
        self._following = following
        self._membership = membership
        self._clock = clock
        self._events = events
        self._look_at = look_at
        self.claimed: dict[GroupId, int] = {}
        self._closing: dict[GroupId, tuple[int, set[str]]] = {}
        self._resisting: dict[GroupId, tuple[float, ResourceId]] = {}

    def forget_everything(self) -> None:
        """A new life has begun: nothing is claimed."""
        self.claimed.clear()
        self._closing.clear()

    def mine(self, owner: OwnerRecord) -> bool:
        """Tell whether this node, in its present life, is the owner (safety rule M5)."""
        me = self._membership
        return owner.node == me.node and owner.incarnation == me.incarnation

    def owned(self) -> list[Group]:
        """Return the groups that this node owns in its present life."""
        view = self._following.view
        found = ((group, view.owner(group.id)) for group in self._following.snapshot.groups.values())
        return [group for group, owner in found if owner is not None and self.mine(owner[0])]

    # --- claiming -----------------------------------------------------------------------------------------------

    def is_covered(self, group: GroupId) -> bool:
        """Tell whether heartbeats announce the k of all types in the group: before that it is not claimed (P9)."""
        return all(self._membership.covers(r.type) for r in self._following.snapshot.resources_of(group))

    async def claim(self, group: GroupId) -> int:
        """Commit a higher epoch before the first order: older commits in flight become void (safety rule O3).

        Returns:
            the epoch; 0 when there is nothing to claim.
        """
        key = owner_key(group)
        found = self._following.view.owner(group)
        if found is None or not self.mine(found[0]):
            return 0
        record = replace(found[0], phase=Phase.CLAIMED, epoch=found[0].epoch + 1)
        revision = await self._following.store.commit(Transaction(expect={key: found[1]}, put={key: encode(record)}))
        self.claimed[group] = record.epoch
        await self._following.reached(revision)
        return record.epoch

    # --- releasing ----------------------------------------------------------------------------------------------

    async def release(self, group: GroupId, monitors: ResourceMonitors) -> bool:
        """Close the epoch in every monitor, and once all say that nothing runs hand the group on (O2 a, O4).

        Returns:
            whether that is done; if not, the group is looked at again when an answer comes.
        """
        found = self._following.view.owner(group)
        if found is None or found[0].phase not in _RELEASABLE or group in self._resisting:
            return False  # what a dead monitor has left is in no monitor's answer
        record, revision = found
        epoch, waiting = self._closing.get(group, (0, set()))
        if epoch < record.epoch:
            waiting = set(monitors.order_all(CloseEpoch(group=group, epoch=record.epoch)))
            self._closing[group] = (record.epoch, waiting)
            # Where no monitor lives and none can be started, what one has left is killed and proven dead from here.
            members = [resource.id for resource in self._following.snapshot.resources_of(group)]
            if not waiting and not await monitors.kill(members):
                del self._closing[group]
                self._look_at(group, 1.0)
                return False
        if waiting:
            return False
        target = record.target
        heartbeat = self._following.view.heartbeat(target) if target is not None else None
        key = owner_key(group)
        released = replace(
            record,
            phase=Phase.ASSIGNED if heartbeat else Phase.FREE,
            node=target if heartbeat else None,
            incarnation=heartbeat[0].incarnation if heartbeat else 0,
            epoch=record.epoch + 1,
            given=record.epoch + 1,
            target=None,
            since=self._clock.wall(),
        )
        self.claimed.pop(group, None)
        await self._following.store.commit(Transaction(expect={key: revision}, put={key: encode(released)}))
        self._closing.pop(group, None)
        return True

    def closed(self, name: str, said: Closed) -> None:
        """Take a monitor's answer to CloseEpoch; one that is not clean is asked again a moment later."""
        epoch, waiting = self._closing.get(said.group, (0, set()))
        if epoch == said.epoch and not said.clean:
            self._closing.pop(said.group)
            self._look_at(said.group, 0.3)
            return
        if epoch == said.epoch:
            waiting.discard(name)
        self._look_at(said.group, 0.0)

    def monitor_died(self, name: str) -> None:
        """Wait for no answer of a monitor that died: its successor is asked."""
        for group in [group for group, (_, waiting) in self._closing.items() if name in waiting]:
            del self._closing[group]

    # --- what does not stop -------------------------------------------------------------------------------------

    def resist(self, resources: frozenset[ResourceId], reports: Mapping[ResourceId, Report]) -> None:
        """Take note of which resources could not be proven stopped in time (safety rule P7)."""
        before, now = self._resisting, self._clock.steady()
        self._resisting = {}
        for resource in sorted(resources):
            found = self._following.snapshot.resources.get(resource)
            group = reports[resource].group if resource in reports else found.group if found else ""
            self._resisting[group] = before.get(group, (now, resource))
        for group in self._resisting.keys() - before.keys():
            self._look_at(group, STUCK_AFTER + 0.1)  # by another clock than the one that counts
        for group in before.keys() - self._resisting.keys():
            self._look_at(group, 0.0)

    def resists(self, group: GroupId) -> bool:
        """Tell whether something of the group has resisted for so long that the group is stuck."""
        found = self._resisting.get(group)
        return found is not None and self._clock.steady() - found[0] >= STUCK_AFTER

    async def stick(self, group: Group) -> None:
        """Commit that the group is stuck here: it runs nowhere else until this node is proven clean, or has ended."""
        found = self._following.view.owner(group.id)
        if found is None or not self.mine(found[0]):
            return
        snapshot, record = self._following.snapshot, found[0]
        resource = snapshot.resources.get(self._resisting[group.id][1])
        node = snapshot.node_name(self._membership.node)
        why = cause("cause_stuck", name=resource.name if resource else group.name, node=node)
        stuck = replace(record, phase=Phase.STUCK, epoch=record.epoch + 1, cause=why)
        entry = self._events.entry(Severity.ERROR, "event_group_stuck", group, cause=why, epoch=stuck.epoch, node=node)
        key = owner_key(group.id)
        revision = await self._following.store.commit(
            Transaction(expect={key: found[1]}, put={key: encode(stuck), **put(entry)})
        )
        await self._following.reached(revision)
