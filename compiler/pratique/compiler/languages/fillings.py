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

from pratique.compiler.languages.automata import DEAD, Automaton
from pratique.compiler.languages.expressions import ALL_CHARACTERS, characters
from pratique.compiler.languages.globs import Glob, Part, Run
from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.search import common_prefix
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
    prefix = common_prefix(texts) or ""
    for glob in narrowest[:MAX_GLOBS]:
        yield from fillings(glob, universe, prefix)


_Stretch: TypeAlias = str | tuple[Part, ...]
"""What a glob asks for between two runs: a text where all of it is literal."""

_Beginning: TypeAlias = tuple[int, int, int, int, str]
"""Cost; order of arrival, so that equals stay in order; number of the run it is in (behind the last run, how
many there are); state of the universe; text."""


def fillings(glob: Glob, universe: Universe, prefix: str = "") -> Iterator[str]:
    """Yield texts of `glob` in the relaxed universe, cheapest first; few, and perhaps none where some are.

    Where the first run of the glob can span the rest of `prefix`, all of them start with it.
    """
    automaton = universe.relaxed
    stretches, runs = _cut(glob.parts)
    arrivals = count()
    queue: list[_Beginning] = []
    seen: Counter[tuple[int, int]] = Counter()

    def arrive(cost: int, number: int, state: int, text: str) -> None:
        if state != DEAD:
            heappush(queue, (cost, next(arrivals), number, state, text))

    first = prefix if runs and _can_start(stretches[0], runs[0], prefix) else stretches[0]
    arrive(0, 0, *_pass(first, 0, "", automaton))
    for _ in range(MAX_BEGINNINGS):
        if not queue:
            return
        cost, _, number, state, text = heappop(queue)
        if number == len(runs):
            if automaton.accepts(state):
                yield text
            continue
        arrive(cost, number + 1, *_pass(stretches[number + 1], state, text, automaton))
        seen[number, state] += 1
        if seen[number, state] > MAX_LIKE:
            continue
        for extra, piece in enumerate(universe.pieces(text)):
            if _spans(runs[number], piece):
                arrive(cost + PIECE_COST + extra, number, automaton.leap(piece, state), text + piece)


def _cut(parts: tuple[Part, ...]) -> tuple[list[_Stretch], list[Run]]:
    """Return what a glob asks for before, between and behind its runs, and these."""
    stretches: list[_Stretch] = []
    runs: list[Run] = []
    start = 0
    for place, part in enumerate((*parts, None)):
        if part is None or isinstance(part, Run):
            stretch = parts[start:place]
            is_text = all(each.mask.bit_count() == 1 for each in stretch)
            letters = [chr(each.mask.bit_length() - 1) for each in stretch] if is_text else []
            stretches.append("".join(letters) if is_text else stretch)
            start = place + 1
            if part:
                runs.append(part)
    return stretches, runs


def _can_start(stretch: _Stretch, run: Run, prefix: str) -> bool:
    """Say whether `prefix` is a text of the first stretch and of a part of the run behind it."""
    return isinstance(stretch, str) and prefix.startswith(stretch) and _spans(run, prefix[len(stretch) :])


def _spans(run: Run, text: str) -> bool:
    return run.mask == ALL_CHARACTERS or not characters(text) & ~run.mask


def _pass(stretch: _Stretch, state: int, text: str, automaton: Automaton) -> tuple[int, str]:
    """Return the state behind `stretch`, each part taken for a character that it consumes, and the text."""
    if isinstance(stretch, str):
        return automaton.run(stretch, state), text + stretch
    for part in stretch:
        character, state = _one(part, state, automaton)
        if state == DEAD:
            break
        text += character
    return state, text


def _one(part: Part, state: int, automaton: Automaton) -> tuple[str, int]:
    """Return a character that `part` consumes, and the state behind it."""
    if part.mask.bit_count() == 1:
        character = chr(part.mask.bit_length() - 1)
        return character, automaton.step(state, character)
    for character in _CLASSES:
        if part.mask >> ord(character) & 1:
            after = automaton.step(state, character)
            if after != DEAD:
                return character, after
    return "", DEAD


def _narrowness(group: tuple[Glob, ...]) -> int:
    return min((glob.shortest for glob in group), default=0)
