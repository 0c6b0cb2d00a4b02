"""Filters as they are typed: words, and ``state: owner: group: type:`` with a word or a "quoted phrase" each."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_PART = re.compile(r'(?:(\w+):)?("[^"]*"?|\S+)')


@dataclass(frozen=True, slots=True)
class Filter:
    """What was typed, taken apart. Case does not matter; all parts must hold.

    Attributes:
        words: each must occur somewhere in the row.
        fields: each must occur in the column of that key.
    """

    words: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.fields)

    def matches(self, everything: Callable[[], str], column: Callable[[str], str]) -> bool:
        """Tell whether a row passes.

        Args:
            everything: returns all texts of the row, case-folded.
            column: returns the text of the column with that key, case-folded.
        """
        if any(value not in column(key) for key, value in self.fields):
            return False
        if not self.words:
            return True
        text = everything()
        return all(word in text for word in self.words)


def parse_filter(text: str, keys: frozenset[str]) -> Filter:
    """Take apart what was typed; a prefix that is none of *keys* is part of a word ("10.0.0.1:80")."""
    words: list[str] = []
    fields: list[tuple[str, str]] = []
    for match in _PART.finditer(text.casefold()):
        key, value = match.group(1), match.group(2).strip('"')
        if key in keys:
            if value:
                fields.append((key, value))
        elif whole := match.group(0).strip('"'):
            words.append(whole)
    return Filter(tuple(words), tuple(fields))
