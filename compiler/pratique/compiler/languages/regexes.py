r"""Regular expressions in RE2 syntax as languages: the texts that one is found in, and those it spans.

What is read is exact over ASCII. Not everything is: word boundaries, Unicode classes, flags other than `i`
and `s`, and characters outside ASCII raise `UnsupportedError`, and then nothing is claimed.

References: RE2 wiki, "Syntax"; `$` and `\z` are the end of the text, `^` and `\A` its beginning, `.` is no
line feed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Final, NamedTuple

from pratique.compiler.languages.expressions import (
    ALL_CHARACTERS,
    EMPTY,
    EVERYTHING,
    Expression,
    characters,
    chars,
    concat,
    either,
    nullable,
    repeat,
)

MAX_CHARACTERS: Final = 2_000
"""Length of an expression that is read."""

MAX_REPEAT: Final = 1_000
"""Highest count that RE2 takes."""

MAX_DEPTH: Final = 50
"""Groups within groups."""


class UnsupportedError(ValueError):
    """The expression uses what this module does not read, or is none."""


class Piece(NamedTuple):
    """Matches of a part: texts of `language`, at the beginning or end of the whole text where it says so."""

    at_start: bool
    language: Expression
    at_end: bool


class Regex(NamedTuple):
    """What an expression accepts.

    Attributes:
        found: the texts that hold a match, as Go's `MatchString` and cosign decide.
        spanned: the texts that are a match as a whole, as if `^(?:` and `)$` stood around the expression.
    """

    found: Expression
    spanned: Expression


def read(text: str) -> Regex:
    """Return the languages of an expression.

    Raises:
        UnsupportedError: it cannot be read exactly.
    """
    if len(text) > MAX_CHARACTERS or not text.isascii():
        raise UnsupportedError(text)
    pieces = _Parser(text).whole()
    return Regex(
        found=either(
            *(
                concat(EMPTY if start else EVERYTHING, language, EMPTY if end else EVERYTHING)
                for start, language, end in pieces
            )
        ),
        spanned=either(*(piece.language for piece in pieces)),
    )


_DIGITS = characters("0123456789")
_LETTERS = characters("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SPACES = characters("\t\n\f\r ")
_PERL = {
    "d": _DIGITS,
    "w": _DIGITS | _LETTERS | characters("_"),
    "s": _SPACES,
    "D": ALL_CHARACTERS & ~_DIGITS,
    "W": ALL_CHARACTERS & ~(_DIGITS | _LETTERS | characters("_")),
    "S": ALL_CHARACTERS & ~_SPACES,
}
_LETTERS_OF_CONTROLS = {"a": "\a", "f": "\f", "t": "\t", "n": "\n", "r": "\r", "v": "\v"}
_UPPER = characters("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_POSIX = {
    "alpha": _LETTERS,
    "digit": _DIGITS,
    "alnum": _LETTERS | _DIGITS,
    "upper": _UPPER,
    "lower": _LETTERS & ~_UPPER,
    "word": _PERL["w"],
    "space": _SPACES | characters("\v"),
    "xdigit": _DIGITS | characters("abcdefABCDEF"),
    "punct": characters("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
}


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._depth = 0
        self._fold = False
        self._dot_all = False

    def whole(self) -> list[Piece]:
        pieces = self._alternatives()
        if self._place < len(self._text):
            raise UnsupportedError("unmatched )")
        return pieces

    def _peek(self) -> str:
        return self._text[self._place : self._place + 1]

    def _take(self, text: str) -> bool:
        if not self._text.startswith(text, self._place):
            return False
        self._place += len(text)
        return True

    def _next(self) -> str:
        if self._place == len(self._text):
            raise UnsupportedError("unexpected end")
        self._place += 1
        return self._text[self._place - 1]

    def _alternatives(self) -> list[Piece]:
        found = self._sequence()
        while self._take("|"):
            found = [*found, *self._sequence()]
        return _merged(found)

    def _sequence(self) -> list[Piece]:
        sequence = [Piece(False, EMPTY, False)]
        while self._peek() not in ("", "|", ")"):
            item = self._repeated()
            sequence = _merged(_joined(first, second) for first, second in product(sequence, item))
        return sequence

    def _repeated(self) -> list[Piece]:
        item = self._atom()
        count = self._count()
        if count is None:
            return item
        if self._count() is not None:
            raise UnsupportedError("double repetition")
        low, high = count
        if any(piece.at_start or piece.at_end for piece in item):
            if (low, high) != (0, 1):
                raise UnsupportedError("a repeated anchor")
            return _merged([*item, Piece(False, EMPTY, False)])
        language = either(*(piece.language for piece in item))
        return [Piece(False, repeat(language, low, high), False)]

    def _count(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if self._peek() in simple:
            count = simple[self._next()]
        elif (braces := self._braces()) is not None:
            count = braces
        else:
            return None
        self._take("?")  # lazy or greedy, the language is the same
        return count

    def _braces(self) -> tuple[int, int | None] | None:
        """Read `{2}`, `{2,}` or `{2,3}`; any other brace is a literal one."""
        end = self._text.find("}", self._place)
        if self._peek() != "{" or end < 0:
            return None
        low, comma, high = self._text[self._place + 1 : end].partition(",")
        if not low.isdigit() or not (high.isdigit() or not high):
            return None
        self._place = end + 1
        counts = int(low), (int(high) if high else None) if comma else int(low)
        if max(counts[0], counts[1] or 0) > MAX_REPEAT or (counts[1] is not None and counts[1] < counts[0]):
            raise UnsupportedError("invalid repeat count")
        return counts

    def _atom(self) -> list[Piece]:
        character = self._next()
        match character:
            case "^":
                return [Piece(True, EMPTY, False)]
            case "$":
                return [Piece(False, EMPTY, True)]
            case "(":
                return self._group()
            case "[":
                return _single(self._class())
            case ".":
                return _single(ALL_CHARACTERS if self._dot_all else ALL_CHARACTERS & ~characters("\n"))
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise UnsupportedError("nothing to repeat")
            case _:
                return _single(self._folded(characters(character)))

    def _group(self) -> list[Piece]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UnsupportedError("too deep")
        outer = self._fold, self._dot_all
        if self._take("?"):
            if self._take("P<") or self._take("<"):
                while self._next() != ">":
                    pass
            elif self._flags():
                self._depth -= 1
                return [Piece(False, EMPTY, False)]  # flags without a group hold until the group's end
        pieces = self._alternatives()
        if not self._take(")"):
            raise UnsupportedError("missing )")
        self._fold, self._dot_all = outer
        self._depth -= 1
        return pieces

    def _flags(self) -> bool:
        """Read flags up to `:` or `)`; say whether it was `)`, so that there is no group."""
        on = True
        while (flag := self._next()) not in ":)":
            match flag:
                case "i":
                    self._fold = on
                case "s":
                    self._dot_all = on
                case "-" if on:
                    on = False
                case _:
                    raise UnsupportedError(f"flag {flag}")
        return flag == ")"

    def _escape(self) -> list[Piece]:
        letter = self._next()
        match letter:
            case "A":
                return [Piece(True, EMPTY, False)]
            case "z":
                return [Piece(False, EMPTY, True)]
            case _:
                return _single(self._folded(self._escaped(letter)))

    def _escaped(self, letter: str) -> int:
        """Return the set that an escape stands for, inside or outside a class."""
        if letter in _PERL:
            return _PERL[letter]
        if letter in _LETTERS_OF_CONTROLS:
            return characters(_LETTERS_OF_CONTROLS[letter])
        if letter.isalnum():
            raise UnsupportedError(f"escape {letter}")
        return characters(letter)

    def _class(self) -> int:
        negated = self._take("^")
        mask, first = 0, True
        while first or self._peek() != "]":
            first = False
            if self._take("[:"):
                mask |= self._posix()
                continue
            low = self._member()
            if self._peek() == "-" and self._text[self._place + 1 : self._place + 2] not in ("]", ""):
                self._next()
                mask |= _between(low, self._member())
            else:
                mask |= low
        self._next()
        mask = self._folded(mask)
        return ALL_CHARACTERS & ~mask if negated else mask

    def _posix(self) -> int:
        negated = self._take("^")
        end = self._text.find(":]", self._place)
        name = self._text[self._place : end] if end >= 0 else ""
        if name not in _POSIX:
            raise UnsupportedError("unknown class")
        self._place = end + 2
        return ALL_CHARACTERS & ~_POSIX[name] if negated else _POSIX[name]

    def _member(self) -> int:
        character = self._next()
        return self._escaped(self._next()) if character == "\\" else characters(character)

    def _folded(self, mask: int) -> int:
        if not self._fold:
            return mask
        lower = mask & _LETTERS & ~_UPPER
        return mask | lower >> 32 | (mask & _UPPER) << 32


def _single(mask: int) -> list[Piece]:
    return [Piece(False, chars(mask), False)]


def _between(low: int, high: int) -> int:
    if low.bit_count() != 1 or high.bit_count() != 1 or low > high:
        raise UnsupportedError("invalid range")
    return (high << 1) - low


def _joined(first: Piece, second: Piece) -> Piece:
    """Return first, then second. An anchor between them leaves only the empty text on its outer side."""
    at_start, language, at_end = first.at_start, first.language, second.at_end
    rest = second.language
    if second.at_start:
        language = EMPTY if nullable(language) else chars(0)
        at_start = True
    if first.at_end:
        rest = EMPTY if nullable(rest) else chars(0)
        at_end = True
    return Piece(at_start, concat(language, rest), at_end)


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    """Return one piece for each kind of anchoring."""
    merged: dict[tuple[bool, bool], Expression] = {}
    for at_start, language, at_end in pieces:
        known = merged.get((at_start, at_end))
        merged[at_start, at_end] = either(known, language) if known else language
    return [Piece(at_start, language, at_end) for (at_start, at_end), language in merged.items()]
