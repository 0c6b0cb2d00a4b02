"""The lab: one to nine hosts on one switch, all of it gone when it is destroyed, whatever happened before."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.lab import layers
from tests.lab.confined import Confined
from tests.lab.host import Host
from tests.lab.places import STATE, cgroup_root
from tests.lab.switch import Switch

MOST_LABS = 8  # that stand side by side on one machine
SMALL = 400  # megabytes of a database's own disk: etcd takes 64 ahead, twice


class Lab:
    """Hosts, switch and client of one name. Several labs of different names do not see each other."""

    def __init__(self, name: str) -> None:
        root = cgroup_root()
        if root is None:
            raise RuntimeError("no cgroups of version 2")
        self.name = name
        self.folder = STATE / f"{name}.lab"
        self.cgroup = root / f"clusteradmin-lab-{name}"
        self.switch = Switch(f"calab-{name}", self.folder, self.cgroup)
        self.hosts: dict[str, Host] = {}

    def __getitem__(self, host: str) -> Host:
        return self.hosts[host]

    def make(self, count: int, *above: Path, layer_names: Sequence[str] = ("etcd",)) -> None:
        """Make switch and disks of *count* hosts, all of them off; *above* are layers over those of the lab."""
        self.destroy()
        lower = [*above, *layers.layers(*layer_names)]
        self.folder.mkdir(parents=True)
        self.cgroup.mkdir()
        self.switch.up()
        for number in range(1, count + 1):
            self._host(f"h{number}", lower).prepare()
        (self.folder / "layers").write_text("\n".join(map(str, lower)), encoding="utf-8")

    @classmethod
    def existing(cls, name: str) -> Self:
        """Return a lab that another process has made."""
        lab = cls(name)
        lower = [Path(line) for line in (lab.folder / "layers").read_text(encoding="utf-8").splitlines()]
        for folder in sorted(lab.folder.glob("h[1-9]")):
            lab._host(folder.name, lower)
        return lab

    def _host(self, name: str, lower: Sequence[Path]) -> Host:
        host = Host(name, self.folder / name, self.cgroup / name, self.switch, lower)
        self.hosts[name] = host
        return host

    def boot(self, *names: str) -> None:
        """Switch hosts on, all unless some are named, and wait until they are up."""
        chosen = [self.hosts[name] for name in names] or list(self.hosts.values())
        for host in chosen:
            host.boot()
        for host in chosen:
            host.await_up()

    def restore(self) -> None:
        """Undo all faults: cuts healed, cables in, what stands still goes on, hosts that are off are booted."""
        self.switch.heal()
        for host in self.hosts.values():
            if host.is_on:
                host.thaw_everything()
        off = [host.name for host in self.hosts.values() if not host.is_on]
        if off:
            self.boot(*off)
        for name in self.hosts:
            self.switch.link(name, up=True)

    def shared_disk(self, megabytes: int) -> Path:
        """Give every host /dev/shared: one file, one loop device each, so that no page cache is shared.

        Only while the hosts are off. Returns the file.
        """
        image = self.folder / "shared.img"
        with image.open("wb") as file:
            file.truncate(megabytes * 1024 * 1024)
        for host in self.hosts.values():
            command = ["losetup", "-f", "--show", "--direct-io=on", str(image)]
            device = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            (host.folder / "loop").write_text(device, encoding="ascii")
            subprocess.run(["cp", "-a", device, str(host.folder / "shared")], check=True)
        return image

    def small_disks(self, megabytes: int = SMALL) -> None:
        """Give every host's database a disk of its own, for `Host.fill_disk`. Only while the hosts are off."""
        for host in self.hosts.values():
            image = host.folder / "small.img"
            with image.open("wb") as file:
                file.truncate(megabytes * 1024 * 1024)
            subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)

    def tool(self, name: str) -> Confined:
        """Return the place of a program that belongs to the lab and to no host."""
        return Confined(self.cgroup / name)

    def destroy(self) -> None:
        """Switch everything off and remove it; also what an earlier run of this name was killed in."""
        self.hosts.clear()
        everything = Confined(self.cgroup)
        if self.cgroup.exists():
            for folder in self.cgroup.iterdir():
                if folder.is_dir():
                    Confined(folder).thaw()
            everything.kill()
            everything.remove()
        for record in self.folder.glob("h[1-9]/loop"):
            self._detach(record.read_text(encoding="ascii"))
        self.switch.down()
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def _detach(self, device: str) -> None:
        """Detach a loop device, if it is still the lab's."""
        listed = subprocess.run(
            ["losetup", "-O", "BACK-FILE", "-n", device], capture_output=True, text=True, check=False
        ).stdout
        if str(self.folder) in listed:
            subprocess.run(["losetup", "-d", device], check=True)


@contextmanager
def lab(purpose: str) -> Iterator[Lab]:
    """Yield a lab that nobody else uses, with nothing in it yet, and destroy it in the end."""
    STATE.mkdir(parents=True, exist_ok=True)
    for number in range(1, MOST_LABS + 1):
        name = f"{purpose}{number}"
        held = os.open(STATE / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            continue
        found = Lab(name)
        try:
            found.destroy()
            yield found
        finally:
            found.destroy()
            os.close(held)
        return
    raise RuntimeError(f"there are {MOST_LABS} labs on this machine already")
