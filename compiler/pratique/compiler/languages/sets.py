"""Boolean combinations of globs: the sets of texts that questions are asked about.

A combination is judged in two ways on a vector of glob states: by what is settled already, whatever follows
(three-valued), and by what holds if the text ends here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from pratique.compiler.ir import ImageRegion
from pratique.compiler.languages.globs import FAILED, MATCHED, Glob, Part


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Texts of some option; nothing, where there are none."""

    options: tuple[TextSet, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Texts of every part; everything, where there are none."""

    parts: tuple[TextSet, ...]


@dataclass(frozen=True, slots=True)
class NotIn:
    """Texts outside `of`."""

    of: TextSet


TextSet: TypeAlias = Glob | AnyOf | AllOf | NotIn

EVERYTHING = AllOf(())
NOTHING = AnyOf(())


def difference(whole: TextSet, *removed: TextSet) -> TextSet:
    """Return the texts of `whole` that belong to none of `removed`."""
    return AllOf((whole, *(NotIn(each) for each in removed)))


def symmetric_difference(first: TextSet, second: TextSet) -> TextSet:
    """Return the texts that belong to one of the two alone."""
    return AnyOf((difference(first, second), difference(second, first)))


def region(images: ImageRegion) -> TextSet:
    """Return the texts that a policy's image region covers."""
    included = AnyOf(tuple(Glob.of(pattern) for pattern in images.include))
    return difference(included, *(Glob.of(pattern) for pattern in images.skip))


def quotient(texts: TextSet, tail: str) -> TextSet:
    """Return the texts that belong to `texts` once `tail` is put behind them."""
    match texts:
        case Glob():
            globs = texts.quotient(tail)
            return globs[0] if len(globs) == 1 else AnyOf(globs)
        case AnyOf(options):
            return AnyOf(tuple(quotient(option, tail) for option in options))
        case AllOf(parts):
            return AllOf(tuple(quotient(part, tail) for part in parts))
        case NotIn(of):
            return NotIn(quotient(of, tail))
        case _:
            assert_never(texts)


def groups(texts: TextSet) -> list[tuple[Glob, ...]]:
    """Return groups of globs: every text of `texts` matches one glob of each group."""
    match texts:
        case Glob():
            return [(texts,)]
        case AllOf(parts):
            return [group for part in parts for group in groups(part)]
        case AnyOf(options):
            found = [groups(option)[:1] for option in options]
            return [tuple(glob for (group,) in found for glob in group)] if all(found) else []
        case NotIn():
            return []
        case _:
            assert_never(texts)


def required(texts: TextSet) -> list[Glob]:
    """Return globs that every text of `texts` matches."""
    return [group[0] for group in groups(texts) if len(group) == 1]


def subtracted(texts: TextSet) -> list[Glob]:
    """Return globs that no text of `texts` matches."""
    if isinstance(texts, AllOf):
        return [glob for part in texts.parts for glob in subtracted(part)]
    return _alternatives(texts.of) if isinstance(texts, NotIn) else []


def _alternatives(texts: TextSet) -> list[Glob]:
    """Return globs whose texts belong to `texts`."""
    if isinstance(texts, Glob):
        return [texts]
    return (
        [glob for option in texts.options for glob in _alternatives(option)]
        if isinstance(texts, AnyOf)
        else []
    )


def contains(texts: TextSet, text: str) -> bool:
    """Say whether `text` belongs to `texts`."""
    match texts:
        case Glob():
            return texts.matches(text)
        case AnyOf(options):
            return any(contains(option, text) for option in options)
        case AllOf(parts):
            return all(contains(part, text) for part in parts)
        case NotIn(of):
            return not contains(of, text)
        case _:
            assert_never(texts)


States: TypeAlias = Sequence[int]
"""One glob state for each glob of a combination."""


@dataclass(frozen=True, slots=True)
class Combination:
    """A set made ready for the search.

    Attributes:
        globs: the distinct globs of the set, in the order they were met.
        settled: True or False where all continuations agree as far as can be seen, None elsewhere.
        accepts: whether a text that ends here belongs to the set.
    """

    globs: tuple[Glob, ...]
    settled: Callable[[States], bool | None]
    accepts: Callable[[States], bool]


def combine(texts: TextSet) -> Combination:
    """Return the combination that decides `texts`."""
    globs: dict[tuple[Part, ...], tuple[int, Glob]] = {}
    settled, accepts = _compile(texts, globs)
    return Combination(tuple(glob for _, glob in globs.values()), settled, accepts)


def _compile(
    texts: TextSet, globs: dict[tuple[Part, ...], tuple[int, Glob]]
) -> tuple[Callable[[States], bool | None], Callable[[States], bool]]:
    match texts:
        case Glob():
            place, glob = globs.setdefault(texts.parts, (len(globs), texts))
            outcome = {MATCHED: True, FAILED: False}.get
            return (lambda states: outcome(states[place])), (lambda states: glob.accepts(states[place]))
        case NotIn(of):
            settled, accepts = _compile(of, globs)
            negation = {True: False, False: True, None: None}
            return (lambda states: negation[settled(states)]), (lambda states: not accepts(states))
        case AnyOf(parts) | AllOf(parts):
            return _compile_many(parts, isinstance(texts, AnyOf), globs)
        case _:
            assert_never(texts)


def _compile_many(
    parts: tuple[TextSet, ...], decisive: bool, globs: dict[tuple[Part, ...], tuple[int, Glob]]
) -> tuple[Callable[[States], bool | None], Callable[[States], bool]]:
    """Return how parts are judged of which one decides the whole by its value `decisive`.

    Globs, and what is outside of globs, are told by their states alone: long sets are made of nothing else.
    """
    leaves: list[tuple[int, Glob, bool, int]] = []
    others = []
    for part in parts:
        of = part.of if isinstance(part, NotIn) else part
        if isinstance(of, Glob):
            place, glob = globs.setdefault(of.parts, (len(globs), of))
            accepting = (of is part) is decisive
            leaves.append((place, glob, accepting, MATCHED if accepting else FAILED))
        else:
            others.append(_compile(part, globs))

    def settled_all(states: States) -> bool | None:
        if any(states[place] == deciding for place, _, _, deciding in leaves):
            return decisive
        values = [settled(states) for settled, _ in others]
        if decisive in values:
            return decisive
        is_open = None in values or any(states[place] > 0 for place, _, _, _ in leaves)
        return None if is_open else not decisive

    def accepts_all(states: States) -> bool:
        decided = any(glob.accepts(states[place]) is accepting for place, glob, accepting, _ in leaves)
        return decisive is (decided or any(accepts(states) is decisive for _, accepts in others))

    return settled_all, accepts_all
