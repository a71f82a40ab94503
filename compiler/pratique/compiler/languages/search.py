"""The one question: is there a text of the universe in this set? A witness, a proof, or an honest unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias

from pratique.compiler.languages.automata import DEAD, Automaton
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.sets import TextSet, combine, groups, required, subtracted

MAX_STATES = 20_000
"""States that one search may visit before it answers `Unknown`; some tenths of a second."""

FEW_GLOBS = 8
"""Globs of a set up to which a search may visit all its states; with more of them, each state costs more."""


@dataclass(frozen=True, slots=True)
class Witness:
    """There is such a text: this one.

    Attributes:
        states: states that it took to find it.
    """

    text: str
    states: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """There is no such text.

    Attributes:
        states: states of the product of all automata that were reached, none of which accepts: together
            they are the invariant that proves it. 0 where no text has the literal ends that are demanded.
    """

    states: int = 0


@dataclass(frozen=True, slots=True)
class Unknown:
    """The budget ran out; nothing is claimed."""

    why: str


Answer: TypeAlias = Witness | Proof | Unknown

Node: TypeAlias = tuple[int, tuple[int, ...]]
"""State of the universe's automaton, and one state for each glob."""


class Product:
    """The automaton that a search walks: the universe's, and those of all globs of a set, in step."""

    def __init__(self, texts: TextSet, automaton: Automaton) -> None:
        self.automaton = automaton
        self._combination = combine(texts)
        self._globs = self._combination.globs
        self._steps: list[dict[tuple[int, str], int]] = [{} for _ in self._globs]

    def affordable(self, states: int) -> int:
        """Return how many states cost as much as `states` do where globs are few."""
        return states * FEW_GLOBS // max(FEW_GLOBS, len(self._globs))

    def start(self, prefix: str) -> Node | None:
        """Return the node behind `prefix`, or None where nothing behind it belongs to the set."""
        return self.move((0, tuple(glob.start for glob in self._globs)), prefix)

    def move(self, node: Node, text: str) -> Node | None:
        """Return the node behind `text`, or None where nothing behind it belongs to the set."""
        target = self.automaton.run(text, node[0])
        if target == DEAD:
            return None
        moved = list(node[1])
        for place, old in enumerate(moved):
            if old > 0:
                known = self._steps[place]
                after = known.get((old, text))
                if after is None:
                    after = known[old, text] = self._globs[place].run(text, old)
                moved[place] = after
        states = tuple(moved)
        return None if self._combination.settled(states) is False else (target, states)

    def accepts(self, node: Node) -> bool:
        """Say whether a text that ends here belongs to the set."""
        return self._combination.accepts(node[1]) and self.automaton.accepts(node[0])

    def completion(self, node: Node) -> str | None:
        """Return a text that leads into the set where all texts of the universe do, else None."""
        if self._combination.settled(node[1]) is None:
            return None
        return self.automaton.completion(node[0])

    def characters(self, node: Node) -> Iterator[str]:
        """Yield one character of each class that some automaton tells apart here."""
        apart = 0
        for glob, state in zip(self._globs, node[1], strict=True):
            apart |= glob.wanted(state)
        for character, _ in self.automaton.arcs(node[0], apart):
            yield character

    def moves(self, node: Node) -> Iterator[tuple[str, Node, int]]:
        """Yield characters, the node behind each, and how many more a text of the universe has at least.

        Left out are nodes behind which nothing belongs to the set, or to the universe.
        """
        for character in self.characters(node):
            after = self.move(node, character)
            rest = None if after is None else self.automaton.completion(after[0])
            if after is not None and rest is not None:
                yield character, after, len(rest)


def find(texts: TextSet, universe: Universe, *, max_states: int = MAX_STATES) -> Answer:
    """Return a shortest text of `universe` in `texts`, a proof that there is none, or `Unknown`.

    The text is shortest in the relaxed universe; where it breaks a limit on lengths, shortest in the exact
    one. Linear in the states visited times the characters told apart in each.
    """
    if is_plainly_empty(texts, universe):
        return Proof()
    answer = find_relaxed(texts, universe, max_states=max_states)
    if isinstance(answer, Witness) and not universe.contains(answer.text):
        return _walk(texts, universe.exact, max_states)
    return answer


def find_relaxed(texts: TextSet, universe: Universe, *, max_states: int = MAX_STATES) -> Answer:
    """Return what `find` returns, but for upper limits on lengths, which a witness may break."""
    return _walk(texts, universe.relaxed, max_states)


def is_plainly_empty(texts: TextSet, universe: Universe) -> bool:
    """Say whether no text of `universe` is in `texts`, by tests that are quick and never wrongly say yes.

    Every text of the set matches one glob of a group. Nothing is left where each of these globs has longer
    texts than the universe (hostile ones end here), others in shape, or only such as are taken away.
    """
    removed = subtracted(texts)
    return any(all(_holds_nothing(glob, removed, universe) for glob in group) for group in groups(texts))


def _holds_nothing(glob: Glob, removed: list[Glob], universe: Universe) -> bool:
    return (
        glob.shortest > universe.longest
        or (bool(universe.shapes) and all(glob.plainly_disjoint(shape) for shape in universe.shapes))
        or any(other.plainly_includes(glob) for other in removed)
    )


def common_prefix(texts: TextSet) -> str | None:
    """Return a text that all of `texts` start with, or None where two demands on an end contradict."""
    globs = required(texts)
    prefix = max((glob.prefix for glob in globs), key=len, default="")
    suffix = max((glob.suffix for glob in globs), key=len, default="")
    agree = all(prefix.startswith(glob.prefix) and suffix.endswith(glob.suffix) for glob in globs)
    return prefix if agree else None


def _walk(texts: TextSet, automaton: Automaton, max_states: int) -> Answer:
    """Go through the product, nodes first from which a text may still be short, as the universe has it.

    The first node that accepts ends a shortest text of the set.

    References: Hart, Nilsson, Raphael, "A formal basis for the heuristic determination of minimum cost
    paths", IEEE Trans. Syst. Sci. Cybern. 4 (1968).
    """
    prefix = common_prefix(texts)
    if prefix is None:
        return Proof()
    product = Product(texts, automaton)
    max_states = product.affordable(max_states)
    start = product.start(prefix)
    if start is None:
        return Proof()
    came: dict[Node, _Step] = {start: (0, None, "")}
    arrivals = count()
    queue = [(0, next(arrivals), 0, start)]
    while queue:
        _, _, depth, node = heappop(queue)
        if product.accepts(node):
            return Witness(prefix + _path(came, node), len(came))
        if rest := product.completion(node):
            return Witness(prefix + _path(came, node) + rest, len(came))
        for character, after, least in product.moves(node):
            known = came.get(after)
            if known is None and len(came) >= max_states:
                return Unknown(f"no answer within {max_states:,} states")
            if known is None or known[0] > depth + 1:
                came[after] = (depth + 1, node, character)
                heappush(queue, (depth + 1 + least, next(arrivals), depth + 1, after))
    return Proof(len(came))


_Step: TypeAlias = tuple[int, Node | None, str]
"""Length of the shortest way to a node that is known, the node before it, and the character between them."""


def _path(came: Mapping[Node, _Step], node: Node) -> str:
    letters: list[str] = []
    _, before, character = came[node]
    while before is not None:
        letters.append(character)
        _, before, character = came[before]
    return "".join(reversed(letters))
