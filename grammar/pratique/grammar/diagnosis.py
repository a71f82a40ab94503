"""Where and why a text leaves a lark grammar: the slow half of the small languages.

The languages are read with regular expressions; their `.lark` files define them and word the mistakes. lark
is loaded when the first mistake is to be explained, never on the good path.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lark import Lark


class Diagnosis(NamedTuple):
    """The first place (0-based, in code points) that does not fit, and what would have fitted there."""

    offset: int
    expected: tuple[str, ...]


def diagnose(
    name: str, starts: tuple[str, ...], start: str, text: str, words: Mapping[str, str]
) -> Diagnosis | None:
    """Return where `text` leaves the language, or None if it is in it.

    Args:
        name: grammar file of this package.
        starts: its start rules.
        start: the one that the text is read by.
        text: what to read; the caller bounds its length.
        words: what people call a terminal, by its name in the grammar.
    """
    from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

    try:
        _grammar(name, starts).parse(text, start=start)
    except UnexpectedInput as error:
        names: set[str] = set()
        offset = error.pos_in_stream
        match error:
            case UnexpectedCharacters():
                names = set(error.allowed or ())
            case UnexpectedToken():
                names = set(error.accepts or error.expected or ())
                if error.token.type == "$END":
                    offset = len(text)
            case _:
                pass
        expected = tuple(sorted(words.get(name, name) for name in names))
        return Diagnosis(len(text) if offset is None else offset, expected)
    return None


def phrase(problem: Diagnosis | None, text: str) -> tuple[int, str]:
    """Return a diagnosis as offset and phrase: what was expected, and what was found."""
    if problem is None:
        return 0, "it is not allowed here"
    found = f"found {text[problem.offset]!a}" if problem.offset < len(text) else "found the end"
    return problem.offset, f"expected {' or '.join(problem.expected)}, {found}"


@cache
def _grammar(name: str, starts: tuple[str, ...]) -> Lark:
    from lark import Lark

    text = files("pratique.grammar").joinpath(name).read_text(encoding="utf-8")
    return Lark(text, parser="lalr", start=list(starts))
