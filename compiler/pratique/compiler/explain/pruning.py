"""What each glob prunes: how many images of an inventory, or of the other patterns' examples, it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pratique.compiler import ir
from pratique.compiler.graph import DecisionGraph, Op
from pratique.compiler.pattern_index import PatternIndex
from pratique.grammar import wildcard

MAX_STATES: Final = 500
"""States of the search for one example: a pattern without a quick one is left out."""

INVENTORY: Final = "images of the inventory"
RESOURCES: Final = "images of the resources"
EXAMPLES: Final = "examples of the other patterns"


@dataclass(frozen=True, slots=True)
class Kept:
    """A glob keeps `kept` of `of` images, and prunes the others."""

    kept: int
    of: int

    @property
    def pruned(self) -> int:
        """Return how many images need no further question."""
        return self.of - self.kept

    @property
    def share(self) -> float:
        """Return the pruned part of all, from 0 to 1."""
        return self.pruned / self.of if self.of else 0.0


def of_inventory(graph: DecisionGraph, images: Sequence[str]) -> Mapping[int, Kept]:
    """Return what each glob keeps of `images` (canonical references), by the number of its node."""
    patterns = _patterns(graph)
    counted = dict.fromkeys(patterns, 0)
    index = PatternIndex((pattern.text, number) for number, pattern in patterns.items())
    for image in images:
        for number in index.lookup(image):
            counted[number] += 1
    return {number: Kept(kept, len(images)) for number, kept in counted.items()}


def of_examples(graph: DecisionGraph, examples: Mapping[str, str]) -> Mapping[int, Kept]:
    """Return what each glob keeps of the examples of all others, by the number of its node.

    Args:
        graph: the decision graph.
        examples: pattern -> an image that it matches (see `examples`).
    """
    patterns = _patterns(graph)
    found = {}
    index = PatternIndex((pattern.text, number) for number, pattern in patterns.items())
    counted = dict.fromkeys(patterns, 0)
    for written, image in examples.items():
        for number in index.lookup(image):
            counted[number] += patterns[number].text != written
    for number, pattern in patterns.items():
        others = len(examples) - (pattern.text in examples)
        if others:
            found[number] = Kept(counted[number], others)
    return found


def examples(graph: DecisionGraph) -> dict[str, str]:
    """Return pattern -> an image that it matches, for all patterns for which one is quickly found."""
    from pratique.compiler.languages.globs import Glob
    from pratique.compiler.languages.references import images
    from pratique.compiler.languages.relations import is_empty
    from pratique.compiler.languages.search import Witness

    found = {}
    for pattern in _patterns(graph).values():
        answer = is_empty(Glob.of(pattern), images(), max_states=MAX_STATES)
        if isinstance(answer, Witness) and wildcard.matches(pattern.text, answer.text):
            found[pattern.text] = answer.text
    return found


def _patterns(graph: DecisionGraph) -> dict[int, ir.ImagePattern]:
    return {
        node.number: node.payload
        for node in graph.nodes
        if node.op is Op.PATTERN and isinstance(node.payload, ir.ImagePattern)
    }
