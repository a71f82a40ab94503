"""Which of many globs match a text, at a cost that does not grow with the globs that cannot.

Every pattern is filed under one piece of its literal text: of all runs of `GRAM` characters between its
wildcards, the one that the fewest patterns contain. A text can match a pattern only if it contains that run,
so looking up the runs of the text in a dictionary finds all candidates; a residual match decides. Patterns
without such a run (`*`, `*:1`) are tried one by one, and those match most texts anyhow.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from pratique.grammar import wildcard

GRAM = 5
"""Characters of a filed run: long enough to tell images apart, short enough for `:v1.2`."""

_WILDCARDS = re.compile(r"[*?]+")


def _grams(text: str) -> set[str]:
    return {text[i : i + GRAM] for i in range(len(text) - GRAM + 1)}


class PatternIndex:
    """A set of globs, each with an integer that `lookup` returns for it.

    Building is O(total length); `lookup` is O(length of the text) plus the candidates.
    """

    __slots__ = ("_anywhere", "_filed", "_literal")

    def __init__(self, patterns: Iterable[tuple[str, int]]) -> None:
        """File every (glob, number); one number may stand for several globs, and the other way round."""
        owners: defaultdict[str, list[int]] = defaultdict(list)
        for pattern, number in patterns:
            owners[pattern].append(number)
        literal = {p: tuple(n) for p, n in owners.items() if wildcard.is_literal(p)}
        globs = {p: tuple(n) for p, n in owners.items() if p not in literal}
        grams = {p: set().union(*map(_grams, _WILDCARDS.split(p))) for p in globs}
        frequency = Counter(gram for found in grams.values() for gram in found)
        filed: defaultdict[str, list[tuple[wildcard.Wildcard, tuple[int, ...]]]] = defaultdict(list)
        anywhere = []
        for pattern, numbers in globs.items():
            entry = (wildcard.Wildcard(pattern), numbers)
            if grams[pattern]:
                filed[min(grams[pattern], key=lambda gram: (frequency[gram], gram))].append(entry)
            else:
                anywhere.append(entry)
        self._literal = literal
        self._filed = dict(filed)
        self._anywhere = tuple(anywhere)

    def lookup(self, text: str) -> set[int]:
        """Return the numbers of all patterns that match the whole of `text`."""
        found = set(self._literal.get(text, ()))
        for glob, numbers in self._anywhere:
            if glob.matches(text):
                found.update(numbers)
        if self._filed:
            filed = self._filed
            for start in range(len(text) - GRAM + 1):
                for glob, numbers in filed.get(text[start : start + GRAM], ()):
                    if glob.matches(text):
                        found.update(numbers)
        return found
