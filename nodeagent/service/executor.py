"""On every node: claims the groups it is given, keeps the order inside them, stops and releases what leaves."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from msgspec.structs import replace

from nodeagent.api.causes import Cause, cause
from nodeagent.api.events import Severity
from nodeagent.api.objects import Group, GroupId, NodeState, Phase, Resource, ResourceId, ResourceState, Wanted
from nodeagent.api.rules.networks import for_nodes
from nodeagent.api.states import wanted
from nodeagent.database.records import Order, OwnerRecord, order_key, verdict_key
from nodeagent.database.store import Conflict, Transaction, Unavailable, Unknown
from nodeagent.database.view import Delta
from nodeagent.monitor.messages import Closed, Definition, Fail, Report, Start, Stop, Update
from nodeagent.planner.dependencies import StartNext, all_down, next_steps, starts_with, waits_for
from nodeagent.planner.policies import Policy, policy_of
from nodeagent.service.following import Following
from nodeagent.service.heldpolicies import RUNNING, HeldPolicies
from nodeagent.service.heldresources import HeldResources, monitor_name
from nodeagent.service.membership import Membership
from nodeagent.service.monitorless import Monitorless
from nodeagent.service.monitors import MonitorFailed
from nodeagent.service.owning import Owning
from nodeagent.service.reporting import Reporting
from nodeagent.service.retries import Retries
from nodeagent.system.clock import Clock

log = logging.getLogger(__name__)

RETRY: Final = 0.3  # seconds until a group is looked at again after the store did not answer


class Executor:
    """The order inside the groups that this node owns. Needs no leader, and no store to keep things running."""

    def __init__(self, following: Following, membership: Membership, reporting: Reporting, clock: Clock) -> None:
        self._following = following
        self._membership = membership
        self._reporting = reporting
        self._clock = clock
        self.held = HeldResources()
        self._policies = HeldPolicies(following)
        self._owning = Owning(following, membership, clock, reporting.events, self._look_at)
        self._resisting: frozenset[ResourceId] = frozenset()
        self._monitorless = Monitorless(membership, clock, self.reported)
        self._retries = Retries(clock)
        self._dirty: set[GroupId] = set()
        self._wake = asyncio.Event()
        self._failing: dict[ResourceId, int] = {}  # the order to fail that was last obeyed, by its revision
        self.leaving = False  # nothing is started any more
        self.stopping = False  # what could not be moved goes offline
        following.listen(self._changed)

    # --- what comes in ------------------------------------------------------------------------------------------

    def attached(self, reports: list[Report]) -> None:
        """Take what the monitors held before this service came; what was missed meanwhile is written down."""
        self.held.attached(reports)
        for report in self.held.reports.values():
            resource = self._following.snapshot.resources.get(report.id)
            if resource and (resource.state, resource.process_id) != (report.state, report.process_id):
                self._write_down(resource, report)
        self._reporting.attached(self.held.reports.values())
        self.look_at_everything()

    def look_at_everything(self) -> None:
        """Look at all groups."""
        self._dirty |= set(self._following.snapshot.groups)
        self._dirty |= {report.group for report in self.held.reports.values()}
        self._wake.set()

    def _changed(self, delta: Delta) -> None:
        snapshot = self._following.snapshot
        if "*" in delta.keys:
            self.look_at_everything()
            return
        for key in delta.keys:
            prefix, _, name = key.partition("/")
            if prefix in ("groups", "owners", "verdicts", "wishes"):
                self._dirty.add(name)
            elif prefix in ("resources", "orders"):
                resource = snapshot.resources.get(name)
                if resource is not None:
                    self._dirty.add(resource.group)
                if name in self.held.reports:
                    self._dirty.add(self.held.reports[name].group)
            elif prefix in ("cluster", "nodes", "types", "reports"):
                self._dirty |= set(snapshot.groups)
        if self._dirty:
            self._wake.set()

    def reported(self, report: Report) -> None:
        """Take a state from a monitor, and write it down."""
        former = self.held.reports.get(report.id)
        self.held.reported(report)
        if not self._membership.node:
            return  # not joined yet: `attached` writes it down
        resource = self._following.snapshot.resources.get(report.id)
        if resource is not None:
            if not _begins_to_stand_still(former, report):
                self._write_down(resource, report)
            self._dirty.add(resource.group)
        self._dirty.add(report.group)
        self._wake.set()

    def _write_down(self, resource: Resource, report: Report) -> None:
        policy = policy_of(resource, self._following.snapshot.types.get(resource.type))
        retry_at = self._retries.plan(report, policy, lambda: self._try_again(resource))
        self._reporting.report(resource, report, retry_at, self.held.monitor_process(resource.id))

    def closed(self, name: str, said: Closed) -> None:
        """Take a monitor's answer to CloseEpoch."""
        self._owning.closed(name, said)

    def resisted(self) -> None:
        """Take note of what cannot be stopped, and of what could be after all (safety rule P7)."""
        resisting = self.held.monitors.enforcement.resisting
        self._owning.resist(resisting, self.held.reports)
        if resisting - self._resisting and self._membership.node:
            names = (self._following.snapshot.resources.get(resource) for resource in sorted(resisting))
            detail = ", ".join(resource.name for resource in names if resource)
            self._reporting.say(Severity.ERROR, "event_unclean", detail=detail)
        self._resisting = resisting

    def monitor_gone(self, held: tuple[ResourceId, ...]) -> None:
        """All of *held* is being killed; `monitor_died` follows."""
        self.held.monitor_gone(held)

    def monitor_died(self, name: str, held: tuple[ResourceId, ...], *, asked: bool) -> None:
        """Nothing of *held* runs any more: it starts again where it is wanted."""
        if not asked:
            self._reporting.monitor_died(name)
        for resource in self.held.monitor_died(name, held):
            self._reporting.lost(resource)
        for resource in held:
            self._owning.claimed.pop(self._group_of(resource), None)
        self._owning.monitor_died(name)
        self.look_at_everything()

    def monitor_started(self, name: str, process: int) -> None:
        """Tell of a new monitor."""
        self._reporting.monitor_started(name, process)

    def forget_everything(self) -> None:
        """A new life of this node has begun: nothing runs, nothing is claimed."""
        self.held.forget_everything()
        self._owning.forget_everything()
        self.look_at_everything()

    def _group_of(self, resource: ResourceId) -> GroupId:
        found = self._following.snapshot.resources.get(resource)
        return found.group if found else ""

    # --- the loop -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Work for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            groups, self._dirty = self._dirty, set()
            for group in sorted(groups):
                try:
                    await self._work(group)
                except (Conflict, Unknown) as exc:
                    log.info("looking at a group again: %s", exc)
                    self._again(group)
                except (Unavailable, MonitorFailed) as exc:
                    log.warning("a group has to wait: %s", exc)
                    self._again(group)

    def _again(self, group: GroupId) -> None:
        self._look_at(group, RETRY)

    def _look_at(self, group: GroupId, seconds: float) -> None:
        def look() -> None:
            self._dirty.add(group)
            self._wake.set()

        if seconds:
            asyncio.get_running_loop().call_later(seconds, look)
        else:
            look()

    async def _work(self, group_id: GroupId) -> None:
        found = self._following.view.owner(group_id)
        group = self._following.snapshot.groups.get(group_id)
        if found is None or group is None or not self._owning.mine(found[0]):
            self._let_go(group_id)
            return
        if found[0].phase is Phase.ASSIGNED:
            await self._claim(group_id)
            return
        if found[0].phase in (Phase.CLAIMED, Phase.MOVING) and self._owning.resists(group_id):
            await self._owning.stick(group)
            return
        self._end_deleted(group_id)
        members = self._members(group_id)
        self._tell_policies(members)
        self._thaw(group_id, members)
        if found[0].phase is Phase.CLAIMED:
            await self._obey_orders(group, members)
        members = self._members(group_id)
        await self._step(group, members, self._stop_cause(group, found[0]))
        if found[0].phase is not Phase.CLAIMED and all_down(self._members(group_id)):
            await self._release(group_id)

    def _stop_cause(self, group: Group, owner: OwnerRecord) -> Cause | None:
        if owner.phase is Phase.MOVING:
            return cause("cause_moving", node=self._following.snapshot.node_name(owner.target))
        if owner.phase is Phase.STUCK:
            return owner.cause
        if self.stopping:
            return cause("cause_node_leaves", node=self._following.snapshot.node_name(self._membership.node))
        verdict = self._following.view.verdict(group.id)
        return verdict[0].cause if group.gave_up and verdict else None

    def _let_go(self, group: GroupId) -> None:
        """Stop what runs of a group that this node does not own (any more), and forget it."""
        self._owning.claimed.pop(group, None)
        for report in [r for r in self.held.reports.values() if group in (r.group, self._group_of(r.id))]:
            if self._group_of(report.id) not in ("", group):
                self._dirty.add(self._group_of(report.id))  # it changed groups: the other one arms it anew
            else:
                self._end(report)

    def _end_deleted(self, group: GroupId) -> None:
        """Stop what was deleted while it was starting: what is shown is a moment behind."""
        for report in [r for r in self.held.reports.values() if r.group == group and not self._group_of(r.id)]:
            self._end(report)

    def _end(self, report: Report) -> None:
        if report.state in RUNNING or report.deadline:
            self.held.order(report.id, Stop(id=report.id, now=True), ResourceState.OFFLINE_PENDING)
        else:
            self._forget(report.id)

    def _forget(self, resource: ResourceId) -> None:
        self.held.forget(resource)
        self._policies.forget(resource)
        self._retries.forget(resource)
        self._failing.pop(resource, None)

    # --- ownership ----------------------------------------------------------------------------------------------

    async def _claim(self, group: GroupId) -> None:
        if not self._owning.is_covered(group):
            self._look_at(group, RETRY)  # the next heartbeat announces what is needed
        elif epoch := await self._owning.claim(group):
            self._reporting.claimed(self._following.snapshot.resources_of(group), self.held.reports, epoch)
            self._look_at(group, 0.0)

    async def _release(self, group: GroupId) -> None:
        if await self._owning.release(group, self.held.monitors):
            for resource in self._following.snapshot.resources_of(group):
                self._forget(resource.id)

    # --- orders of persons --------------------------------------------------------------------------------------

    async def _obey_orders(self, group: Group, members: dict[ResourceId, Resource]) -> None:
        for resource in members.values():
            found = self._following.view.order(resource.id)
            if found is None:
                continue
            record, revision = found
            deletions = [order_key(resource.id)]
            expect, put = {order_key(resource.id): revision}, dict[str, bytes]()
            if record.order is Order.FAIL:
                if self._failing.get(resource.id) != revision:  # it is seen again until the commit below is through
                    self._failing[resource.id] = revision
                    self.held.order(resource.id, Fail(id=resource.id, cause=record.cause))
            else:
                self.held.start_anew(resource.id)
                if group.gave_up:
                    deletions.append(verdict_key(group.id))
                # In one step with the verdict: as long as it is shown as failed, the leader gives the group up again.
                former, put = self._reporting.set_down(resource.id, group, record.cause)
                expect |= former
            reached = await self._following.store.commit(Transaction(expect=expect, put=put, delete=tuple(deletions)))
            await self._following.reached(reached)

    def _try_again(self, resource: Resource) -> None:
        group = self._following.snapshot.groups.get(resource.group)
        if group is not None and group.gave_up:
            return  # everything of it is stopped until a person brings it online: that it failed stays visible
        if self._policies.frozen(resource.group):
            return
        self.held.start_anew(resource.id)
        self._dirty.add(resource.group)
        self._wake.set()

    # --- steps --------------------------------------------------------------------------------------------------

    def _members(self, group: GroupId) -> dict[ResourceId, Resource]:
        """Return the group's resources with the states that the monitors say, not those of the database."""
        result = {}
        members = {resource.id: resource for resource in self._following.snapshot.resources_of(group)}
        for resource in members.values():
            report = self.held.reports.get(resource.id)
            state = self.held.state_of(resource.id)
            if report is not None and report.deadline and report.state in RUNNING:
                state = ResourceState.ONLINE_PENDING  # it is still being stopped, and then waits
            elif report is not None and report.deadline and not self._policies.waits(resource, members):
                state = ResourceState.ONLINE_PENDING  # it waits, armed, for the next permission
            elif report is not None and report.deadline and not self._permits():
                state = ResourceState.ONLINE_PENDING  # the same, but it is started from here
                self._again(group)
            result[resource.id] = replace(
                resource,
                state=state,
                exhausted=state is ResourceState.FAILED and not (report and report.may_restart),
            )
        return result

    def _permits(self) -> bool:
        """Tell whether the newest confirmed heartbeat still permits to run what is exclusive."""
        me = self._membership
        return not me.guarded or self._clock.steady() < me.confirmed_at + me.profile.self_stop

    async def _step(self, group: Group, members: dict[ResourceId, Resource], stop_all: Cause | None) -> None:
        node = self._following.snapshot.nodes.get(self._membership.node)
        paused = node is not None and node.state is NodeState.PAUSED
        departs = group.wish not in (None, group.owner) and all_down(members)  # it starts where it is to go
        for resource in members.values():
            self._rearm(group, resource)
        for step in next_steps(group, members, stop_all=stop_all):
            resource = members[step.resource]
            if isinstance(step, StartNext):
                failed = resource.state is ResourceState.FAILED
                started = self._policies.may_start(group, asked=resource.id in self.held.fresh)
                if started and not (self.leaving or departs) and (not paused or failed):
                    await self._start(group, resource)
            else:
                self._reporting.because(resource.id, step.cause)
                self.held.order(resource.id, Stop(id=resource.id), ResourceState.OFFLINE_PENDING)
        self._say_waiting(group, self._members(group.id))  # while a monitor was started, much may have happened

    def _say_waiting(self, group: Group, members: dict[ResourceId, Resource]) -> None:
        """Say of each offline resource that is wanted online what it waits for."""
        for resource in members.values():
            if resource.state is ResourceState.OFFLINE and group.id in self._owning.claimed:
                waiting = wanted(resource, group) is Wanted.ONLINE
                provider = waits_for(resource, members) if waiting else None
                self._reporting.waits(resource, provider, self._owning.claimed[group.id])

    async def _start(self, group: Group, resource: Resource) -> None:
        """Order a start under the epoch that this very process has claimed (safety rules O3 and O5)."""
        if not self._membership.covers(resource.type):
            self._again(group.id)
            return
        name = monitor_name(resource)  # first: all may have changed when it is there
        await self._monitorless.ensure(self.held.monitors, name, group, resource)
        owner = self._following.view.owner(group.id)
        if owner is None or owner[0].phase is not Phase.CLAIMED or not self._owning.mine(owner[0]):
            return
        if self._owning.claimed.get(group.id) != owner[0].epoch:
            await self._claim(group.id)
            return
        self.held.start(self._start_order(group, resource), name)

    def _start_order(self, group: Group, resource: Resource) -> Start:
        members = self._members(group.id)
        following = [members[other] for other in starts_with(resource.id, group, members)]
        return Start(
            resource=self._definition(resource, self._policies.of(resource, members)),
            group=group.id,
            epoch=self._owning.claimed[group.id],
            incarnation=self._membership.incarnation,
            fresh=resource.id in self.held.fresh,
            follows=tuple(self._definition(one) for one in following if monitor_name(one) == monitor_name(resource)),
        )

    def _definition(self, resource: Resource, policy: Policy = Policy()) -> Definition:  # noqa: B008 - frozen
        parameters = for_nodes(resource, self._following.snapshot)
        return Definition(id=resource.id, name=resource.name, type=resource.type, parameters=parameters, policy=policy)

    def _rearm(self, group: Group, resource: Resource) -> None:
        """A resource that came here from another group goes on under this group's epoch."""
        report = self.held.reports.get(resource.id)
        if report is None or report.group == group.id or report.state not in RUNNING:
            return
        if group.id in self._owning.claimed:
            self.held.adopt(group.id, self._start_order(group, resource))
        else:
            self._dirty.add(group.id)

    def _tell_policies(self, members: dict[ResourceId, Resource]) -> None:
        """Let the monitors know policies that changed, above all whether a resource may be restarted in place."""
        for resource in members.values():
            if (policy := self._policies.news(resource, members)) is not None:
                self.held.order(resource.id, Update(id=resource.id, policy=policy))

    def _thaw(self, group: GroupId, members: dict[ResourceId, Resource]) -> None:
        """Maintenance is over: what failed to start in it is tried again."""
        if self._policies.thawed(group):
            for resource in members.values():
                if resource.state is ResourceState.FAILED:
                    self._try_again(resource)

    # --- leaving ------------------------------------------------------------------------------------------------

    def quiet(self) -> bool:
        """Tell whether nothing runs here."""
        return self.held.quiet()

    def owned(self) -> list[Group]:
        """Return the groups that this node owns in its present life."""
        return self._owning.owned()


def _begins_to_stand_still(former: Report | None, report: Report) -> bool:
    """Tell whether it is only being stopped at the deadline: no time to wait for a database that does not answer."""
    same = former is not None and (former.state, former.information) == (report.state, report.information)
    return same and report.deadline and report.state in RUNNING
