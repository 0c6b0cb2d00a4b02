"""The fence-agents programs of this node: what they say of themselves, turning a machine off, looking whether it is.

They are programs of their own: options go in on standard input, one per line, and the exit code is the answer. As
their interface has it, 0 is success, and of "status" 0 means on and 2 means off.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import xml.parsers.expat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nodeagent.api.fencing import FenceOption, FenceSetting
from nodeagent.api.problems import refuse
from nodeagent.system.programs import DEFAULT_PATH

FOLDERS: Final = (Path("/usr/sbin"), Path("/usr/local/sbin"))
DESCRIBED_WITHIN: Final = 10.0  # seconds; the programs load many modules before they say a word
LONGEST_DESCRIPTION: Final = 512 * 1024  # bytes; the longest in Debian 12 has 37 KiB
LONGEST_OUTPUT: Final = 16 * 1024  # bytes of what a program says that are looked at
LONGEST_DETAIL: Final = 200  # characters of it that are told
MOST_PARTS: Final = 5000  # elements of a description
AGAIN: Final = 0.3  # seconds between two looks whether the power is off at last
ENDED_WITHIN: Final = 2.0  # seconds that a killed program gets to be gone
STATUS_ON: Final = 0
STATUS_OFF: Final = 2

_LOG_PREFIX: Final = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ \w+: ")


@dataclass(frozen=True, slots=True)
class Description:
    """A program's metadata."""

    options: tuple[FenceOption, ...]
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended."""

    status: int
    output: bytes
    complaint: bytes


class FenceAgents:
    """Runs fence-agents programs as children, each in a session of its own that ends as a whole."""

    def __init__(self, folders: Sequence[Path] = FOLDERS) -> None:
        """Know nothing yet.

        Args:
            folders: where the programs are; the first that has one counts.
        """
        self._folders = tuple(folders)
        self._known: dict[tuple[Path, int], Description] = {}

    def find(self, program: str) -> Path:
        """Return the program's path.

        Raises:
            ClusterError: fence_program_missing.
        """
        for folder in self._folders:
            path = folder / program
            if "/" not in program and path.is_file() and os.access(path, os.X_OK):
                return path
        raise refuse("fence_program_missing", "program", program=program)

    async def describe(self, program: str) -> Description:
        """Return what the program says of itself; asked once for each version of its file.

        Raises:
            ClusterError: fence_program_missing, fence_program_rubbish or fence_timed_out.
        """
        path = self.find(program)
        version = path, path.stat().st_mtime_ns
        if version not in self._known:
            ended = await self._run(path, ("-o", "metadata"), b"", DESCRIBED_WITHIN, LONGEST_DESCRIPTION)
            if ended.status != 0:
                raise refuse("fence_program_rubbish", program=program, detail=f"exit code {ended.status}")
            self._known[version] = read_description(program, ended.output)
        return self._known[version]

    async def off(self, device: FenceSetting) -> None:
        """Turn the machine off, and return when the device says that it is.

        Raises:
            ClusterError: it could not be turned off for certain; whether it is off is then not known.
        """
        actions = (await self.describe(device.program)).actions
        try:
            async with asyncio.timeout(device.timeout):
                await self._must(device, "off")
                while "status" in actions and (status := await self._status(device)) != STATUS_OFF:
                    if status != STATUS_ON:
                        raise refuse("fence_failed", program=device.program, status=status, detail="no status")
                    await asyncio.sleep(AGAIN)  # the device has no way to tell when the power is off at last
        except TimeoutError:
            raise refuse("fence_timed_out", program=device.program, seconds=device.timeout) from None

    async def check(self, device: FenceSetting) -> None:
        """Ask the device whether it would work; nothing is turned off.

        Raises:
            ClusterError: it would not.
        """
        actions = (await self.describe(device.program)).actions
        action = next((action for action in ("monitor", "status") if action in actions), "")
        try:
            async with asyncio.timeout(device.timeout):
                if action == "status":
                    await self._status(device)
                elif action:
                    await self._must(device, action)
        except TimeoutError:
            raise refuse("fence_timed_out", program=device.program, seconds=device.timeout) from None

    async def _status(self, device: FenceSetting) -> int:
        return (await self._act(device, "status", (STATUS_ON, STATUS_OFF))).status

    async def _must(self, device: FenceSetting, action: str) -> None:
        # Some programs answer "monitor" with the status of the machine, so that 2 is no failure there.
        await self._act(device, action, (0, STATUS_OFF) if action == "monitor" else (0,))

    async def _act(self, device: FenceSetting, action: str, good: tuple[int, ...]) -> Ended:
        path = self.find(device.program)
        lines = "".join(f"{name}={value}\n" for name, value in {**device.options, "action": action}.items())
        ended = await self._run(path, (), lines.encode(), device.timeout, LONGEST_OUTPUT)
        if ended.status not in good:
            detail = device.masked(_last_line(ended.complaint) or _last_line(ended.output)) or "it does not say why"
            raise refuse("fence_failed", program=device.program, status=ended.status, detail=detail[:LONGEST_DETAIL])
        return ended

    async def _run(self, path: Path, arguments: tuple[str, ...], given: bytes, timeout: float, most: int) -> Ended:
        """Run the program; however this ends, the program and what it started have been killed or have ended.

        Raises:
            ClusterError: fence_timed_out, fence_program_rubbish when it cannot be started.
        """
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                path,
                *arguments,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                cwd="/",
                env={"PATH": DEFAULT_PATH, "LANG": "C.UTF-8", "HOME": os.environ.get("HOME", "/")},
                start_new_session=True,
            )
        except OSError as exc:
            raise refuse("fence_program_rubbish", program=path.name, detail=exc.strerror or "not started") from exc
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        talk = asyncio.gather(
            _read(process.stdout, most), _read(process.stderr, LONGEST_OUTPUT), _tell(process.stdin, given)
        )
        try:
            async with asyncio.timeout(timeout):
                output, complaint, _ = await talk
                return Ended(await process.wait(), output, complaint)
        except TimeoutError:
            raise refuse("fence_timed_out", program=path.name, seconds=timeout) from None
        finally:
            talk.cancel()
            await _end(process)


async def _tell(stream: asyncio.StreamWriter, given: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may end without having read everything
        stream.write(given)
        await stream.drain()
        stream.close()
        await stream.wait_closed()


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    """Return the last *most* bytes that come; a program that writes on and on is ended by its time limit."""
    data = bytearray()
    while piece := await stream.read(64 * 1024):
        data += piece
        del data[:-most]
    return bytes(data)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the program with everything in its session, unless it has ended and all its pipes are closed."""
    transport = process._transport  # type: ignore[attr-defined]  # asyncio has no other way to close the pipes
    if process.returncode is None or not _drained(process):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ENDED_WITHIN):
            await process.wait()
    transport.close()


def _drained(process: asyncio.subprocess.Process) -> bool:
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdout.at_eof() and process.stderr.at_eof()


def _last_line(data: bytes) -> str:
    lines = [line.strip() for line in data.decode(errors="replace").splitlines() if line.strip()]
    text = _LOG_PREFIX.sub("", lines[-1]) if lines else ""
    return "".join(character if character.isprintable() else " " for character in text)


# --- metadata ---------------------------------------------------------------------------------------------------


@dataclass
class _Option:
    name: str
    required: bool
    replaces: str
    deprecated: bool
    kind: str = "string"
    default: str = ""
    help: str = ""
    choices: list[str] = field(default_factory=list)

    def made(self) -> FenceOption:
        return FenceOption(
            name=self.name,
            help=" ".join(self.help.split()),
            kind=self.kind,
            default=self.default,
            required=self.required,
            choices=tuple(self.choices),
            replaces=self.replaces,
            deprecated=self.deprecated,
        )


class _Reader:
    """Takes the elements of a description as they come."""

    def __init__(self) -> None:
        self.options: list[_Option] = []
        self.actions: list[str] = []
        self.root = ""
        self._parts = 0
        self._in: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise ValueError(f"more than {MOST_PARTS} elements")
        self.root = self.root or name
        self._in.append(name)
        if name == "parameter":
            self.options.append(
                _Option(
                    attributes.get("name", ""),
                    attributes.get("required") == "1",
                    attributes.get("obsoletes", ""),
                    attributes.get("deprecated") == "1",
                )
            )
        elif name == "content" and self.options:
            self.options[-1].kind = attributes.get("type", "string")
            self.options[-1].default = attributes.get("default", "")
        elif name == "option" and "content" in self._in and self.options:
            self.options[-1].choices.append(attributes.get("value", ""))
        elif name == "action" and "actions" in self._in:
            self.actions.append(attributes.get("name", ""))

    def end(self, name: str) -> None:
        del name
        self._in.pop()

    def text(self, data: str) -> None:
        if self._in and self._in[-1] == "shortdesc" and "parameter" in self._in and self.options:
            self.options[-1].help += data


def _no_entities(*_: object) -> None:
    raise ValueError("it declares entities")


def read_description(program: str, data: bytes) -> Description:
    """Read a program's metadata.

    Raises:
        ClusterError: fence_program_rubbish.
    """
    reader = _Reader()
    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.EntityDeclHandler = _no_entities
    try:
        parser.Parse(data, True)
    except (xml.parsers.expat.ExpatError, ValueError) as exc:
        raise refuse("fence_program_rubbish", program=program, detail=str(exc)[:LONGEST_DETAIL]) from exc
    if reader.root != "resource-agent" or "off" not in reader.actions:
        raise refuse("fence_program_rubbish", program=program, detail="there is no action off in it")
    options = tuple(option.made() for option in reader.options if option.name)
    return Description(options, tuple(reader.actions))
