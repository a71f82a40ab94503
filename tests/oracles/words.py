"""Questions about sets of globs, in a universe so small that every word of it can be tried."""

from __future__ import annotations

from functools import lru_cache, reduce
from operator import and_, or_
from random import Random
from typing import assert_never

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.relations import are_disjoint, are_equivalent, covers, includes, is_empty
from pratique.compiler.languages.search import Answer, Proof, Unknown, Witness, find
from pratique.compiler.languages.sets import AllOf, AnyOf, NotIn, TextSet, contains, quotient
from pratique.grammar import wildcard
from tests.oracles.procedures import Procedure, agree, kind
from tests.support_languages import SMALL, SMALL_WORDS

ORACLE = f"all {len(SMALL_WORDS):,} words of a small universe, tried with the matcher of the grammar"
BY_LENGTH = sorted(SMALL_WORDS, key=len)
ALL = (1 << len(BY_LENGTH)) - 1
_PLACES = {word: 1 << place for place, word in enumerate(BY_LENGTH)}
_GLUE = ("*", "?", "*?", "?*a*", "*/*", ":*", "*:*", "*@*", "")


def glob(random: Random) -> Glob:
    """Return a glob over the alphabet of the small universe, often beginnings and ends of its words."""
    if random.random() < 0.3:
        return Glob.parse("".join(random.choices("ab./:@*?", k=random.randrange(10))))
    word = random.choice(SMALL_WORDS)
    return Glob.parse(word[: random.randrange(8)] + random.choice(_GLUE) + word[random.randrange(10) :])


def texts(random: Random, depth: int = 2) -> TextSet:
    """Return a combination of globs."""
    shape = random.random() if depth else 0.0
    if shape < 0.5:
        return glob(random)
    if shape < 0.65:
        return NotIn(texts(random, depth - 1))
    parts = tuple(texts(random, depth - 1) for _ in range(random.randrange(4)))
    return AnyOf(parts) if shape < 0.8 else AllOf(parts)


@lru_cache(maxsize=50_000)
def _matched(pattern: str) -> int:
    matches = wildcard.Wildcard(pattern).matches
    return sum(bit for word, bit in _PLACES.items() if matches(word))


def members(of: TextSet) -> int:
    """Return the words of a set, a bit for each."""
    match of:
        case Glob():
            return _matched(of.text)
        case AnyOf(options):
            return reduce(or_, map(members, options), 0)
        case AllOf(parts):
            return reduce(and_, map(members, parts), ALL)
        case NotIn(inner):
            return ALL & ~members(inner)
        case _:
            assert_never(of)


def _judged(answer: Answer, against: int, *about: object) -> str:
    match answer:
        case Witness(text):
            agree(_PLACES.get(text, 0) & against, "a false witness", text, *about)
        case Proof():
            agree(not against, "a false proof", BY_LENGTH[against.bit_length() - 1], *about)
        case Unknown():
            pass
    return kind(answer)


def _emptiness(random: Random) -> list[str]:
    of = texts(random)
    return [_judged(is_empty(of, SMALL), members(of), of)]


def _shortest(random: Random) -> list[str]:
    of = texts(random)
    against, answer = members(of), find(of, SMALL)
    kind_of_answer = _judged(answer, against, of)
    if isinstance(answer, Witness):
        # Words stand in the order of their lengths, so that the lowest bit is a shortest one.
        best = BY_LENGTH[(against & -against).bit_length() - 1]
        agree(len(answer.text) == len(best), "not shortest", answer.text, best, of)
    return [kind_of_answer]


def _overlap(random: Random) -> list[str]:
    one, other = texts(random), texts(random)
    return [_judged(are_disjoint(one, other, SMALL), members(one) & members(other), one, other)]


def _inclusion(random: Random) -> list[str]:
    one, other = texts(random), texts(random)
    return [_judged(includes(one, other, SMALL), members(other) & ~members(one), one, other)]


def _equivalence(random: Random) -> list[str]:
    one = texts(random)
    other = texts(random) if random.random() < 0.7 else AnyOf((one, AllOf((one, texts(random)))))
    return [_judged(are_equivalent(one, other, SMALL), members(one) ^ members(other), one, other)]


def _cover(random: Random) -> list[str]:
    whole, options = texts(random), tuple(texts(random, 1) for _ in range(random.randrange(7)))
    left = members(whole) & ~members(AnyOf(options))
    return [_judged(covers(options, whole, SMALL), left, options, whole)]


def _quotient(random: Random) -> list[str]:
    of, word = texts(random), random.choice(SMALL_WORDS)
    cut = random.randrange(len(word) + 1)
    held = bool(_PLACES[word] & members(of))
    agree(contains(quotient(of, word[cut:]), word[:cut]) == held, "a wrong quotient", of, word, cut)
    return ["witness" if held else "proof"]


PROCEDURES = (
    Procedure("emptiness of image sets", ORACLE, _emptiness),
    Procedure("shortest texts of image sets", ORACLE, _shortest),
    Procedure("overlap of image sets", ORACLE, _overlap),
    Procedure("inclusion of image sets", ORACLE, _inclusion),
    Procedure("equivalence of image sets", ORACLE, _equivalence),
    Procedure("cover of image sets", ORACLE, _cover),
    Procedure("quotients of image sets", ORACLE, _quotient),
)
