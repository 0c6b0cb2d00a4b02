"""What holds for every plan of every cluster."""

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from nodeagent.api.objects import Group, Node, NodeState, Phase, Resource, ResourceState, Snapshot, Wanted
from nodeagent.api.rules.owners import anti_affine, host_problem
from nodeagent.api.texts import because
from nodeagent.planner.decisions import GiveGroup, TakeBack
from nodeagent.planner.plan import owner_lost, plan
from tests.builders import cluster, generic_application
from tests.unit.planner.carryingout import carried_out, nodes_did_their_part, seen, settled

NODES = (1, 2, 3, 4)
calm = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

some_nodes = st.lists(st.sampled_from(NODES), unique=True).map(tuple)
possible = st.one_of(st.none(), st.lists(st.sampled_from(NODES), unique=True, min_size=1).map(tuple))
moments = st.sampled_from([0.0, 500.0, 900.0])


@st.composite
def nodes(draw: st.DrawFn) -> dict[int, Node]:
    return {
        number: Node(
            id=number,
            name=f"n{number}",
            state=draw(st.sampled_from([NodeState.UP, NodeState.UP, NodeState.UP, *NodeState])),
            incarnation=draw(st.integers(1, 2)),
            since=draw(moments),
        )
        for number in NODES
    }


@st.composite
def groups(draw: st.DrawFn, number: int) -> tuple[Group, list[Resource]]:
    owner = draw(st.sampled_from([None, *NODES]))
    held = st.sampled_from([Phase.CLAIMED, Phase.CLAIMED, Phase.ASSIGNED, Phase.MOVING, Phase.STUCK])
    phase = Phase.FREE if owner is None else draw(held)
    group = Group(
        id=f"g{number}",
        name=f"G{number}",
        owner=owner,
        phase=phase,
        epoch=1,
        owner_incarnation=draw(st.integers(1, 2)),
        target=draw(st.sampled_from([None, *NODES])) if phase is Phase.MOVING else None,
        preferred_owners=draw(some_nodes),
        persistent_state=draw(st.sampled_from([Wanted.ONLINE, Wanted.ONLINE, Wanted.OFFLINE])),
        properties={
            "AutoFailbackType": draw(st.integers(0, 1)),
            "FailoverThreshold": draw(st.integers(0, 3)),
            "AntiAffinityClassNames": draw(st.sampled_from([(), (), ("x",), ("x", "y"), ("y",)])),
        },
        wish=draw(st.sampled_from([None, None, 0, *NODES])),
        gave_up=draw(st.booleans()) if phase is Phase.CLAIMED else False,
        since=draw(moments),
    )
    members = [
        Resource(
            id=f"r{number}{place}",
            name=f"R{number}{place}",
            type="Generic Application",
            group=group.id,
            possible_owners=draw(possible),
            state=(state := draw(st.sampled_from([ResourceState.ONLINE, *ResourceState]))),
            state_node=owner,
            exhausted=state is ResourceState.FAILED and draw(st.booleans()),
            properties={"RestartAction": draw(st.sampled_from([2, 2, 1, 0]))},
        )
        for place in range(draw(st.integers(0, 2)))
    ]
    return group, members


@st.composite
def clusters(draw: st.DrawFn) -> Snapshot:
    made = [draw(groups(number)) for number in range(draw(st.integers(1, 4)))]
    empty = cluster("abcd")
    return replace(
        empty,
        cluster=replace(empty.cluster, properties={"EnforcedAntiAffinity": draw(st.booleans())}),
        nodes=draw(nodes()),
        groups={group.id: group for group, _ in made},
        resources={resource.id: resource for _, members in made for resource in members},
        types={"Generic Application": generic_application(NODES)},
    )


breaking = st.sets(st.tuples(st.sampled_from([f"r{g}{p}" for g in range(4) for p in range(2)]), st.sampled_from(NODES)))


@calm
@given(clusters(), st.integers(0, 23))
def test_the_same_cluster_gets_the_same_plan_and_is_not_changed(now: Snapshot, hour: int) -> None:
    before = msgspec.json.encode(now)
    first = plan(now, seen(hour=hour))
    turned = replace(
        now,
        nodes=dict(reversed(now.nodes.items())),
        groups=dict(reversed(now.groups.items())),
        resources=dict(reversed(now.resources.items())),
    )
    assert plan(now, seen(hour=hour)) == first
    assert [(type(d), d.group, getattr(d, "node", 0)) for d in plan(turned, seen(hour=hour))] == [
        (type(d), d.group, getattr(d, "node", 0)) for d in first
    ]
    assert msgspec.json.encode(now) == before


@calm
@given(clusters())
def test_a_group_gets_one_decision_at_most_with_a_sentence(now: Snapshot) -> None:
    found = plan(now, seen())
    assert len({d.group for d in found}) == len(found)
    for decision in found:
        text = because(decision.cause)
        assert "(" + decision.cause.rule not in text
        assert "()" not in text
        assert "  " not in text


@calm
@given(clusters())
def test_a_group_goes_only_to_a_node_that_can_run_it(now: Snapshot) -> None:
    enforced = bool(now.cluster.properties["EnforcedAntiAffinity"])
    after = now
    for decision in plan(now, seen()):
        if isinstance(decision, (GiveGroup, TakeBack)):
            group = after.groups[decision.group]
            target = decision.node if isinstance(decision, GiveGroup) else decision.target
            node = after.nodes[target]
            if decision.cause.rule == "cause_last_resort":
                assert node.state is NodeState.PAUSED
                assert host_problem(group, replace(node, state=NodeState.UP), after) is None
            elif decision.cause.rule != "cause_kept":
                assert host_problem(group, node, after) is None
                own = decision.cause.rule == "cause_node_restarted"
                assert not enforced or anti_affine(group, target, after) is None or own
        after = carried_out(after, [decision], 1000.0)


@calm
@given(clusters())
def test_only_a_lost_owner_is_robbed_and_only_a_living_one_is_told(now: Snapshot) -> None:
    for decision in plan(now, seen()):
        lost = owner_lost(now.groups[decision.group], now)
        assert not (isinstance(decision, GiveGroup) and not lost)
        assert not (isinstance(decision, TakeBack) and lost)


@calm
@given(clusters(), breaking)
def test_plans_come_to_an_end(now: Snapshot, broken: set[tuple[str, int]]) -> None:
    """Nothing is sent to and fro for ever, whatever breaks where."""
    after, _ = settled(now, rounds=60, breaks=lambda resource, node: (resource.id, node) in broken)
    for group in after.groups.values():
        assert group.phase in (Phase.CLAIMED, Phase.STUCK) or owner_lost(group, after)
        assert group.wish is None or owner_lost(group, after)


@calm
@given(clusters())
def test_what_can_run_somewhere_ends_where_it_runs(now: Snapshot) -> None:
    """If some node can take a group that is wanted online, it is online in the end, or enforced to stay apart."""
    after, _ = settled(now, rounds=60)
    enforced = bool(after.cluster.properties["EnforcedAntiAffinity"])
    for group in after.groups.values():
        wanted_online = group.persistent_state is Wanted.ONLINE and after.resources_of(group.id)
        if not wanted_online or enforced or group.gave_up or group.phase is Phase.STUCK:
            continue
        states = {r.state for r in after.resources_of(group.id) if not r.exhausted}
        if after.nodes[group.owner or 1].state is NodeState.PAUSED and states != {ResourceState.OFFLINE}:
            continue  # what runs on a paused node stays, and the rest of it waits there
        if any(host_problem(group, node, after) is None for node in after.nodes.values()):
            assert states <= {ResourceState.ONLINE}, group


@calm
@given(clusters())
def test_a_step_by_the_nodes_never_makes_two_owners(now: Snapshot) -> None:
    for moment in range(6):
        before = now
        now = nodes_did_their_part(carried_out(now, plan(now, seen(1000.0 + moment)), 1000.0 + moment), 1000.0 + moment)
        for group in now.groups.values():
            assert group.epoch >= before.groups[group.id].epoch
            if group.owner != before.groups[group.id].owner:
                assert group.epoch > before.groups[group.id].epoch
