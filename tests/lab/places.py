"""Where the lab keeps things, and what it needs of this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

STATE: Final = Path(os.environ.get("CLUSTERADMIN_LAB_STATE", "/var/lib/clusteradmin-lab"))
LAYERS: Final = STATE / "layers"
KEY: Final = STATE / "id_ed25519"  # logs on to every host as root; it opens nothing else
HERE: Final = Path(__file__).parent
NETWORK: Final = "10.77.0."  # in a namespace with no way out, so it cannot be anybody else's
CLIENT_ADDRESS: Final = NETWORK + "200"
SWITCH_ADDRESS: Final = NETWORK + "250"
SERVICE_ADDRESS: Final = NETWORK + "100"
PROGRAMS: Final = (
    "debootstrap",
    "nft",
    "ip",
    "unshare",
    "nsenter",
    "setsid",
    "setpriv",
    "ssh-keygen",
    "gcc",
    "losetup",
)


def cgroup_root() -> Path | None:
    """Return where cgroups of version 2 are mounted; None when they are not, or may not be made."""
    for root in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")):
        if (root / "cgroup.procs").exists() and os.access(root, os.W_OK):
            return root
    return None


def why_not() -> str:
    """Say why there can be no lab on this machine, or nothing when there can be one."""
    if os.geteuid() != 0:
        return "the lab makes namespaces, and that needs root"
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"the lab needs {', '.join(missing)}"
    if cgroup_root() is None:
        return "the lab needs cgroups of version 2 that it may write to"
    filesystems = Path("/proc/filesystems").read_text(encoding="ascii").split()
    if "overlay" not in filesystems:
        return "the lab needs a kernel with overlayfs"
    return ""


def address(host: str) -> str:
    """Return the address of h1, h2, …"""
    return NETWORK + str(10 + int(host[1:]))
