"""Boolean combinations of globs: the sets of texts that questions are asked about.

A combination is judged in two ways on a vector of glob states: by what is settled already, whatever follows
(three-valued), and by what holds if the text ends here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from pratique.compiler.ir import ImageRegion
from pratique.compiler.languages.globs import FAILED, MATCHED, Glob


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
    globs: dict[tuple[object, str], tuple[int, Glob]] = {}
    settled, accepts = _compile(texts, globs)
    return Combination(tuple(glob for _, glob in globs.values()), settled, accepts)


def _compile(
    texts: TextSet, globs: dict[tuple[object, str], tuple[int, Glob]]
) -> tuple[Callable[[States], bool | None], Callable[[States], bool]]:
    match texts:
        case Glob():
            place, glob = globs.setdefault((texts.parts, texts.tail), (len(globs), texts))
            outcome = {MATCHED: True, FAILED: False}.get
            return (lambda states: outcome(states[place])), (lambda states: glob.accepts(states[place]))
        case NotIn(of):
            settled, accepts = _compile(of, globs)
            negation = {True: False, False: True, None: None}
            return (lambda states: negation[settled(states)]), (lambda states: not accepts(states))
        case AnyOf(parts) | AllOf(parts):
            decisive = isinstance(texts, AnyOf)  # the value of one part that decides the whole
            judges = [_compile(part, globs) for part in parts]
            settle = [judge for judge, _ in judges]
            accept = [judge for _, judge in judges]

            def settled_all(states: States) -> bool | None:
                outcome: bool | None = not decisive
                for judge in settle:
                    value = judge(states)
                    if value is decisive:
                        return decisive
                    if value is None:
                        outcome = None
                return outcome

            def accepts_all(states: States) -> bool:
                return decisive is any(judge(states) is decisive for judge in accept)

            return settled_all, accepts_all
        case _:
            assert_never(texts)
