"""Places: what can be selected in the tree, and which list belongs to it."""

import enum
from dataclasses import dataclass

from nodeagent.api.objects import ClusterObject, Interface, ObjectKind, ObjectRef, Resource, ResourceType, ref


class Branch(enum.StrEnum):
    """The kinds of item that the tree has; each has its own list, with columns of its own."""

    CLUSTER = "cluster"
    GROUPS = "groups"
    GROUP = "group"
    RESOURCES = "resources"
    CONFIGURATION = "configuration"
    TYPES = "types"
    NETWORKS = "networks"
    NETWORK = "network"
    INTERFACES = "interfaces"
    NODE = "node"
    ACTIVE_GROUPS = "active_groups"
    ACTIVE_GROUP = "active_group"
    ACTIVE_RESOURCES = "active_resources"
    NODE_INTERFACES = "node_interfaces"


@dataclass(frozen=True, slots=True)
class Place:
    """An item of the tree. *id* is that of the group, network or node that it is or belongs to.

    Attributes:
        node: of an ACTIVE_GROUP the node under which it stands.
    """

    branch: Branch
    id: str = ""
    node: str = ""

    @property
    def reference(self) -> ObjectRef | None:
        """The object that the item itself stands for; folders stand for none."""
        match self.branch:
            case Branch.GROUP | Branch.ACTIVE_GROUP:
                return ObjectRef(ObjectKind.GROUP, self.id)
            case Branch.NODE:
                return ObjectRef(ObjectKind.NODE, self.id)
            case Branch.NETWORK:
                return ObjectRef(ObjectKind.NETWORK, self.id)
            case _:
                return None

    @property
    def parent(self) -> "Place | None":
        """The item above; None of the cluster itself."""
        match self.branch:
            case Branch.CLUSTER:
                return None
            case Branch.GROUP:
                return Place(Branch.GROUPS)
            case Branch.TYPES | Branch.NETWORKS | Branch.INTERFACES:
                return Place(Branch.CONFIGURATION)
            case Branch.NETWORK:
                return Place(Branch.NETWORKS)
            case Branch.ACTIVE_GROUPS | Branch.ACTIVE_RESOURCES | Branch.NODE_INTERFACES:
                return Place(Branch.NODE, self.id)
            case Branch.ACTIVE_GROUP:
                return Place(Branch.ACTIVE_GROUPS, self.node)
            case _:
                return Place(Branch.CLUSTER)

    def text(self) -> str:
        """Return the place as settings keep it; `parse_place` reads it."""
        return "/".join(part for part in (self.branch.value, self.id, self.node) if part)


def parse_place(text: str) -> Place | None:
    """Return the place of a text that `Place.text` made, or None when it is not one."""
    branch, *rest = text.split("/", 2)
    if branch not in set(Branch):
        return None
    return Place(Branch(branch), *rest)


CLUSTER = Place(Branch.CLUSTER)
RESOURCES = Place(Branch.RESOURCES)
GROUPS = Place(Branch.GROUPS)


def place_of(reference: ObjectRef) -> Place | None:
    """Return the item that stands for an object, or None for a kind that is only ever a row of a list."""
    match reference.kind:
        case ObjectKind.CLUSTER:
            return CLUSTER
        case ObjectKind.GROUP:
            return Place(Branch.GROUP, reference.id)
        case ObjectKind.NODE:
            return Place(Branch.NODE, reference.id)
        case ObjectKind.NETWORK:
            return Place(Branch.NETWORK, reference.id)
        case _:
            return None


def place_holding(item: ClusterObject) -> Place | None:
    """Return the place whose list has *item* as a row."""
    if isinstance(item, Resource):
        return Place(Branch.GROUP, item.group)
    if isinstance(item, ResourceType):
        return Place(Branch.TYPES)
    if isinstance(item, Interface):
        return Place(Branch.INTERFACES)
    own = place_of(ref(item))
    return own.parent if own is not None else None
