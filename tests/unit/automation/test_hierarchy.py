"""The hierarchy of the Cluster Automation Server: each object has what the original's has."""

import re

import pytest

from clusteradmin import automation
from clusteradmin.automation import (
    Application,
    Cluster,
    Dependencies,
    Dependents,
    GroupResources,
    Network,
    NetworkInterface,
    NetworkInterfaces,
    Networks,
    Node,
    Nodes,
    PossibleOwnerNodes,
    PreferredOwnerNodes,
    Properties,
    Property,
    Resource,
    ResourceGroup,
    ResourceGroups,
    Resources,
    ResourceType,
    ResourceTypes,
    Version,
)

COLLECTION = "Count Item Refresh"
SETS = "CommonProperties CommonROProperties PrivateProperties PrivateROProperties"
ITEM = f"Name Cluster {SETS}"
ORIGINAL = {
    Application: "OpenCluster ClusterNames",
    Cluster: f"Open Name Version Nodes Networks NetInterfaces ResourceTypes ResourceGroups Resources {SETS}",
    Version: "Name MajorVersion MinorVersion BuildNumber VendorId CSDVersion ClusterHighestVersion "
    "ClusterLowestVersion Flags MixedVersion",
    Nodes: COLLECTION,
    Node: f"{ITEM} Pause Resume Evict NodeID State NetInterfaces ResourceGroups",
    NetworkInterfaces: COLLECTION,
    NetworkInterface: f"{ITEM} State",
    Networks: COLLECTION,
    Network: f"{ITEM} NetworkID State NetInterfaces",
    ResourceTypes: COLLECTION,
    ResourceType: f"{ITEM} Resources PossibleOwnerNodes",
    ResourceGroups: f"{COLLECTION} CreateItem DeleteItem",
    ResourceGroup: f"{ITEM} Move Online Offline Delete State OwnerNode Resources PreferredOwnerNodes",
    PreferredOwnerNodes: f"{COLLECTION} AddItem InsertItem RemoveItem SaveChanges Modified",
    GroupResources: f"{COLLECTION} CreateItem DeleteItem",
    Resources: f"{COLLECTION} CreateItem DeleteItem",
    Resource: f"{ITEM} Online Offline Fail Delete AddResourceNode RemoveResourceNode CanResourceBeDependent "
    "ChangeResourceGroup State TypeName Type Group OwnerNode CoreFlag Dependencies Dependents PossibleOwnerNodes",
    Dependencies: f"{COLLECTION} AddItem RemoveItem CreateItem DeleteItem",
    Dependents: f"{COLLECTION} AddItem RemoveItem CreateItem DeleteItem",
    PossibleOwnerNodes: f"{COLLECTION} AddItem RemoveItem Modified",
    Properties: f"{COLLECTION} CreateItem UseDefaultValue SaveChanges Common Private ReadOnly Modified",
    Property: "Name Value Modified",
}
RENAMABLE = (Cluster, ResourceGroup, Resource, Network)


def snake(name: str) -> str:
    """CommonROProperties becomes common_ro_properties."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@pytest.mark.parametrize("kind", ORIGINAL, ids=lambda kind: kind.__name__)
def test_an_object_has_what_the_originals_has(kind: type) -> None:
    assert [name for name in ORIGINAL[kind].split() if not hasattr(kind, snake(name))] == []


@pytest.mark.parametrize("kind", RENAMABLE, ids=lambda kind: kind.__name__)
def test_a_name_can_be_assigned_where_the_originals_can(kind: type) -> None:
    assert isinstance(kind.name, property)  # type: ignore[attr-defined]  # all of RENAMABLE have a name
    assert kind.name.fset is not None  # type: ignore[attr-defined]  # as above


def test_all_of_them_are_at_hand() -> None:
    assert {kind.__name__ for kind in ORIGINAL} <= set(automation.__all__)
