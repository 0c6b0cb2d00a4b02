"""Users and groups of this node: who a program runs as, and who is at the other end of a socket."""

import functools
import grp
import os
import pwd
import socket
import struct
from dataclasses import dataclass

_UCRED = struct.Struct("iII")  # struct ucred of unix(7): pid, uid, gid


class UnknownUserError(LookupError):
    """This node does not know the user; the sentence names it."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this node, with everything a program started for that user needs."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    shell: str


@dataclass(frozen=True, slots=True)
class Peer:
    """The process at the other end of a Unix socket, as the kernel saw it when the connection was made."""

    pid: int
    uid: int
    gid: int


def account(name: str) -> Account:
    """Look the user up; may ask the network where users come from a directory service, so never in a tight loop.

    Raises:
        UnknownUserError: this node has no such user.
    """
    try:
        return _account(pwd.getpwnam(name))
    except KeyError:
        raise UnknownUserError(
            f"This node has no user named {name}. Create the user on every possible owner, or name another one."
        ) from None


def account_of(uid: int) -> Account:
    """Look the user up by number.

    Raises:
        UnknownUserError: the number belongs to no user.
    """
    try:
        return _account(pwd.getpwuid(uid))
    except KeyError:
        raise UnknownUserError(f"This node has no user with the number {uid}.") from None


def current() -> Account:
    """Return the user this process runs as; one without an entry in the user list gets its number for a name."""
    uid = os.geteuid()
    try:
        return account_of(uid)
    except UnknownUserError:
        return Account(str(uid), uid, os.getegid(), tuple(sorted(os.getgroups())), "/", "/bin/sh")


def is_root() -> bool:
    return os.geteuid() == 0


def group_names(user: Account) -> frozenset[str]:
    """Return the names of all groups of the user; a group without a name is left out."""
    return frozenset(name for gid in user.groups if (name := _group_name(gid)) is not None)


def is_member(user: Account, group: str) -> bool:
    """Tell whether the user is in the group of that name; a group this node does not have has no members."""
    try:
        return grp.getgrnam(group).gr_gid in user.groups
    except KeyError:
        return False


def peer(connection: socket.socket) -> Peer:
    """Ask the kernel who connected a Unix socket."""
    return Peer(*_UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)))


def _account(entry: pwd.struct_passwd) -> Account:
    groups = tuple(sorted(set(os.getgrouplist(entry.pw_name, entry.pw_gid))))
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir or "/", entry.pw_shell or "/bin/sh")


@functools.lru_cache(maxsize=256)
def _group_name(gid: int) -> str | None:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None
