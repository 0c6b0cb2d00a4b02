"""What a monitor knows goes along when it begins anew: nothing that it gains is forgotten."""

import ast
import inspect
import textwrap
from typing import Any

import msgspec
import pytest

from nodeagent.api.objects import ResourceState
from nodeagent.monitor.backstop import Backstop
from nodeagent.monitor.deadline import Deadline
from nodeagent.monitor.failures import Failures
from nodeagent.monitor.held import Held
from nodeagent.monitor.messages import Definition
from nodeagent.monitor.process import Monitor
from nodeagent.monitor.program import Program
from nodeagent.monitor.renewal import Carried, CarriedHeld
from nodeagent.monitor.serviceline import ServiceLine
from nodeagent.resourcetypes.base import Running
from nodeagent.system.launching import Launch

# What the new program makes anew, and why that is enough.
MADE_ANEW: dict[type[Any], dict[str, str]] = {
    Monitor: {
        "_places": "of its arguments",
        "_types": "what is installed now",
        "_containers": "of the settings",
        "_clock": "of the machine",
        "_selector": "filled again with what is watched",
        "_timers": "nothing is on its way; checks are planned anew",
        "_alarm": "set by the next turn",
        "_reaping": "reaping is planned at once",
        "_resuming": "`settled` looks at once",
        "_ending": "it goes on",
        "_readiness": "what is not ready is found out by the start",
    },
    Held: {
        "_around": "the monitor",
        "kind": "of the definition's type",
        "container": "found again by its name",
        "_mine": "read from the parameters",
        "_entries": "none is running",
        "_ending": "nothing is being ended",
        "_checks": "planned anew",
        "_outside": "taken again",
        "_timers": "none is running",
    },
    ServiceLine: {
        "_path": "of its arguments",
        "_selector": "the monitor's",
        "_obey": "the monitor's",
        "_listener": "new",
    },
    Program: {
        "_around": "the monitor",
        "_container": "found again",
        "_started": "a method",
        "_failed": "a method",
        "_ended": "a method",
        "_starting": "nothing is on its way",
    },
}
CARRIED: dict[type[Any], set[str]] = {
    Monitor: {"_deadline", "_backstop", "_enforced", "_held", "_service", "_notes"},
    Held: {
        "definition", "armed", "state", "information", "cause", "deadline", "resumed", "restarted", "_parameters",
        "_running", "_program", "_failures", "_may_restart", "_restarting", "_last_end", "_started_at", "_meanwhile",
    },
    ServiceLine: {"_service", "_attached", "_unread", "_unsent"},
    Program: {"_process"},
    Failures: {"_at", "_self_stops", "_quick", "_kills"},
    Deadline: {"incarnation", "until"},
}  # fmt: skip


def attributes(kind: type[Any]) -> set[str]:
    """Return the names that its constructor gives to itself."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind.__init__)))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }


@pytest.mark.parametrize("kind", list(CARRIED), ids=lambda kind: kind.__name__)
def test_everything_is_either_carried_or_made_anew(kind: type[Any]) -> None:
    anew = set(MADE_ANEW.get(kind, {}))
    assert not anew & CARRIED[kind]
    assert attributes(kind) == anew | CARRIED[kind], "see nodeagent/monitor/renewal.py, then this list"


def test_what_stands_behind_the_deadline_is_armed_anew() -> None:
    known = {"_around", "_deadline", "_machine", "_bound", "_order", "_dog", "_timeout", "_patted", "_pat_timer"}
    assert attributes(Backstop) == known | {"_look_timer", "resisting"}, "see nodeagent/monitor/renewal.py"


def test_what_is_written_down_is_read_back() -> None:
    held = CarriedHeld(
        definition=Definition(id="r", name="R", type="Generic Application", parameters={"CommandLine": "/bin/true"}),
        group="g", epoch=7, incarnation=2, state=ResourceState.ONLINE, information=None, cause=None, deadline=False,
        resumed=False, restarted=True, read=True, parameters={"CommandLine": "/bin/true"},
        running=Running(launch=Launch(argv=["/bin/true"], directory="/", environment={"A": "b"})),
        program=None, failed_at=[1.5], self_stops=[], quick=1, kills=0, may_restart=False, restarting=False,
        last_end=None, started_at=12.5,
    )  # fmt: skip
    state = Carried(
        incarnation=2, permitted=True, until=None, bound=0.6, enforced=False, guard=None, closed={"g": 6},
        resisting=(), service=7, attached=True, unread=b"{", unsent=b"\x00\xff", held=(held,),
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(state), type=Carried) == state
