"""The lab's network: one switch that every host and the client are plugged into, and everything that can ail it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.confined import PLAIN, Confined
from tests.lab.places import CLIENT_ADDRESS, HERE, SWITCH_ADDRESS

ANYONE = "*"


@dataclass(frozen=True, slots=True)
class Fault:
    """Frames from *source* to *destination* are lost: all, or so many of a hundred."""

    source: str
    destination: str
    loss: int = 100

    def rule(self) -> str:
        """Return it as a rule of nftables."""
        words = [
            f'{key} {{ "v-{host}", "wf-{host}" }}'
            for key, host in (("iifname", self.source), ("oifname", self.destination))
            if host != ANYONE
        ]
        chance = [f"numgen random mod 100 < {self.loss}"] if self.loss < 100 else []
        # Slow cables are bridges too, with a port "wn-": what ails everybody happens once, in the switch.
        return " ".join([*(words or ['iifname != "wn-*" oifname != "wn-*"']), *chance, "drop"])


class Switch:
    """A bridge in a network namespace, and the client's namespace beside it."""

    def __init__(self, lab: str, folder: Path, cgroup: Path) -> None:
        self.namespace = f"{lab}-switch"
        self.client = f"{lab}-client"
        self._folder = folder
        self._cgroup = cgroup
        self._faults: list[Fault] = []

    def up(self) -> None:
        """Make it."""
        for namespace in (self.namespace, self.client):
            _run(["ip", "netns", "add", namespace])
        # A fixed address: else it changes with the ports, and stale neighbour entries cost 10 s.
        bridge = ("type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        self.ip("link", "add", "br0", "address", "02:00:00:00:00:fe", "up", *bridge)
        self.ip("addr", "add", f"{SWITCH_ADDRESS}/24", "dev", "br0")
        self.ip("link", "add", "v-client", "type", "veth", "peer", "name", "eth0", "netns", self.client)
        self.ip("link", "set", "v-client", "master", "br0", "up")
        for words in (f"addr add {CLIENT_ADDRESS}/24 dev eth0", "link set eth0 up", "link set lo up"):
            _run(["ip", "-n", self.client, *words.split()])

    def down(self) -> None:
        """Remove what is left of it, of an earlier run too."""
        for namespace in (self.namespace, self.client):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)

    def ip(self, *words: str) -> None:
        """Run ip(8) in the switch."""
        _run(["ip", "-n", self.namespace, *words])

    def unplug(self, host: str) -> None:
        """Remove a host's end of the cable, if there is one."""
        subprocess.run(["ip", "-n", self.namespace, "link", "del", f"v-{host}"], capture_output=True, check=False)

    def link(self, host: str, *, up: bool) -> None:
        """Pull the host's cable or plug it in: the host sees that it has no carrier."""
        self.ip("link", "set", f"v-{host}", "up" if up else "down")

    def in_client(self, command: Sequence[str | Path]) -> list[str]:
        """Return the command line that runs *command* of this machine as the client."""
        return ["nsenter", f"--net=/run/netns/{self.client}", *map(str, command)]

    # --- what can ail it ----------------------------------------------------------------------------------------

    def cut(self, host: str, peer: str = ANYONE, *, way: str = "both", loss: int = 100) -> None:
        """Lose frames between two; *way* is "out" (only what *host* sends), "in" or "both"."""
        out, back = Fault(host, peer, loss), Fault(peer, host, loss)
        self._set([*self._faults, *{"out": [out], "in": [back], "both": [out, back]}[way]])

    def heal(self, host: str = "") -> None:
        """Undo all cuts and losses, or those of one host."""
        self._set([fault for fault in self._faults if host and host not in (fault.source, fault.destination)])

    def _set(self, faults: list[Fault]) -> None:
        rules = "\n".join(fault.rule() for fault in faults)
        text = (
            "table bridge lab {}\ndelete table bridge lab\n"
            f"table bridge lab {{ chain f {{\ntype filter hook forward priority 0;\n{rules}\n}}\n}}\n"
        )
        command = ["nsenter", f"--net=/run/netns/{self.namespace}", "nft", "-f", "-"]
        _run(command, text)
        self._faults = faults
        (self._folder / "faults.json").write_text(json.dumps([fault.rule() for fault in faults]), encoding="ascii")

    def delay(self, host: str, seconds: float, jitter: float = 0.0) -> None:
        """Make the host's cable slow, each way; 0 makes it fast again."""
        wire = Confined(self._cgroup / f"wire-{host}")
        if wire.cgroup.exists():
            wire.end()
        if seconds > 0:
            program = [sys.executable, str(HERE / "wire.py"), host, str(seconds), str(jitter)]
            wire.start(["nsenter", f"--net=/run/netns/{self.namespace}", *program], self._folder / f"wire-{host}.log")


def _run(command: list[str], given: str | None = None) -> None:
    done = subprocess.run(command, input=given, env=PLAIN, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
