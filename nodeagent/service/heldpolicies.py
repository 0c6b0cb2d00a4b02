"""The policies under which the monitors hold this node's resources, maintenance included, and what was told of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from nodeagent.api.objects import Group, GroupId, Resource, ResourceId, ResourceState
from nodeagent.api.rules.maintenance import frozen, group_maintenance
from nodeagent.planner.policies import Policy, policy_of
from nodeagent.service.following import Following

RUNNING: Final = frozenset({ResourceState.ONLINE, ResourceState.ONLINE_PENDING, ResourceState.OFFLINE_PENDING})
_BY_HAND: Final = frozenset({"cause_drain", "cause_node_leaves"})  # a person's word, though no person is named


def separate(resource: Resource) -> bool:
    """Tell whether the resource has a Resource Monitor of its own."""
    return bool(resource.properties.get("SeparateMonitor", resource.separate_monitor))


class HeldPolicies:
    """What counts for each resource now."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self._told: dict[ResourceId, Policy] = {}
        self._frozen: set[GroupId] = set()

    def of(self, resource: Resource, members: Mapping[ResourceId, Resource]) -> Policy:
        """Return the resource's policy, which the monitor is told with what it is used for."""
        self._told[resource.id] = policy = self._made(resource, members)
        return policy

    def news(self, resource: Resource, members: Mapping[ResourceId, Resource]) -> Policy | None:
        """Return the policy of a running resource when the monitor knows another one."""
        if resource.state not in RUNNING or self._told.get(resource.id) == self._made(resource, members):
            return None
        return self.of(resource, members)

    def forget(self, resource: ResourceId) -> None:
        """It is not held any more."""
        self._told.pop(resource, None)

    def _made(self, resource: Resource, members: Mapping[ResourceId, Resource]) -> Policy:
        now = self._following.snapshot
        dependents = (r for r in members.values() if resource.id in r.dependencies)
        return replace(
            policy_of(resource, now.types.get(resource.type)),
            alone=not any(d.state in RUNNING for d in dependents),
            frozen=self.frozen(resource.group),
            waits=self.waits(resource, members),
        )

    @staticmethod
    def waits(resource: Resource, members: Mapping[ResourceId, Resource]) -> bool:
        """Tell whether another monitor holds something that it depends on: no monitor alone knows when to start it."""
        providers = [members[provider] for provider in resource.dependencies if provider in members]
        return bool(providers) and any(separate(one) for one in (resource, *providers))

    # --- maintenance --------------------------------------------------------------------------------------------

    def frozen(self, group: GroupId) -> bool:
        """Tell whether nothing is restarted by itself."""
        found = self._following.snapshot.groups.get(group)
        return found is not None and frozen(found, self._following.snapshot)

    def thawed(self, group: GroupId) -> bool:
        """Tell, once, that maintenance of the group is over."""
        if self.frozen(group):
            self._frozen.add(group)
            return False
        over = group in self._frozen
        self._frozen.discard(group)
        return over

    def may_start(self, group: Group, *, asked: bool) -> bool:
        """Tell whether something of the group may be started: in maintenance only at a person's word.

        Args:
            asked: somebody brought it online; a person who moved the group here since then wants it too.
        """
        under = group_maintenance(group, self._following.snapshot)
        if under is None or asked:
            return True
        brought = group.cause is not None and (bool(group.cause.user) or group.cause.rule in _BY_HAND)
        return brought and group.since >= under.since
