"""The Information column: one line on why an object is in its state, and how old that news is."""

from functools import partial

from PySide6.QtCore import QCoreApplication

from nodeagent.api.commonproperties import NEVER, RESOURCE
from nodeagent.api.freezing import Maintenance
from nodeagent.api.objects import ClusterObject, Group, Node, Resource, ResourceState
from nodeagent.api.properties import effective
from nodeagent.api.rules.maintenance import group_maintenance
from nodeagent.api.texts import because
from ui.models.picture import Picture
from ui.words import clock, day_and_time, duration

_tr = partial(QCoreApplication.translate, "information")


def information(item: ClusterObject, picture: Picture) -> str:
    """Say in one line what matters of *item* now; empty when there is nothing to say."""
    since = picture.stale_since(item)
    if since is not None and picture.live:
        return as_of(since, picture.now)
    if isinstance(item, Resource):
        return _resource(item, picture)
    if isinstance(item, Group):
        return _joined(_maintenance(group_maintenance(item, picture.snapshot), picture), _group(item, picture))
    return _joined(item.information, _maintenance(item.maintenance, picture)) if isinstance(item, Node) else ""


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _maintenance(found: Maintenance | None, picture: Picture) -> str:
    """Say until when something is frozen, and why."""
    if found is None:
        return ""
    until = day_and_time(found.until, picture.now)
    return (
        _tr("In maintenance until {0}: {1}").format(until, found.reason)
        if found.reason
        else _tr("In maintenance until {0}").format(until)
    )


def as_of(since: float, now: float) -> str:
    """Say how old something is; "not heard yet" when it was never new."""
    if not since:
        return _tr("not heard yet")
    return _tr("as of {0}, {1} ago").format(day_and_time(since, now), duration(now - since))


def property_seconds(resource: Resource, name: str) -> float | None:
    """Return a common property that is a length of time, in seconds; None for "never"."""
    value = effective(RESOURCE, resource.properties, name)
    if not isinstance(value, int) or value == NEVER:
        return None
    return value / 1000


def pending(resource: Resource, picture: Picture) -> tuple[float, float] | None:
    """Return how long the resource is pending and may be, in seconds, or None when it is not."""
    if not resource.state.pending or not resource.pending_since:
        return None
    total = property_seconds(resource, "PendingTimeout")
    end = picture.now if picture.live else picture.heard_at
    return None if total is None else (max(0.0, end - resource.pending_since), total)


def _resource(resource: Resource, picture: Picture) -> str:
    if bar := pending(resource, picture):
        text = _tr("{0} of {1}").format(_seconds(bar[0]), _seconds(bar[1]))
        return f"{text}: {resource.information}" if resource.information else text
    if resource.state is ResourceState.FAILED:
        return "; ".join(
            part for part in (resource.information, _restarts(resource), _retry(resource, picture)) if part
        )
    if resource.information:
        return resource.information
    if resource.state is ResourceState.ONLINE and resource.restarts:
        return _tr("Restarted {0}").format(_used(resource))
    return ""


def _seconds(value: float) -> str:
    return _tr("{0} s").format(int(value))


def _used(resource: Resource) -> str:
    threshold = effective(RESOURCE, resource.properties, "RestartThreshold")
    period = property_seconds(resource, "RestartPeriod")
    if period is None:
        return _tr("{0} of {1} times").format(resource.restarts, threshold)
    return _tr("{0} of {1} times in {2}").format(resource.restarts, threshold, duration(period))


def _restarts(resource: Resource) -> str:
    if not resource.restarts:
        return ""
    threshold = effective(RESOURCE, resource.properties, "RestartThreshold")
    period = property_seconds(resource, "RestartPeriod")
    text = _tr("{0} of {1} restarts used").format(resource.restarts, threshold)
    return text if period is None else _tr("{0} in {1}").format(text, duration(period))


def _retry(resource: Resource, picture: Picture) -> str:
    if resource.retry_at <= picture.now:
        return ""
    return _tr("next try {0}").format(clock(resource.retry_at)[:5])


def _group(group: Group, picture: Picture) -> str:
    members = picture.resources_in.get(group.id, [])
    if not members:
        return _tr("Has no resources")
    if failed := [r.name for r in members if r.state is ResourceState.FAILED]:
        more = _tr("; stays on its node") if group.gave_up else ""
        return _tr("{0} of {1} resources failed: {2}").format(len(failed), len(members), ", ".join(failed)) + more
    online = sum(r.state is ResourceState.ONLINE for r in members)
    if 0 < online < len(members):
        return _tr("{0} of {1} resources online").format(online, len(members))
    return because(group.cause) if group.cause is not None else ""
