"""Questions about real image references: many patterns at once, and covers.

The oracle walks a product that it makes itself: the reference grammar of the parser, made deterministic by
`interegular`, and for each glob the set of its positions, kept as plainly as can be.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import combinations, permutations
from random import Random

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.pairs import inclusions, overlaps
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import covers
from pratique.compiler.languages.search import Answer, Unknown, Witness
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


@cache
def _grammar() -> tuple[int, list[dict[str, int]], frozenset[int]]:
    """Return start, rows by character and ends of the canonical references, but for length limits."""
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
    rows: list[dict[str, int]] = [{} for _ in range(max(whole.states) + 1)]
    letters = [chr(code) for code in range(33, 127)]
    live = {state for state in whole.states if whole.islive(state)}
    for state, row in whole.map.items():
        for letter in letters:
            target = row.get(whole.alphabet[letter])
            if target is not None and target in live:
                rows[state][letter] = target
    return whole.initial, rows, frozenset(whole.finals)


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


def reference(inside: list[str], outside: list[str]) -> str | None:
    """Return a reference that all of `inside` match and none of `outside`; None where there is none."""
    initial, rows, ends = _grammar()
    globs = [*inside, *outside]
    told_apart = {letter for text in globs for letter in text if letter not in "*?"}
    steps: dict[tuple[int, frozenset[int], str], frozenset[int]] = {}
    start = (initial, tuple(_closed(text, {0}) for text in globs))
    came: dict[object, str] = {start: ""}
    stack = [start]
    while stack:
        node = stack.pop()
        state, places = node
        accepts = [len(text) in at for text, at in zip(globs, places, strict=True)]
        if state in ends and all(accepts[: len(inside)]) and not any(accepts[len(inside) :]):
            return came[node]
        tried: set[int] = set()
        for letter, target in rows[state].items():
            if letter not in told_apart:
                if target in tried:
                    continue
                tried.add(target)
            moved = []
            for number, (text, at) in enumerate(zip(globs, places, strict=True)):
                key = (number, at, letter)
                if key not in steps:
                    steps[key] = _step(text, at, letter)
                moved.append(steps[key])
            after = (target, tuple(moved))
            if after not in came and all(moved[: len(inside)]):
                came[after] = came[node] + letter
                stack.append(after)
    return None


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


PROCEDURES = (
    Procedure("overlaps of many patterns", ORACLE, _overlaps, ("interegular",)),
    Procedure("inclusions of many patterns", ORACLE, _inclusions, ("interegular",)),
    Procedure("covers of references", ORACLE, _cover, ("interegular",)),
)
