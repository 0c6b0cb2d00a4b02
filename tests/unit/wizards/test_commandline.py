"""The same as a command."""

import shlex

from clusteradmin.wizards.commandline import commands, text, written
from nodeagent.api.objects import ObjectKind
from nodeagent.api.requests import (
    CreateGroup,
    CreateResource,
    Rename,
    SetDependencies,
    SetPossibleOwners,
    SetPreferredOwners,
    SetProperties,
)
from tests.ordersdatabase import orders_cluster

CLUSTER = orders_cluster()


def test_a_group_is_created_and_then_given_its_owners_in_order() -> None:
    request = CreateGroup(name="Reports", preferred_owners=(2, 1), description="Monthly")
    assert commands(request, CLUSTER) == (
        ("group", "Reports", "--create"),
        ("group", "Reports", "--setowners:boreas,atlas"),
        ("group", "Reports", "--prop", "Description=Monthly"),
    )


def test_a_resource_is_created_in_its_group_with_owners_dependencies_and_parameters() -> None:
    request = CreateResource(
        name="Orders Exporter",
        type="Generic Application",
        group="orders-database",
        separate_monitor=True,
        possible_owners=(1, 2),
        dependencies=("postgresql",),
        parameters={"CommandLine": "/srv/x --every 30", "InteractWithDesktop": True, "Environment": ("A=1", "B=2")},
    )
    assert commands(request, CLUSTER) == (
        (
            "resource",
            "Orders Exporter",
            "--create",
            "--group:Orders Database",
            "--type:Generic Application",
            "--separate",
        ),
        ("resource", "Orders Exporter", "--setowners:atlas,boreas"),
        ("resource", "Orders Exporter", "--adddep:PostgreSQL"),
        (
            "resource",
            "Orders Exporter",
            "--priv",
            "CommandLine=/srv/x --every 30",
            "InteractWithDesktop=1",
            "Environment=A=1;B=2",
        ),
    )


def test_common_and_private_properties_are_two_commands() -> None:
    request = SetProperties(
        kind=ObjectKind.RESOURCE,
        id="postgresql",
        properties={"RestartThreshold": 5, "PendingTimeout": None},
        parameters={"StartParameters": "-w"},
    )
    assert commands(request, CLUSTER) == (
        ("resource", "PostgreSQL", "--prop", "RestartThreshold=5", "PendingTimeout="),
        ("resource", "PostgreSQL", "--priv", "StartParameters=-w"),
    )


def test_owners_dependencies_and_names_have_their_own_commands() -> None:
    assert commands(SetPreferredOwners(group="web-shop", nodes=(1,)), CLUSTER) == (
        ("group", "Web Shop", "--setowners:atlas"),
    )
    assert commands(SetPossibleOwners(resource="shop", nodes=None), CLUSTER) == (("resource", "Shop", "--setowners:*"),)
    assert commands(SetDependencies(resource="postgresql", providers=("orders-ip",)), CLUSTER) == (
        ("resource", "PostgreSQL", "--removedep:Orders Disk"),
        ("resource", "PostgreSQL", "--adddep:Orders IP"),
    )
    assert commands(Rename(kind=ObjectKind.CLUSTER, id="cluster", name="NEW"), CLUSTER) == (
        ("cluster", "--rename:NEW"),
    )
    assert commands(Rename(kind=ObjectKind.NODE, id="2", name="x"), CLUSTER) == (("node", "boreas", "--rename:x"),)


def test_a_shell_reads_back_every_word_also_of_a_long_command() -> None:
    words = ("resource", "It's", "--priv", *(f'Name{n}=a b; $HOME "{n}"' for n in range(8)))
    shown = text([words], "anna@[::1]:2222")
    assert len(shown.splitlines()) > 1
    assert shlex.split(shown.replace("\\\n", "")) == ["clusteradmin", "--cluster", "anna@[::1]:2222", *words]


def test_the_cluster_of_this_machine_needs_no_target() -> None:
    assert text([("group", "Bar", "--create")], "") == text([("group", "Bar", "--create")], ".")
    assert text([("group", "Bar", "--create")], ".") == "clusteradmin group Bar --create"


def test_values_are_written_as_the_command_line_reads_them() -> None:
    assert [written(value) for value in (True, False, 3, "x", ("a", "b"), None)] == ["1", "0", "3", "x", "a;b", ""]
