"""What the window shows of a cluster at one moment: a snapshot, indexed for lists and tree, with its age."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import msgspec

from nodeagent.api.objects import (
    ClusterObject,
    Group,
    GroupId,
    Interface,
    Node,
    NodeId,
    NodeState,
    ObjectRef,
    Resource,
    Snapshot,
)


@dataclass(frozen=True)
class Picture:
    """A snapshot with what many rows ask of it, worked out once.

    Attributes:
        now: wall-clock seconds at which the picture is looked at; ages count from it.
        live: False while the cluster is not heard; everything is then as of *heard_at*.
        heard_at: wall-clock seconds of the last frame.
    """

    snapshot: Snapshot
    now: float = 0.0
    live: bool = True
    heard_at: float = 0.0

    def later(self, now: float) -> "Picture":
        """Return the same picture as it looks at *now*; what was worked out is kept."""
        picture = Picture(self.snapshot, now, self.live, self.heard_at)
        for name in ("resources_in", "groups_on", "interfaces_of", "_near"):
            if name in self.__dict__:
                picture.__dict__[name] = self.__dict__[name]
        return picture

    @cached_property
    def resources_in(self) -> dict[GroupId, list[Resource]]:
        found: dict[GroupId, list[Resource]] = defaultdict(list)
        for resource in self.snapshot.resources.values():
            found[resource.group].append(resource)
        return found

    @cached_property
    def groups_on(self) -> dict[NodeId | None, list[Group]]:
        found: dict[NodeId | None, list[Group]] = defaultdict(list)
        for group in self.snapshot.groups.values():
            found[group.owner].append(group)
        return found

    @cached_property
    def interfaces_of(self) -> dict[NodeId, list[Interface]]:
        found: dict[NodeId, list[Interface]] = defaultdict(list)
        for interface in self.snapshot.interfaces.values():
            found[interface.node].append(interface)
        return found

    def resources_on(self, node: NodeId) -> list[Resource]:
        """Return the resources whose group *node* owns."""
        return [r for group in self.groups_on.get(node, ()) for r in self.resources_in.get(group.id, ())]

    def owner_of(self, item: ClusterObject) -> Node | None:
        """Return the node that owns *item* now."""
        if isinstance(item, Resource):
            group = self.snapshot.groups.get(item.group)
            return self._node(group.owner) if group else None
        if isinstance(item, Group):
            return self._node(item.owner)
        if isinstance(item, Interface):
            return self._node(item.node)
        return None

    def group_name(self, group: GroupId) -> str:
        found = self.snapshot.groups.get(group)
        return found.name if found else ""

    def stale_since(self, item: ClusterObject) -> float | None:
        """Return since when nothing new is known of *item* (wall-clock seconds), or None when it is current."""
        if not self.live:
            return self.heard_at
        node = item if isinstance(item, Node) else self.owner_of(item)
        return node.since if node is not None and node.state is NodeState.UNKNOWN else None

    def object(self, reference: ObjectRef) -> ClusterObject | None:
        return self.snapshot.get(reference)

    def around(self, item: ClusterObject) -> Snapshot:
        """Return the snapshot reduced to what the rules ask about *item*: its own group's resources.

        A dependency never leaves a group, so the answers are the same, and a rule that walks through all resources
        for each node does not walk through those of other groups.
        """
        group = item.group if isinstance(item, Resource) else item.id if isinstance(item, Group) else None
        if group is None:
            return self.snapshot
        group = str(group)
        if group not in self._near:
            near = {resource.id: resource for resource in self.resources_in.get(group, ())}
            self._near[group] = msgspec.structs.replace(self.snapshot, resources=near)
        return self._near[group]

    @cached_property
    def _near(self) -> dict[GroupId, Snapshot]:
        return {}

    def _node(self, node: NodeId | None) -> Node | None:
        return None if node is None else self.snapshot.nodes.get(node)
