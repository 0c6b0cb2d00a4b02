"""Which right each request needs: said here once more, so that none is given away by accident."""

from typing import Any, get_args

from nodeagent.api import requests as r
from nodeagent.api.requests import Right, Verb
from nodeagent.api.rules.verbs import RIGHTS

READ = {r.ReadQuorum, r.ReadOutput}
OPERATE = {
    r.BringOnline,
    r.TakeOffline,
    r.InitiateFailure,
    r.MoveGroup,
    r.PauseNode,
    r.ResumeNode,
    r.CancelDrain,
    r.BeginMaintenance,
    r.EndMaintenance,
}
SENT_BY: dict[Verb, type[Any]] = {
    Verb.BRING_ONLINE: r.BringOnline,
    Verb.TAKE_OFFLINE: r.TakeOffline,
    Verb.INITIATE_FAILURE: r.InitiateFailure,
    Verb.MOVE_GROUP: r.MoveGroup,
    Verb.CHANGE_GROUP: r.ChangeGroup,
    Verb.PAUSE: r.PauseNode,
    Verb.RESUME: r.ResumeNode,
    Verb.DRAIN: r.PauseNode,
    Verb.CANCEL_DRAIN: r.CancelDrain,
    Verb.RESUME_FAILBACK: r.ResumeNode,
    Verb.STOP: r.StopNode,
    Verb.START: r.StartNode,
    Verb.RESTART: r.RestartNode,
    Verb.EVICT: r.EvictNode,
    Verb.DECLARE_OFF: r.DeclareOff,
    Verb.TAKE_OVER_NOW: r.TakeOverNow,
    Verb.BEGIN_MAINTENANCE: r.BeginMaintenance,
    Verb.END_MAINTENANCE: r.EndMaintenance,
    Verb.NEW_GROUP: r.CreateGroup,
    Verb.NEW_RESOURCE: r.CreateResource,
    Verb.DELETE: r.Delete,
    Verb.RENAME: r.Rename,
}


def test_readers_look_operators_operate_and_all_else_is_for_administrators() -> None:
    for kind in get_args(r.Request):
        wanted = Right.READ if kind in READ else Right.OPERATE if kind in OPERATE else Right.ADMINISTER
        assert kind.right is wanted, kind.__name__


def test_a_menu_offers_a_verb_to_whom_the_node_would_not_refuse_it() -> None:
    assert {verb for verb in Verb if verb not in SENT_BY} == {Verb.PROPERTIES}  # looking at them sends nothing
    for verb, kind in SENT_BY.items():
        assert RIGHTS.get(verb, Right.ADMINISTER) is kind.right, verb


def test_who_only_looks_has_no_program_started_on_any_node() -> None:
    for kind in (r.ValidateParameters, r.DescribeFenceProgram, r.CheckFenceDevices):
        assert kind.right is Right.ADMINISTER
