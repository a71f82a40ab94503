"""New documents as YAML: block style, keys in their order, comments where they belong.

Written is data that conversion made, and metadata as it stood in the old text, with its comments and layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pratique.compiler.converting.model import Route
from pratique.grammar.scalars import resolve_plain

_STEP: Final = 2
_SURELY_PLAIN: Final = re.compile(
    r"[A-Za-z0-9_./](?:[A-Za-z0-9_./@=+*-]|:(?=[A-Za-z0-9_./@*-])| (?=[A-Za-z0-9(])|[()])*"
)
_WIDTH: Final = 110


class Lines(str):
    """A text that is written folded: its lines are joined by blanks when it is read."""

    __slots__ = ()


class Verbatim(str):
    """Lines that are written as they are, indentation included, below a key."""

    __slots__ = ()


class Comments:
    """Comments of a document: those above a key or item, and those beside it, by its path."""

    def __init__(self) -> None:
        self.above: dict[Route, list[str]] = {}
        self.beside: dict[Route, str] = {}
        self.head: list[str] = []
        self.tail: list[str] = []


def document(data: Mapping[str, Any], comments: Comments) -> str:
    """Return a document as YAML, without a mark in front of it."""
    lines = [*comments.head, *_mapping(data, (), 0, comments), *comments.tail]
    return "\n".join(lines) + "\n"


def _mapping(data: Mapping[str, Any], path: Route, indent: int, comments: Comments) -> Iterator[str]:
    for key, value in data.items():
        here = (*path, key)
        yield from _above(here, indent, comments)
        yield from _value(f"{' ' * indent}{scalar(key)}:", value, here, indent, comments)


def _sequence(data: Sequence[Any], path: Route, indent: int, comments: Comments) -> Iterator[str]:
    for number, value in enumerate(data):
        here = (*path, number)
        yield from _above(here, indent, comments)
        if isinstance(value, Mapping) and value:
            lines = list(_mapping(value, here, indent + _STEP, comments))
            first = next(place for place, line in enumerate(lines) if not line.lstrip().startswith("#"))
            yield from (line[_STEP:] for line in lines[:first])
            yield f"{' ' * indent}- {lines[first].lstrip()}{_beside(here, comments)}"
            yield from lines[first + 1 :]
        else:
            yield from _value(f"{' ' * indent}-", value, here, indent, comments)


def _value(head: str, value: Any, path: Route, indent: int, comments: Comments) -> Iterator[str]:
    beside = _beside(path, comments)
    inner = indent + _STEP
    match value:
        case Verbatim():
            yield f"{head}{beside}"
            yield from value.split("\n")
        case Mapping() if value:
            yield f"{head}{beside}"
            yield from _mapping(value, path, inner, comments)
        case list() | tuple() if value:
            yield f"{head}{beside}"
            yield from _sequence(value, path, inner, comments)
        case Mapping():
            yield f"{head} {{}}{beside}"
        case list() | tuple():
            yield f"{head} []{beside}"
        case Lines() if "\n" in value or len(head) + len(value) > _WIDTH:
            yield f"{head} >-{beside}"
            yield from (f"{' ' * inner}{line}" for line in value.split("\n"))
        case str() if _is_block(value):
            ending = "" if value.endswith("\n") else "-"
            yield f"{head} |{ending}{beside}"
            yield from (
                f"{' ' * inner}{line}" if line else "" for line in value.removesuffix("\n").split("\n")
            )
        case _:
            yield f"{head} {scalar(value)}{beside}"


def _is_block(text: str) -> bool:
    """Say whether a text is one of several lines that a block scalar holds as they are."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and bool(lines[0])
        and not text.endswith("\n\n")
        and not lines[0].startswith(" ")
        and all(line.isprintable() for line in lines)
    )


def _above(path: Route, indent: int, comments: Comments) -> Iterator[str]:
    for line in comments.above.get(path, ()):
        yield f"{' ' * indent}{line}" if line else ""


def _beside(path: Route, comments: Comments) -> str:
    text = comments.beside.get(path)
    return f" {text}" if text else ""


def scalar(value: Any) -> str:
    """Return a scalar on one line, in quotes where it needs them."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case str() if _SURELY_PLAIN.fullmatch(value) and resolve_plain(value) == value:
            return value
        case str() if "'" not in value and value.isprintable() and value.isascii():
            return f"'{value}'"
        case str():
            return f'"{"".join(map(_escaped, value))}"'
        case _:
            return str(value)


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isascii() and character.isprintable():
        return character
    return "\\n" if character == "\n" else f"\\U{ord(character):08X}"
