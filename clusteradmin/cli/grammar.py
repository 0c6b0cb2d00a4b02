"""The command line's grammar, cluster.exe's: OBJECT [NAME] --verb[:value] ..., where /verb and --verb are the same."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_OPTION = re.compile(r"(?:--|/)([A-Za-z?][A-Za-z0-9_-]*)(?:[:=](.*))?", re.DOTALL)
_SHORT = {"-h": "help", "-?": "help", "-y": "yes"}


class UsageError(Exception):
    """The line cannot be understood; ``str()`` is a sentence that says what to write."""


class Takes(enum.Enum):
    """What may stand behind an option."""

    NOTHING = "nothing"
    MAYBE = "maybe"  # --online or --online:10
    VALUE = "value"  # --group:G or --group G
    PAIRS = "pairs"  # --prop Name=value Name=value


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """One option of an object.

    Attributes:
        name: in full; *shortest* is the shortest abbreviation, as cluster.exe has it ("on" of "online").
        value: what the value is called in the help ("NODE", "SECONDS").
        verb: it does something; the others say how.
        needs_name: it is of no use without the object's name.
    """

    name: str
    shortest: str
    help: str
    takes: Takes = Takes.NOTHING
    value: str = ""
    verb: bool = True
    needs_name: bool = True
    aliases: tuple[str, ...] = ()

    def is_called(self, word: str) -> bool:
        """Tell whether *word*, in lower case, means this option."""
        return word in self.aliases or (self.name.startswith(word) and word.startswith(self.shortest))

    @property
    def usage(self) -> str:
        """How it is written: "--online[:SECONDS]"."""
        match self.takes:
            case Takes.NOTHING:
                return f"--{self.name}"
            case Takes.MAYBE:
                return f"--{self.name}[:{self.value}]"
            case Takes.VALUE:
                return f"--{self.name}:{self.value}"
            case Takes.PAIRS:
                return f"--{self.name} [NAME=VALUE ...]"


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """One kind of object with its options; *default* is the verb of a line without one."""

    name: str
    aliases: tuple[str, ...]
    summary: str
    options: tuple[OptionSpec, ...]
    default: str
    examples: tuple[str, ...]
    argument: str = "NAME"

    def option(self, word: str) -> OptionSpec:
        """Return the option that *word* means.

        Raises:
            UsageError: there is none, or more than one.
        """
        lowered = word.lower()
        found = [option for option in self.options if option.is_called(lowered)]
        exact = [option for option in found if option.name == lowered or lowered in option.aliases]
        if len(exact or found) == 1:
            return (exact or found)[0]
        if found:
            names = ", ".join(f"--{option.name}" for option in found)
            raise UsageError(f"--{word} may mean {names}; write more of it.")
        known = ", ".join(f"--{option.name}" for option in self.options)
        raise UsageError(f"{self.name} has no option --{word}; it has {known}.")


@dataclass(frozen=True, slots=True)
class Option:
    """An option as it was written; *pairs* are the Name=value words behind it, None where only a name stands."""

    name: str
    value: str | None = None
    pairs: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What a line says. *seconds* is the value of --wait: None without it, infinite without a number."""

    object: ObjectSpec
    name: str | None
    verbs: tuple[Option, ...]
    others: tuple[Option, ...]
    target: str = ""

    def get(self, name: str) -> Option | None:
        """Return the option that says how, if it was given."""
        return next((option for option in self.others if option.name == name), None)

    def has(self, name: str) -> bool:
        """Tell whether the option was given."""
        return self.get(name) is not None

    @property
    def seconds(self) -> float | None:
        option = self.get("wait")
        return None if option is None else seconds(option)


def seconds(option: Option) -> float:
    """Return the number of seconds behind an option; infinite when there is none.

    Raises:
        UsageError: it is no number.
    """
    if option.value is None or option.value == "":
        return math.inf
    try:
        number = float(option.value)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise UsageError(
            f"--{option.name}:{option.value}: a number of seconds is wanted, for example --{option.name}:10."
        )
    return number


def option_word(word: str) -> tuple[str, str | None] | None:
    """Split "--name:value"; None when *word* is no option (a path such as /etc/hosts is none)."""
    if word in _SHORT:
        return _SHORT[word], None
    found = _OPTION.fullmatch(word)
    return (found[1], found[2]) if found else None


def parse(words: Sequence[str], objects: Iterable[ObjectSpec]) -> CommandLine:
    """Read a command line, without the program's name.

    Raises:
        UsageError: see there.
    """
    reader = _Reader(list(words), {key: spec for spec in objects for key in (spec.name, *spec.aliases)})
    return reader.read()


class _Reader:
    def __init__(self, words: list[str], objects: dict[str, ObjectSpec]) -> None:
        self._words = words
        self._objects = objects
        self._target: str | None = None
        self._verbs: list[Option] = []
        self._others: list[Option] = []
        self._names: list[str] = []

    def read(self) -> CommandLine:
        spec = self._object()
        while self._words:
            word = self._words.pop(0)
            if split := option_word(word):
                self._option(spec, *split)
            else:
                self._names.append(word)
        if len(self._names) > 1:
            raise UsageError(f"“{self._names[1]}” is not expected here; put a name with blanks in quotation marks.")
        name = self._names[0] if self._names else None
        if name is not None and not name.strip():
            raise UsageError(f"The name of the {spec.name} is empty; leave it out to mean all, where that is possible.")
        return CommandLine(spec, name, tuple(self._verbs), tuple(self._others), self._target or "")

    def _object(self) -> ObjectSpec:
        """Read "[--cluster TARGET] OBJECT", or cluster.exe's "NAME OBJECT"."""
        while self._words:
            word = self._words.pop(0)
            if split := option_word(word):
                name, value = split
                if not "cluster".startswith(name.lower()) or len(name) < 2:
                    raise UsageError(f"{word} stands before the object; write clusteradmin OBJECT [NAME] {word}.")
                self._set_target(value)
            elif word.lower() in self._objects:
                return self._objects[word.lower()]
            elif self._target is None and self._words and self._words[0].lower() in self._objects:
                self._target = word
            else:
                known = ", ".join(dict.fromkeys(spec.name for spec in self._objects.values()))
                raise UsageError(f"“{word}” is no kind of object; there are {known}.")
        raise UsageError("An object is missing: clusteradmin OBJECT [NAME] --verb; clusteradmin --help lists them.")

    def _set_target(self, value: str | None) -> None:
        if value is None:
            if not self._words:
                raise UsageError("--cluster needs a target: --cluster TARGET.")
            value = self._words.pop(0)
        self._target = value

    def _option(self, spec: ObjectSpec, word: str, value: str | None) -> None:
        if word.lower() == "cluster":
            self._set_target(value)
            return
        option = spec.option(word)
        pairs: list[tuple[str, str | None]] = []
        if option.takes is Takes.NOTHING and value:
            raise UsageError(f"--{option.name} takes no value.")
        if option.takes is Takes.VALUE and not value:
            value = self._next_value(option)
        if option.takes is Takes.PAIRS:
            given = [value] if value else []
            while self._words and option_word(self._words[0]) is None:
                given.append(self._words.pop(0))
            pairs, value = [_pair(one) for one in given], None
        (self._verbs if option.verb else self._others).append(Option(option.name, value, tuple(pairs)))

    def _next_value(self, option: OptionSpec) -> str:
        if not self._words or option_word(self._words[0]) is not None:
            raise UsageError(f"--{option.name} needs a value: {option.usage}.")
        return self._words.pop(0)


def _pair(word: str) -> tuple[str, str | None]:
    name, equals, value = word.partition("=")
    if not name:
        raise UsageError(f"“{word}” is not of the form Name=value.")
    return name, value if equals else None
