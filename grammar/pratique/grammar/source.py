"""Where things stand in the text that people wrote: sources, spans and the excerpt with carets."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

MAX_EXCERPT = 160
"""Columns of a source line that an excerpt shows; longer lines are cut around the caret."""


class Position(NamedTuple):
    """A place in a text: 1-based line and 1-based column, both in code points."""

    line: int
    column: int


class Span(NamedTuple):
    """A half-open piece of one source: `end` is the first position after it."""

    start: Position
    end: Position

    @classmethod
    def at(cls, line: int, column: int, width: int = 1) -> Span:
        """Return the span of `width` code points that starts at `line`, `column` (1-based)."""
        return cls(Position(line, column), Position(line, column + width))


NO_SPAN = Span(Position(1, 1), Position(1, 1))
"""For things that have no place of their own, such as an empty document."""


@dataclass(frozen=True)
class Source:
    """A text with the name that people know it by (a path, `<stdin>`, or a URL-free label).

    `name` goes into messages as it is; `text` is decoded already and starts without a byte order mark.
    """

    name: str
    text: str = field(repr=False)

    @cached_property
    def _line_starts(self) -> tuple[int, ...]:
        lines = self.text.splitlines(keepends=True)
        return (0, *accumulate(len(line) for line in lines))

    def line(self, number: int) -> str:
        """Return line `number` (1-based) without its line end; empty if there is no such line."""
        starts = self._line_starts
        if not 1 <= number < len(starts):
            return ""
        return self.text[starts[number - 1] : starts[number]].rstrip("\r\n\x85\u2028\u2029")

    def ending(self, number: int) -> str:
        """Return what ends line `number`: a line feed, CRLF ...; empty behind the last line."""
        starts = self._line_starts
        if not 1 <= number < len(starts):
            return ""
        return self.text[starts[number - 1] + len(self.line(number)) : starts[number]]

    def excerpt(self, span: Span, label: str = "") -> str:
        """Return the first line of `span` with carets and a label under it.

        Control characters are shown as `·`, so that a hostile policy cannot drive the terminal.
        """
        number, column = span.start
        line = "".join(c if c.isprintable() else "·" for c in self.line(number))
        end = span.end.column if span.end.line == number else len(line) + 1
        width = max(1, min(end, len(line) + 1) - column)
        if len(line) > MAX_EXCERPT:
            cut = max(0, min(column - 1 - MAX_EXCERPT // 4, len(line) - MAX_EXCERPT))
            line, column = line[cut : cut + MAX_EXCERPT], column - cut
            width = max(1, min(width, len(line) + 1 - column))
        gutter = f"{number} | "
        carets = f"{' ' * (len(gutter) - 2)}| {' ' * (column - 1)}{'^' * width}"
        return f"{gutter}{line}\n{carets}{' ' + label if label else ''}"


@dataclass(frozen=True)
class Location:
    """A span in a source: what a message needs to say `file:line:column` and to show the line."""

    source: Source
    span: Span

    def __str__(self) -> str:
        """Return `name:line:column`."""
        return f"{self.source.name}:{self.span.start.line}:{self.span.start.column}"
