"""A real OpenSSH server on loopback, with its own port, keys and configuration; as root with its own accounts, too."""

from __future__ import annotations

import contextlib
import functools
import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from clusteradmin.ssh.config import HostConfig
from clusteradmin.ssh.hostkeys import HostKey, name_of

LISTENING_SECONDS = 10.0

# A namespace of its own: sshd insists on /run/sshd, which only exists while the system's own server was started once;
# and accounts with passwords must not be added to the machine. Each of the files is used if it is there.
PRIVATE_MOUNTS = """
set -e
if [ ! -d /run/sshd ]; then
    mkdir -p "$HOME_OF_TEST/run/sshd"
    for entry in /run/*/; do
        mkdir -p "$HOME_OF_TEST$entry"
        mount --rbind "$entry" "$HOME_OF_TEST$entry"
    done
    mount --rbind "$HOME_OF_TEST/run" /run
fi
for name in passwd shadow pam.d; do
    if [ -e "$HOME_OF_TEST/etc/$name" ]; then
        mount --bind "$HOME_OF_TEST/etc/$name" "/etc/$name"
    fi
done
exec "$@"
"""

PAM_SERVICE = """\
auth required pam_unix.so nodelay
account required pam_unix.so
session required pam_permit.so
"""


def sshd_program() -> str:
    """Return the path of sshd; skip the test where there is none."""
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("needs OpenSSH's sshd")
    return program


@functools.cache
def sshd_version() -> tuple[int, int]:
    said = subprocess.run([sshd_program(), "-V"], capture_output=True, text=True, check=False).stderr
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def needs_own_accounts() -> None:
    """Skip the test where accounts with passwords cannot be had."""
    if os.geteuid() != 0:
        pytest.skip("needs root: accounts with passwords, in a private mount namespace")
    for program in ("unshare", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    if not has_private_mounts():
        pytest.skip("needs a mount namespace of its own, which a root directory that is no mount point does not allow")


@functools.cache
def has_private_mounts() -> bool:
    """Tell whether root can have mounts that nobody else sees: not in a plain chroot."""
    command = ["unshare", "--mount", "--propagation", "private", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_key(file: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """Make a key pair at *file* and return *file*."""
    # Few rounds and bits: what is tested is that a passphrase opens the key, not how long guessing would take.
    options = ["-t", kind, "-a", "2", *(["-b", "2048"] if kind == "rsa" else [])]
    subprocess.run(["ssh-keygen", "-q", *options, "-N", passphrase, "-C", "", "-f", file], check=True)
    return file


@dataclass
class Sshd:
    """A running server. ``user`` may log in with ``user_key``, or with the password given for the account."""

    home: Path
    port: int
    user: str
    user_key: Path
    host_key_file: Path
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)

    @property
    def host_key(self) -> HostKey:
        return HostKey.parse(self.host_key_file.with_suffix(".pub").read_text())

    @property
    def known_hosts_line(self) -> str:
        return f"{name_of('127.0.0.1', self.port)} {self.host_key}\n"

    @property
    def target(self) -> str:
        return f"{self.user}@127.0.0.1:{self.port}"

    def host(self, **changes: object) -> HostConfig:
        """Return how to reach it with its own key and nothing of this account's configuration."""
        settings: dict[str, object] = {"identity_files": (self.user_key,), "identities_only": True, "user": self.user}
        return HostConfig("node1", "127.0.0.1", self.port, **(settings | changes))  # type: ignore[arg-type]

    def sessions(self) -> list[psutil.Process]:
        """Return the processes of all connections, the commands they run included."""
        return self._processes()[1:]

    def _processes(self) -> list[psutil.Process]:
        try:
            server = psutil.Process(self.process.pid)
            return [server, *server.children(recursive=True)]
        except psutil.NoSuchProcess:  # it crashed, and has been waited for
            return []

    def crash(self) -> None:
        """Kill the server and all its sessions, as a crash of the node would."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the server and all its sessions in their tracks; the kernel goes on to accept connections and data."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> list[psutil.Process]:
        reached = self._processes()
        for process in reached:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return reached

    def end(self) -> None:
        self.process.send_signal(signal.SIGSTOP)  # no new session while those that exist are looked up
        psutil.wait_procs(self._signal(signal.SIGKILL), 10)
        self.process.wait(10)


@contextmanager
def running_sshd(
    home: Path,
    settings: str = "",
    *,
    passwords: Mapping[str, str] | None = None,
    host_key_kinds: tuple[str, ...] = ("ed25519",),
    host_key_file: Path | None = None,
) -> Iterator[Sshd]:
    """Run a server until the block ends.

    Args:
        home: an empty folder for its files.
        settings: lines for sshd_config, which count before those written here.
        passwords: account -> password; skips the test where that is not possible. The first one is ``user``. They
            are second names of root, known to this server only.
        host_key_kinds: key types to make; the first one is ``host_key``.
        host_key_file: a host key to use instead of a new one.
    """
    program = sshd_program()
    home.mkdir(parents=True, exist_ok=True)
    user_key = make_key(home / "user_key")
    host_keys = [host_key_file] if host_key_file else [make_key(home / f"host_{kind}", kind) for kind in host_key_kinds]
    user = next(iter(passwords)) if passwords else getpass.getuser()
    if passwords:
        needs_own_accounts()
        write_accounts(home, passwords)
    port = free_port()
    config = home / "sshd_config"
    config.write_text(
        settings
        + "".join(f"HostKey {key}\n" for key in host_keys)
        + f"Port {port}\nListenAddress 127.0.0.1\nPidFile none\nAuthorizedKeysFile {user_key}.pub\nStrictModes no\n"
        f"UsePAM {'yes' if passwords else 'no'}\nPermitRootLogin yes\nUseDNS no\nLogLevel VERBOSE\n"
        # It would shut out 127.0.0.1 after the failed logins that are wanted here.
         + ("PerSourcePenalties no\n" if sshd_version() >= (9, 8) else "")
    )
    server = subprocess.Popen(
        [*in_private_mounts(), program, "-D", "-e", "-f", config],
        env=os.environ | {"HOME_OF_TEST": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )
    sshd = Sshd(home, port, user, user_key, host_keys[0], server)
    listening = threading.Event()
    listener = threading.Thread(target=follow_log, args=(server, sshd.log, listening), name=f"log of sshd {port}")
    listener.start()
    try:
        if not listening.wait(LISTENING_SECONDS) or server.poll() is not None:
            pytest.fail(f"sshd did not start:\n{''.join(sshd.log)}")
        yield sshd
    finally:
        sshd.end()
        listener.join()
        assert server.stderr is not None
        server.stderr.close()


def in_private_mounts() -> list[str]:
    if os.geteuid() != 0:
        return []
    if not has_private_mounts():
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd does not start as root without this folder
        return []
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", PRIVATE_MOUNTS, "sshd-in-private-mounts"]


def write_accounts(home: Path, passwords: Mapping[str, str]) -> None:
    folder = home / "etc"
    (folder / "pam.d").mkdir(parents=True)
    (folder / "pam.d" / "sshd").write_text(PAM_SERVICE)
    accounts = Path("/etc/passwd").read_text()
    shadow = "root:*:19000:0:99999:7:::\n"
    for name, password in passwords.items():
        accounts += f"{name}:x:0:0::/:/bin/sh\n"
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True, check=True
        ).stdout.strip()
        shadow += f"{name}:{hashed}:19000:0:99999:7:::\n"
    (folder / "passwd").write_text(accounts)
    (folder / "shadow").write_text(shadow)
    (folder / "shadow").chmod(0o600)


def follow_log(server: subprocess.Popen[str], log: list[str], listening: threading.Event) -> None:
    """Keep what the server says; runs in a thread until the last of its processes has ended."""
    assert server.stderr is not None
    for line in server.stderr:
        log.append(line)
        if "Server listening on" in line:
            listening.set()
    listening.set()  # it ended: nobody need wait any longer
