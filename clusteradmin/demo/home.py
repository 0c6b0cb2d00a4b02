"""The demo's directory: who has it, what is in it, and what outlives a demo that was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from clusteradmin.demo.problems import DemoError
from clusteradmin.demo.state import STATE, State, read_state

LOCK: Final = "demo.lock"

_RUN_PATH_BYTES: Final = 58
"""A node's run directory may be this long: sun_path holds 107 bytes, and a monitor's socket needs 48 of them."""

_DATABASE_PATH_BYTES: Final = 500
"""The database's path may be this long: SQLite takes 511 bytes, and its journal adds 8 (unixFullPathname)."""

_LOOKS: Final = 5
_LOOK_AGAIN_SECONDS: Final = 0.05


def default_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where a demo lives that was not told: below $XDG_STATE_HOME or ~/.local/state."""
    base = environment.get("XDG_STATE_HOME") or ""
    root = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return root / "cluster-administrator" / "demo"


@dataclass(frozen=True, slots=True)
class Home:
    """The directory of one demo; it belongs to the demo that holds its lock."""

    directory: Path

    @property
    def state_file(self) -> Path:
        return self.directory / STATE

    @property
    def lock_file(self) -> Path:
        return self.directory / LOCK

    @property
    def database(self) -> Path:
        return self.directory / "database"

    @property
    def keys(self) -> Path:
        return self.directory / "keys"

    def node(self, name: str) -> Path:
        return self.directory / name

    def state(self) -> State | None:
        return read_state(self.directory)

    def save(self, state: State) -> None:
        fresh = self.state_file.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.replace(self.state_file)

    def is_live(self) -> bool:
        """Tell whether a demo runs here: the kernel lets go of a lock when its holder dies, however it dies."""
        try:
            lock = os.open(self.lock_file, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def short_run_directory(self) -> Path:
        """Make and return the directory for sockets: inside when their paths stay short enough, else a private one."""
        inside = self.directory / "run"
        if len(os.fsencode(inside / "NODE1")) <= _RUN_PATH_BYTES:
            inside.mkdir(mode=0o700, exist_ok=True)
            return inside
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nowhere")
        base = runtime if len(os.fsencode(runtime)) <= 30 and os.access(runtime, os.W_OK) else Path("/tmp")  # noqa: S108
        return Path(tempfile.mkdtemp(prefix="clusteradmin-", dir=base))

    def clear(self, state: State) -> None:
        """Remove what a demo puts here; what somebody else put here stays, and so does the lock."""
        shutil.rmtree(state.run, ignore_errors=True)
        for config in state.configs:
            shutil.rmtree(Path(config).parent, ignore_errors=True)
        for folder in (self.database, self.keys):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.state_file.with_suffix(".new"), self.state_file):
            file.unlink(missing_ok=True)


class Claim:
    """The right to a demo's directory; ends with `release`, or with this process.

    Attributes:
        made: directories that this demo, or a dead one before it, made for it; the deepest first.
    """

    def __init__(self, home: Home, lock: int, made: tuple[str, ...]) -> None:
        self.home = home
        self.made = made
        self._lock = lock

    def remove(self) -> None:
        """Remove the lock, and the directories that were made unless somebody has put something else there."""
        self.home.lock_file.unlink(missing_ok=True)
        for directory in self.made:
            with contextlib.suppress(OSError):
                Path(directory).rmdir()

    def release(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def claim(directory: Path) -> Claim:
    """Take *directory* for a demo of this process; it is made when it does not exist.

    Raises:
        DemoError: a demo runs there, it belongs to another user, holds other things, or cannot be used.
    """
    try:
        if len(os.fsencode(directory / "database" / "cluster.db")) > _DATABASE_PATH_BYTES:
            raise DemoError("The path of the demo's directory is too long. Name another one with --home.")
        made = _make(directory)
        _check(directory)
        directory.chmod(0o700)
        return Claim(Home(directory), _lock(directory / LOCK), made)
    except OSError as exc:
        raise DemoError(f"The directory {directory} cannot be used for the demo ({exc.strerror or exc}).") from exc


def _make(directory: Path) -> tuple[str, ...]:
    """Make the directory and return those that did not exist, the deepest first."""
    missing = [directory, *directory.parents]
    made: list[str] = []
    for folder in reversed([folder for folder in missing if not folder.exists()]):
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            made.insert(0, str(folder))
    return tuple(made)


def _check(directory: Path) -> None:
    """Refuse a directory that is not for us. Raises DemoError."""
    if not directory.is_dir():
        raise DemoError(f"{directory} is no directory. Name another one with --home.")
    if directory.stat().st_uid != os.geteuid():
        raise DemoError(f"The directory {directory} belongs to another user. Name another one with --home.")
    if not (directory / LOCK).exists() and any(directory.iterdir()):
        raise DemoError(
            f"The directory {directory} is not empty, and no demo made what is in it. Name another one with --home."
        )


def _lock(file: Path) -> int:
    """Return the descriptor that holds the lock. Raises DemoError when a demo has it."""
    for _ in range(_LOOKS):
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same_file(lock, file):
                return lock
        except BlockingIOError:
            time.sleep(_LOOK_AGAIN_SECONDS)  # somebody may just be looking whether a demo runs: see is_live
        os.close(lock)
    raise DemoError(
        f"A demo runs in {file.parent} already. End it with “clusteradmin demo --stop --home {file.parent}”, "
        "or name another directory with --home."
    )


def _same_file(lock: int, file: Path) -> bool:
    """Tell whether *file* is still the one that was locked: the demo before may have removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(lock), file.stat())
    except FileNotFoundError:
        return False
