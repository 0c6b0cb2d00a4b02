"""Whether a folder lies on a file system of another machine, where SQLite's locks cannot be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_NETWORKED: Final = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "davfs", "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2"}
    | {"smb2", "smb3", "smbfs"}
    | {"fuse.ceph-fuse", "fuse.curlftpfs", "fuse.davfs2", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"}
)
_MOUNTS: Final = Path("/proc/self/mountinfo")


def network_file_system(folder: Path, mounts: str | None = None) -> str:
    """Return the kind of the network file system that *folder* lies on ("nfs4"), or "" when it lies on none.

    The kind of a file system is known by name only: statfs tells neither sshfs nor a local FUSE file system apart.

    Args:
        folder: need not exist yet; its nearest existing parent counts.
        mounts: text in the form of /proc/self/mountinfo (man 5 proc); that of this process if not given.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(errors="surrogateescape")
        except OSError:
            return ""
    wanted = folder.resolve()
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        point = Path(_unescaped(fields.split(" ")[4]))
        # Of several mounts on one place the last one is on top.
        if wanted.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), rest.split(" ")[0]
    return kind if kind in _NETWORKED else ""


def _unescaped(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
