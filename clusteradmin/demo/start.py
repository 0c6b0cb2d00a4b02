"""Starting a demo: its directory is claimed, dead ones are cleaned up, everything is written down, then it runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from clusteradmin.demo.arguments import Options
from clusteradmin.demo.children import Children
from clusteradmin.demo.home import Claim, Home, claim, default_directory
from clusteradmin.demo.keys import make_key
from clusteradmin.demo.leftovers import clean, clean_dead_demos, withdraw
from clusteradmin.demo.node import NodeFiles, own_login
from clusteradmin.demo.problems import DemoError, StillRunningError
from clusteradmin.demo.registration import free_name, names_locked, register
from clusteradmin.demo.state import State
from clusteradmin.demo.world import ENDING, Plan, World
from clusteradmin.settings import ClientHome

NODES: Final = ("NODE1", "NODE2", "NODE3")
CLIENT_KEY: Final = "client_key"


def run_demo(options: Options, say: Callable[[str], None]) -> int:
    """Run a demo until it is told to end; return the exit code.

    Raises:
        DemoError: it cannot be started, or something of it may be left.
    """
    if sys.platform != "linux":
        raise DemoError("The demo runs the Cluster Service on this machine, and that needs Linux.")
    clients = ClientHome.default()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # until the world's own: end as with Ctrl-C
    claimed = claim(options.home or default_directory())
    try:
        clean(claimed, say)
        clean_dead_demos(clients, say)
        return _run(claimed, clients, options, say)
    finally:
        if claimed.home.state() is None:  # else something is left, and the next start needs what is written there
            claimed.remove()
        claimed.release()


def _run(claimed: Claim, clients: ClientHome, options: Options, say: Callable[[str], None]) -> int:
    home = claimed.home
    run = home.short_run_directory()
    nodes = [NodeFiles(home, run, name) for name in NODES]
    state = State(
        mark=secrets.token_hex(16),
        client_home=str(clients.directory),
        run=str(run),
        made=claimed.made,
        configs=tuple(str(node.config) for node in nodes),
    )
    home.save(state)
    with _cleared(home, state, clients), contextlib.ExitStack() as ports:
        for node in nodes:
            ports.callback(node.close)
        with names_locked(clients):
            name = free_name(clients, options.name)
            _write(home, name, nodes)
            register(clients, name, home.directory, home.keys / CLIENT_KEY, nodes)
        if os.geteuid() != 0:
            say(f"You are not root, so all applications run as {own_login()}: RunAs another user is refused.")
        return asyncio.run(_live(Plan(name, home.directory, clients, state, nodes, options), say))


@contextlib.contextmanager
def _cleared(home: Home, state: State, clients: ClientHome) -> Iterator[None]:
    """Remove what was written, in the end, unless something still runs: then the next start needs it."""
    something_runs = False
    try:
        yield
    except StillRunningError:
        something_runs = True
        raise
    finally:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)  # what is left to do is short, and has to be done
        withdraw(clients, str(home.directory))
        if not something_runs:
            home.clear(state)


def _write(home: Home, name: str, nodes: Sequence[NodeFiles]) -> None:
    """Write keys and configuration files. Raises DemoError."""
    try:
        home.database.mkdir(mode=0o700)
        home.keys.mkdir(mode=0o700)
        client_key = make_key(home.keys / CLIENT_KEY)
        for node in nodes:
            node.write(name.upper(), client_key)
    except OSError as exc:
        raise DemoError(f"The demo cannot write its files to {home.directory} ({exc.strerror or exc}).") from exc


async def _live(plan: Plan, say: Callable[[str], None]) -> int:
    with Children() as children:
        return await World(plan, children, say).run()
