"""What a demo that was killed has left: its processes, what its agents held, its files, its saved connection."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

from clusteradmin.demo import programs
from clusteradmin.demo.home import Claim, Home, claim
from clusteradmin.demo.marked import kill_marked
from clusteradmin.demo.problems import DemoError, StillRunningError
from clusteradmin.demo.state import read_state
from clusteradmin.settings import ClientHome, SettingsError

REAP_SECONDS = 30.0


def clean_dead_demos(clients: ClientHome, say: Callable[[str], None]) -> int:
    """Clean up after every demo that has a saved connection and is dead; return how many these were."""
    cleaned = 0
    for home in {saved.demo_home for saved in clients.connections() if saved.demo_home}:
        if Home(Path(home)).is_live():
            continue
        try:
            cleaned += clean_dead_demo(Path(home), say)
            withdraw(clients, home)
        except StillRunningError as exc:
            say(str(exc))
        except DemoError:  # started again meanwhile: its new demo cleans up
            continue
    return cleaned


def clean_dead_demo(directory: Path, say: Callable[[str], None]) -> bool:
    """Remove all that a dead demo has left in and of *directory*; tell whether there was one.

    Raises:
        DemoError: something of it is still there, or a demo has begun to run there.
    """
    if read_state(directory) is None:
        return False
    claimed = claim(directory)
    try:
        clean(claimed, say)
        claimed.remove()
    finally:
        claimed.release()
    return True


def clean(claimed: Claim, say: Callable[[str], None]) -> None:
    """Clean up after the dead demo whose directory was claimed, if there was one.

    Raises:
        DemoError: something of it is still there.
    """
    state = claimed.home.state()
    if state is None:
        return
    say(f"A demo in {claimed.home.directory} was not ended; what it has left is removed.")
    if not kill_marked(state.mark):
        raise StillRunningError(f"Processes of the demo in {claimed.home.directory} cannot be killed.")
    for config in map(Path, state.configs):
        if config.exists():
            _reap(config)
    withdraw(ClientHome(Path(state.client_home)), str(claimed.home.directory))
    claimed.home.clear(state)
    claimed.made = tuple(dict.fromkeys((*state.made, *claimed.made)))


def _reap(config: Path) -> None:
    """Have the node's agent kill what its dead service and monitors held. Raises StillRunningError."""
    command = programs.agent(config, "reap", "--all")
    try:
        done = subprocess.run(
            command,
            env=programs.environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=REAP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise StillRunningError(f"What the agent of {config} held cannot be ended within {REAP_SECONDS:g} s.") from exc
    if done.returncode:
        raise StillRunningError(f"What the agent of {config} held cannot be ended: {done.stderr.strip()}")


def withdraw(clients: ClientHome, demo_home: str) -> None:
    """Remove the saved connection of the demo in *demo_home*, and its name from the recent ones."""
    names = {saved.name for saved in clients.connections() if saved.demo_home == demo_home}
    with contextlib.suppress(SettingsError, OSError):
        for name in names:
            clients.forget(name)
        recent = clients.recent()
        if names & set(recent):  # without its connection the name would mean a host
            clients.write_recent(target for target in recent if target not in names)
