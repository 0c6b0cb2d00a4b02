"""What etcd says is taken for no more than it proves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nodeagent.api.problems import ClusterError
from nodeagent.database.etcdgateway import Place
from nodeagent.database.etcdmessages import commit_error, error_text, read_error
from nodeagent.database.store import Baseline, Compacted, Refused, StoreError, StoreHealth, Unavailable, Unknown, Voter
from nodeagent.service.opening import forget_baseline, known_baseline, note_baseline, open_store
from nodeagent.settings import AgentSettings, EtcdSettings


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("etcdserver: request timed out", Unknown),
        ("etcdserver: request timed out, possibly due to previous leader failure", Unknown),
        ("etcdserver: leader changed", Unknown),
        ("etcdserver: no leader", Unknown),
        ("etcdserver: server stopped", Unknown),
        ("etcdserver: mvcc: database space exceeded", Unknown),  # the commit that fills it is applied
        ("something that nobody has ever heard of", Unknown),
        ("raft proposal dropped", Unavailable),
        ("etcdserver: too many requests", Unavailable),
        ("etcdserver: permission denied", Unavailable),
        ("etcdserver: request is too large", Refused),
        ("etcdserver: too many operations in txn request", Refused),
    ],
)
def test_an_error_of_a_commit_is_unknown_unless_it_proves_more(said: str, kind: type[StoreError]) -> None:
    assert type(commit_error(said)) is kind


@pytest.mark.parametrize("said", ["etcdserver: no leader", "etcdserver: request timed out", "never heard of"])
def test_any_error_of_a_read_means_that_there_is_no_answer(said: str) -> None:
    assert type(read_error(said)) is Unavailable


def test_compaction_is_told_from_other_errors() -> None:
    assert type(read_error("etcdserver: mvcc: required revision has been compacted")) is Compacted


def test_an_answer_that_is_no_json_is_named_by_its_status() -> None:
    assert error_text(503, b"<html>") == "HTTP status 503"
    assert error_text(503, json.dumps({"error": "e", "message": "m", "code": 14}).encode()) == "m"


@pytest.mark.parametrize("url", ["", "10.0.0.1:2379", "ftp://a:1", "https://", "https://a:1/path"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Place.of(url)


def test_addresses_are_read_with_the_usual_port() -> None:
    assert Place.of("https://[fd00::1]") == Place("fd00::1", 2379, secure=True)
    assert str(Place.of("https://[fd00::1]:1")) == "https://[fd00::1]:1"


def with_files(*endpoints: str) -> EtcdSettings:
    return EtcdSettings(endpoints=endpoints, ca=Path("/c"), certificate=Path("/d"), key=Path("/e"))


@pytest.mark.parametrize(
    ("etcd", "said"),
    [
        (EtcdSettings(), "endpoints is empty"),
        (EtcdSettings(endpoints=("https://a",)), "needs ca, certificate and key"),
        (with_files("http://10.0.0.1:2379"), "has to be https"),
        (with_files("http://localhost", "nonsense"), "no address"),
        (EtcdSettings(endpoints=("http://localhost",), namespace=""), "namespace is empty"),
    ],
)
def test_settings_that_cannot_be_right_are_refused_in_a_sentence(etcd: EtcdSettings, said: str) -> None:
    with pytest.raises(ClusterError, match=said):
        open_store(AgentSettings(name="A", database="etcd", etcd=etcd))


def test_the_note_of_the_database_is_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    settings = AgentSettings(name="A", home=tmp_path)
    assert known_baseline(settings) is None
    note_baseline(settings, Baseline(2**63 + 1, 7))
    assert known_baseline(settings) == Baseline(2**63 + 1, 7)
    assert forget_baseline(settings)
    assert not forget_baseline(settings)
    (tmp_path / "database.json").write_text("nonsense")
    assert known_baseline(settings) is None


@pytest.mark.parametrize(
    ("answering", "voters", "needed", "spare"), [(1, 1, 1, 0), (2, 2, 2, 0), (2, 3, 2, 0), (3, 3, 2, 1), (1, 3, 2, -1)]
)
def test_how_many_voters_may_be_lost_is_counted(answering: int, voters: int, needed: int, spare: int) -> None:
    health = StoreHealth(tuple(Voter(n, f"m{n}", "", answers=n < answering) for n in range(voters)))
    assert (health.answering, health.needed, health.spare) == (answering, needed, spare)
    assert len(health.missing) == voters - answering
