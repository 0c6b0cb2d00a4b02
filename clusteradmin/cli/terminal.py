"""Questions at the terminal, without stopping the loop: news go on meanwhile, and Ctrl-C ends the question."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clusteradmin.ssh.threads import in_thread

if sys.platform != "win32":
    import termios


def present() -> bool:
    """Tell whether somebody sits there."""
    return sys.stdin is not None and sys.stdin.isatty()


async def ask(prompt: str, *, secret: bool = False) -> str:
    """Print *prompt* on standard error and return the line that is typed; *secret* does not show it.

    Raises:
        EOFError: the input ended.
    """
    if sys.platform == "win32":
        read: Callable[[str], str] = getpass.getpass if secret else input
        return await in_thread(lambda: read(prompt), "reads an answer")
    print(prompt, end="", file=sys.stderr, flush=True)
    line = sys.stdin.fileno()
    with _silent(line) if secret else _as_it_is():
        data = await _read_line(line)
    if not data:
        raise EOFError
    return data.decode(errors="replace").rstrip("\r\n")


async def _read_line(file: int) -> bytes:
    """Return what was typed up to Enter: a terminal hands out whole lines."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(file, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(file)
    return os.read(file, 65536)


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _silent(file: int) -> Iterator[None]:
    """Turn the echo off, and on again whatever happens."""
    before = termios.tcgetattr(file)
    quiet = list(before)
    quiet[3] &= ~termios.ECHO
    termios.tcsetattr(file, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)
        print(file=sys.stderr)
