"""Exit codes of the command line."""

from __future__ import annotations

import enum

from clusteradmin.client.status import NotConnected
from nodeagent.api.problems import ClusterError


class Exit(enum.IntEnum):
    """What the calling program is told."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    PENDING = 3
    NO_CONNECTION = 4


def exit_code(error: ClusterError) -> Exit:
    """Return the exit code for what went wrong."""
    if isinstance(error, NotConnected):
        return Exit.NO_CONNECTION
    return Exit.PENDING if error.problem.code == "still_pending" else Exit.REFUSED
