"""Texts of globs by filling their runs with plausible pieces: quick witnesses, which decide nothing.

A search through the product of all automata finds a witness wherever there is one, and takes its time. Most
globs that people write are a few runs between literals, and the best pieces for those runs make a text that
any other glob of the set leaves alone. So texts of one glob are tried first, the cheapest ones, by the costs
of that search.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Final, TypeAlias

from pratique.compiler.languages.automata import DEAD
from pratique.compiler.languages.globs import Glob, Part, Run
from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.sets import TextSet, groups

PIECE_COST: Final = 15
"""Cost of the best piece; each following one costs one more."""

MAX_BEGINNINGS: Final = 100
"""Beginnings of texts that are continued for one glob."""

MAX_LIKE: Final = 3
"""Beginnings of them that differ in nothing but their text."""

MAX_GLOBS: Final = 4
"""Globs of a set whose texts are tried."""

_CLASSES: Final = "1ax-./:"
"""What stands for a class of characters, such as `?`, at most one each."""


def candidates(texts: TextSet, universe: Universe) -> Iterator[str]:
    """Yield texts of `universe` (but for its limits on lengths) that may belong to `texts`, best first."""
    narrowest = max(groups(texts), key=_narrowness, default=())
    for glob in narrowest[:MAX_GLOBS]:
        yield from fillings(glob, universe)


_Beginning: TypeAlias = tuple[int, int, int, int, str]
"""Cost; order of arrival, so that equals stay in order; place in the glob; state of the universe; text."""


def fillings(glob: Glob, universe: Universe) -> Iterator[str]:
    """Yield texts of `glob` in the relaxed universe, cheapest first; few, and perhaps none where some are."""
    automaton, parts = universe.relaxed, glob.parts
    arrivals = count()
    queue: list[_Beginning] = []
    seen: Counter[tuple[int, int]] = Counter()

    def arrive(cost: int, place: int, state: int, text: str) -> None:
        beginning = _up_to_run(parts, place, state, text, universe)
        if beginning:
            heappush(queue, (cost, next(arrivals), *beginning))

    arrive(0, 0, 0, "")
    for _ in range(MAX_BEGINNINGS):
        if not queue:
            return
        cost, _, place, state, text = heappop(queue)
        if place == len(parts):
            if automaton.accepts(state):
                yield text
            continue
        arrive(cost, place + 1, state, text)
        seen[place, state] += 1
        if seen[place, state] > MAX_LIKE:
            continue
        for extra, piece in enumerate(universe.pieces(text)):
            after = automaton.run(piece, state)
            if after != DEAD and all(parts[place].mask >> ord(character) & 1 for character in piece):
                heappush(queue, (cost + PIECE_COST + extra, next(arrivals), place, after, text + piece))


def _up_to_run(
    parts: tuple[Part, ...], place: int, state: int, text: str, universe: Universe
) -> tuple[int, int, str] | None:
    """Return the place of the next run, the state and the text before it; None where no text goes on so."""
    while place < len(parts) and not isinstance(parts[place], Run):
        character, state = _one(parts[place], state, universe)
        text += character
        place += 1
        if state == DEAD:
            return None
    return place, state, text


def _one(part: Part, state: int, universe: Universe) -> tuple[str, int]:
    """Return a character that `part` consumes, and the state behind it."""
    if part.mask.bit_count() == 1:
        character = chr(part.mask.bit_length() - 1)
        return character, universe.relaxed.step(state, character)
    for character in _CLASSES:
        if part.mask >> ord(character) & 1:
            after = universe.relaxed.step(state, character)
            if after != DEAD:
                return character, after
    return "", DEAD


def _narrowness(group: tuple[Glob, ...]) -> int:
    return min((glob.shortest for glob in group), default=0)
