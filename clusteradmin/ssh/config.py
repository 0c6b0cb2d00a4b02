"""The user's ssh_config: what it says about a host, and the TARGET texts that name one."""

from __future__ import annotations

import getpass
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clusteradmin.ssh.hostkeys import DEFAULT_PORT, wildcard

_MOST_NESTED_INCLUDES = 16  # ssh_config(5) has the same bound
_MATCH_EXEC_SECONDS = 10.0
_WORD = re.compile(r'"([^"]*)"|([^\s"]+)')
_SETTING = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*)")
_ENVIRONMENT = re.compile(r"\$\{(\w+)\}")
_DEFAULT_IDENTITIES = ("id_ed25519", "id_ecdsa", "id_rsa")
_UNSAFE = re.compile(r"""[\s\x00-\x1f'"`$\\;&<>|(){}*?]""")  # names go into the shell commands of Match exec
_LISTS = frozenset({"identityfile"})  # every line counts; of all others the first


class ConfigError(ValueError):
    """A target or a setting that cannot be understood; ``str()`` is a sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """A host as a person names it; None is what the configuration decides."""

    host: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read "[user@]host[:port]", "[user@][v6][:port]", a bare IPv6 address, or the same after "ssh://".

        Raises:
            ConfigError: it is none of these.
        """
        user, at, place = text.strip().removeprefix("ssh://").rstrip("/").rpartition("@")
        host, port = _split_port(place)
        if not host or host.startswith("-") or (at and not user) or _UNSAFE.search(user + host):
            raise ConfigError(f"“{text}” does not name a host: write user@host:port, or an alias of your ssh_config.")
        return cls(host, user or None, port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{f'{self.user}@' if self.user else ''}{host}{f':{self.port}' if self.port else ''}"


def _split_port(place: str) -> tuple[str, int | None]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        if rest and not rest.startswith(":"):
            raise ConfigError(f"“{place}”: a colon and a port belong after the bracket.")
        return host, _port(rest[1:]) if rest else None
    if place.count(":") == 1:
        host, _, port = place.partition(":")
        return host, _port(port)
    return place, None


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise ConfigError(f"“{text}” is not a port: ports are 1 to 65535.")


@dataclass(frozen=True, slots=True)
class HostConfig:
    """Everything needed to dial a host, decided.

    Attributes:
        alias: the name it was asked for by; messages and host key alias start from it.
        key_name: under which its host key is kept: HostKeyAlias, or the host name.
        proxy_jump: hosts to go through, the first one first; empty is a direct connection.
        proxy_command: set when the configuration wants one, which is not supported.
    """

    alias: str
    hostname: str
    port: int
    user: str
    identity_files: tuple[Path, ...] = ()
    identities_only: bool = False
    proxy_jump: tuple[Target, ...] = ()
    proxy_command: str = ""
    known_hosts_files: tuple[Path, ...] = ()
    host_key_alias: str = ""

    @property
    def key_name(self) -> str:
        return self.host_key_alias or self.hostname

    def __str__(self) -> str:
        return str(Target(self.hostname, self.user, self.port))


def _succeeds(command: str) -> bool:
    """Run a `Match exec` command of the user's own configuration, as ssh does."""
    try:
        done = subprocess.run(  # noqa: S602 - a command line, by definition of the setting
            command, shell=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=_MATCH_EXEC_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


@dataclass(frozen=True)
class SshConfig:
    """The configuration files of this account, in the order in which they count.

    Read anew for each look-up: they are small, and the user edits them while the window is open. Of `Match` all
    criteria but canonical, final, tagged and localnetwork are known; a block that asks for one of these is left out.
    """

    home: Path = field(default_factory=Path.home)
    system: Path = Path("/etc/ssh")
    succeeds: Callable[[str], bool] = _succeeds

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.home / ".ssh" / "config", self.system / "ssh_config")

    def look_up(self, target: Target | str) -> HostConfig:
        """Decide everything about a host. Raises ConfigError; a file that cannot be read says nothing."""
        wanted = Target.parse(target) if isinstance(target, str) else target
        found = _LookUp(self, wanted)
        for file in self.files:
            found.read(file)
        return found.decided()


class _LookUp:
    """One walk through the files for one host; the first value of each setting counts."""

    def __init__(self, config: SshConfig, target: Target) -> None:
        self._config = config
        self._target = target
        self._values: dict[str, list[str]] = {}

    def read(self, file: Path, active: bool = True, depth: int = 0) -> None:
        """Take what *file* says; *active* is whether the block that includes it applies."""
        applies = active
        for key, words in _settings(file):
            match key:
                case "host":
                    applies = active and _names(words, self._target.host)
                case "match":
                    applies = active and self._matches(words)
                case "include":
                    if depth < _MOST_NESTED_INCLUDES:
                        for included in self._included(words, file):
                            self.read(included, applies, depth + 1)
                case _ if applies and words:
                    self._take(key, words)

    def _take(self, key: str, words: list[str]) -> None:
        if key in _LISTS:
            self._values.setdefault(key, []).append(words[0])
        else:
            self._values.setdefault(key, words)

    def _included(self, words: list[str], file: Path) -> Iterator[Path]:
        """Expand names and patterns; relative ones lie in ~/.ssh, or beside the system's file."""
        base = self._config.system if file.is_relative_to(self._config.system) else self._config.home / ".ssh"
        for word in filter(None, words):
            path = Path(self._home_expanded(word))
            root = Path(path.anchor) if path.is_absolute() else base
            yield from sorted(root.glob(str(path.relative_to(root) if path.is_absolute() else path)))

    def _matches(self, words: list[str]) -> bool:
        remaining = iter(words)
        for word in remaining:
            negated, name = word.startswith("!"), word.lstrip("!").lower()
            holds = self._criterion(name, next(remaining, "") if name != "all" else "")
            if holds is None or holds is negated:
                return False
        return True

    def _criterion(self, name: str, argument: str) -> bool | None:
        """Tell whether a `Match` criterion holds; None when we do not know this one."""
        match name:
            case "all":
                return True
            case "host":
                return _names(argument.split(","), self._hostname())
            case "originalhost":
                return _names(argument.split(","), self._target.host)
            case "user":
                return _names(argument.split(","), self._user())
            case "localuser":
                return _names(argument.split(","), getpass.getuser())
            case "exec":
                return self._config.succeeds(self._expanded(argument))
            case _:
                return None

    def _first(self, key: str, default: str = "") -> str:
        return self._values.get(key, [default])[0]

    def _hostname(self) -> str:
        return self._first("hostname", self._target.host).replace("%h", self._target.host).replace("%%", "%")

    def _user(self) -> str:
        return self._target.user or self._first("user") or getpass.getuser()

    def _port(self) -> int:
        return self._target.port or _port(self._first("port", str(DEFAULT_PORT)))

    def _home_expanded(self, text: str) -> str:
        """Replace a leading "~" by the home directory of this look-up."""
        return str(self._config.home) + text[1:] if text == "~" or text.startswith("~/") else text

    def _expanded(self, text: str) -> str:
        """Replace "~", ${VARIABLE} and the tokens of ssh_config(5) that paths and commands use."""
        tokens = {
            "%": "%",
            "d": str(self._config.home),
            "h": self._hostname(),
            "n": self._target.host,
            "p": str(self._port()),
            "r": self._user(),
            "u": getpass.getuser(),
        }
        text = _ENVIRONMENT.sub(lambda found: os.environ.get(found[1], ""), self._home_expanded(text))
        return re.sub(r"%(.)", lambda found: tokens.get(found[1], found[0]), text)

    def _paths(self, key: str, *default: Path) -> tuple[Path, ...]:
        if key not in self._values:
            return default
        return tuple(Path(self._expanded(word)) for word in self._values[key] if word.lower() != "none")

    def _identities(self) -> tuple[Path, ...]:
        home = self._config.home / ".ssh"
        usual = [path for name in _DEFAULT_IDENTITIES if (path := home / name).exists()]
        return tuple(dict.fromkeys(self._paths("identityfile", *usual)))

    def _jumps(self) -> tuple[Target, ...]:
        words = self._first("proxyjump")
        if not words or words.lower() == "none":
            return ()
        return tuple(Target.parse(self._expanded(word)) for word in words.split(","))

    def _command(self) -> str:
        """Return the ProxyCommand that would be used: the first of ProxyJump and ProxyCommand counts."""
        command = self._values.get("proxycommand", [])
        before = next((key for key in self._values if key in {"proxyjump", "proxycommand"}), "")
        return "" if before != "proxycommand" or command[0].lower() == "none" else " ".join(command)

    def decided(self) -> HostConfig:
        home, command = self._config.home / ".ssh", self._command()
        return HostConfig(
            alias=self._target.host,
            hostname=self._hostname(),
            port=self._port(),
            user=self._user(),
            identity_files=self._identities(),
            identities_only=self._first("identitiesonly").lower() in {"yes", "true"},
            proxy_jump=() if command else self._jumps(),
            proxy_command=command,
            known_hosts_files=(
                *self._paths("userknownhostsfile", home / "known_hosts", home / "known_hosts2"),
                *self._paths("globalknownhostsfile", self._config.system / "ssh_known_hosts"),
            ),
            host_key_alias=self._first("hostkeyalias"),
        )


def _settings(file: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the settings of a file: lower-case keyword and words. What is no setting is passed over."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        if setting := _SETTING.match(line):
            yield setting[1].lower(), _words(setting[2])


def _words(text: str) -> list[str]:
    """Split into words; double quotes hold one together, and a word that starts with # begins a comment."""
    words: list[str] = []
    for found in _WORD.finditer(text):
        quoted, plain = found.groups()
        if plain is not None and plain.startswith("#"):
            break
        words.append(quoted if plain is None else plain)
    return words


def _names(patterns: list[str], name: str) -> bool:
    """Tell whether a pattern list names *name*; one negated pattern that does refuses it."""
    found = False
    for pattern in patterns:
        if wildcard(pattern.removeprefix("!").lower()).fullmatch(name.lower()):
            if pattern.startswith("!"):
                return False
            found = True
    return found
