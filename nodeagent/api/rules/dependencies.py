"""Dependencies: same group only, no circle, never on itself."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from nodeagent.api.objects import Resource, ResourceId, ResourceState, Snapshot
from nodeagent.api.problems import Problem, problem


def dependency_problem(resource: Resource, provider: Resource, cluster: Snapshot) -> Problem | None:
    """Say why *resource* cannot depend on *provider*, or None when it can."""
    if provider.id == resource.id:
        return problem("depends_on_itself", "dependencies", name=resource.name)
    if provider.group != resource.group:
        return problem(
            "dependency_across_groups",
            "dependencies",
            name=resource.name,
            provider=provider.name,
            group=cluster.groups[resource.group].name if resource.group in cluster.groups else "",
            other=cluster.groups[provider.group].name if provider.group in cluster.groups else "",
        )
    if circle := path(provider, resource.id, cluster):
        names = tuple(cluster.resources[step].name for step in (resource.id, *circle) if step in cluster.resources)
        return problem("dependency_cycle", "dependencies", name=resource.name, provider=provider.name, circle=names)
    return None


def path(start: Resource, goal: ResourceId, cluster: Snapshot) -> tuple[ResourceId, ...]:
    """Return the chain of dependencies that leads from *start* to *goal*, both included; empty when there is none."""
    queue = deque([start.id])
    came_from = {start.id: ""}
    while queue:
        current = queue.popleft()
        if current == goal:
            chain = [current]
            while before := came_from[chain[-1]]:
                chain.append(before)
            return tuple(reversed(chain))
        for step in cluster.resources[current].dependencies:
            if step not in came_from and step in cluster.resources:
                came_from[step] = current
                queue.append(step)
    return ()


def dependencies_problem(
    resource: Resource, providers: Iterable[ResourceId], cluster: Snapshot, *, creating: bool = False
) -> Problem | None:
    """Say why *providers* cannot be what *resource* depends on, or None when they can.

    Args:
        creating: the resource does not exist yet, so nothing depends on it.
    """
    given = list(providers)
    times = Counter(given)
    for provider in given:
        if provider not in cluster.resources:
            return problem("resource_unknown", "dependencies", id=provider)
        if times[provider] > 1:
            return problem(
                "already_dependent", "dependencies", name=resource.name, provider=cluster.resources[provider].name
            )
        if bad := dependency_problem(resource, cluster.resources[provider], cluster):
            return bad
    if creating or set(given) == set(resource.dependencies):
        return None
    if resource.state.pending or resource.state is ResourceState.ONLINE:
        return problem("dependency_online", "dependencies", name=resource.name)
    return None


def missing_requirements(resource: Resource, cluster: Snapshot) -> list[Problem]:
    """Return what the type requires to depend on and the resource does not; checked when it goes online."""
    kind = cluster.types.get(resource.type)
    if kind is None:
        return []
    have = {cluster.resources[p].type for p in resource.dependencies if p in cluster.resources}
    return [
        problem("dependency_missing", "dependencies", name=resource.name, type=needed)
        for needed in kind.required_dependencies
        if needed not in have
    ]


def whole_tree(resource: Resource, cluster: Snapshot) -> set[ResourceId]:
    """Return all resources that are tied to *resource* by dependencies in either direction, itself included.

    They change groups together. Source: ClusResource.ChangeResourceGroup.
    """
    found: set[ResourceId] = set()
    queue = [resource.id]
    while queue:
        current = queue.pop()
        if current in found or current not in cluster.resources:
            continue
        found.add(current)
        queue += cluster.resources[current].dependencies
        queue += [r.id for r in cluster.dependents_of(current)]
    return found
