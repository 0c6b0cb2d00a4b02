"""The lab's power switch, on the lab's network: one line of TCP each way, for whoever fences.

"off h2", "on h2" or "status h2" is answered by "off", "on" or "error …". An off is answered when the host is truly
dead. The same over Redfish (tests/support/redfish.py), for fence_redfish: see `redfish_options`.

usage: python -m tests.lab.powerswitch LAB, in the switch's network namespace; see `start`.
"""

from __future__ import annotations

import socketserver
import sys
import threading
from typing import Final

from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.places import HERE, SWITCH_ADDRESS
from tests.support.redfish import Redfish, make_certificate, options_of

PORT: Final = 6230
REDFISH_PORT: Final = 6231
REDFISH_USER: Final = "operator"
REDFISH_PASSWORD: Final = "lab"  # it opens nothing but the lab's own switch


class PowerSwitch:
    """Switches the hosts of one lab, one at a time."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Return the names of all hosts."""
        return list(self._lab.hosts)

    def do(self, verb: str, name: str) -> str:
        """Do it and return the state afterwards. Raises KeyError (no such host) or ValueError (no such verb)."""
        host = self._lab[name]
        with self._lock:
            if verb == "off":
                self._off(host)
            elif verb == "on":
                if not host.is_on:
                    host.boot()
            elif verb != "status":
                raise ValueError(verb)
            return "on" if host.is_on else "off"

    def _off(self, host: Host) -> None:
        if host.is_on:
            host.power_off()


class _Request(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        try:
            verb, name = self.rfile.readline(100).decode("ascii").split()
            answer = self.server.power.do(verb, name)
        except (ValueError, KeyError, OSError) as exc:
            answer = f"error {exc!r}"
        self.wfile.write(f"{answer}\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, power: PowerSwitch) -> None:
        super().__init__((SWITCH_ADDRESS, PORT), _Request)
        self.power = power


def start(lab: Lab) -> None:
    """Start the power switch of a lab; it ends with the lab."""
    program = [sys.executable, "-m", "tests.lab.powerswitch", lab.name]
    command = ["nsenter", f"--net=/run/netns/{lab.switch.namespace}", *program]
    environment = {"PYTHONPATH": str(HERE.parent.parent)}
    lab.tool("power").start(command, lab.folder / "power.log", environment)


def redfish_options(host: str) -> dict[str, str]:
    """Return what fence_redfish has to be told to switch *host*."""
    return options_of(SWITCH_ADDRESS, REDFISH_PORT, host, REDFISH_USER, REDFISH_PASSWORD)


def main() -> None:
    """Serve until killed."""
    lab = Lab.existing(sys.argv[1])
    power = PowerSwitch(lab)
    certificate = make_certificate(lab.folder / "power.pem")
    face = Redfish((SWITCH_ADDRESS, REDFISH_PORT), power, certificate, REDFISH_USER, REDFISH_PASSWORD)
    threading.Thread(target=face.serve_forever, name="redfish", daemon=True).start()
    _Server(power).serve_forever()


if __name__ == "__main__":
    main()
