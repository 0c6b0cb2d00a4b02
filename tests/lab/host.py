"""One host of the lab: namespaces that boot a real systemd on a disk of their own."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab.confined import ENTER, PLAIN, Confined
from tests.lab.places import HERE, NETWORK, address
from tests.lab.switch import Switch

FILLER = "/var/lib/etcd/filler"
BOOT_PATIENCE = 60.0  # seconds; 1 to 4 where nothing else runs
# Exit code 0 once the host's sshd shows its banner; run as the client.
BANNER = "import socket,sys;s=socket.create_connection((sys.argv[1],22),1);s.settimeout(1);sys.exit(s.recv(4)!=b'SSH-')"


class Host:
    """h1, h2, …

    Attributes:
        disk: its root file system as this machine sees it, also while it is off: what it has that the layers lack.
    """

    def __init__(self, name: str, folder: Path, cgroup: Path, switch: Switch, layers: Sequence[Path]) -> None:
        self.name = name
        self.address = address(name)
        self.disk = folder / "upper"
        self.folder = folder
        self.confined = Confined(cgroup)
        self._switch = switch
        self._layers = layers

    # --- power --------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make its disk."""
        for folder in (self.disk / "etc/ssh", self.folder / "work", self.folder / "root"):
            folder.mkdir(parents=True)
        self.disk.chmod(0o755)
        etc = self.disk / "etc"
        (etc / "machine-id").write_text(f"{random.getrandbits(128):032x}\n", encoding="ascii")
        (etc / "hostname").write_text(f"{self.name}\n", encoding="ascii")
        names = "".join(f"{NETWORK}{10 + number} h{number}\n" for number in range(1, 10))
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n{names}", encoding="ascii")
        key = etc / "ssh/ssh_host_ed25519_key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)

    def boot(self) -> None:
        """Switch it on; `await_up` waits."""
        if self.is_on:
            raise RuntimeError(f"{self.name} is on already")
        self._switch.unplug(self.name)  # left over from its last life
        unshare = ["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--fork"]
        layers = ":".join(map(str, self._layers))
        program = ["bash", str(HERE / "hostinit.sh"), self.name, f"{self.address}/24", self._switch.namespace, layers]
        self.confined.start([*unshare, *program, str(self.folder)], self.console)

    @property
    def console(self) -> Path:
        """What its systemd has to say."""
        return self.folder / "console.log"

    def await_up(self, patience: float = BOOT_PATIENCE) -> None:
        """Return when its sshd answers the client."""
        until = time.monotonic() + patience
        command = self._switch.in_client([sys.executable, "-c", BANNER, self.address])
        while subprocess.run(command, env=PLAIN, capture_output=True, check=False).returncode:
            if time.monotonic() > until:
                raise TimeoutError(f"{self.name} does not come up; its console: {self.console.read_text()[-2000:]}")
            time.sleep(0.05)  # nothing tells that another machine has booted

    @property
    def is_on(self) -> bool:
        """Whether anything runs in it."""
        return bool(self.confined.pids())

    def power_off(self) -> float:
        """Cut its power: the cable goes dead, then every process dies at once. Returns when, by the monotonic clock."""
        self._switch.link(self.name, up=False)
        moment = time.monotonic()
        self.confined.kill()
        return moment

    def await_off(self, patience: float = BOOT_PATIENCE) -> None:
        """Return when it has shut itself down."""
        self.confined.await_empty(patience)

    def freeze(self) -> float:
        """Stop everything that runs in it at once, as a hypervisor that stalls; returns when."""
        moment = time.monotonic()
        self.confined.freeze()
        return moment

    def thaw(self) -> float:
        """Let it go on; returns when: what it does first is done while this call still returns."""
        moment = time.monotonic()
        self.confined.thaw()
        return moment

    def thaw_everything(self) -> None:
        """Let everything go on: the host, its units, and single processes that were stopped."""
        self.confined.thaw()
        for freezer in self.confined.cgroup.glob("system.slice/**/cgroup.freeze"):
            with contextlib.suppress(FileNotFoundError):  # its unit has just ended
                freezer.write_text("0", encoding="ascii")
        for pid in self.confined.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    # --- inside -------------------------------------------------------------------------------------------------

    def run(
        self, *command: str | Path, check: bool = True, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside as root, counted as one of the host's processes."""
        return subprocess.run(
            self.inside(*command), input=given, capture_output=True, text=True, check=check, env=PLAIN, timeout=120
        )

    def inside(self, *command: str | Path) -> list[str]:
        """Return the command line that runs *command* inside."""
        init = self.confined.init()
        if init is None:
            raise RuntimeError(f"{self.name} is off")
        enter = ["nsenter", "-t", str(init), "-r", "-m", "-u", "-i", "-n", "-p", "-C"]
        words = [*enter, "env", "-i", "HOME=/root", "TERM=dumb", *(f"{k}={v}" for k, v in PLAIN.items())]
        return ["bash", "-c", ENTER, str(self.confined.cgroup), *words, *map(str, command)]

    def inside_path(self, path: str | Path) -> Path:
        """Return the path under which this machine sees a file of the running host, its /run and /dev included."""
        init = self.confined.init()
        if init is None:
            raise RuntimeError(f"{self.name} is off")
        return Path(f"/proc/{init}/root") / str(path).lstrip("/")

    def unit(self, name: str) -> Confined:
        """Return what runs in a unit of the host's systemd, its cgroups included."""
        template, _, rest = name.partition("@")
        folder = self.confined.cgroup / "system.slice"
        if rest:  # systemd puts the instances of a template into a slice of their own
            folder /= f"system-{template.replace('-', chr(92) + 'x2d')}.slice"
        return Confined(folder / name)

    def main_process(self, unit: str) -> int:
        """Return this machine's number of a unit's main process; 0 when it has none."""
        shown = self.run("systemctl", "show", "-p", "MainPID", "--value", unit, check=False).stdout.strip()
        inner = int(shown or 0)
        return next((pid for pid in self.unit(unit).pids() if inner and _number_inside(pid) == inner), 0)

    def fill_disk(self) -> None:
        """Leave no room on the disk of its database; see `Lab.small_disks`."""
        self.run("dd", "if=/dev/zero", f"of={FILLER}", "bs=64k", check=False)  # ends when there is no room

    def empty_disk(self) -> None:
        """Give the room back."""
        self.run("rm", "-f", FILLER)

    def copy_tree(self, source: Path, target: str) -> None:
        """Put a folder of this machine on its disk; only while it is off."""
        shutil.copytree(source, self.disk / target.lstrip("/"), dirs_exist_ok=True, symlinks=True)


def _number_inside(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[-1]) for line in lines if line.startswith("NSpid:")), 0)
