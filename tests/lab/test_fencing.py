"""Three real hosts and a power switch: what stands still as a whole is turned off before its service runs elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from nodeagent.api import requests as r
from nodeagent.api.fencing import FenceSetting
from tests.lab import powerswitch
from tests.lab.faults import node_of, other_than
from tests.lab.installed import InstalledCluster
from tests.lab.lab import lab
from tests.lab.possible import skipped_where_impossible
from tests.lab.standard import StandardService
from tests.lab.witness import MEGABYTES

pytestmark = pytest.mark.timeout(300, func_only=True)  # the first run builds the hosts' system

SOON = 0.3  # seconds in which the freezer has certainly stopped everything
PROFILE_SILENCE = 4.5  # seconds; d of the default profile
BUSY = 3.0  # seconds on top, for machines on which others work too


@pytest.fixture(scope="module")
def fenced() -> Iterator[StandardService]:
    """The standard service on hosts that can be turned off by the lab's power switch, over Redfish."""
    with skipped_where_impossible(), lab("fencing") as made:
        made.make(3, layer_names=("fence",))
        disk = made.shared_disk(MEGABYTES)
        cluster = InstalledCluster(made)
        cluster.prepare()
        made.boot()
        cluster.install()
        powerswitch.start(made)
        found = StandardService(cluster, disk)
        found.create()
        for name in made.hosts:
            device = FenceSetting(program="fence_redfish", options=powerswitch.redfish_options(name))
            node = node_of(cluster.look(), name)
            assert cluster.do(r.SetFenceDevices(node=node, devices=(device,))).notices == ()
        yield found


def test_a_host_that_stands_still_is_turned_off_and_never_thaws_into_what_others_run(fenced: StandardService) -> None:
    owner = fenced.await_online()
    survivor, host = other_than(owner), fenced.cluster.lab[owner]
    number = node_of(fenced.cluster.look(survivor), owner)
    host.freeze()
    frozen = time.monotonic()
    heir = fenced.await_answers(frozen + SOON, other_than=owner)
    seen = fenced.seen(frozen - 1)
    assert heir != owner
    assert seen.never_two, seen
    assert seen.downtime < PROFILE_SILENCE + BUSY
    assert not host.is_on
    assert fenced.last_beat(owner, frozen + SOON) is None
    assert "fence device" in fenced.cluster.look(survivor).nodes[number].information

    fenced.cluster.lab.restore()
    fenced.cluster.await_all_up()
    assert fenced.seen(frozen - 1).never_two
