"""Every resource type of this node keeps the same promises, those of an installed package included."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nodeagent import resourcetypes
from nodeagent.api.details import DETAILS
from nodeagent.api.problems import Problem
from nodeagent.api.properties import PropertySpec, Value, check, check_all
from nodeagent.api.texts import SENTENCES
from nodeagent.monitor.calls import Outcome
from nodeagent.monitor.outside import cut_leftovers
from nodeagent.resourcetypes.base import ApplicationType, ResourceError, ResourceType, Running
from nodeagent.system.clock import SystemClock
from tests.support.grips import take
from tests.support.namespaces import namespace, reason_against
from tests.support.samplepackage import SAMPLES, install
from tests.support.sampletypes import Blocking, Checked

TYPES: list[type[ResourceType[Any]]] = [*resourcetypes.BUILT_IN, Blocking, Checked]


@pytest.fixture(params=TYPES, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> ResourceType[Any]:
    made: ResourceType[Any] = request.param()
    return made


@pytest.fixture(autouse=True)
def network(kind: ResourceType[Any]) -> Iterator[None]:
    """A network namespace for a type that changes what is in it."""
    if kind.name != "IP Address":
        yield
        return
    if reason_against():
        pytest.skip(reason_against())
    with namespace() as made, made.inside():
        yield


@pytest.fixture
def parameters(kind: ResourceType[Any], tmp_path: Path) -> dict[str, Value]:
    """Private properties under which a resource of the type can be online in this test."""
    samples: dict[str, dict[str, Value]] = {
        "Generic Application": {"CommandLine": "/bin/sleep 1000", "CurrentDirectory": str(tmp_path)},
        "IP Address": {"Address": "127.8.4.2"},
        "Sample Blocking": {"Folder": str(tmp_path)},
        "Sample Checked": {"Healthy": str(tmp_path / "healthy")},
    }
    return samples[kind.name]


def said(progress: str) -> None:
    assert progress


def test_a_type_has_a_name_and_says_how_it_is_supervised(kind: ResourceType[Any]) -> None:
    assert kind.name.strip() == kind.name
    assert kind.looks_alive_interval > 0
    assert kind.is_alive_interval >= kind.looks_alive_interval
    assert kind.kill_bound is None or kind.kill_bound > 0


def test_its_schema_travels_and_comes_back_the_same(kind: ResourceType[Any]) -> None:
    schema = kind.schema()
    assert msgspec.json.decode(msgspec.json.encode(schema), type=tuple[PropertySpec, ...]) == schema
    assert len({spec.name.casefold() for spec in schema}) == len(schema)
    for spec in schema:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", spec.name)
        assert spec.label
        assert spec.help


def test_defaults_pass_the_check(kind: ResourceType[Any]) -> None:
    for spec in kind.schema():
        assert spec.required or spec.default is not None
        assert spec.default is None or check(spec, spec.default) is None


def test_what_is_stored_is_read_back(kind: ResourceType[Any], parameters: dict[str, Value]) -> None:
    assert check_all(kind.schema(), parameters, complete=True) == []
    mine = kind.read(parameters)
    assert kind.read({name.upper(): value for name, value in parameters.items()}) == mine
    everything = {
        spec.name: parameters.get(spec.name, spec.default)
        for spec in kind.schema()  # defaults written out
    }
    assert kind.read({name: value for name, value in everything.items() if value is not None}) == mine


def test_a_required_property_that_is_missing_is_named(kind: ResourceType[Any], parameters: dict[str, Value]) -> None:
    for spec in kind.schema():
        if spec.required:
            rest = {name: value for name, value in parameters.items() if name != spec.name}
            with pytest.raises(ResourceError) as caught:
                kind.read(rest)
            assert caught.value.problem.field == spec.name


def test_validate_answers_with_problems_that_have_a_sentence(
    kind: ResourceType[Any], parameters: dict[str, Value]
) -> None:
    assert kind.validate(kind.read(parameters)) == []
    nonsense: dict[str, Value] = {
        spec.name: "/no/such\x01'thing" for spec in kind.schema() if isinstance(parameters.get(spec.name), str)
    }
    for found in kind.validate(kind.read({**parameters, **nonsense})):
        assert isinstance(found, Problem)
        assert found.code in SENTENCES.keys() | DETAILS.keys()


def test_online_and_offline_and_terminate_may_come_twice(kind: ResourceType[Any], parameters: dict[str, Value]) -> None:
    if isinstance(kind, ApplicationType):
        pytest.skip("started and stopped by the monitor")
    mine = kind.read(parameters)

    def online() -> None:
        if kind.by_grip:
            take(kind, mine)
        else:
            kind.online(mine, said)

    def offline() -> None:
        if kind.by_grip:
            assert cut_leftovers(kind, parameters, SystemClock().steady)
        else:
            kind.offline(mine, said)

    for _ in range(2):
        online()
        assert kind.is_alive(mine)
        assert kind.looks_alive(mine)
    for _ in range(2):
        offline()
        assert not kind.is_alive(mine)
    online()
    for _ in range(2):
        kind.terminate(mine)
        assert not kind.is_alive(mine)


def test_how_an_application_is_started_can_be_handed_on(kind: ResourceType[Any], parameters: dict[str, Value]) -> None:
    if not isinstance(kind, ApplicationType):
        pytest.skip("no application")
    running = kind.prepare(kind.read(parameters))
    travelled = msgspec.json.decode(msgspec.json.encode(Outcome(done=True, running=running)), type=Outcome).running
    assert isinstance(travelled, Running)
    assert tuple(travelled.launch.argv) == tuple(running.launch.argv)
    assert dict(travelled.launch.environment) == dict(running.launch.environment)
    assert (travelled.stop_signal, travelled.stop_timeout) == (running.stop_signal, running.stop_timeout)


# --- types of packages ------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


def test_types_of_an_installed_package_are_found(package: Path) -> None:
    install(package, SAMPLES)
    types, failed = resourcetypes.installed()
    assert failed == {}
    assert isinstance(types["Sample Blocking"], ResourceType)
    assert isinstance(types["Sample Checked"], ApplicationType)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("no.such.module:Type", "ModuleNotFoundError"),
        ("tests.support.sampletypes:Settings", "not a resource type"),
        ("nodeagent.resourcetypes.application:GenericApplication", "the name Generic Application is taken"),
        ("tests.support.sampletypes:Missing", "AttributeError"),
        ("nodeagent.resourcetypes.base:ResourceType", "AttributeError"),
    ],
)
def test_a_type_that_cannot_be_used_is_left_out_and_said(package: Path, target: str, why: str) -> None:
    install(package, {"bad": target, **SAMPLES})
    types, failed = resourcetypes.installed()
    assert why in failed["bad"]
    assert "Sample Blocking" in types
    assert len(types) == len(TYPES)
