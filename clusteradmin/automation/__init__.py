"""The Cluster Automation Server's objects in Python, one for one: `Cluster().open("")` and from there on.

Names are the original's in snake_case, numbers of items count from 1, times are in seconds. What was assigned to
properties is kept here until `save_changes`, and never dropped in silence.

Without a counterpart are handles, closing single objects, domains, the quorum resource (the database's majority takes
its place), disks and checkpoints, and creating or deleting resource types, which are installed on the nodes.
"""

from __future__ import annotations

from clusteradmin.automation.application import Application
from clusteradmin.automation.cluster import Cluster
from clusteradmin.automation.dependencies import Dependencies, Dependents
from clusteradmin.automation.groups import GroupResources, ResourceGroup, ResourceGroups
from clusteradmin.automation.networks import Network, NetworkInterface, NetworkInterfaces, Networks
from clusteradmin.automation.nodes import Node, Nodes
from clusteradmin.automation.owners import PossibleOwnerNodes, PreferredOwnerNodes
from clusteradmin.automation.properties import Properties, Property
from clusteradmin.automation.resources import DEFAULT_MONITOR, SEPARATE_MONITOR, Resource, Resources
from clusteradmin.automation.resourcetypes import ResourceType, ResourceTypes
from clusteradmin.automation.version import Version
from clusteradmin.client.status import NotConnected
from nodeagent.api.events import LogEntry
from nodeagent.api.objects import GroupState, InterfaceState, NetworkState, NodeState, ResourceState
from nodeagent.api.problems import ClusterError, Problem

__all__ = [
    "DEFAULT_MONITOR",
    "SEPARATE_MONITOR",
    "Application",
    "Cluster",
    "ClusterError",
    "Dependencies",
    "Dependents",
    "GroupResources",
    "GroupState",
    "InterfaceState",
    "LogEntry",
    "Network",
    "NetworkInterface",
    "NetworkInterfaces",
    "NetworkState",
    "Networks",
    "Node",
    "NodeState",
    "Nodes",
    "NotConnected",
    "PossibleOwnerNodes",
    "PreferredOwnerNodes",
    "Problem",
    "Properties",
    "Property",
    "Resource",
    "ResourceGroup",
    "ResourceGroups",
    "ResourceState",
    "ResourceType",
    "ResourceTypes",
    "Resources",
    "Version",
]
