"""The hosts' members of etcd: who leads, and giving the lead to another."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import Final

from tests.lab.confined import ended_by
from tests.lab.host import Host
from tests.lab.standard import StandardService

UNIT: Final = "etcd.service"
GONE: Final = 5.0  # seconds within which a killed process has ended
BACK: Final = 20.0  # seconds within which killed members serve again
_FOLDER: Final = "/etc/clusteragent/certificates"


def etcdctl(host: Host, *words: str) -> str:
    """Ask the host's member of etcd."""
    return host.run(*etcdctl_command(*words)).stdout


def etcdctl_command(*words: str) -> list[str]:
    """Return the command line that asks the own member of etcd."""
    options = f"--cacert={_FOLDER}/ca.crt --cert={_FOLDER}/node.crt --key={_FOLDER}/node.key".split()
    return ["env", "ETCDCTL_API=3", "etcdctl", *options, "--endpoints=https://127.0.0.1:2379", *words]


def member(host: Host) -> tuple[int, int]:
    """Return the number of the host's member of etcd, and that of the leader."""
    said = etcdctl(host, "endpoint", "status", "-w", "fields")
    fields = dict(line.split(" : ", 1) for line in said.splitlines() if " : " in line)
    return int(fields['"MemberID"']), int(fields['"Leader"'])


def etcd_leader(service: StandardService) -> Host:
    """Return the host whose etcd leads."""
    members = {host: member(host) for host in service.cluster.lab.hosts.values()}
    return next(host for host, (own, leader) in members.items() if own == leader)


def kill_all_members(service: StandardService) -> float:
    """Kill every member of etcd at once, and return when the database answers again; systemd starts them.

    Raises:
        AssertionError: it does not.
    """
    with contextlib.ExitStack() as ending:
        for host in service.cluster.lab.hosts.values():
            pid = host.main_process(UNIT)
            ending.enter_context(ended_by(pid, GONE))
            os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + BACK
    while time.monotonic() < until:
        try:
            etcdctl(next(iter(service.cluster.lab.hosts.values())), "--command-timeout=1s", "get", "none")
        except subprocess.CalledProcessError:
            time.sleep(0.02)  # a member that comes up tells nobody
        else:
            return time.monotonic()
    raise AssertionError(f"etcd is not back after {BACK} s")


def give_etcds_lead(service: StandardService, host: Host) -> None:
    """Let this host's member lead etcd."""
    own, leads = member(host)
    if own != leads:
        etcdctl(etcd_leader(service), "move-leader", f"{own:x}")
