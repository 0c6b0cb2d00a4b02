"""Where this machine's SSH server answers and which keys it shows, by its configuration."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from nodeagent.api.objects import Endpoint

CONFIGURATION: Final = Path("/etc/ssh/sshd_config")
_DEEPEST: Final = 16  # files that include each other; sshd's own limit
_KEYS: Final = ("ed25519", "ecdsa", "rsa")  # what it looks for when HostKey is not set
_ANY: Final = ("0.0.0.0", "*")  # noqa: S104 - compared with, not listened on


def ssh_endpoints(addresses: Iterable[str], configuration: Path = CONFIGURATION) -> tuple[Endpoint, ...]:
    """Return at which of this machine's IPv4 *addresses*, and ports, its sshd answers; nothing when it has none.

    It is not asked whether it runs: it may be started after us.
    """
    try:
        said = list(_directives(configuration, configuration.parent, _DEEPEST))
    except OSError:
        return ()
    ports = [int(value) for word, value in said if word == "port" and value.isdigit()] or [22]
    places = [_place(value) for word, value in said if word == "listenaddress"] or [(_ANY[0], None)]
    files = [Path(value) for word, value in said if word == "hostkey"]
    keys = tuple(_public_keys(files or [configuration.parent / f"ssh_host_{kind}_key" for kind in _KEYS]))
    found = [
        Endpoint(host=address, port=number, host_keys=keys)
        for address in addresses
        for listened, port in places
        if listened == address or listened in _ANY
        for number in ([port] if port is not None else ports)
    ]
    return tuple(dict.fromkeys(found))


def _directives(file: Path, folder: Path, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the words and values that hold for everybody, those of included files in their place."""
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.replace("=", " ", 1).split()
        if not words or words[0].startswith("#"):
            continue
        word, values = words[0].lower(), [value.strip('"') for value in words[1:]]
        if word == "match":
            return
        if word == "include" and depth:
            patterns = [value if value.startswith("/") else f"{folder}/{value}" for value in values]
            included = itertools.chain.from_iterable(
                sorted(Path("/").glob(pattern.lstrip("/"))) for pattern in patterns
            )
            for other in included:
                yield from _directives(other, folder, depth - 1)
        elif values:
            yield word, values[0]


def _place(value: str) -> tuple[str, int | None]:
    """Split "10.0.0.1", "10.0.0.1:2222" or "[::]:22"."""
    host, colon, port = value.rpartition(":")
    if colon and port.isdigit() and (":" not in host or host.startswith("[")):
        return host.strip("[]"), int(port)
    return value, None


def _public_keys(files: Iterable[Path]) -> Iterator[str]:
    for file in files:
        try:
            words = file.with_name(file.name + ".pub").read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError):
            continue
        if len(words) >= 2:
            yield f"{words[0]} {words[1]}"
