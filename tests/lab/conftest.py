"""One cluster of three hosts for all tests of the lab; each finds it whole and leaves it so."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.installed import InstalledCluster
from tests.lab.lab import lab
from tests.lab.possible import skipped_where_impossible
from tests.lab.standard import StandardService
from tests.lab.witness import MEGABYTES


@pytest.fixture(scope="session")
def service() -> Iterator[StandardService]:
    """The standard service on three hosts."""
    with skipped_where_impossible(), lab("tests") as made:
        made.make(3)
        disk = made.shared_disk(MEGABYTES)
        made.small_disks()
        cluster = InstalledCluster(made)
        cluster.prepare()
        made.boot()
        cluster.install()
        found = StandardService(cluster, disk)
        found.create()
        yield found


@pytest.fixture
def whole(service: StandardService) -> Iterator[StandardService]:
    """The service, online, with all hosts up; they are brought back whatever the test did to them."""
    service.cluster.lab.restore()
    service.cluster.await_all_up()
    service.await_answers(time.monotonic())
    yield service
    service.cluster.lab.restore()
