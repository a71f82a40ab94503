"""Where the characters of a scalar's value stand in the text: expressions in YAML have places of their own.

Reading a scalar changes white space (indentation goes, lines are folded) and escapes, and nothing else. So
the characters that are no white space are those of the text, one for one, once escapes are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.grammar.nodes import ScalarNode
from pratique.grammar.source import Position, Source, Span

_HEX_DIGITS: Final = {"x": 2, "u": 4, "U": 8}
_WHITE: Final = frozenset("\n\r\t NLP_tnrfvb")
"""Letters of escapes that stand for white space or control characters, beside white space itself."""


def place_in_scalar(source: Source, node: ScalarNode, offset: int) -> Span:
    """Return the span, one character wide, of the character at `offset` of a text.

    For white space it is that behind the character before it. A value that is no text has only the
    span of the scalar.

    Args:
        source: what the scalar was read from.
        node: a scalar whose value is a text.
        offset: 0-based, in code points of the value; its length for the place behind the last one.
    """
    text = node.value
    if not isinstance(text, str):
        return node.span
    before = sum(not _is_white(character) for character in text[:offset])
    inside = offset < len(text) and not _is_white(text[offset])
    wanted = before if inside else before - 1
    if wanted < 0:
        return Span(node.span.start, node.span.start)
    for number, place in enumerate(_visible(source, node)):
        if number == wanted:
            start = place if inside else Position(place.line, place.column + 1)
            return Span(start, Position(start.line, start.column + 1))
    return node.span


def _is_white(character: str) -> bool:
    return character.isspace() or not character.isprintable()


def _visible(source: Source, node: ScalarNode) -> Iterator[Position]:
    """Yield the places of the characters that are no white space, in order."""
    characters = _without_properties(_characters(source, node))
    match node.style:
        case '"':
            next(characters, None)
            yield from _escaped(characters)
        case "'":
            next(characters, None)
            yield from _quoted(characters)
        case "|" | ">":
            _, header = next(characters, ("", node.span.start))
            yield from (place for c, place in characters if place.line > header.line and not _is_white(c))
        case _:
            yield from (place for c, place in characters if not _is_white(c))


def _without_properties(characters: Iterator[tuple[str, Position]]) -> Iterator[tuple[str, Position]]:
    """Yield the characters behind a tag and an anchor, which count as part of a scalar."""
    is_property = False
    for character, place in characters:
        if is_property or character in "&!":
            is_property = not _is_white(character)
        elif not _is_white(character):
            yield character, place
            break
    yield from characters


def _characters(source: Source, node: ScalarNode) -> Iterator[tuple[str, Position]]:
    start, end = node.span
    for number in range(start.line, end.line + 1):
        line = source.line(number)
        first = start.column if number == start.line else 1
        last = end.column - 1 if number == end.line else len(line)
        for column in range(first, last + 1):
            yield line[column - 1 : column], Position(number, column)
        if number < end.line:
            yield "\n", Position(number, len(line) + 1)


def _quoted(characters: Iterator[tuple[str, Position]]) -> Iterator[Position]:
    """Yield places inside of single quotes, where two quotes are one."""
    for character, place in characters:
        if character == "'":
            next(characters, None)
        if not _is_white(character):
            yield place


def _escaped(characters: Iterator[tuple[str, Position]]) -> Iterator[Position]:
    """Yield places inside of double quotes."""
    low_surrogate = False
    for character, place in characters:
        if character != "\\":
            if not _is_white(character):
                yield place
            continue
        letter, _ = next(characters, ("", place))
        digits = "".join(next(characters, ("", place))[0] for _ in range(_HEX_DIGITS.get(letter, 0)))
        if low_surrogate:
            low_surrogate = False
        elif digits:
            code = int(digits, 16)
            low_surrogate = 0xD800 <= code < 0xDC00
            if low_surrogate or not _is_white(chr(code)):
                yield place
        elif letter not in _WHITE and letter not in "0ae":
            yield place
