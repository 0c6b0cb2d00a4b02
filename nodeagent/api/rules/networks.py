"""Networks: what their role allows, which resources use them, and how a node is told which one is meant."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Final

from nodeagent.api.objects import Network, ObjectKind, Resource, Snapshot
from nodeagent.api.problems import Problem, problem
from nodeagent.api.properties import Kind, PropertySpec, Value
from nodeagent.api.spelling import comparable

NONE: Final = 0
INTERNAL: Final = 1
CLIENT: Final = 2
ALL: Final = 3

_FOR_CLIENTS: Final = (CLIENT, ALL)
_FOR_THE_CLUSTER: Final = (INTERNAL, ALL)


def with_subnets(
    schema: Iterable[PropertySpec], parameters: Mapping[str, Value], cluster: Snapshot
) -> dict[str, Value]:
    """Return *parameters* with each network's subnet in the place of its name: a node knows subnets only."""
    result = dict(parameters)
    for name, network in _networks_in(schema, parameters, cluster):
        if network is not None:
            result[name] = network.id
    return result


def for_nodes(resource: Resource, cluster: Snapshot) -> dict[str, Value]:
    """Return the private properties of *resource* as nodes are told them."""
    kind = cluster.types.get(resource.type)
    return with_subnets(kind.schema if kind else (), resource.parameters, cluster)


def networks_problem(
    schema: Iterable[PropertySpec], parameters: Mapping[str, Value | None], cluster: Snapshot
) -> Problem | None:
    """Say why a resource cannot use a network that its private properties name, or None when it can."""
    for name, network in _networks_in(schema, parameters, cluster):
        if network is None:
            return problem("network_unknown", name, name=str(parameters[name]))
        if network.role not in _FOR_CLIENTS:
            return problem("network_not_for_clients", name, name=network.name)
    return None


def address_problem(
    schema: Iterable[PropertySpec], parameters: Mapping[str, Value | None], cluster: Snapshot, own: str = ""
) -> Problem | None:
    """Say which resource has an address already that is among *parameters*, or None when no other one has.

    Args:
        own: id of the resource that they are for.
    """
    given = _addresses_in(schema, parameters)
    for other in cluster.resources.values() if given else ():
        kind = cluster.types.get(other.type)
        if other.id != own and given & _addresses_in(kind.schema if kind else (), other.parameters):
            return problem("address_taken", name=other.name)
    return None


def _addresses_in(schema: Iterable[PropertySpec], parameters: Mapping[str, Value | None]) -> set[Value]:
    wanted = {spec.name.casefold() for spec in schema if spec.kind is Kind.IPV4}
    return {value for name, value in parameters.items() if name.casefold() in wanted and value}


def _networks_in(
    schema: Iterable[PropertySpec], parameters: Mapping[str, Value | None], cluster: Snapshot
) -> list[tuple[str, Network | None]]:
    wanted = {spec.name.casefold() for spec in schema if spec.kind is Kind.NETWORK}
    found: list[tuple[str, Network | None]] = []
    for name, value in parameters.items():
        if name.casefold() in wanted and isinstance(value, str) and value:
            network = cluster.find(ObjectKind.NETWORK, value)
            found.append((name, network if isinstance(network, Network) else None))
    return found


def users_of(network: Network, cluster: Snapshot) -> list[Resource]:
    """Return the resources that are on *network*: they name it, or name none and have an address in its subnet."""
    return [one for one in cluster.resources.values() if _uses(one, network, cluster)]


def _uses(resource: Resource, network: Network, cluster: Snapshot) -> bool:
    kind = cluster.types.get(resource.type)
    schema = kind.schema if kind else ()
    if not any(spec.kind is Kind.NETWORK for spec in schema):
        return False
    named = _networks_in(schema, resource.parameters, cluster)
    if named:
        return any(one is not None and one.id == network.id for _, one in named)
    addresses = _addresses_in(schema, resource.parameters)
    return any(isinstance(address, str) and _is_in(address, network) for address in addresses)


def _is_in(address: str, network: Network) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network.id)
    except ValueError:
        return False


def with_network_renamed(resource: Resource, network: Network, name: str, cluster: Snapshot) -> dict[str, Value]:
    """Return the private properties of *resource* with *name* where they name *network* by its present name."""
    kind = cluster.types.get(resource.type)
    result = dict(resource.parameters)
    for key, one in _networks_in(kind.schema if kind else (), resource.parameters, cluster):
        if one is not None and one.id == network.id and comparable(str(result[key])) == comparable(network.name):
            result[key] = name
    return result


def role_problem(network: Network, role: int, cluster: Snapshot) -> Problem | None:
    """Say why *network* cannot get that role, or None when it can.

    Source: Microsoft's "Role" of networks: one that an IP Address uses stays open to clients, and one network at
    least carries the cluster's own traffic.
    """
    if role not in _FOR_CLIENTS and (users := users_of(network, cluster)):
        return problem("network_in_use", "Role", name=network.name, resources=tuple(one.name for one in users))
    others = (one for one in cluster.networks.values() if one.id != network.id)
    if role not in _FOR_THE_CLUSTER and not any(one.role in _FOR_THE_CLUSTER for one in others):
        return problem("last_internal_network", "Role", name=network.name)
    return None
