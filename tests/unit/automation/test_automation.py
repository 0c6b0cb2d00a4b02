"""The Cluster Automation Server's objects, against a peer at a socket."""

import gc
import runpy
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusteradmin.automation import (
    SEPARATE_MONITOR,
    Application,
    Cluster,
    ClusterError,
    GroupState,
    NodeState,
    NotConnected,
    ResourceState,
)
from clusteradmin.settings import ClientHome, SavedConnection
from nodeagent.api.events import LogEntry, Severity
from nodeagent.api.requests import CreateResource, MoveGroup, SetPreferredOwners, SetProperties
from tests.builders import changed, cluster, with_network
from tests.support.obedient import obey, postpone
from tests.support.scriptedagent import ScriptedAgent, scripted_agent

SNAPSHOT = cluster(nodes=["NODE1", "NODE2"], groups={"Web": "IP App"}, state=ResourceState.OFFLINE)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedAgent]:
    monkeypatch.setenv("CLUSTERADMIN_HOME", str(tmp_path / "home"))
    with scripted_agent(tmp_path, with_network(SNAPSHOT), answer=obey) as running:
        monkeypatch.setenv("CLUSTERAGENT_SOCKET", str(running.path))
        yield running


@pytest.fixture
def opened(agent: ScriptedAgent) -> Iterator[Cluster]:
    with Cluster().open("") as found:
        yield found


def code_of(caught: pytest.ExceptionInfo[ClusterError]) -> tuple[str, int | None]:
    return caught.value.problem.code, caught.value.problem.number


# --- collections ------------------------------------------------------------------------------------------------


def test_items_are_found_by_name_and_by_number_from_one(opened: Cluster) -> None:
    assert opened.resources.count == len(opened.resources) == 2
    assert opened.resources.item("app") == opened.resources.item(1) == opened.resources["APP"] == opened.resources[1]
    assert [resource.name for resource in opened.resources] == ["App", "IP"]
    assert "web" in opened.resource_groups
    assert "other" not in opened.resource_groups
    for missing in (0, 3, "Nobody"):
        with pytest.raises(ClusterError) as caught:
            opened.resources.item(missing)
        assert code_of(caught) == ("resource_unknown", 5007)


def test_collections_follow_the_cluster_without_being_refreshed(opened: Cluster, agent: ScriptedAgent) -> None:
    groups = opened.resource_groups
    created = groups.create_item("Second")
    assert created.state is GroupState.OFFLINE
    assert [group.name for group in groups] == ["Second", "Web"]
    groups.refresh()
    groups.delete_item("Second")
    assert groups.count == 1
    with pytest.raises(ClusterError, match="There is no group"):
        _ = created.name


def test_an_object_stays_the_same_when_it_is_renamed(opened: Cluster) -> None:
    group = opened.resource_groups.item("Web")
    group.name = "Site"
    assert opened.resource_groups.item("site") == group
    opened.name = "NEW"
    assert opened.name == opened.version.name == "NEW"


def test_a_name_that_is_taken_is_refused_with_the_originals_number(opened: Cluster) -> None:
    with pytest.raises(ClusterError) as caught:
        opened.resource_groups.create_item("web")
    assert code_of(caught) == ("name_taken", 5010)


# --- properties -------------------------------------------------------------------------------------------------


def test_what_is_assigned_reaches_the_cluster_with_save_changes_only(opened: Cluster, agent: ScriptedAgent) -> None:
    properties = opened.resources.item("App").private_properties
    properties["commandline"] = "xedit"
    properties.item("CurrentDirectory").value = "/tmp"
    properties.item(3).value = 1
    assert properties.count == 3
    assert properties["CommandLine"] == "xedit"
    assert properties.item("CommandLine").modified
    assert not agent.requests
    assert properties.save_changes() == ()
    assert properties.modified_names == ()
    (request,) = agent.requests
    assert isinstance(request, SetProperties)
    assert request.parameters == {"CommandLine": "xedit", "CurrentDirectory": "/tmp", "InteractWithDesktop": True}
    assert properties.save_changes() == ()
    assert len(agent.requests) == 1


def test_the_collection_is_one_however_it_is_reached(opened: Cluster) -> None:
    opened.resources.item("App").private_properties["CommandLine"] = "xedit"
    again = opened.resource_groups.item("Web").resources.item("App").private_properties
    assert again.modified_names == ("CommandLine",)
    again.refresh()
    assert again["CommandLine"] == "sleep 1000"


def test_settings_of_a_running_resource_are_stored_for_later_and_that_is_no_error(opened: Cluster) -> None:
    resource = opened.resources.item("App")
    assert resource.online(10) is False
    resource.private_properties["CommandLine"] = "xedit"
    (notice,) = resource.private_properties.save_changes()
    assert notice.number == 5024


def test_a_default_is_restored(opened: Cluster, agent: ScriptedAgent) -> None:
    properties = opened.resources.item("App").common_properties
    assert properties["RestartThreshold"] == 3
    properties["RestartThreshold"] = "7"
    properties.save_changes()
    assert properties["RestartThreshold"] == 7
    properties.use_default_value("RestartThreshold")
    assert properties["RestartThreshold"] == 3
    properties.save_changes()
    assert "RestartThreshold" not in agent.snapshot.resources["app"].properties
    del properties["Description"]
    assert properties.modified_names == ("Description",)
    properties.refresh()


def test_a_value_that_cannot_be_stored_is_refused_at_once(opened: Cluster) -> None:
    properties = opened.resources.item("App").common_properties
    with pytest.raises(ClusterError) as caught:
        properties["RestartAction"] = 9
    assert code_of(caught) == ("value_not_a_choice", 87)
    with pytest.raises(ClusterError) as caught:
        properties["NoSuchProperty"] = 9
    assert code_of(caught) == ("property_unknown", 87)
    with pytest.raises(ClusterError) as caught:
        opened.resources.item("App").common_ro_properties["Type"] = "x"
    assert code_of(caught) == ("property_read_only", 87)
    assert not properties.modified


def test_properties_are_a_mapping(opened: Cluster) -> None:
    assert dict(opened.private_properties) == dict(opened.private_ro_properties) == {}
    properties = opened.resources.item("App").private_properties
    assert dict(properties) == {"CommandLine": "sleep 1000", "CurrentDirectory": "", "InteractWithDesktop": False}
    assert (properties.count, properties.private, properties.common, properties.read_only) == (3, True, False, False)
    assert "commandline" in properties
    assert opened.resources.item("App").common_ro_properties["Type"] == "Generic Application"
    assert opened.common_properties["Profile"] == "default"
    for item in (opened.nodes[1], opened.resource_groups[1], opened.resource_types[1], opened.networks[1]):
        assert len(item.common_properties) > 0
        assert len(item.private_properties) == 0
        assert item.common_ro_properties.read_only


def test_nothing_is_brought_online_while_settings_are_not_saved(opened: Cluster, agent: ScriptedAgent) -> None:
    resource, group = opened.resources.item("App"), opened.resource_groups.item("Web")
    resource.private_properties["CommandLine"] = "xedit"
    for refused in (resource.online, group.online, group.move):
        with pytest.raises(ClusterError, match=r"App has changes that are not saved \(CommandLine\)") as caught:
            refused(10)
        assert caught.value.problem.code == "unsaved_changes"
    assert agent.requests == []
    opened.resources.item("IP").online(10)
    resource.private_properties.refresh()
    assert resource.online(10) is False


def test_leaving_with_unsaved_settings_is_an_error(agent: ScriptedAgent) -> None:
    threads = threading.active_count()
    with pytest.raises(ClusterError, match="call save_changes"), Cluster().open("") as opened:
        opened.resources.item("App").common_properties["RestartThreshold"] = 1
    assert threading.active_count() == threads


def test_another_error_is_not_hidden_by_unsaved_settings(agent: ScriptedAgent) -> None:
    def script() -> None:
        with Cluster().open("") as opened:
            opened.resources.item("App").common_properties["RestartThreshold"] = 1
            raise KeyError("another one")

    with pytest.warns(ResourceWarning, match="RestartThreshold"), pytest.raises(KeyError):
        script()


def test_closing_with_unsaved_settings_warns(agent: ScriptedAgent) -> None:
    opened = Cluster().open("")
    opened.resources.item("App").common_properties["RestartThreshold"] = 1
    with pytest.warns(ResourceWarning, match="RestartThreshold"):
        opened.close()
    opened.close()


def test_a_forgotten_cluster_is_closed_with_a_warning(agent: ScriptedAgent) -> None:
    threads = threading.active_count()
    opened = Cluster().open("")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del opened
        gc.collect()
    assert any("was not closed" in str(warning.message) for warning in caught)
    assert threading.active_count() == threads


# --- verbs ------------------------------------------------------------------------------------------------------


def test_the_papers_script_line_by_line(opened: Cluster, agent: ScriptedAgent) -> None:
    group = opened.resource_groups.create_item("High Availability Notepad")
    resource = group.resources.create_item("Notepad", "Generic Application", 0)
    properties = resource.private_properties
    properties["CommandLine"] = "notepad"
    properties["CurrentDirectory"] = "/"
    properties["InteractWithDesktop"] = 1
    properties.save_changes()
    assert resource.online(10) is False
    assert resource.state is ResourceState.ONLINE
    assert group.state is GroupState.ONLINE
    assert resource.group == group
    assert resource.type.name == "Generic Application"
    assert group.owner_node == opened.nodes.item("NODE1")
    assert resource.offline(10) is False
    resource.delete()
    group.delete()
    assert opened.resource_groups.count == 1


def test_a_resource_gets_a_monitor_of_its_own_by_the_flag(opened: Cluster, agent: ScriptedAgent) -> None:
    opened.resources.create_item("R", "Generic Application", opened.resource_groups["Web"], SEPARATE_MONITOR)
    opened.resource_types["Generic Application"].resources.create_item("S", "Web")
    assert agent.requests == [
        CreateResource(name="R", type="Generic Application", group="web", separate_monitor=True),
        CreateResource(name="S", type="Generic Application", group="web"),
    ]


def test_what_is_pending_at_the_time_limit_is_said_and_not_raised(opened: Cluster, agent: ScriptedAgent) -> None:
    agent.answer = postpone
    assert opened.resources.item("App").online(0.05) is True
    assert opened.resources.item("App").online() is True
    assert opened.resource_groups.item("Web").move(0.05, "NODE2") is True


def test_a_group_moves_to_a_node_or_to_any(opened: Cluster, agent: ScriptedAgent) -> None:
    group = opened.resource_groups.item("Web")
    group.move(10, opened.nodes.item("NODE2"))
    group.move()
    assert agent.requests == [MoveGroup(group="web", node=2), MoveGroup(group="web")]
    assert [g.name for g in opened.nodes.item("NODE1").resource_groups] == ["Web"]


def test_only_an_online_resource_can_fail(opened: Cluster) -> None:
    resource = opened.resources.item("App")
    resource.online(10)
    resource.fail()
    assert resource.state is ResourceState.FAILED


def test_dependencies_are_added_and_removed_at_once(opened: Cluster) -> None:
    app, address = opened.resources.item("App"), opened.resources.item("IP")
    assert address.can_resource_be_dependent(app)
    assert not app.can_resource_be_dependent(app)
    app.dependencies.add_item(address)
    assert [r.name for r in app.dependencies] == ["IP"]
    assert [r.name for r in address.dependents] == ["App"]
    assert not app.can_resource_be_dependent(address)
    with pytest.raises(ClusterError) as caught:
        address.dependents.add_item("App")
    assert code_of(caught) == ("already_dependent", 5003)
    address.dependents.remove_item(1)
    with pytest.raises(ClusterError) as caught:
        app.dependencies.remove_item("IP")
    assert code_of(caught) == ("not_dependent", 5002)
    created = app.dependencies.create_item("Disk", "Generic Application")
    assert created in app.dependencies


def test_possible_owners_change_at_once_and_preferred_ones_when_saved(opened: Cluster, agent: ScriptedAgent) -> None:
    owners = opened.resources.item("App").possible_owner_nodes
    owners.remove_item("NODE1")
    assert [node.name for node in owners] == ["NODE2"]
    opened.resources.item("App").add_resource_node("NODE1")
    assert owners.count == 2
    agent.requests.clear()
    preferred = opened.resource_groups.item("Web").preferred_owner_nodes
    preferred.add_item("NODE1")
    preferred.insert_item(opened.nodes.item(2), 1)
    assert [node.name for node in opened.resource_groups.item("Web").preferred_owner_nodes] == ["NODE2", "NODE1"]
    assert agent.requests == []
    with pytest.raises(ClusterError, match="the preferred owners"):
        opened.resource_groups.item("Web").online()
    preferred.save_changes()
    assert agent.requests == [SetPreferredOwners(group="web", nodes=(2, 1))]
    with pytest.raises(ClusterError, match="twice"):
        preferred.add_item("NODE1")
    preferred.remove_item("NODE1")
    preferred.refresh()
    assert preferred.count == 2


def test_a_resource_changes_its_group(opened: Cluster) -> None:
    other = opened.resource_groups.create_item("Other")
    opened.resources.item("App").change_resource_group(other)
    assert [r.name for r in other.resources] == ["App"]


def test_nodes_networks_and_interfaces(opened: Cluster) -> None:
    node = opened.nodes.item("NODE2")
    assert (node.node_id, node.state) == (2, NodeState.UP)
    node.pause()
    assert opened.nodes.item("NODE2").state is NodeState.PAUSED
    node.resume()
    assert opened.nodes.item("NODE2").state is NodeState.UP
    assert node.net_interfaces.count == 1
    assert opened.networks.item("Public").net_interfaces.count == opened.net_interfaces.count == 2
    assert [n.name for n in opened.resource_types[1].possible_owner_nodes] == ["NODE1", "NODE2"]


def test_versions_of_the_nodes(opened: Cluster, agent: ScriptedAgent) -> None:
    assert opened.version.vendor_id
    assert not opened.version.mixed_version
    agent.push(changed(agent.snapshot, "node", "NODE1", version="1.9.2"))
    agent.push(changed(agent.snapshot, "node", "NODE2", version="1.10.0"))
    opened.run(opened.client.until(lambda s: s.nodes[2].version or None, 10))
    version = opened.version
    assert (version.major_version, version.minor_version, version.build_number) == (1, 9, 2)
    assert (version.cluster_highest_version, version.mixed_version, version.flags) == ("1.10.0", True, 1)


def test_events_are_iterated_until_nothing_comes(opened: Cluster, agent: ScriptedAgent) -> None:
    entry = LogEntry(sequence=7, at=1.0, node="NODE1", severity=Severity.ERROR, code="event_notice")
    events = opened.events(timeout=0.3)
    agent.push(changed(agent.snapshot, "node", "NODE1", description="x"), entry)
    assert list(events) == [entry]


def test_iterating_over_events_ends_when_the_cluster_is_closed(agent: ScriptedAgent) -> None:
    opened = Cluster().open("")
    events = opened.events()
    opened.close()
    assert list(events) == []


# --- opening ----------------------------------------------------------------------------------------------------


def test_a_cluster_that_is_not_there_leaves_no_thread(tmp_path: Path) -> None:
    threads = threading.active_count()
    with pytest.raises(NotConnected):
        Cluster(home=ClientHome(tmp_path)).open(f"unix:{tmp_path}/none.sock")
    assert threading.active_count() == threads


def test_a_cluster_that_is_not_open_says_so() -> None:
    with pytest.raises(NotConnected, match="open the cluster first"):
        _ = Cluster().name
    with pytest.raises(NotConnected):
        Cluster().resource_groups.create_item("x")


def test_saved_clusters_are_opened_by_name(agent: ScriptedAgent, tmp_path: Path) -> None:
    home = ClientHome(tmp_path / "home")
    home.save(SavedConnection(name="mine", target=f"unix:{agent.path}"))
    application = Application()
    assert application.cluster_names == ("mine",)
    with application.open_cluster("mine") as opened:
        assert opened.name == "TEST"


EXAMPLE = Path(__file__).parents[3] / "examples" / "high_availability_notepad.py"


def test_the_example_can_be_run_twice(
    agent: ScriptedAgent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), "--program", "sleep 60"])
    for _ in range(2):
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(EXAMPLE), run_name="__main__")
        assert left.value.code == 0
        assert "Online on NODE1" in capsys.readouterr().out
    notepad = agent.snapshot.resources["notepad"]
    assert notepad.parameters["CommandLine"] == "sleep 60"
    assert notepad.state is ResourceState.ONLINE
