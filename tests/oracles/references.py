"""Questions about real image references: many patterns at once, and covers.

The oracle walks a product that it makes itself: the reference grammar of the parser, made deterministic by
`interegular`, and for each glob the set of its positions, told as plainly as can be.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import combinations, permutations
from random import Random
from typing import NamedTuple, TypeAlias

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.pairs import inclusions, overlaps
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import covers
from pratique.compiler.languages.search import Answer, Unknown, Witness, find
from pratique.compiler.languages.sets import AllOf, NotIn, TextSet
from pratique.grammar import image_reference, wildcard
from tests.oracles.procedures import Procedure, agree, kind

ORACLE = "the reference grammar by interegular, and a walk through sets of positions"

_HOSTS = (
    "ghcr.io",
    "docker.io",
    "localhost",
    "*.acme.io",
    "*",
    "registry.k8s.io",
    "reg:5000",
    "g?cr.io",
    "Reg",
    "",
)
_PATHS = (
    "acme/app",
    "acme/*",
    "acme*",
    "*",
    "*/app",
    "a?p",
    "acme/app*",
    "*-dev/*",
    "acme",
    "**",
    "*/a*b*",
    "app",
)
_TAILS = (
    ":*",
    ":v1*",
    "",
    "*",
    "@*",
    "@sha256:*",
    ":1.?",
    ":*-rc",
    "@sha256:4d3c*",
    "*:*",
    ":",
    "?latest",
    "@sha512:*",
)


def pattern(random: Random) -> str:
    """Return a pattern such as policies hold, or a near miss."""
    if random.random() < 0.2:
        return "".join(random.choices("acme.io/:@*?-_1A", k=random.randrange(13)))
    return f"{random.choice(_HOSTS)}/{random.choice(_PATHS)}{random.choice(_TAILS)}"


def _patterns(random: Random, count: int) -> list[str]:
    """Return patterns of which some are wider or narrower forms of others."""
    found = [pattern(random)]
    while len(found) < count:
        known = random.choice(found)
        low, high = sorted(random.randrange(len(known) + 1) for _ in range(2))
        kin = known[:low] + random.choice(("*", "?", "", "a", "*a*", "**")) + known[high:]
        found.append(kin if random.random() < 0.6 else pattern(random))
    random.shuffle(found)
    return found


class _Grammar(NamedTuple):
    """The canonical references, but for limits on lengths, as a table.

    Attributes:
        arcs: for each state the states behind it, each with the letters that lead there.
        ends: states in which a reference may end.
    """

    start: int
    arcs: tuple[tuple[tuple[int, str], ...], ...]
    ends: frozenset[int]


@cache
def _grammar() -> _Grammar:
    from interegular import parse_pattern

    hosted = image_reference._HOSTED_REFERENCE.pattern
    hosted = re.sub(r"\?P<\w+>", "?:", hosted.replace(f"{{0,{image_reference.MAX_TAG - 1}}}+", "*"))
    for possessive in "+*?":
        hosted = hosted.replace(f"{possessive}+", possessive)
    one_tail = r"[^/]*/[^:@]*(?::[^@]*|@.*)"
    host = r"(?:[^A-Z/]*[.:][^A-Z/]*|localhost|[^.:/]*[A-Z][^.:/]*)/.*"
    local = "".join(f"[{letter}{letter.upper()}]" for letter in "localhost")
    whole = parse_pattern(hosted).to_fsm() & parse_pattern(one_tail).to_fsm() & parse_pattern(host).to_fsm()
    whole = whole - (parse_pattern(f"{local}/.*").to_fsm() - parse_pattern("localhost/.*").to_fsm())
    letters = [chr(code) for code in range(33, 127)]
    live = {state for state in whole.states if whole.islive(state)}
    rows: list[dict[int, str]] = [{} for _ in range(max(whole.states) + 1)]
    for state, row in whole.map.items():
        for letter in letters:
            target = row.get(whole.alphabet[letter])
            if target is not None and target in live:
                rows[state][target] = rows[state].get(target, "") + letter
    return _Grammar(whole.initial, tuple(tuple(row.items()) for row in rows), frozenset(whole.finals))


class _Walk:
    """A walk through one glob: the sets of its positions, numbered as they are met, and steps between them.

    Attributes:
        steps: by number: known steps, from letter to number; `NOWHERE`, the last one, has none.
        wanted: by number: the letters that are told from all others there.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.steps: list[dict[str, int]] = []
        self.wanted: list[frozenset[str]] = []
        self._places: list[frozenset[int]] = []
        self._numbers = {frozenset[int](): NOWHERE}
        self._add(_closed(text, {0}))

    def _add(self, places: frozenset[int]) -> int:
        number = self._numbers.setdefault(places, len(self._places))
        if number == len(self._places):
            self._places.append(places)
            self.steps.append({})
            self.wanted.append(frozenset(self.text[p] for p in places if p < len(self.text)) - set("*?"))
        return number

    def step(self, number: int, letter: str) -> int:
        """Return the set of positions behind `letter`; `NOWHERE` where none is left."""
        if number == NOWHERE:
            return NOWHERE
        after = self._add(_step(self.text, self._places[number], letter))
        self.steps[number][letter] = after
        return after

    def accepts(self, number: int) -> bool:
        """Say whether a text that ends here matches."""
        return number != NOWHERE and len(self.text) in self._places[number]

    def is_safe(self, number: int) -> bool:
        """Say whether every text that goes on from here matches: a `*` at the end of the glob is reached."""
        return number != NOWHERE and self.text[-1:] == "*" and len(self.text) - 1 in self._places[number]


NOWHERE = -1


@lru_cache(maxsize=256)
def _walk(text: str) -> _Walk:
    return _Walk(text)


def _closed(text: str, places: set[int]) -> frozenset[int]:
    """Add what is behind the runs that may stay empty."""
    found = set(places)
    for place in sorted(places):
        while place < len(text) and text[place] == "*":
            place += 1
            found.add(place)
    return frozenset(found)


def _step(text: str, places: frozenset[int], letter: str) -> frozenset[int]:
    after = {
        p if text[p] == "*" else p + 1 for p in places if p < len(text) and text[p] in ("*", "?", letter)
    }
    return _closed(text, after)


_Node: TypeAlias = tuple[int, ...]
"""State of the grammar, then a set of positions of each glob."""


def reference(inside: Sequence[str], outside: Sequence[str], *, shortest: bool = False) -> str | None:
    """Return a reference that all of `inside` match and none of `outside`, any one or a shortest.

    None where there is none: all that can be reached was looked at.
    """
    grammar = _grammar()
    required, banned = list(map(_walk, inside)), list(map(_walk, outside))
    walks = [*required, *banned]
    start: _Node = (grammar.start, *(0 for _ in walks))
    came: dict[_Node, tuple[_Node, str] | None] = {start: None}
    queue = deque([start])
    while queue:
        node = queue.popleft() if shortest else queue.pop()
        state, *places = node
        if state in grammar.ends:
            ends = [walk.accepts(at) for walk, at in zip(walks, places, strict=True)]
            if all(ends[: len(inside)]) and not any(ends[len(inside) :]):
                return _text(came, node)
        here = [(walk, at) for walk, at in zip(walks, places, strict=True) if at != NOWHERE]
        wanted = frozenset[str]().union(*(walk.wanted[at] for walk, at in here))
        for letter, target in _letters(state, wanted):
            moved = [
                walk.steps[at].get(letter) or walk.step(at, letter) if at != NOWHERE else NOWHERE
                for walk, at in zip(walks, places, strict=True)
            ]
            after = (target, *moved)
            if after in came or NOWHERE in moved[: len(inside)]:
                continue
            if any(map(_Walk.is_safe, banned, moved[len(inside) :])):
                continue
            came[after] = (node, letter)
            queue.append(after)
    return None


@lru_cache(maxsize=50_000)
def _letters(state: int, told_apart: frozenset[str]) -> tuple[tuple[str, int], ...]:
    """Return each letter that some glob tells apart, and one of the others for each state behind."""
    found: list[tuple[str, int]] = []
    for target, letters in _grammar().arcs[state]:
        others = [letter for letter in letters if letter not in told_apart]
        found += [(letter, target) for letter in (*sorted(told_apart & set(letters)), *others[:1])]
    return tuple(found)


def _text(came: dict[_Node, tuple[_Node, str] | None], node: _Node) -> str:
    letters = []
    while step := came[node]:
        node, letter = step
        letters.append(letter)
    return "".join(reversed(letters))


def _judged(answer: Answer | None, inside: list[str], outside: list[str]) -> str:
    """Compare an answer, None for a proof, with that of the walk."""
    if isinstance(answer, Witness):
        text = answer.text
        agree(image_reference.parse_image(text).match_string == text, "no reference", text)
        agree(all(wildcard.matches(p, text) for p in inside), "a false witness", text, inside, outside)
        agree(not any(wildcard.matches(p, text) for p in outside), "a false witness", text, inside, outside)
        return "witness"
    if isinstance(answer, Unknown):
        return "unknown"
    found = reference(inside, outside)
    agree(found is None, "a false proof", found, inside, outside)
    return "proof"


def _overlaps(random: Random) -> list[str]:
    texts = _patterns(random, 5)
    met = {(pair.first, pair.second): pair.answer for pair in overlaps([Glob.parse(text) for text in texts])}
    return [
        _judged(met.get(pair), [texts[pair[0]], texts[pair[1]]], []) for pair in combinations(range(5), 2)
    ]


def _inclusions(random: Random) -> list[str]:
    texts = _patterns(random, 4)
    held = {
        (pair.first, pair.second): pair.answer for pair in inclusions([Glob.parse(text) for text in texts])
    }
    kinds = []
    for pair in permutations(range(4), 2):
        inner, outer = texts[pair[0]], texts[pair[1]]
        if pair in held:
            kinds.append(_judged(held[pair], [inner], [outer]))
        else:  # not claimed to be included: some reference must be left, or none be in the inner one
            left = reference([inner], [outer])
            agree(left is not None or reference([inner], []) is None, "a missed inclusion", inner, outer)
            kinds.append("witness")
    return kinds


def _cover(random: Random) -> list[str]:
    whole, *options = _patterns(random, random.randrange(2, 6))
    answer = covers(tuple(map(Glob.parse, options)), Glob.parse(whole), images())
    return [_judged(answer if kind(answer) != "proof" else None, [whole], options)]


def _shortest(random: Random) -> list[str]:
    inside, outside = _patterns(random, random.choice((1, 1, 2))), _patterns(random, 2)
    outside = outside[: random.randrange(3)]
    sets: list[TextSet] = [Glob.parse(text) for text in inside]
    sets += [NotIn(Glob.parse(text)) for text in outside]
    answer = find(AllOf(tuple(sets)), images())
    if isinstance(answer, Witness):
        best = reference(inside, outside, shortest=True)
        agree(
            best is not None and len(answer.text) == len(best),
            "not shortest",
            answer.text,
            best,
            inside,
            outside,
        )
    return [_judged(answer if kind(answer) != "proof" else None, inside, outside)]


PROCEDURES = (
    Procedure("overlaps of many patterns", ORACLE, _overlaps, ("interegular",)),
    Procedure("inclusions of many patterns", ORACLE, _inclusions, ("interegular",)),
    Procedure("covers of references", ORACLE, _cover, ("interegular",)),
    Procedure("shortest references", ORACLE, _shortest, ("interegular",)),
)
