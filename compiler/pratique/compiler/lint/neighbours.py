"""Which image patterns meet: match an image in common, found by index.

A thousand patterns make half a million pairs. An example of each pattern, looked up among all others, finds
most of those that meet. Patterns that cross without holding each other's example (`*/app:*` and
`ghcr.io/acme/*`) are compared pair by pair, as long as they are few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis.partition import look
from pratique.compiler.analysis.points import Zone
from pratique.compiler.languages.boxes import Boxes
from pratique.compiler.languages.pairs import overlaps
from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.relations import is_empty
from pratique.compiler.languages.search import Answer, Witness
from pratique.compiler.languages.sets import TextSet
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.questions import SPENT
from pratique.compiler.pattern_index import PatternIndex

MAX_PAIRS: Final = 150_000
"""Pairs of patterns that are compared one by one; with more, only examples are looked up."""

MAX_WILDCARDS: Final = 4
"""`*` and `?` of a pattern that is compared one by one."""

_NOBODY: Final[Mapping[str, str]] = {}


class Neighbours:
    """The patterns of some entries, and which of them meet."""

    def __init__(self, facts: Facts, sites: Sequence[Site]) -> None:
        """Take entries; patterns of entries that are plainly about other namespaces may be left apart."""
        self._facts = facts
        self._sites = sites
        self._met: dict[str, dict[str, str]] = {}
        self._look_up()
        for one, other, image in self._crossing():
            self._met.setdefault(one, {}).setdefault(other, image)
            self._met.setdefault(other, {}).setdefault(one, image)

    def of(self, text: str) -> Mapping[str, str]:
        """Return the patterns that are known to meet `text`, itself included, with an image of both."""
        return self._met.get(text, _NOBODY)

    def _look_up(self) -> None:
        texts = list(dict.fromkeys(pattern.text for site in self._sites for pattern in site.include))
        index = PatternIndex((text, number) for number, text in enumerate(texts))
        for text in texts:
            image = self._facts.example(text)
            for number in sorted(index.lookup(image)) if image else ():
                self._met.setdefault(text, {})[texts[number]] = image
                self._met.setdefault(texts[number], {})[text] = image

    def _crossing(self) -> Iterator[tuple[str, str, str]]:
        """Yield pairs of patterns with an image, of entries of the same namespaces, if there are few."""
        bundles = self._bundles()
        if sum(len(bundle) * (len(bundle) - 1) // 2 for bundle in bundles) > MAX_PAIRS:
            return
        boxes = Boxes(self._decide)
        for bundle in bundles:
            globs = [self._facts.glob(ir.ImagePattern(text=text)) for text in bundle]
            samples = [self._facts.example(text) for text in bundle]
            for pair in overlaps(globs, boxes, samples):
                if isinstance(pair.answer, Witness):
                    yield bundle[pair.first], bundle[pair.second], pair.answer.text

    def _bundles(self) -> list[tuple[str, ...]]:
        """Return for each namespace that is named the patterns of the entries that may be about it."""
        everywhere: dict[str, None] = {}
        named: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for site in self._sites:
            texts = [p.text for p in site.include if p.text.count("*") + p.text.count("?") <= MAX_WILDCARDS]
            namespaces = look(Zone(site.rule.resources)).namespaces
            if namespaces is None:
                everywhere.update(dict.fromkeys(texts))
            for namespace in sorted(namespaces or ()):
                named[namespace].update(dict.fromkeys(texts))
        bundles = list(dict.fromkeys(tuple({**everywhere, **texts}) for texts in named.values()))
        return bundles or [tuple(everywhere)]

    def _decide(self, texts: TextSet, universe: Universe) -> Answer:
        return SPENT if self._facts.is_spent else self._facts.ask(is_empty, texts, universe)
