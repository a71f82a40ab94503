"""Regular expressions: RE2's, and expressions with "and" and "not"."""

from __future__ import annotations

from random import Random
from typing import Any

from pratique.compiler import ir
from pratique.compiler.analysis import identities
from pratique.compiler.languages.automata import Automaton
from pratique.compiler.languages.expressions import (
    EVERYTHING,
    Expression,
    both,
    complement,
    concat,
    either,
    one_of,
    repeat,
)
from pratique.compiler.languages.regexes import UnsupportedError, read
from pratique.compiler.languages.search import Proof, Unknown, Witness
from pratique.compiler.texts import accepts
from tests.oracles.procedures import Procedure, agree, judged, kind
from tests.support_oracles import WORDS, text_tests

_ATOMS = (
    "a", "b", "^", "$", ".", "ab", "[ab]", "[^a]", "[a-c]", r"\.", r"\d", r"\w", "[[:alpha:]]", r"\A", r"\z",
    r"[\d.]", "(?i)a", "(?i:ab)", "[]a]", "[a-]", "{", "a{,2}", "(?P<n>a)", "(?:^a|b)", "(?:a$)?", "(?s).",
    "@", r"\S", r"\W", "[^\\n]", "x*",
)  # fmt: skip
_COUNTS = ("*", "+", "?", "{2}", "{1,2}", "*?", "{0}", "{1,}")


def regex(random: Random, depth: int = 3, atoms: tuple[str, ...] = _ATOMS) -> str:
    """Return an expression that RE2 reads."""
    shape = random.random() if depth else 0.0
    if shape < 0.3:
        return random.choice(atoms)
    one = regex(random, depth - 1, atoms)
    if shape < 0.6:
        return one + regex(random, depth - 1, atoms)
    if shape < 0.7:
        return f"{one}|{regex(random, depth - 1, atoms)}"
    if shape < 0.8:
        return f"({one}|{regex(random, depth - 1, atoms)})"
    return f"(?:{one}){random.choice(_COUNTS)}"


def _beside_re2(random: Random) -> list[str]:
    import re2  # type: ignore[import-untyped]

    text = regex(random)
    words = ["".join(random.choices("aAbcx1.-\n{@ ", k=random.randrange(7))) for _ in range(8)]
    try:
        languages = read(text)
    except UnsupportedError:
        return ["unknown"]
    compiled, whole = re2.compile(text), re2.compile(f"^(?:{text})$")
    found, spanned = Automaton(languages.found), Automaton(languages.spanned)
    for word in words:
        agree(found.contains(word) == (compiled.search(word) is not None), "found", text, repr(word))
        agree(spanned.contains(word) == (whole.search(word) is not None), "spanned", text, repr(word))
    return ["witness" if any(map(found.contains, words)) else "proof"]


_PLAIN = ("a", "b", "c", "ab", "[ab]", "[^a]", "[a-c]", ".", r"\.", r"\d", "@", "bc", "a*")


def _beside_interegular(random: Random) -> list[str]:
    from interegular import Comparator, parse_pattern

    one, other = regex(random, atoms=_PLAIN), regex(random, atoms=_PLAIN)
    try:
        common = both(read(one).spanned, read(other).spanned)
    except UnsupportedError:
        return ["unknown"]
    comparator = Comparator({name: parse_pattern(text) for name, text in (("one", one), ("other", other))})
    answer = identities.example(common)
    disjoint = comparator.isdisjoint("one", "other")
    agree(isinstance(answer, Unknown) or isinstance(answer, Proof) == disjoint, one, other, answer)
    return [kind(answer)]


def _both_forms(random: Random, depth: int) -> tuple[Expression, Any]:
    """Return an expression, and the same one for z3."""
    import z3  # type: ignore[import-untyped, unused-ignore]

    shape = random.random() if depth else 0.0
    if shape < 0.3:
        letters = random.choice(("a", "b", "ab", "abc", "c"))
        ranges = [z3.Re(letter) for letter in letters]
        return one_of(letters), z3.Union(*ranges) if len(ranges) > 1 else ranges[0]
    one, z3_one = _both_forms(random, depth - 1)
    if shape < 0.4:
        return complement(one), z3.Complement(z3_one)
    if shape < 0.5:
        low, high = random.choice(((0, None), (1, None), (0, 1), (2, 3), (0, 2)))
        z3_many = z3.Star(z3_one) if (low, high) == (0, None) else z3.Plus(z3_one)
        return repeat(one, low, high), z3_many if high is None else z3.Loop(z3_one, low, high)
    other, z3_other = _both_forms(random, depth - 1)
    if shape < 0.7:
        return concat(one, other), z3.Concat(z3_one, z3_other)
    if shape < 0.85:
        return both(one, other), z3.Intersect(z3_one, z3_other)
    return either(one, other), z3.Union(z3_one, z3_other)


def _beside_z3(random: Random) -> list[str]:
    import z3

    mine, theirs = _both_forms(random, 4)
    text = z3.String("text")
    solver = z3.Solver()
    solver.set("timeout", 3_000)
    solver.add(z3.InRe(text, z3.Intersect(theirs, z3.Star(z3.Range("\x00", "\x7f")))))
    answer, verdict = identities.example(mine), solver.check()
    if verdict != z3.unknown and not isinstance(answer, Unknown):
        agree(isinstance(answer, Witness) == (verdict == z3.sat), answer, verdict, theirs)
    return [kind(answer) if verdict != z3.unknown else "unknown"]


def _identities(random: Random) -> list[str]:
    inside = [text_tests(random) for _ in range(random.randrange(1, 3))]
    outside = [text_tests(random) for _ in range(random.randrange(3))]
    held = {word for word in WORDS if _is_held(word, inside, outside)}
    language = both(EVERYTHING, *map(identities.language, inside))
    whole = both(language, *(complement(identities.language(tests)) for tests in outside))
    is_suggested = random.random() < 0.5
    answer = identities.example(whole) if is_suggested else identities.example(whole, ())
    if isinstance(answer, Witness) and not is_suggested:
        agree(all(len(answer.text) <= len(word) for word in held), "not shortest", answer, inside, outside)
    if isinstance(answer, Witness) and _is_held(answer.text, inside, outside):
        held.add(answer.text)
    return [judged(answer, held, inside, outside)]


def _is_held(text: str, inside: list[ir.TextTests], outside: list[ir.TextTests]) -> bool:
    return all(accepts(tests, text) for tests in inside) and not any(
        accepts(tests, text) for tests in outside
    )


PROCEDURES = (
    Procedure("expressions on texts", "RE2 on random texts", _beside_re2),
    Procedure("overlap of expressions", "interegular's Comparator", _beside_interegular, ("interegular",)),
    Procedure("emptiness with and, or, not", "z3's theory of strings", _beside_z3, ("z3",)),
    Procedure("identities", f"{len(WORDS)} short texts, tried with the tests of the runtime", _identities),
)
