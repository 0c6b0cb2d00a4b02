"""The commands to a demo that runs in another process: --status, --poweroff, --poweron, --stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from clusteradmin.demo import control
from clusteradmin.demo.arguments import Options
from clusteradmin.demo.home import Home, default_directory
from clusteradmin.demo.leftovers import clean_dead_demo, clean_dead_demos
from clusteradmin.demo.output import say
from clusteradmin.demo.problems import DemoError, NoDemoError
from clusteradmin.settings import ClientHome


def run_command(options: Options) -> None:
    """Carry out the command in *options*. Raises DemoError."""
    clients = ClientHome.default()
    if options.stop:
        _stop(options.home, clients)
        return
    home = options.home or find_home(clients)
    if options.power is not None:
        asyncio.run(control.power(home, options.node, options.power))
        return
    found = asyncio.run(control.status(home))
    say(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() if options.json else described(found))


def _stop(home: Path | None, clients: ClientHome) -> None:
    """End a demo; one that was killed is ended by removing what it has left. Raises DemoError."""
    if home is not None and not Home(home).is_live():
        if not clean_dead_demo(home, say):
            raise NoDemoError(f"No demo runs in {home}.")
        return
    cleaned = clean_dead_demos(clients, say) if home is None else 0
    try:
        asyncio.run(control.stop(home or find_home(clients)))
    except NoDemoError:
        if not cleaned:
            raise


def find_home(clients: ClientHome) -> Path:
    """Return the directory of the demo that runs, when there is exactly one. Raises DemoError."""
    known = {Path(saved.demo_home) for saved in clients.connections() if saved.demo_home}
    live = sorted(home for home in known | {default_directory()} if Home(home).is_live())
    if not live:
        raise NoDemoError("No demo runs. Start one with: clusteradmin demo")
    if len(live) > 1:
        raise DemoError(f"Several demos run. Name one with --home: {', '.join(map(str, live))}")
    return live[0]


def described(demo: control.DemoStatus) -> str:
    """Return what a person is told."""
    lines = [f"{demo.name}: process {demo.pid}, in {demo.home}"]
    for node in demo.nodes:
        power = f"on, Cluster Service {node.service}, SSH on port {node.port}" if node.on else "off"
        lines.append(f"  {node.name}  {power}")
    return "\n".join(lines)
