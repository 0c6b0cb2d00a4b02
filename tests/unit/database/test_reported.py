"""The resource types and networks that follow from what the nodes report of themselves."""

from __future__ import annotations

from nodeagent.api.objects import InterfaceState, NetworkState, ObjectKind, ObjectRef
from nodeagent.database.records import InterfaceReport, NodeReport, TypeRecord, TypeReport
from nodeagent.database.reported import version_order
from tests.unit.database.test_view import DEAD, Database, report


def test_a_type_is_described_by_the_newest_node_that_has_it() -> None:
    database = Database(
        {
            "reports/1": report("1.10", TypeReport(name="A", description="new", looks_alive=10)),
            "reports/2": report("1.9", TypeReport(name="A", description="old"), TypeReport(name="B")),
            "reports/9": report("2.0", TypeReport(name="A", description="of no member")),
            "types/A": TypeRecord(name="A", properties={"IsAlivePollInterval": 7}),
        }
    )
    types = database.view.snapshot.types
    assert (types["A"].description, types["A"].possible_owners) == ("new", (1, 2))
    assert types["A"].properties == {"LooksAlivePollInterval": 10, "IsAlivePollInterval": 7}
    assert types["A"].revision == database.view.revision_of("types/A")
    assert (types["B"].possible_owners, types["B"].revision) == ((2,), 0)
    delta = database.put({"nodes/2": None})
    assert ObjectRef(ObjectKind.RESOURCE_TYPE, "B") in delta.removed


def test_a_pre_release_is_older_than_its_release() -> None:
    shuffled = ["1.10", "2.0", "1.10rc1", "", "1.10.1", "1.9"]
    assert sorted(shuffled, key=version_order) == ["", "1.9", "1.10rc1", "1.10", "1.10.1", "2.0"]
    assert version_order("1.0") == version_order("1")


def test_nodes_meet_on_the_networks_of_their_cards() -> None:
    database = Database({"reports/1": report("1", address="10.1.2.3"), "reports/2": report("1", address="10.1.2.4")})
    network = database.view.snapshot.networks["10.1.2.0/24"]
    assert (network.name, network.state, network.mask) == ("10.1.2.0/24", NetworkState.UP, "255.255.255.0")
    first = database.view.snapshot.interfaces["1:10.1.2.0/24"]
    assert (first.node, first.adapter, first.address, first.state) == (1, "eth0", "10.1.2.3", InterfaceState.UP)
    delta = database.put({"heartbeats/2": DEAD})
    assert [item.id for item in delta.changed] == [2, "2:10.1.2.0/24"]
    database.put({"reports/1": report("1", address="10.1.2.3", up=False)})
    assert database.view.snapshot.networks["10.1.2.0/24"].state is NetworkState.DOWN


def test_loopback_is_a_network_only_when_there_is_no_other() -> None:
    database = Database({"reports/1": report("1", address="127.0.0.1")})
    assert list(database.view.snapshot.networks) == ["127.0.0.0/24"]
    database.put({"reports/2": report("1", address="10.0.0.1")})
    assert list(database.view.snapshot.networks) == ["10.0.0.0/24"]
    assert list(database.view.snapshot.interfaces) == ["2:10.0.0.0/24"]


def test_an_address_that_is_none_is_left_out() -> None:
    cards = (
        InterfaceReport(adapter="e", address="fe80::1%e", mask="ffff:ffff:ffff:ffff::"),
        InterfaceReport(adapter="e", address="nonsense", mask="255.0.0.0"),
        InterfaceReport(adapter="e", address="2001:db8::1", mask="ffff:ffff:ffff:ffff::"),
    )
    database = Database({"reports/1": NodeReport(version="1", protocol=(1, 1), interfaces=cards)})
    assert list(database.view.snapshot.networks) == ["2001:db8::/64"]
