"""Nearer places: where inside a block the very setting or text stands that a problem is about."""

from __future__ import annotations

import re

from pratique.grammar.source import Location, Position, Span


def of_setting(block: Location | None, name: str) -> Location | None:
    """Return the place of `name: value` in a block, or that of the block where it cannot be told."""
    return _first(block, re.compile(rf"(?<![\w-])[\"']?{re.escape(name)}[\"']?[ \t]*:[ \t]*[^\s,{{}}]*"))


def of_text(block: Location | None, text: str) -> Location | None:
    """Return the place of `text` in a block, or that of the block where it cannot be told."""
    return _first(block, re.compile(re.escape(text))) if text else block


def _first(block: Location | None, wanted: re.Pattern[str]) -> Location | None:
    """Return the place of the only match on the lines of a block, else the block's."""
    if block is None:
        return None
    start, end = block.span
    found: list[Span] = []
    for number in range(start.line, end.line + 1):
        line = block.source.line(number)
        low = start.column - 1 if number == start.line else 0
        high = end.column - 1 if number == end.line else len(line)
        for match in wanted.finditer(line, low, high):
            found.append(Span(Position(number, match.start() + 1), Position(number, match.end() + 1)))
    return Location(block.source, found[0]) if len(found) == 1 else block
