"""The order inside a group: providers first, dependents stop first, and every way ends where it should."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from nodeagent.api.causes import cause
from nodeagent.api.objects import Group, Resource, ResourceState, Wanted
from nodeagent.api.texts import because
from nodeagent.planner.dependencies import StartNext, Step, StopNext, all_down, next_steps, starts_with, waits_for

S = ResourceState
RUNNING = (S.ONLINE, S.ONLINE_PENDING, S.OFFLINE_PENDING, S.UNKNOWN)
GROUP = Group(id="g", name="G", owner=1, persistent_state=Wanted.ONLINE)
MOVING = cause("cause_moving", node="b")


def members(needs: Mapping[str, str], state: ResourceState = S.OFFLINE, **states: ResourceState) -> dict[str, Resource]:
    """Make resources: ``members({"disk": "", "app": "disk"}, app=S.ONLINE)``."""
    return {
        name: Resource(
            id=name, name=name, type="T", group="g", dependencies=tuple(on.split()), state=states.get(name, state)
        )
        for name, on in needs.items()
    }


DIAMOND = {"disk": "", "ip": "disk", "name": "disk", "app": "ip name"}


def shown(steps: list[Step]) -> str:
    for step in steps:
        assert "(" not in because(step.cause)
    return " ".join(("+" if isinstance(step, StartNext) else "-") + step.resource for step in steps)


def steps(now: dict[str, Resource], group: Group = GROUP, *, leaving: bool = False) -> str:
    return shown(next_steps(group, now, stop_all=MOVING if leaving else None))


def test_providers_start_first_and_branches_go_on_in_parallel() -> None:
    assert steps(members(DIAMOND)) == "+disk"
    assert steps(members(DIAMOND, disk=S.ONLINE_PENDING)) == ""
    assert steps(members(DIAMOND, disk=S.ONLINE)) == "+ip +name"
    assert steps(members(DIAMOND, disk=S.ONLINE, ip=S.ONLINE, name=S.ONLINE_PENDING)) == ""
    assert steps(members(DIAMOND, S.ONLINE, app=S.OFFLINE)) == "+app"
    assert steps(members(DIAMOND, S.ONLINE)) == ""


def test_what_starts_as_soon_as_one_is_online_is_known_ahead() -> None:
    now = members(DIAMOND)
    assert starts_with("disk", GROUP, now) == ["ip", "name"]
    assert starts_with("ip", GROUP, members(DIAMOND, disk=S.ONLINE)) == [], "it waits for the name as well"
    assert starts_with("ip", GROUP, members(DIAMOND, disk=S.ONLINE, name=S.ONLINE)) == ["app"]
    assert starts_with("app", GROUP, members(DIAMOND, S.ONLINE, app=S.OFFLINE)) == []
    unwanted = {**now, "ip": replace(now["ip"], persistent_state=Wanted.OFFLINE)}
    assert starts_with("disk", GROUP, unwanted) == ["name"]


def test_dependents_stop_first() -> None:
    assert steps(members(DIAMOND, S.ONLINE), leaving=True) == "-app"
    assert steps(members(DIAMOND, S.ONLINE, app=S.OFFLINE_PENDING), leaving=True) == ""
    assert steps(members(DIAMOND, S.ONLINE, app=S.OFFLINE), leaving=True) == "-ip -name"
    assert steps(members(DIAMOND, S.ONLINE, app=S.OFFLINE, ip=S.FAILED), leaving=True) == "-name"
    assert steps(members(DIAMOND, S.OFFLINE, disk=S.ONLINE), leaving=True) == "-disk"
    assert steps(members(DIAMOND), leaving=True) == ""


def test_what_is_starting_is_stopped_too_when_the_group_leaves() -> None:
    assert steps(members(DIAMOND, disk=S.ONLINE_PENDING), leaving=True) == "-disk"


def test_a_failed_provider_stops_its_dependents_and_starts_when_they_are_down() -> None:
    now = members(DIAMOND, S.ONLINE, ip=S.FAILED)
    assert steps(now) == "-app"
    assert because(next_steps(GROUP, now)[0].cause) == "It needs ip, which is Failed."
    assert steps(members(DIAMOND, S.ONLINE, ip=S.FAILED, app=S.OFFLINE)) == "+ip"


def test_a_failed_resource_without_restarts_left_stays_failed_and_others_go_on() -> None:
    now = members(DIAMOND, S.OFFLINE, disk=S.ONLINE, ip=S.FAILED)
    now["ip"] = replace(now["ip"], exhausted=True)
    assert steps(now) == "+name"
    now["name"] = replace(now["name"], state=S.ONLINE)
    assert steps(now) == ""


def test_a_resource_that_is_not_wanted_takes_its_dependents_along_and_they_come_back() -> None:
    now = members(DIAMOND, S.ONLINE)
    now["ip"] = replace(now["ip"], persistent_state=Wanted.OFFLINE)
    assert steps(now) == "-app"
    assert because(next_steps(GROUP, now)[0].cause) == "It needs ip, which goes offline."
    now["app"] = replace(now["app"], state=S.OFFLINE)
    assert steps(now) == "-ip"
    assert because(next_steps(GROUP, now)[0].cause) == "It is wanted offline."
    now["ip"] = replace(now["ip"], state=S.OFFLINE)
    assert steps(now) == "", "name and disk stay online"
    now["ip"] = replace(now["ip"], persistent_state=Wanted.INHERIT)
    assert steps(now) == "+ip"


def test_a_resource_wanted_by_itself_in_an_offline_group_starts_when_its_providers_are_wanted_too() -> None:
    now = members({"ip": "", "app": "ip"})
    asleep = replace(GROUP, persistent_state=Wanted.OFFLINE)
    now["app"] = replace(now["app"], persistent_state=Wanted.ONLINE)
    assert steps(now, asleep) == ""
    now["ip"] = replace(now["ip"], persistent_state=Wanted.ONLINE)
    assert steps(now, asleep) == "+ip"


def test_what_is_unknown_may_run() -> None:
    assert steps(members(DIAMOND, S.UNKNOWN)) == "", "nothing is known yet, so nothing is done"
    assert steps(members(DIAMOND, S.UNKNOWN), leaving=True) == "-app"
    assert steps(members({"ip": "", "app": "ip"}, ip=S.UNKNOWN)) == ""
    assert not all_down(members(DIAMOND, S.UNKNOWN))


def test_a_provider_that_is_gone_holds_its_dependents() -> None:
    now = members({"app": "gone"}, S.ONLINE)
    (step,) = next_steps(GROUP, now)
    assert isinstance(step, StopNext)
    assert step.cause.rule == "cause_provider_gone"
    assert steps(members({"app": "gone"})) == ""


def test_a_stored_circle_starts_nothing_and_stops_nothing_for_ever() -> None:
    assert steps(members({"a": "b", "b": "a", "c": ""})) == "+c"


def test_it_is_said_what_a_resource_waits_for() -> None:
    now = members(DIAMOND, disk=S.ONLINE)
    found = waits_for(now["app"], now)
    assert found is not None
    assert found.id == "ip"
    assert waits_for(now["ip"], now) is None


def test_a_chain_of_any_length_has_its_order() -> None:
    names = [f"r{number:05}" for number in range(3000)]
    needs = dict(zip(names, ["", *names], strict=False))
    assert steps(members(needs)) == "+r00000"
    assert steps(members(needs, S.ONLINE)) == ""
    assert steps(members(needs, S.ONLINE), leaving=True) == "-r02999"
    assert steps(members(needs, S.ONLINE, r00000=S.FAILED)) == "-r02999"


# --- any group --------------------------------------------------------------------------------------------------


@st.composite
def groups(draw: st.DrawFn) -> dict[str, Resource]:
    """Draw resources without circles in any states."""
    count = draw(st.integers(1, 7))
    made = {}
    for number in range(count):
        providers = draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3)) if number else []
        state = draw(st.sampled_from([s for s in S if s is not S.UNKNOWN]))
        made[f"r{number}"] = Resource(
            id=f"r{number}",
            name=draw(st.sampled_from("abc")) + str(number),
            type="T",
            group="g",
            dependencies=tuple(f"r{p}" for p in providers),
            persistent_state=draw(st.sampled_from([Wanted.INHERIT, Wanted.INHERIT, Wanted.ONLINE, Wanted.OFFLINE])),
            state=state,
            exhausted=state is S.FAILED and draw(st.booleans()),
        )
    return made


def stepped(now: dict[str, Resource], found: list[Step]) -> dict[str, Resource]:
    after = dict(now)
    for step in found:
        state = S.ONLINE_PENDING if isinstance(step, StartNext) else S.OFFLINE_PENDING
        after[step.resource] = replace(after[step.resource], state=state)
    return after


def keeps_order(now: Mapping[str, Resource], found: list[Step]) -> None:
    assert len({step.resource for step in found}) == len(found)
    for step in found:
        resource = now[step.resource]
        running = [r.id for r in now.values() if resource.id in r.dependencies and r.state in RUNNING]
        assert not running, "dependents are down before it is started or stopped"
        if isinstance(step, StartNext):
            assert resource.state not in RUNNING
            assert not resource.exhausted
            assert all(now[p].state is S.ONLINE for p in resource.dependencies)
        else:
            assert resource.state in RUNNING


@settings(deadline=None, max_examples=200)
@given(groups(), st.booleans(), st.data())
def test_every_way_keeps_the_order_and_ends(now: dict[str, Resource], leaving: bool, data: st.DataObject) -> None:
    """Pending resources end in any order, some of them in a failure; then all is as wanted, and it stays so."""
    stop_all = MOVING if leaving else None
    failures = 3
    for _ in range(200):
        found = next_steps(GROUP, now, stop_all=stop_all)
        keeps_order(now, found)
        now = stepped(now, found)
        pending = [r.id for r in now.values() if r.state.pending]
        if not pending:
            break
        chosen = now[data.draw(st.sampled_from(pending))]
        if chosen.state is S.OFFLINE_PENDING:
            state, exhausted = S.OFFLINE, False
        elif failures and data.draw(st.booleans()):
            failures -= 1
            state, exhausted = S.FAILED, data.draw(st.booleans())
        else:
            state, exhausted = S.ONLINE, False
        now = {**now, chosen.id: replace(chosen, state=state, exhausted=exhausted)}
    else:
        pytest.fail("there is no end")
    assert next_steps(GROUP, now, stop_all=stop_all) == []
    for resource in now.values():
        expected = not leaving and can_be_online(resource, now)
        assert (resource.state is S.ONLINE) is expected, resource.id
    assert not leaving or all_down(now)


def can_be_online(resource: Resource, now: Mapping[str, Resource]) -> bool:
    if resource.persistent_state is Wanted.OFFLINE or (resource.state is S.FAILED and resource.exhausted):
        return False
    return all(can_be_online(now[p], now) for p in resource.dependencies)


@settings(deadline=None, max_examples=100)
@given(groups())
def test_the_same_group_gets_the_same_steps(now: dict[str, Resource]) -> None:
    turned = dict(reversed(now.items()))
    assert next_steps(GROUP, now) == next_steps(GROUP, turned)
