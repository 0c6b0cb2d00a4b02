"""Host keys: the known_hosts format, what it says about a host, and our own file of accepted keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import lru_cache
from pathlib import Path

DEFAULT_PORT = 22

NEGOTIABLE_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
"""Key types our side can verify, best first. A host that is known by others only counts as unknown."""


@dataclass(frozen=True, slots=True)
class HostKey:
    """A public key: its type and its bytes as they travel."""

    type: str
    blob: bytes

    @classmethod
    def parse(cls, text: str) -> HostKey:
        """Read "TYPE BASE64 [COMMENT]", as in a .pub file. Raises ValueError."""
        words = text.split()
        if len(words) < 2:
            raise ValueError("a public key is a type and a base64 text")
        try:
            blob = base64.b64decode(words[1], validate=True)
        except binascii.Error as exc:
            raise ValueError("the key is not base64") from exc
        if _first_string(blob) != words[0].encode():
            raise ValueError(f"the key is not of the type {words[0]}")
        return cls(words[0], blob)

    @property
    def fingerprint(self) -> str:
        """As OpenSSH shows it: "SHA256:" and unpadded base64."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def __str__(self) -> str:
        return f"{self.type} {base64.b64encode(self.blob).decode()}"


def _first_string(blob: bytes) -> bytes:
    """Return the first length-prefixed string of a key blob (RFC 4251, section 5), which names its type."""
    return blob[4 : 4 + int.from_bytes(blob[:4])]


class Marker(StrEnum):
    NONE = ""
    REVOKED = "@revoked"
    CERT_AUTHORITY = "@cert-authority"


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One usable line of a known_hosts file."""

    marker: Marker
    hosts: str
    key: HostKey
    file: Path
    line: int

    def matches(self, name: str) -> bool:
        """Tell whether the line speaks of *name* (as from `name_of`)."""
        return _hosts_match(self.hosts, name)


class Standing(Enum):
    KNOWN = "known"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the files say about a key that a host showed; *entry* is the line that says it."""

    standing: Standing
    entry: KnownKey | None = None


def name_of(host: str, port: int) -> str:
    """Return the name under which known_hosts files keep a host: "host", or "[host]:port" off port 22."""
    host = host.lower()
    return host if port == DEFAULT_PORT else f"[{host}]:{port}"


def parse_known_hosts(text: str, file: Path) -> list[KnownKey]:
    """Return the usable lines. Malformed lines and host certificates' authorities are left out, the rest is kept."""
    found = (_parse_line(line, file, number) for number, line in enumerate(text.splitlines(), 1))
    return [entry for entry in found if entry is not None and entry.marker is not Marker.CERT_AUTHORITY]


def _parse_line(line: str, file: Path, number: int) -> KnownKey | None:
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    try:
        marker = Marker(words.pop(0)) if words[0].startswith("@") else Marker.NONE
        hosts, *key = words
        return KnownKey(marker, hosts, HostKey.parse(" ".join(key)), file, number)
    except ValueError:
        return None


def _hosts_match(hosts: str, name: str) -> bool:
    if hosts.startswith("|"):
        return _hash_matches(hosts, name)
    matched = False
    for pattern in hosts.lower().split(","):
        if pattern.startswith("!"):
            if wildcard(pattern[1:]).fullmatch(name):
                return False
        elif wildcard(pattern).fullmatch(name):
            matched = True
    return matched


def _hash_matches(hashed: str, name: str) -> bool:
    """Compare with "|1|salt|hash", hash = HMAC-SHA1 of the name (OpenSSH, HashKnownHosts)."""
    fields = hashed.split("|")
    if len(fields) != 4 or fields[1] != "1":
        return False
    try:
        salt, wanted = (base64.b64decode(field, validate=True) for field in fields[2:])
    except binascii.Error:
        return False
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), wanted)


@lru_cache(maxsize=1024)
def wildcard(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of OpenSSH's: * and ? only, no brackets, which stand for themselves in "[host]:port"."""
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(char) or re.escape(char) for char in pattern), re.DOTALL)


class KnownHosts:
    """The lines of several known_hosts files, searched together."""

    def __init__(self, entries: Iterable[KnownKey] = ()) -> None:
        self._entries = tuple(entries)

    @classmethod
    def read(cls, files: Iterable[Path]) -> KnownHosts:
        """Read *files*; one that does not exist or may not be read says nothing."""
        entries: list[KnownKey] = []
        for file in files:
            try:
                text = file.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
            entries += parse_known_hosts(text, file)
        return cls(entries)

    def look_up(self, host: str, port: int, key: HostKey) -> Finding:
        """Say what is known of *key* at a host.

        Revoked comes before all else. A host whose known keys all differ from this one has changed, even when the
        type differs: known types are asked for first (`preferred_types`), so a host that shows another has lost
        the key it was known by. A key known for the host without its port is known, as for OpenSSH.
        """
        name = name_of(host, port)
        here = [entry for entry in self._entries if entry.matches(name)]
        without_port = [e for e in self._entries if e.key == key and e.matches(host.lower())]
        for entry in (*here, *without_port):
            if entry.marker is Marker.REVOKED and entry.key == key:
                return Finding(Standing.REVOKED, entry)
        valid = [entry for entry in here if entry.marker is Marker.NONE]
        for entry in (*valid, *without_port):
            if entry.key == key:
                return Finding(Standing.KNOWN, entry)
        contrary = [entry for entry in valid if entry.key.type in NEGOTIABLE_TYPES]
        contrary.sort(key=lambda entry: entry.key.type != key.type)  # the line to show: one of the same type first
        return Finding(Standing.CHANGED, contrary[0]) if contrary else Finding(Standing.UNKNOWN)

    def known_types(self, host: str, port: int) -> list[str]:
        """Return the types of the host's known keys, in the order of `NEGOTIABLE_TYPES`."""
        names = {name_of(host, port), host.lower()}
        types = {e.key.type for e in self._entries if e.marker is Marker.NONE and any(map(e.matches, names))}
        return [kind for kind in NEGOTIABLE_TYPES if kind in types]


def preferred_types(known: Sequence[str]) -> list[str]:
    """Order the negotiable types so that *known* ones come first."""
    return sorted(NEGOTIABLE_TYPES, key=lambda kind: kind not in known)


def remember(file: Path, host: str, port: int, key: HostKey) -> None:
    """Append an accepted key to our own file, which is created for its owner only.

    The line goes out in one append, so that two windows that accept keys at the same time both keep theirs, and a
    reader sees a whole line or none.

    Raises:
        OSError: the file cannot be written.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    with os.fdopen(handle, "r+b", buffering=0) as out:
        start = b"" if _ends_with_newline(file) else b"\n"
        line = start + f"{name_of(host, port)} {key}\n".encode()
        if out.write(line) != len(line):
            raise OSError(f"{file} was not written completely")
        os.fsync(out.fileno())


def _ends_with_newline(file: Path) -> bool:
    data = file.read_bytes()
    return not data or data.endswith(b"\n")
