"""Who may do what: judged by the user at the socket, on the node that is asked."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from typing import Final

from nodeagent.api.requests import Right
from nodeagent.system import accounts

# Members of these groups of the node; root and the user that the agent runs as may do everything.
GROUPS: Final = (
    ("clusteradmin", Right.ADMINISTER),
    ("clusteradmin-operators", Right.OPERATE),
    ("clusteradmin-readers", Right.READ),
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what that user may do."""

    user: str
    right: Right


def caller(connection: socket.socket) -> Caller:
    """Ask the kernel who is at the other end."""
    peer = accounts.peer(connection)
    try:
        account = accounts.account_of(peer.uid)
    except accounts.UnknownUserError:
        return Caller(str(peer.uid), Right.ADMINISTER if peer.uid in (0, os.geteuid()) else Right.NONE)
    if peer.uid in (0, os.geteuid()):
        return Caller(account.name, Right.ADMINISTER)
    for group, right in GROUPS:
        if accounts.is_member(account, group):
            return Caller(account.name, right)
    return Caller(account.name, Right.NONE)
