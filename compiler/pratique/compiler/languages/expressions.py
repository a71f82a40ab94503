"""Regular expressions over ASCII with intersection and complement, and their derivatives.

Expressions are interned: the functions of this module never make two objects for one expression, so that
identity is equality. They also simplify, which keeps the derivatives of an expression finite and few.

References: Brzozowski, "Derivatives of regular expressions", J. ACM 11 (1964); Owens, Reppy, Turon,
"Regular-expression derivatives re-examined", J. Funct. Program. 19 (2009), for simplification and classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

SIZE = 128
"""Characters of the alphabet: ASCII. A set of characters is an integer with one bit for each."""

ALL_CHARACTERS = (1 << SIZE) - 1


def characters(text: str) -> int:
    """Return the set of the ASCII characters of `text`; others belong to no set."""
    mask = 0
    for character in text:
        if character < "\x80":
            mask |= 1 << ord(character)
    return mask


def members(mask: int) -> str:
    """Return the characters of a set, in the order of ASCII."""
    letters = []
    while mask:
        low = mask & -mask
        letters.append(chr(low.bit_length() - 1))
        mask ^= low
    return "".join(letters)


@dataclass(frozen=True, slots=True, eq=False)
class Chars:
    """One character out of a set; no text at all where the set is empty."""

    mask: int


@dataclass(frozen=True, slots=True, eq=False)
class Concat:
    """A text of `first`, then one of `rest`; `first` is no `Concat`."""

    first: Expression
    rest: Expression


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """At least `low` and at most `high` texts of `of`; no upper limit where `high` is None."""

    of: Expression
    low: int
    high: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    """A text of some option; two options at least, none of them an `Either`."""

    options: frozenset[Expression]


@dataclass(frozen=True, slots=True, eq=False)
class Both:
    """A text of every part; two parts at least, none of them a `Both`. The empty text: no parts."""

    parts: frozenset[Expression]


@dataclass(frozen=True, slots=True, eq=False)
class Complement:
    """Every text outside `of`."""

    of: Expression


Expression: TypeAlias = Chars | Concat | Repeat | Either | Both | Complement

_interned: dict[object, Expression] = {}
_classes: dict[Expression, tuple[int, ...]] = {}


def chars(mask: int) -> Expression:
    """Return the language of single characters out of a set."""
    return _interned.setdefault(("chars", mask), Chars(mask))


NOTHING = chars(0)
"""No text at all."""

EMPTY = _interned.setdefault(("repeat", NOTHING, 0, 0), Repeat(NOTHING, 0, 0))
"""The empty text alone."""

EVERYTHING = _interned.setdefault(
    ("repeat", chars(ALL_CHARACTERS), 0, None), Repeat(chars(ALL_CHARACTERS), 0, None)
)
"""All texts."""


def one_of(text: str) -> Expression:
    """Return the language of the single characters of `text`."""
    return chars(characters(text))


def literal(text: str) -> Expression:
    """Return the language of `text` alone."""
    return concat(*(one_of(character) for character in text))


def concat(*parts: Expression) -> Expression:
    """Return the texts made of one text of each part, in order."""
    result = EMPTY
    for part in reversed(parts):
        result = _concat(part, result)
    return result


def _concat(first: Expression, rest: Expression) -> Expression:
    if first is NOTHING or rest is NOTHING:
        return NOTHING
    if first is EMPTY:
        return rest
    if rest is EMPTY:
        return first
    if first is EVERYTHING and (
        rest is EVERYTHING or (isinstance(rest, Concat) and rest.first is EVERYTHING)
    ):
        return rest
    if isinstance(first, Concat):
        return _concat(first.first, _concat(first.rest, rest))
    return _interned.setdefault(("concat", first, rest), Concat(first, rest))


def repeat(of: Expression, low: int = 0, high: int | None = None) -> Expression:
    """Return the texts made of `low` to `high` texts of `of`."""
    if high == 0 or of is EMPTY:
        return EMPTY
    if of is NOTHING:
        return NOTHING if low else EMPTY
    if (low, high) == (1, 1):
        return of
    return _interned.setdefault(("repeat", of, low, high), Repeat(of, low, high))


def optional(*parts: Expression) -> Expression:
    """Return the texts of the concatenation of `parts`, and the empty text."""
    return either(concat(*parts), EMPTY)


def either(*options: Expression) -> Expression:
    """Return the texts of any option."""
    flat: set[Expression] = set()
    single = 0
    for option in options:
        for each in option.options if isinstance(option, Either) else (option,):
            if isinstance(each, Chars):
                single |= each.mask
            else:
                flat.add(each)
    if single:
        flat.add(chars(single))
    if EVERYTHING in flat:
        return EVERYTHING
    if len(flat) < 2:
        return flat.pop() if flat else NOTHING
    frozen = frozenset(flat)
    return _interned.setdefault(("either", frozen), Either(frozen))


def both(*parts: Expression) -> Expression:
    """Return the texts that belong to every part."""
    flat: set[Expression] = set()
    for part in parts:
        flat.update(part.parts if isinstance(part, Both) else (part,))
    flat.discard(EVERYTHING)
    if NOTHING in flat:
        return NOTHING
    if EMPTY in flat:
        return EMPTY if all(nullable(part) for part in flat) else NOTHING
    if len(flat) < 2:
        return flat.pop() if flat else EVERYTHING
    frozen = frozenset(flat)
    return _interned.setdefault(("both", frozen), Both(frozen))


def complement(of: Expression) -> Expression:
    """Return all other texts."""
    if isinstance(of, Complement):
        return of.of
    if of is NOTHING:
        return EVERYTHING
    if of is EVERYTHING:
        return NOTHING
    return _interned.setdefault(("complement", of), Complement(of))


def containing(of: Expression) -> Expression:
    """Return the texts that hold a text of `of` somewhere."""
    return concat(EVERYTHING, of, EVERYTHING)


def nullable(expression: Expression) -> bool:
    """Say whether the empty text belongs to the language."""
    match expression:
        case Chars():
            return False
        case Concat(first, rest):
            return nullable(first) and nullable(rest)
        case Repeat(of, low, _):
            return low == 0 or nullable(of)
        case Either(options):
            return any(nullable(option) for option in options)
        case Both(parts):
            return all(nullable(part) for part in parts)
        case Complement(of):
            return not nullable(of)
        case _:
            assert_never(expression)


def derivative(expression: Expression, character: int) -> Expression:
    """Return what may follow `character` (its code, below `SIZE`) in texts of the language."""
    match expression:
        case Chars(mask):
            return EMPTY if mask >> character & 1 else NOTHING
        case Concat(first, rest):
            through = _concat(derivative(first, character), rest)
            return either(through, derivative(rest, character)) if nullable(first) else through
        case Repeat(of, low, high):
            # Right for nullable `of` too: fewer repetitions are then among more repetitions.
            fewer = repeat(of, max(low - 1, 0), None if high is None else high - 1)
            return _concat(derivative(of, character), fewer)
        case Either(options):
            return either(*(derivative(option, character) for option in options))
        case Both(parts):
            return both(*(derivative(part, character) for part in parts))
        case Complement(of):
            return complement(derivative(of, character))
        case _:
            assert_never(expression)


def classes(expression: Expression) -> tuple[int, ...]:
    """Return disjoint sets that cover ASCII, inside each of which all derivatives are equal."""
    known = _classes.get(expression)
    if known is None:
        known = _classes[expression] = _find_classes(expression)
    return known


def _find_classes(expression: Expression) -> tuple[int, ...]:
    match expression:
        case Chars(mask):
            return tuple(each for each in (mask, ALL_CHARACTERS & ~mask) if each)
        case Concat(first, rest):
            return _refine(classes(first), classes(rest)) if nullable(first) else classes(first)
        case Repeat(of, _, _) | Complement(of):
            return classes(of)
        case Either(parts) | Both(parts):
            result: tuple[int, ...] = (ALL_CHARACTERS,)
            for part in parts:
                result = _refine(result, classes(part))
            return result
        case _:
            assert_never(expression)


def _refine(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a & b for a in first for b in second if a & b)
