"""A wall clock of each host's own, that can be stepped while agents, monitors and etcd run; see wallclock.c."""

from __future__ import annotations

import email.utils
import struct
import subprocess
from pathlib import Path
from typing import Final

from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.places import HERE

SOURCE: Final = HERE / "wallclock.c"
FOLDER: Final = "/usr/local/lib/wallclock"
AHEAD: Final = f"{FOLDER}/ahead"  # seconds, one 64-bit number; mapped by all programs, so it is never replaced
UNITS: Final = ("etcd.service", "clusteragent.service", "clusteragent-monitor@.service")
DROP_IN: Final = f"""[Service]
Environment=LD_PRELOAD={FOLDER}/library.so WALLCLOCK={AHEAD} WALLCLOCK_VDSO={FOLDER}/vdso.so
"""
# All in one segment at address 0 of the file, so that one mmap of the file is the vDSO.
VDSO_OPTIONS: Final = ("-DVDSO", "-nostdlib", "-Wl,-N", "-Wl,--hash-style=both")
VERSIONS: Final = "LINUX_2.6 { global: __vdso_clock_gettime; local: *; };\n"  # what Go asks the vDSO for


def build(folder: Path) -> None:
    """Compile library and vDSO into a folder."""
    folder.mkdir(parents=True)
    versions = folder / "versions"
    versions.write_text(VERSIONS, encoding="ascii")
    for target, options in (
        ("library.so", ()),
        ("vdso.so", (*VDSO_OPTIONS, f"-Wl,--version-script={versions}")),
    ):
        command = ["gcc", "-O2", "-Wall", "-shared", "-fPIC", *options, "-o", str(folder / target), str(SOURCE)]
        subprocess.run(command, check=True, capture_output=True)


def prepare(lab: Lab) -> None:
    """Give every host a wall clock of its own. Only while they are off, before the product is installed."""
    built = lab.folder / "wallclock"
    build(built)
    (built / "ahead").write_bytes(_number(0))
    for host in lab.hosts.values():
        host.copy_tree(built, FOLDER)
        for folder in (host.disk / "usr/local", host.disk / "usr/local/lib", host.disk / FOLDER.lstrip("/")):
            folder.chmod(0o755)  # etcd has an account of its own
        for unit in UNITS:
            drop_in = host.disk / "etc/systemd/system" / f"{unit}.d/wallclock.conf"
            drop_in.parent.mkdir(parents=True, exist_ok=True)
            drop_in.write_text(DROP_IN, encoding="ascii")


def step(host: Host, seconds: int) -> None:
    """Set how far the host's wall clock is ahead of this machine's; negative is behind."""
    with host.inside_path(AHEAD).open("r+b", buffering=0) as file:
        file.write(_number(seconds))


def of_etcd(host: Host) -> float:
    """Return the time of day by the host's member of etcd: it stamps its answers; seconds since 1970, whole."""
    lines = ask_etcd(host, "health", "-D-", "-o/dev/null").splitlines()
    stamp = next(line for line in lines if line.lower().startswith("date:")).partition(":")[2]
    return email.utils.parsedate_to_datetime(stamp.strip()).timestamp()


def ask_etcd(host: Host, page: str, *options: str) -> str:
    """Return a page of the host's member of etcd."""
    certificates = "/etc/clusteragent/certificates"
    keys = ["--cacert", f"{certificates}/ca.crt", "--cert", f"{certificates}/node.crt"]
    asked = ["curl", "-sS", *options, *keys, "--key", f"{certificates}/node.key"]
    return host.run(*asked, f"https://127.0.0.1:2379/{page}").stdout


def is_used_by(pid: int) -> bool:
    """Tell whether a process has this clock."""
    return f"{FOLDER}/library.so" in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")


def _number(seconds: int) -> bytes:
    return struct.pack("=q", seconds)
