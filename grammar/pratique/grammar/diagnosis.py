"""Where and why a text leaves a lark grammar: the slow half of the small languages.

The languages are read with regular expressions; their `.lark` files define them and word the mistakes. lark
is loaded when the first mistake is to be explained, never on the good path.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

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
    from lark.exceptions import UnexpectedInput, UnexpectedToken

    parser: Any = _grammar(name, starts).parse_interactive(text, start=start)
    try:
        for _ in parser.iter_parse():
            pass
        parser.feed_eof()
    except UnexpectedInput as error:
        at_end = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        expected = sorted(words.get(name, name) for name in parser.accepts())
        offset: Any = len(text) if at_end else error.pos_in_stream
        return Diagnosis(offset, tuple(expected))
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
