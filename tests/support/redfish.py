"""A power switch with a Redfish face: HTTPS, basic authentication, one computer system per host (DMTF DSP0266)."""

from __future__ import annotations

import base64
import contextlib
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

ROOT = "/redfish/v1"
SYSTEMS = f"{ROOT}/Systems"
RESET = "Actions/ComputerSystem.Reset"
OFF = frozenset({"ForceOff", "GracefulShutdown", "PushPowerButton"})


class Outlets(Protocol):
    """What is switched."""

    def names(self) -> list[str]:
        """Return the names of all hosts."""

    def do(self, verb: str, name: str) -> str:
        """Do "on", "off" or "status"; return "on" or "off". Raises KeyError for a host that is not there."""


class Redfish(ThreadingHTTPServer):
    """The face; it serves until the block ends.

    Attributes:
        hangs: every request is taken and never answered.
        rubbish: every answer is no JSON.
        stays_on: an order is taken and nothing happens.
        resets: what was ordered, as (host, kind of reset).
    """

    daemon_threads = True

    def __init__(self, place: tuple[str, int], outlets: Outlets, certificate: Path, user: str, password: str) -> None:
        super().__init__(place, _Request)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # The handshake is made by the thread of the connection, not by the one that takes connections.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.outlets = outlets
        self.allowed = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.hangs = False
        self.rubbish = False
        self.stays_on = False
        self.resets: list[tuple[str, str]] = []
        self.ended = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: who breaks off a connection is not our fault."""

    def options(self, host: str, user: str, password: str) -> dict[str, str]:
        """Return what fence_redfish has to be told to switch *host* here."""
        return options_of(str(self.server_address[0]), self.port, host, user, password)


class _Request(BaseHTTPRequestHandler):
    server: Redfish
    protocol_version = "HTTP/1.1"
    timeout = 30.0  # seconds until a connection that says nothing is closed

    def do_GET(self) -> None:
        if not self._may():
            return
        path = self.path.rstrip("/")
        if path == ROOT:
            self._answer({"@odata.id": ROOT, "RedfishVersion": "1.6.0", "Systems": {"@odata.id": SYSTEMS}})
        elif path == SYSTEMS:
            members = [{"@odata.id": f"{SYSTEMS}/{name}"} for name in self.server.outlets.names()]
            self._answer({"@odata.id": SYSTEMS, "Members": members, "Members@odata.count": len(members)})
        else:
            self._system(path.removeprefix(f"{SYSTEMS}/"))

    def _system(self, name: str) -> None:
        try:
            state = self.server.outlets.do("status", name)
        except KeyError:
            self._answer({"error": {"message": f"There is no {name}."}}, 404)
            return
        target = f"{SYSTEMS}/{name}/{RESET}"
        kinds = ["On", "ForceOff", "GracefulShutdown", "ForceRestart"]
        reset = {"target": target, "ResetType@Redfish.AllowableValues": kinds}
        self._answer({
            "@odata.id": f"{SYSTEMS}/{name}",
            "Id": name,
            "PowerState": state.capitalize(),
            "Actions": {"#ComputerSystem.Reset": reset},
        })  # fmt: skip

    def do_POST(self) -> None:
        said = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 65536))
        if not self._may():
            return
        name = self.path.removeprefix(f"{SYSTEMS}/").removesuffix(f"/{RESET}")
        try:
            kind = str(json.loads(said)["ResetType"])
            if not self.server.stays_on:
                self.server.outlets.do("off" if kind in OFF else "on", name)
        except (KeyError, ValueError):
            self._answer({"error": {"message": "That cannot be done."}}, 400)
            return
        self.server.resets.append((name, kind))
        self._answer(None, 204)

    def _may(self) -> bool:
        if self.server.hangs:
            self.server.ended.wait(60)  # a device that hangs; the end of the server ends it
            return False
        if self.headers.get("Authorization") == self.server.allowed:
            return True
        self._answer({"error": {"message": "Log on first."}}, 401)
        return False

    def _answer(self, what: dict[str, Any] | None, status: int = 200) -> None:
        data = b"" if what is None else json.dumps(what).encode()
        if self.server.rubbish and what is not None:
            data = b"<html>\xff\xfe no JSON at all"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


def options_of(address: str, port: int, host: str, user: str, password: str) -> dict[str, str]:
    """Return what fence_redfish has to be told to switch *host*."""
    return {
        "ip": address,
        "ipport": str(port),
        "username": user,
        "password": password,
        "ssl_insecure": "1",
        "systems_uri": f"{SYSTEMS}/{host}",
    }


def make_certificate(path: Path) -> Path:
    """Make a certificate that nobody has signed, with its key, as such devices have."""
    key = path.with_suffix(".key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
         "2", "-subj", "/CN=power switch", "-keyout", key, "-out", path],
        check=True,
        capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + key.read_bytes())
    key.unlink()
    return path


@contextlib.contextmanager
def serving(redfish: Redfish) -> Iterator[Redfish]:
    """Serve in a thread until the block ends."""
    thread = threading.Thread(target=redfish.serve_forever, kwargs={"poll_interval": 0.05}, name="redfish")
    thread.start()
    try:
        yield redfish
    finally:
        redfish.ended.set()
        redfish.shutdown()
        redfish.server_close()
        thread.join(10)
