"""The hosts' root file systems: this machine's own release by debootstrap, and what is installed on top of it.

They are kept from one run to the next; a change of what they hold makes them anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.lab.places import KEY, LAYERS, STATE

PACKAGES: Final = [
    "systemd",
    "systemd-sysv",
    "dbus",
    "openssh-server",
    "iproute2",
    "iputils-ping",
    "iputils-arping",
    "nftables",
    "procps",
    "python3",
    "curl",
    "ca-certificates",
    "kmod",
    "xfsprogs",
    "strace",
    "e2fsprogs",
    "libpam-systemd",
    "openssl",
]
PATIENCE: Final = 900.0  # seconds for one step; 90 where the mirror is near
ON_TOP: Final = {  # each over the base alone: of several, only the topmost knows its packages
    "etcd": ("etcd-server", "etcd-client"),
    "fence": ("etcd-server", "etcd-client", "fence-agents"),
}
UNWANTED: Final = [
    "systemd-networkd.service",
    "getty.target",
    "getty@tty1.service",
    "console-getty.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
]

# apt-get of a chroot over the base layer, with this machine's own configuration of apt.
INSTALL: Final = r"""set -e
mount --make-rprivate /
mount -t overlay overlay -o lowerdir="$base",upperdir="$top",workdir="$scratch/work" "$scratch/root"
root=$scratch/root
for d in tmp run var/cache/apt; do mount -t tmpfs tmpfs "$root/$d"; done
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
touch "$root/etc/resolv.conf" "$root/etc/hosts"
mkdir -p "$root/var/lib/apt/lists"
for p in /etc/apt /etc/resolv.conf /etc/hosts /var/lib/apt/lists; do mount --bind "$p" "$root$p"; done
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
DEBIAN_FRONTEND=noninteractive chroot "$root" sh -c '
for name in "$@"; do # newer releases have a package for each kind of device
    apt-cache policy "$name-redfish" | grep -q "Candidate: [0-9]" && name=$name-redfish
    names="$names $name"
done
exec apt-get install -q -y --no-install-recommends $names' sh $packages
rm -f "$root/usr/sbin/policy-rc.d"
"""


class CannotBuild(Exception):
    """A layer could not be made; the message says what the tool said."""


def layers(*names: str) -> list[Path]:
    """Return the layers of that name over the base, the topmost first; builds what is not there yet.

    Raises:
        CannotBuild: no mirror answers, for example.
    """
    STATE.mkdir(parents=True, exist_ok=True)
    LAYERS.mkdir(exist_ok=True)
    base = LAYERS / "base"
    if not _is_made(base, [release(), *PACKAGES]):
        _build_base(base)
        _note(base, [release(), *PACKAGES])
    found = [base]
    for name in names:
        layer = LAYERS / name
        if not _is_made(layer, [release(), *PACKAGES, *ON_TOP[name]]):
            _build_on_top(base, layer, ON_TOP[name])
            _note(layer, [release(), *PACKAGES, *ON_TOP[name]])
        found.insert(0, layer)
    return found


def release() -> str:
    """Return the name of this machine's release, such as bookworm."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return next(line.partition("=")[2].strip('"') for line in lines if line.startswith("VERSION_CODENAME="))


def mirror() -> str:
    """Return the mirror that this machine's apt uses."""
    for path in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("URIs:") and not line.split()[1].startswith(("mirror", "file")):
                return line.split()[1]
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*.list"))):
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            words = [word for word in line.split() if not word.startswith("[")]
            if len(words) > 2 and words[0] == "deb" and words[2].startswith(release()):
                return words[1]
    raise CannotBuild("this machine's apt names no mirror")


def _is_made(layer: Path, contents: Iterable[str]) -> bool:
    try:
        return _made_file(layer).read_text(encoding="ascii") == _fingerprint(contents)
    except FileNotFoundError:
        return False


def _note(layer: Path, contents: Iterable[str]) -> None:
    _made_file(layer).write_text(_fingerprint(contents), encoding="ascii")


def _made_file(layer: Path) -> Path:
    return layer.with_name(layer.name + ".made")


def _fingerprint(contents: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(contents).encode()).hexdigest()


def _build_base(base: Path) -> None:
    for layer in [base, *(LAYERS / name for name in ON_TOP)]:  # those on top of another base fit no more
        _made_file(layer).unlink(missing_ok=True)
        _remove(layer)
    packages = "--include=" + ",".join(PACKAGES)
    _run(["debootstrap", "--variant=minbase", packages, *_components(), release(), str(base), mirror()])
    if not KEY.exists():
        _run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(KEY)])
    for unwanted in [*(base / "etc/ssh").glob("ssh_host_*"), base / "etc/apt/sources.list"]:  # made for each host
        unwanted.unlink(missing_ok=True)
    for unit in UNWANTED:
        (base / "etc/systemd/system" / unit).symlink_to("/dev/null")
    home = base / "root/.ssh"
    home.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(KEY.with_suffix(".pub"), home / "authorized_keys")
    shutil.copy(KEY, home / "id_ed25519")  # hosts may log on to each other
    quiet = "Host h*\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n"
    (home / "config").write_text(quiet, encoding="ascii")


def _components() -> list[str]:
    return ["--components=main,universe"] if "ubuntu" in Path("/etc/os-release").read_text(encoding="utf-8") else []


def _build_on_top(base: Path, layer: Path, packages: Sequence[str]) -> None:
    _made_file(layer).unlink(missing_ok=True)
    _remove(layer)
    scratch = LAYERS / f".{layer.name}.building"
    _remove(scratch)
    for folder in (layer, scratch / "root", scratch / "work"):
        folder.mkdir(parents=True)
    words = {"base": str(base), "top": str(layer), "scratch": str(scratch), "packages": " ".join(packages)}
    _run(["unshare", "--mount", "bash", "-c", INSTALL], words)
    _remove(scratch)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise CannotBuild(f"{command[0]} takes longer than {PATIENCE:g} s") from exc
    if done.returncode:
        raise CannotBuild(f"{command[0]}: {(done.stdout + done.stderr)[-2000:]}")
