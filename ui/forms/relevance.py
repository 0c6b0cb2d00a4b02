"""Which news of the cluster a dialog has to look at: states of other objects change all the time, and do not matter."""

from __future__ import annotations

from nodeagent.api.objects import ClusterObject, Group, ObjectRef, Resource, Snapshot, ref


def matters(item: ClusterObject, shown: Snapshot) -> bool:
    """Tell whether *item* differs from what is *shown* in what dialogs say of other objects than their own.

    Of a resource that is what it is and needs, not its state; of a group its name and who owns it. With 10,000
    resources in motion a dialog must not be drawn anew for each.
    """
    before = shown.get(ref(item))
    if isinstance(item, Resource) and isinstance(before, Resource):
        return _face_of_resource(item) != _face_of_resource(before)
    if isinstance(item, Group) and isinstance(before, Group):
        return (item.name, item.owner, item.properties) != (before.name, before.owner, before.properties)
    return before != item


def _face_of_resource(one: Resource) -> tuple[object, ...]:
    return one.name, one.type, one.group, one.dependencies


def concerns(item: ClusterObject, own: ObjectRef, shown: Snapshot) -> bool:
    """Tell whether *item* is the object *own* itself, or matters to what is shown beside it."""
    return ref(item) == own or matters(item, shown)
