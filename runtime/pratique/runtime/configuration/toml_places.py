"""Where keys and values of a TOML text stand, told by the standard library's reader, which does not say.

A beginning of the text that can be read holds whole statements. The shortest one that holds a key ends with
the statement that gives it, and the next shorter one ends before it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any, Final

from pratique.grammar.source import Location, Position, Source, Span

_AT: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def syntax_error(source: Source, error: Exception) -> tuple[str, Location]:
    """Return what the reader says is wrong, and where."""
    message = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    match = _AT.search(message)
    if match and match.group(1):
        place = Position(int(match.group(1)), int(match.group(2)))
    else:
        lines = source.text.splitlines() or [""]
        place = Position(len(lines), max(len(lines[-1]), 1))
    return _AT.sub("", message), Location(source, Span.at(place.line, place.column))


def locate(source: Source, path: Sequence[str], value: str | None = None) -> Location:
    """Return where the last key of a path stands, or a text among its values."""
    lines = source.text.splitlines(keepends=True)
    ends = _Statements(lines)
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high) // 2
        if ends.holds(middle, path):
            high = middle
        else:
            low = middle + 1
    first = ends.before(low - 1)
    statement = "".join(lines[first:low])
    start, length = _token(statement, path[-1], value)
    before = statement[:start]
    line = first + before.count("\n") + 1
    return Location(source, Span.at(line, start - (before.rfind("\n") + 1) + 1, length))


class _Statements:
    """The beginnings of a text that can be read, by the number of their lines."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._known: dict[int, dict[str, Any] | None] = {}

    def before(self, number: int) -> int:
        """Return the length of the longest beginning of at most so many lines."""
        while number > 0 and self._read(number) is None:
            number -= 1
        return number

    def holds(self, number: int, path: Sequence[str]) -> bool:
        found: Any = self._read(self.before(number)) or {}
        for key in path:
            if not isinstance(found, dict) or key not in found:
                return False
            found = found[key]
        return True

    def _read(self, number: int) -> dict[str, Any] | None:
        if number not in self._known:
            try:
                self._known[number] = tomllib.loads("".join(self._lines[:number]))
            except (ValueError, RecursionError):
                self._known[number] = None
        return self._known[number]


def _token(statement: str, key: str, value: str | None) -> tuple[int, int]:
    """Return start and length of a key, or of a text, in the statement that gives it."""
    if value is not None:
        for written in (f'"{value}"', f"'{value}'"):
            if (start := statement.find(written)) >= 0:
                return start, len(written)
    match = re.search(rf"(?<![\w-])([\"']?){re.escape(key)}\1(?=[ \t]*[=.\]])", statement)
    if match:
        return match.start(), len(match.group())
    start = len(statement) - len(statement.lstrip())
    return start, 1
