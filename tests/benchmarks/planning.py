"""planning: what the leader of a large cluster works out, and what every node does to follow the database.

Nothing here waits for anything, so processor time is measured: how busy the machine is does not matter.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from nodeagent.api.objects import NodeState, Phase, ResourceState, Snapshot
from nodeagent.database.records import encode, heartbeat_key, state_key
from nodeagent.database.store import Change
from nodeagent.database.view import ClusterView, Delta
from nodeagent.planner.decisions import GiveGroup, TakeBack
from nodeagent.planner.plan import Observations, plan
from tests.benchmarks import farm
from tests.benchmarks.figures import BenchmarkFailed, Figure, spread

T = TypeVar("T")
REPEATS = 5
CHANGES = 300
SEEN = Observations(now=2000.0, hour=12, wishes={})
MOST_PLAN = 1000.0  # ms
MOST_FAILURE = 20.0  # ms


def run() -> list[Figure]:
    contents = farm.contents()
    view = ClusterView("sqlite")
    loading = _best(lambda: view.load(contents))[0]
    cluster = view.snapshot
    note = farm.size(cluster)
    return [
        Figure("view: load everything", loading, "ms", None, note),
        *_following(view),
        *_plans(cluster, note),
    ]


def _best(work: Callable[[], T]) -> tuple[float, T]:
    """Return the shortest of a few times, ms: whatever else the machine did made the others longer."""
    times = []
    for _ in range(REPEATS):
        began = time.thread_time()
        result = work()
        times.append(time.thread_time() - began)
    return min(times) * 1000, result


def _following(view: ClusterView) -> list[Figure]:
    """Apply changes one by one, as they come from nodes that report and beat."""
    reports, beats = [], []
    for number in range(CHANGES):
        identity, node = farm.a_resource(number)
        other = farm.state(node, ResourceState.ONLINE, at=2000.0 + number)
        seconds, delta = _apply(view, state_key(identity), encode(other))
        if [item.id for item in delta.changed] != [identity]:
            raise BenchmarkFailed(f"the view took a report of {identity} for {delta.changed}")
        reports.append(seconds)
        beat = encode(farm.heartbeat(number + 1))
        beats.append(_apply(view, heartbeat_key(number % farm.NODES + 1), beat)[0])
    return [*spread("view: one report", reports), *spread("view: one heartbeat", beats)]


def _apply(view: ClusterView, key: str, value: bytes) -> tuple[float, Delta]:
    change = Change(view.revision + 1, key, value)
    began = time.thread_time()
    delta = view.apply((change,))
    return time.thread_time() - began, delta


def _plans(cluster: Snapshot, note: str) -> list[Figure]:
    free = {key: replace(group, owner=None, phase=Phase.FREE) for key, group in cluster.groups.items()}
    identity, _ = farm.a_resource(1)
    failed = replace(cluster.resources[identity], state=ResourceState.FAILED, exhausted=True)
    down = replace(cluster.nodes[7], state=NodeState.DOWN)
    cases: list[tuple[str, Snapshot, float, type, int]] = [
        ("plan: every group placed", replace(cluster, groups=free), MOST_PLAN, GiveGroup, len(free)),
        ("plan: nothing to do", cluster, MOST_FAILURE, GiveGroup, 0),
        (
            "plan: one resource failed",
            replace(cluster, resources={**cluster.resources, identity: failed}),
            MOST_FAILURE,
            TakeBack,
            1,
        ),
        (
            "plan: one node died",
            replace(cluster, nodes={**cluster.nodes, 7: down}),
            MOST_FAILURE,
            GiveGroup,
            sum(group.owner == 7 for group in cluster.groups.values()),
        ),
    ]
    return [_plan(*case, note) for case in cases]


def _plan(what: str, cluster: Snapshot, budget: float, kind: type, count: int, note: str) -> Figure:
    # A new snapshot each time, as the leader has one after each change: what it found out of the last is not kept.
    milliseconds, decisions = _best(lambda: plan(replace(cluster), SEEN))
    if len(decisions) != count or not all(isinstance(decision, kind) for decision in decisions):
        raise BenchmarkFailed(f"{what}: {len(decisions)} decisions instead of {count}, {str(decisions[:1])[:300]}")
    return Figure(what, milliseconds, "ms", budget, f"{count} decisions, {note}" if count else note)
