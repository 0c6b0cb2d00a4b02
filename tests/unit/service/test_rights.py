"""Who may do what: the user at the socket, the node's groups, and nothing else."""

from __future__ import annotations

import grp
import os
import pwd
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from nodeagent.api.requests import Right
from nodeagent.service.rights import Caller, caller
from nodeagent.system import accounts
from nodeagent.system.accounts import Peer

# The node's lists of users and groups: (number, own group, other groups), and the groups' numbers.
USERS = {
    "root": (0, 0, ()),
    "anna": (1001, 1001, (500,)),
    "ben": (1002, 1002, (501,)),
    "cleo": (1003, 1003, (502, 900)),
}
USERS |= {"dora": (1004, 501, ()), "emil": (1005, 1005, (900,)), "fay": (1006, 1006, (502, 501, 500))}
GROUPS = {"clusteradmin": 500, "clusteradmin-operators": 501, "clusteradmin-readers": 502, "users": 900}


@pytest.fixture(autouse=True)
def node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this node users of its own, at the lowest level that there is."""

    def entry(name: str) -> SimpleNamespace:
        uid, gid, _ = USERS[name]
        return SimpleNamespace(pw_name=name, pw_uid=uid, pw_gid=gid, pw_dir="/", pw_shell="/bin/sh")

    by_number = {uid: name for name, (uid, _, _) in USERS.items()}
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry(by_number[uid]))
    monkeypatch.setattr(pwd, "getpwnam", entry)
    monkeypatch.setattr(grp, "getgrnam", lambda name: SimpleNamespace(gr_gid=GROUPS[name]))
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid, *USERS[name][2]])


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    one, other = socket.socketpair()
    with one, other:
        yield one


def judged(connection: socket.socket, uid: int, monkeypatch: pytest.MonkeyPatch, *, agent: int = 0) -> Caller:
    monkeypatch.setattr(accounts, "peer", lambda _: Peer(1, uid, uid))
    monkeypatch.setattr(os, "geteuid", lambda: agent)
    return caller(connection)


@pytest.mark.parametrize(
    ("user", "right"),
    [
        ("root", Right.ADMINISTER),
        ("anna", Right.ADMINISTER),
        ("ben", Right.OPERATE),
        ("cleo", Right.READ),
        ("dora", Right.OPERATE),  # by her own group
        ("emil", Right.NONE),
        ("fay", Right.ADMINISTER),  # the highest of several counts
    ],
)
def test_the_node_s_groups_say_what_a_user_may_do(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch, user: str, right: Right
) -> None:
    assert judged(connection, USERS[user][0], monkeypatch) == Caller(user, right)


def test_the_user_that_the_agent_runs_as_may_do_everything(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judged(connection, 1005, monkeypatch, agent=1005) == Caller("emil", Right.ADMINISTER)
    assert judged(connection, 1003, monkeypatch, agent=1005) == Caller("cleo", Right.READ)


def test_a_number_without_a_name_has_no_rights_unless_the_agent_runs_as_it(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert judged(connection, 4711, monkeypatch) == Caller("4711", Right.NONE)
    assert judged(connection, 4711, monkeypatch, agent=4711) == Caller("4711", Right.ADMINISTER)


def test_where_the_groups_do_not_exist_only_root_and_the_agent_s_user_have_rights(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("clusteradmin", "clusteradmin-operators", "clusteradmin-readers"):
        monkeypatch.delitem(GROUPS, name)
    assert judged(connection, 1001, monkeypatch).right is Right.NONE
    assert judged(connection, 0, monkeypatch).right is Right.ADMINISTER


def test_the_kernel_says_who_is_at_the_other_end(connection: socket.socket) -> None:
    peer = accounts.peer(connection)
    assert (peer.pid, peer.uid, peer.gid) == (os.getpid(), os.getuid(), os.getgid())
