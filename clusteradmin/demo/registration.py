"""The saved connection by which a demo is opened."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from clusteradmin.demo.node import NodeFiles, own_login
from clusteradmin.demo.problems import DemoError
from clusteradmin.settings import ClientHome, KnownNode, SavedConnection, SettingsError

NAME: Final = "demo"


@contextlib.contextmanager
def names_locked(clients: ClientHome) -> Iterator[None]:
    """Keep other demos from choosing the same name at the same time. Raises DemoError."""
    try:
        clients.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(clients.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise DemoError(f"{clients.directory} cannot be used ({exc.strerror or exc}).") from exc
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def free_name(clients: ClientHome, wanted: str = "") -> str:
    """Return *wanted* if no connection is saved under it; without a wish, demo, or the first of demo-2, demo-3, ...

    Raises:
        DemoError: *wanted* is taken or cannot be a name.
    """
    taken = {saved.name.casefold() for saved in clients.connections()}
    if wanted:
        if wanted != wanted.strip() or wanted.startswith(("-", ".", "/")):
            raise DemoError(f"“{wanted}” cannot be the name of a saved connection. Name another one with --name.")
        if wanted.casefold() in taken:
            raise DemoError(f"There is a saved connection named {wanted} already. Name another one with --name.")
        return wanted
    number = 1
    while (name := NAME if number == 1 else f"{NAME}-{number}") in taken:
        number += 1
    return name


def register(clients: ClientHome, name: str, home: Path, key: Path, nodes: Sequence[NodeFiles]) -> None:
    """Save the connection: to the first node by its sshd, and how to go on by the others. Raises DemoError."""
    first = nodes[0].endpoint
    known = (KnownNode(id=number, name=node.name, endpoints=(node.endpoint,)) for number, node in enumerate(nodes, 1))
    try:
        clients.save(
            SavedConnection(
                name=name,
                target=f"{own_login()}@{first.host}:{first.port}",
                identity_files=(str(key),),
                nodes=tuple(known),
                demo_home=str(home),
            )
        )
    except SettingsError as exc:
        raise DemoError(str(exc)) from exc
