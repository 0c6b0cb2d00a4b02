"""Network namespaces that a test makes: each lives as long as a process of its own, so that nothing is left behind."""

from __future__ import annotations

import ctypes
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_CLONE_NEWNET = 0x40000000  # sched.h
CARRIER_PATIENCE = 10.0  # seconds; the kernel looks at links once a second at least
_WAITS = "import sys; print('there', flush=True); sys.stdin.read()"


@functools.cache
def reason_against() -> str:
    """Say why no namespace can be made here; empty when one can."""
    if os.geteuid() != 0:
        return "a network namespace needs root"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip()


needs_namespaces = pytest.mark.skipif(bool(reason_against()), reason=reason_against() or "-")


class Namespace:
    """One namespace, its loopback up."""

    def __init__(self) -> None:
        command = ["unshare", "--net", "--", sys.executable, "-c", _WAITS]
        self._keeper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == b"there\n"
        self.pid = self._keeper.pid
        self.ip("link", "set", "lo", "up")

    def run(self, *command: str) -> str:
        """Run a program inside and return what it says."""
        inside = ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *command]
        return subprocess.run(inside, capture_output=True, text=True, check=True).stdout

    def ip(self, *words: str) -> str:
        """Run ip."""
        return self.run("ip", *words)

    def await_carrier(self, name: str) -> None:
        """Wait until the link truly carries: until then the kernel drops what is sent."""
        until = time.monotonic() + CARRIER_PATIENCE
        while json.loads(self.ip("-j", "link", "show", "dev", name))[0]["operstate"] != "UP":
            assert time.monotonic() < until, f"{name} does not come up"
            time.sleep(0.01)  # looked at again: nobody tells of it in another namespace

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Let this thread, and what it starts, be inside; its sockets stay there afterwards."""
        libc = ctypes.CDLL(None, use_errno=True)

        def enter(fd: int) -> None:
            if libc.setns(fd, _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        there = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            enter(there)
            try:
                yield
            finally:
                enter(home)
        finally:
            os.close(home)
            os.close(there)

    def close(self) -> None:
        """End the namespace, with every link and rule in it."""
        self._keeper.communicate()


@contextmanager
def namespace() -> Iterator[Namespace]:
    """Make a namespace."""
    made = Namespace()
    try:
        yield made
    finally:
        made.close()


@contextmanager
def two_hosts(subnet: str = "10.99.0") -> Iterator[tuple[Namespace, Namespace]]:
    """Make two namespaces with a wire between them: eth0 in both, with the addresses .1 and .2 of a /24."""
    with namespace() as one, namespace() as other:
        one.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", str(other.pid))
        for number, host in enumerate((one, other), start=1):
            host.ip("address", "add", f"{subnet}.{number}/24", "dev", "eth0")
            host.ip("link", "set", "eth0", "up")
        for host in (one, other):
            host.await_carrier("eth0")
        yield one, other
