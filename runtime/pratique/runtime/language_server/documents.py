"""The text of an editor as a source, and its positions in the editor's units.

Sources count lines from 1 and columns in code points from 1; the protocol counts both from 0, and columns in
the units that client and server have agreed on (UTF-16 unless both say otherwise).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from pratique.grammar.source import Position, Source, Span

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDocument:
    """A document as an editor holds it, saved or not.

    Attributes:
        version: number that the editor gave this text.
        source: its text, without a byte order mark; the name is the path where there is one, else the URI.
        has_mark: a byte order mark stands in front of the text.
    """

    uri: str
    version: int | None
    source: Source
    has_mark: bool = False

    @classmethod
    def of(cls, uri: str, version: int | None, text: str) -> OpenDocument:
        """Return the document that an editor calls `uri`."""
        has_mark = text.startswith(_BOM)
        source = Source(to_fs_path(uri) or uri, text[1:] if has_mark else text)
        return cls(uri=uri, version=version, source=source, has_mark=has_mark)


def uri_of(source_name: str) -> str:
    """Return the URI of a source by its name."""
    return source_name if re.match(r"[a-z][a-z0-9+.-]+:", source_name) else from_fs_path(source_name) or ""


class Positions:
    """Where the places of one text are in an editor's units.

    Args:
        text: the text of the source.
        encoding: units of columns.
        has_mark: the editor counts a byte order mark in front of the text, the source does not.
    """

    def __init__(
        self, text: str, encoding: types.PositionEncodingKind | str, *, has_mark: bool = False
    ) -> None:
        self._text = text
        self._encoding = encoding
        self._shift = int(has_mark) if encoding != types.PositionEncodingKind.Utf8 else 3 * has_mark

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends, as the protocol tells them apart."""
        return _LINE_END.split(self._text)

    def position(self, place: Position) -> types.Position:
        """Return a place in the editor's units; one behind the end of its line is at the end."""
        number = min(max(place.line, 1), len(self.lines))
        units = self._units(self.lines[number - 1][: place.column - 1])
        return types.Position(line=number - 1, character=units + (self._shift if number == 1 else 0))

    def range(self, span: Span) -> types.Range:
        """Return a span in the editor's units."""
        return types.Range(start=self.position(span.start), end=self.position(span.end))

    def first_line(self, span: Span) -> types.Range:
        """Return the part of a span that is on its first line, which is what an editor should underline."""
        start, end = span
        if end.line > start.line:
            end = Position(start.line, len(self.lines[min(start.line, len(self.lines)) - 1].rstrip()) + 1)
        return self.range(Span(start, max(start, end)))

    def place(self, position: types.Position) -> Position:
        """Return the place of a position of the editor, moved into the text where it is outside."""
        number = min(max(position.line, 0), len(self.lines) - 1)
        left = position.character - (self._shift if number == 0 else 0)
        column = 1
        for character in self.lines[number]:
            left -= self._units(character)
            if left < 0:
                break
            column += 1
        return Position(number + 1, column)

    @property
    def everything(self) -> Span:
        """The whole text."""
        return Span(Position(1, 1), Position(len(self.lines), len(self.lines[-1]) + 1))

    def _units(self, text: str) -> int:
        match self._encoding:
            case types.PositionEncodingKind.Utf32:
                return len(text)
            case types.PositionEncodingKind.Utf8:
                return len(text.encode(errors="surrogatepass"))
            case _:
                return len(text.encode("utf-16-le", errors="surrogatepass")) // 2
