"""Each safety rule, switched off, is missed by a story. Were one not, the stories would prove little."""

from __future__ import annotations

import inspect

import pytest

from nodeagent.safety import RULES
from tests.simulation.mutations import MUTATIONS, NEEDLESS, Mutation, is_overlap, switched_off
from tests.simulation.mutations.switching import Prepare
from tests.simulation.mutationstories import STORIES, Told, cut_off, lost_releases
from tests.simulation.running import Story, simulate
from tests.simulation.world import BrokenPromise, World

SEEDS = range(1, 9)
TOLD = {told.story.__name__: told for told in STORIES.values()}


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_with_all_rules_on_these_stories_end_well(told: Told) -> None:
    for seed in SEEDS[:4]:
        simulate(told.story, seed=seed, profile=told.profile, prepare=told.prepare)


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_a_rule_that_is_switched_off_is_missed(mutation: Mutation) -> None:
    told = STORIES[mutation.name]
    for seed in SEEDS:
        with switched_off(mutation) as prepare:
            try:
                simulate(told.story, seed=seed, profile=told.profile, prepare=_both(told, prepare))
            except BrokenPromise as exc:
                if mutation.is_missed(str(exc)):
                    return
    pytest.fail(f"no story misses the rule: {mutation.dropped}")


def _both(told: Told, prepare: Prepare) -> Prepare:
    def prepared(world: World) -> None:
        told.prepare(world)
        prepare(world)

    return prepared


@pytest.mark.parametrize("needless", NEEDLESS, ids=lambda one: one.name)
@pytest.mark.parametrize("story", [cut_off, lost_releases], ids=lambda one: one.__name__)
def test_safety_needs_neither_a_single_leader_nor_the_brake(needless: Mutation, story: Story) -> None:
    for seed in SEEDS[:4]:
        with switched_off(needless) as prepare:
            try:
                simulate(story, seed=seed, prepare=prepare)
            except BrokenPromise as exc:
                assert not is_overlap(str(exc)), str(exc)  # noqa: PT017 - that it is not put in order is another matter


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_what_is_switched_off_enforces_the_rule_that_it_is_said_to_miss(mutation: Mutation) -> None:
    enforcers = {enforcer for rule in mutation.rules for enforcer in RULES[rule].enforcers}
    assert set(mutation.without) <= enforcers
    assert mutation.without or mutation.altered or not mutation.rules


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS)
def test_a_rule_is_whole_again_afterwards(mutation: Mutation) -> None:
    before = [(where, name, inspect.getattr_static(where, name)) for where, name, _ in mutation.besides]
    with switched_off(mutation):
        assert all(inspect.getattr_static(where, name) is not whole for where, name, whole in before)
    assert all(inspect.getattr_static(where, name) is whole for where, name, whole in before)
