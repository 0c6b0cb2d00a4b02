"""Saved connections: what a target means, and what is remembered."""

from pathlib import Path

import pytest

from clusteradmin.settings import MOST_RECENT, ClientHome, SavedConnection, SettingsError, socket_of
from nodeagent.api.objects import Endpoint
from tests.builders import changed, cluster


@pytest.mark.parametrize(
    ("target", "socket"),
    [
        ("", "/run/clusteragent/agent.sock"),
        (".", "/run/clusteragent/agent.sock"),
        ("unix:/tmp/a.sock", "/tmp/a.sock"),
        ("root@node1:2222", None),
        ("node1", None),
    ],
)
def test_a_target_is_a_socket_or_a_host(target: str, socket: str | None) -> None:
    assert socket_of(target, {}) == (Path(socket) if socket else None)


def test_the_local_socket_can_be_elsewhere() -> None:
    assert socket_of(".", {"CLUSTERAGENT_SOCKET": "/run/x.sock"}) == Path("/run/x.sock")


def test_the_home_follows_the_environment() -> None:
    assert ClientHome.default({"CLUSTERADMIN_HOME": "/h"}).directory == Path("/h")
    assert ClientHome.default({"XDG_CONFIG_HOME": "/x"}).directory == Path("/x/cluster-administrator")
    assert ClientHome.default({"XDG_CONFIG_HOME": "not absolute"}).directory.parts[-2:] == (
        ".config",
        "cluster-administrator",
    )


def test_what_is_saved_is_found_again_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    home = ClientHome(tmp_path / "home")
    saved = SavedConnection(name="a/b ü", target="root@node1", identity_files=("/k",))
    home.save(saved)
    assert home.connection("a/b ü") == saved
    assert home.connections() == (saved,)
    assert home.resolve("a/b ü") == saved
    assert home.resolve("node2") == SavedConnection(target="node2")
    (file,) = (tmp_path / "home" / "connections").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    home.forget("a/b ü")
    home.forget("a/b ü")
    assert home.connections() == ()


def test_a_damaged_file_is_said_so_and_the_others_are_still_there(tmp_path: Path) -> None:
    home = ClientHome(tmp_path)
    home.save(SavedConnection(name="good"))
    home.save(SavedConnection(name="bad"))
    (tmp_path / "connections" / "bad.json").write_bytes(b"{")
    assert [saved.name for saved in home.connections()] == ["good"]
    with pytest.raises(SettingsError, match="cannot be understood"):
        home.connection("bad")


def test_nodes_and_their_keys_are_learned(tmp_path: Path) -> None:
    home = ClientHome(tmp_path)
    home.save(SavedConnection(name="mine", target="node1", demo_home="/d"))
    endpoint = Endpoint(host="10.0.0.2", port=2222, host_keys=("ssh-ed25519 AAAA",))
    home.learn("mine", changed(cluster(), "node", "b", endpoints=(endpoint,)))
    found = home.connection("mine")
    assert found is not None
    assert (found.target, found.demo_home, found.cluster_name) == ("node1", "/d", "TEST")
    assert found.nodes[1].endpoints == (endpoint,)
    assert home.learn("nobody", cluster()) is None


def test_the_recent_targets_are_newest_first_each_once_and_not_too_many(tmp_path: Path) -> None:
    home = ClientHome(tmp_path)
    for number in range(20):
        home.remember(f"node{number}")
    home.remember("node15")
    assert home.recent()[:3] == ("node15", "node19", "node18")
    assert len(home.recent()) == MOST_RECENT


def test_a_home_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be written"):
        ClientHome(tmp_path / "file").save(SavedConnection(name="x"))
