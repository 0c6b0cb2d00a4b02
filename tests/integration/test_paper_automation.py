"""The paper's story by the automation objects: a program becomes highly available, and every failure is tried."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusteradmin.automation import Cluster, ClusterError, NodeState, Resource
from tests.support.applications import (
    SECONDS,
    another_process,
    await_event,
    bring_up,
    online_on,
    owner_of,
    take_down,
    until,
)
from tests.support.demo import RunningDemo, private_account, running_demo, still_there
from tests.support.desktops import somebody_is_logged_in
from tests.support.witness import Witness

pytestmark = pytest.mark.timeout(300)

EXAMPLE = Path(__file__).parents[2] / "examples" / "high_availability_notepad.py"
GROUP, RESOURCE = "High Availability Notepad", "Notepad"


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningDemo]:
    """A demo without a group; each test leaves all nodes on."""
    with private_account() as account, running_demo(account, "--empty") as running:
        yield running


@pytest.fixture
def cluster(demo: RunningDemo) -> Iterator[Cluster]:
    with Cluster(home=demo.clients).open(demo.name) as opened:
        yield opened


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Witness]:
    made = Witness(tmp_path / "lives")
    yield made
    made.prove_never_two()


@pytest.fixture
def application(cluster: Cluster, witness: Witness, tmp_path: Path) -> Iterator[Resource]:
    """An application online on NODE1, which it prefers; it is taken offline and removed afterwards."""
    resource = bring_up(cluster, "Application", witness, tmp_path, "NODE1")
    yield resource
    last = resource.process_id
    take_down(resource)
    assert still_there({last}) == []


def test_the_papers_script_creates_what_is_not_there_and_opens_what_is(
    demo: RunningDemo, cluster: Cluster, witness: Witness, tmp_path: Path
) -> None:
    words = [sys.executable, str(EXAMPLE), "--cluster", demo.name, "--timeout", str(SECONDS)]
    words += ["--program", witness.command_line, "--directory", str(tmp_path)]
    environment = {**demo.environment, "PYTHONPATH": str(EXAMPLE.parents[1])}
    for _ in range(2):
        script = subprocess.run(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert script.returncode == 0, script.stderr
        assert "Online on NODE" in script.stdout
    group = cluster.resource_groups.item(GROUP)
    assert [resource.name for resource in group.resources] == [RESOURCE]
    resource = group.resources.item(RESOURCE)
    assert resource.private_properties["CommandLine"] == witness.command_line
    life = witness.await_life(resource.process_id)
    assert life.directory == tmp_path
    assert len(witness.lives()) == 1, "the second run has started nothing"
    assert group.offline(SECONDS) is False
    assert still_there({life.pid}) == []
    group.resources.delete_item(RESOURCE)
    group.delete()


def test_a_killed_program_is_back_at_once_and_the_fourth_time_on_the_next_node(
    cluster: Cluster, application: Resource, witness: Witness
) -> None:
    process = application.process_id
    for used in (1, 2, 3):
        events = cluster.events(timeout=SECONDS)
        os.kill(process, signal.SIGKILL)
        entry = await_event(events, "event_restarted")
        assert entry.cause is not None
        assert (entry.cause.rule, entry.cause.parameters["used"]) == ("cause_policy_restart", used)
        process = until(application, another_process(process))
        witness.await_life(process)
        assert owner_of(application) == "NODE1"
        assert application.information == f"process {process}; before that, the process was ended by signal 9"
    os.kill(process, signal.SIGKILL)
    assert until(application, online_on("NODE2", "NODE3")) == "NODE2", "the second of the preferred owners is next"
    witness.await_life(application.process_id)
    assert len(witness.lives()) == 5


def test_when_the_cluster_service_alone_is_killed_nothing_moves_and_then_everything_works(
    demo: RunningDemo, cluster: Cluster, application: Resource, witness: Witness
) -> None:
    group, process = application.group, application.process_id
    epoch = cluster.snapshot.group(group.reference.id).epoch
    events = cluster.events(timeout=SECONDS)
    os.kill(demo.service_of("NODE1"), signal.SIGKILL)
    assert await_event(events, "event_attached").node == "NODE1"
    assert (application.process_id, owner_of(application)) == (process, "NODE1")
    assert cluster.snapshot.group(group.reference.id).epoch == epoch
    assert [life.pid for life in witness.lives()] == [process]
    assert group.move(SECONDS, "NODE3") is False
    assert owner_of(application) == "NODE3"
    assert group.move(SECONDS, "NODE1") is False
    assert still_there({process}) == []


def test_without_its_node_the_group_is_elsewhere_and_goes_home_when_the_power_is_back(
    demo: RunningDemo, cluster: Cluster, application: Resource, witness: Witness
) -> None:
    """The connection goes to NODE1, too: it goes on by another node without a word."""
    process = application.process_id
    demo.power("NODE1", on=False)
    assert still_there({process}) == []
    assert until(application, online_on("NODE2", "NODE3")) == "NODE2"
    witness.await_life(application.process_id)
    assert cluster.nodes.item("NODE1").state is NodeState.DOWN
    demo.power("NODE1", on=True)
    until(application, online_on("NODE1"))
    witness.await_life(application.process_id)
    assert len(witness.lives()) == 3


@pytest.mark.skipif(somebody_is_logged_in(), reason="somebody is logged in at this machine's screen")
def test_a_program_that_wants_the_desktop_of_a_node_without_one_is_refused_with_a_sentence(cluster: Cluster) -> None:
    group = cluster.resource_groups.create_item("Desktop")
    resource = group.resources.create_item("Clock", "Generic Application")
    resource.private_properties.update(CommandLine="sleep 1000", CurrentDirectory="/", InteractWithDesktop=True)
    resource.private_properties.save_changes()
    with pytest.raises(ClusterError, match="display"):
        resource.online(SECONDS)
    assert resource.process_id == 0
    take_down(resource)
