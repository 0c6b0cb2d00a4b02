"""A run of the lab that is killed leaves hosts, namespaces and devices; the next one removes them before it begins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.lab import Lab, lab
from tests.lab.layers import layers
from tests.lab.places import HERE
from tests.lab.possible import skipped_where_impossible

pytestmark = pytest.mark.timeout(240, func_only=True)  # the first run builds the hosts' system

NAME = "leftover"
ABANDONED = f"""
import signal
from tests.lab.lab import lab
with lab("{NAME}") as made:
    made.make(1)
    made.shared_disk(8)
    made.boot()
    made.switch.delay("h1", 0.01)
    print(made.name, flush=True)
    signal.pause()
"""


def traces(name: str) -> list[str]:
    """Return what there is of a lab."""
    found = Lab(name)
    namespaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
    devices = subprocess.run(["losetup", "-n", "-O", "BACK-FILE"], capture_output=True, text=True, check=True).stdout
    return [
        *(str(path) for path in (found.folder, found.cgroup) if path.exists()),
        *(word for word in namespaces if word.startswith(f"calab-{name}-")),
        *(line for line in devices.splitlines() if line.startswith(str(found.folder))),
    ]


def test_what_a_killed_run_has_left_is_gone_when_the_next_one_begins() -> None:
    with skipped_where_impossible():
        layers("etcd")
    with subprocess.Popen(
        [sys.executable, "-c", ABANDONED], cwd=Path(HERE).parent.parent, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        name = run.stdout.readline().strip()
        run.kill()
    assert len(traces(name)) == 5, "folder, cgroup, two namespaces, a loop device"
    with lab(NAME) as next_one:
        assert next_one.name == name
        assert traces(name) == []
