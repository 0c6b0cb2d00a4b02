"""Names of the saved connections of demos."""

from pathlib import Path

import pytest

from clusteradmin.demo.leftovers import withdraw
from clusteradmin.demo.problems import DemoError
from clusteradmin.demo.registration import free_name
from clusteradmin.settings import ClientHome, SavedConnection


@pytest.fixture
def clients(tmp_path: Path) -> ClientHome:
    return ClientHome(tmp_path / "clients")


def test_the_first_demo_is_called_demo(clients: ClientHome) -> None:
    assert free_name(clients) == "demo"


def test_a_demo_beside_others_gets_the_next_number(clients: ClientHome) -> None:
    for name in ("demo", "demo-2", "demo-4"):
        clients.save(SavedConnection(name=name))
    assert free_name(clients) == "demo-3"


def test_a_name_that_is_taken_is_refused(clients: ClientHome) -> None:
    clients.save(SavedConnection(name="Shop"))
    with pytest.raises(DemoError, match="named shop already"):
        free_name(clients, "shop")


@pytest.mark.parametrize("name", ["--x", ".", "/x", " x"])
def test_what_would_be_something_else_on_the_command_line_is_no_name(clients: ClientHome, name: str) -> None:
    with pytest.raises(DemoError, match="cannot be the name"):
        free_name(clients, name)


def test_only_the_demos_own_connection_is_withdrawn(clients: ClientHome) -> None:
    clients.save(SavedConnection(name="demo", demo_home="/one"))
    clients.save(SavedConnection(name="demo-2", demo_home="/two"))
    clients.save(SavedConnection(name="shop", target="shop1"))
    clients.write_recent(["shop", "demo", "demo-2"])
    withdraw(clients, "/one")
    assert [saved.name for saved in clients.connections()] == ["demo-2", "shop"]
    assert clients.recent() == ("shop", "demo-2")
