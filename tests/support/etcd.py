"""A real etcd on loopback, with mutual TLS and keys made for the run; its members are killed and frozen at will."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from nodeagent.database.etcd import EtcdStore
from nodeagent.database.etcdgateway import Certificates
from tests.support.sshd import free_port

PATIENCE: Final = 30.0  # seconds
PROGRAM: Final = "etcd"


def needs_etcd() -> None:
    """Skip the test where etcd is not installed."""
    if shutil.which(PROGRAM) is None:
        pytest.skip("needs the program etcd (Debian package etcd-server)")


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=PATIENCE)


def make_certificates(folder: Path, *, name: str = "node") -> Certificates:
    """Make a key signed by the authority in *folder*, which is made when there is none.

    The gateway of a member is a client of that member, with the member's own certificate: so it must be good for both.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key = folder / "ca.crt", folder / "ca.key"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    if not ca.exists():
        _openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "2", "-subj", "/CN=test authority")
    key, asked, certificate, extra = (folder / f"{name}.{end}" for end in ("key", "csr", "crt", "ext"))
    extra.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n")
    _openssl("req", *curve, "-keyout", key, "-out", asked, "-subj", f"/CN={name}")
    _openssl(
        *("x509", "-req", "-in", asked, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial"),
        *("-out", certificate, "-days", "2", "-extfile", extra),
    )
    return Certificates(ca, certificate, key)


def _stopped(stat: Path) -> bool:
    """Tell whether a thread is stopped; the state follows the name, which is in parentheses."""
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:
        return True  # it has just ended


@dataclass(slots=True)
class Member:
    """One member: where it is, and its process while it runs."""

    name: str
    folder: Path
    port: int
    peer_port: int
    process: subprocess.Popen[bytes] | None = None
    frozen: bool = False

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def peer_url(self) -> str:
        return f"https://127.0.0.1:{self.peer_port}"


@dataclass(slots=True)
class Etcd:
    """Members that form one etcd."""

    folder: Path
    certificates: Certificates
    members: list[Member]
    options: tuple[str, ...] = ()
    token: str = "test"
    _contexts: list[ssl.SSLContext] = field(default_factory=list)

    @property
    def endpoints(self) -> list[str]:
        return [member.url for member in self.members]

    def store(self, namespace: str = "clusteradmin/", *, first: int = 0) -> EtcdStore:
        """Return a client that asks member *first* first."""
        return EtcdStore(self.endpoints[first:] + self.endpoints[:first], self.certificates, namespace=namespace)

    def settings(self, *, first: int = 0) -> str:
        """Return what agent.toml says of this database."""
        endpoints = self.endpoints[first:] + self.endpoints[:first]
        files = self.certificates
        return (
            f'[etcd]\nendpoints = {json.dumps(endpoints)}\nca = "{files.ca}"\ncertificate = "{files.certificate}"\n'
            f'key = "{files.key}"\n'
        )

    # --- their lives ------------------------------------------------------------------------------------------------

    def begin(self, number: int) -> None:
        """Start a member without waiting for it; it goes on with what it has stored."""
        member = self.members[number]
        assert member.process is None, "it runs already"
        files = self.certificates
        everybody = ",".join(f"{other.name}={other.peer_url}" for other in self.members)
        options = {
            "name": member.name,
            "data-dir": member.folder / "data",
            "listen-client-urls": member.url,
            "advertise-client-urls": member.url,
            "listen-peer-urls": member.peer_url,
            "initial-advertise-peer-urls": member.peer_url,
            "initial-cluster": everybody,
            "initial-cluster-token": self.token,
            "heartbeat-interval": 50,  # the fast profile's values, so that elections do not take up the test's time
            "election-timeout": 500,
            "log-level": "warn",
            **dict.fromkeys(("cert-file", "peer-cert-file"), files.certificate),
            **dict.fromkeys(("key-file", "peer-key-file"), files.key),
            **dict.fromkeys(("trusted-ca-file", "peer-trusted-ca-file"), files.ca),
        }
        member.folder.mkdir(parents=True, exist_ok=True)
        with (member.folder / "log").open("ab") as log:
            member.process = subprocess.Popen(
                [
                    PROGRAM,
                    *(f"--{name}={value}" for name, value in options.items()),
                    "--client-cert-auth",
                    "--peer-client-cert-auth",
                    *self.options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start(self, *numbers: int) -> None:
        """Start members, all when none is named, and wait until each answers."""
        chosen = numbers or tuple(range(len(self.members)))
        for number in chosen:
            self.begin(number)
        for number in chosen:
            self.await_answer(number)

    def await_answer(self, number: int) -> None:
        """Wait until the member reads linearizably, which it can when more than half are there."""
        self._wait(lambda: self._healthy(number), f"member {number} does not answer", number)

    def kill(self, number: int) -> None:
        """End a member without a chance to do anything."""
        member = self.members[number]
        assert member.process is not None
        member.process.kill()
        member.process.wait(PATIENCE)
        member.process, member.frozen = None, False

    def freeze(self, number: int) -> None:
        """Stop a member's process; the kernel goes on accepting connections for it."""
        member = self.members[number]
        assert member.process is not None
        member.process.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{member.process.pid}/task")
        self._wait(lambda: all(map(_stopped, threads.glob("*/stat"))), f"member {number} does not stop", number)
        member.frozen = True

    def thaw(self, number: int) -> None:
        """Let a frozen member go on."""
        member = self.members[number]
        assert member.process is not None
        member.process.send_signal(signal.SIGCONT)
        member.frozen = False

    def leader(self) -> int:
        """Return the number of the member that leads, waiting until there is one."""
        found: list[int] = []

        def look() -> bool:
            running = [n for n, member in enumerate(self.members) if member.process and not member.frozen]
            for number in running:
                status = self.ask(number, "/v3/maintenance/status") or {}
                if status.get("leader") and status["leader"] == status["header"]["member_id"]:
                    found.append(number)
            return bool(found)

        self._wait(look, "nobody leads", 0)
        return found[0]

    def finish(self) -> None:
        """End all."""
        for number, member in enumerate(self.members):
            if member.process is not None:
                self.kill(number)

    # --- asking them ------------------------------------------------------------------------------------------------

    def ask(self, number: int, path: str, message: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """Post to a member's gateway; None when it does not answer, or not well."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.members[number].port, timeout=2, context=self._context()
        )
        try:
            connection.request("POST", path, json.dumps(message or {}))
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return json.loads(data) if answer.status == 200 else None

    def _context(self) -> ssl.SSLContext:
        if not self._contexts:
            self._contexts.append(self.certificates.context())
        return self._contexts[0]

    def _healthy(self, number: int) -> bool:
        return self.ask(number, "/v3/kv/range", {"key": "AA=="}) is not None

    def _wait(self, done: Callable[[], bool], complaint: str, number: int) -> None:
        until = time.monotonic() + PATIENCE
        while not done():
            if time.monotonic() > until:
                log = (self.members[number].folder / "log").read_text(errors="replace")
                pytest.fail(f"etcd: {complaint}:\n{log[-3000:]}")
            time.sleep(0.02)  # etcd gives no notice of being ready, and the kernel none of having stopped it


@contextmanager
def running_etcd(folder: Path, number: int = 1, *options: str, start: bool = True) -> Iterator[Etcd]:
    """Run *number* members until the block ends. *options* go to each of them."""
    needs_etcd()
    members = [Member(f"m{n}", folder / f"m{n}", free_port(), free_port()) for n in range(1, number + 1)]
    etcd = Etcd(folder, make_certificates(folder / "keys"), members, options)
    try:
        if start:
            etcd.start()
        yield etcd
    finally:
        with contextlib.suppress(ProcessLookupError):
            etcd.finish()
