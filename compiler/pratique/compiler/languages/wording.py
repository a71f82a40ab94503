"""Witnesses that people recognise: `ghcr.io/acme/app:1.4.2` rather than `ghcr.io/acme/a:a`.

First well-known examples are tried, then the globs of the set with plausible pieces in the place of their
runs (`fillings`). Then comes a cheapest-path search in the product of automata that
`search` walks too, in which a whole plausible piece (`app`, `:1.4.2`), or a literal run of a glob, costs less
than a single character. Where it ends, found or not, its answer is as good as that of `search.find`, which is
asked where it grows too long.
"""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias

from pratique.compiler.languages.fillings import PIECE_COST, candidates
from pratique.compiler.languages.globs import One
from pratique.compiler.languages.references import Universe
from pratique.compiler.languages.search import (
    MAX_STATES,
    Answer,
    Node,
    Product,
    Proof,
    Unknown,
    Witness,
    common_prefix,
    find,
    is_plainly_empty,
)
from pratique.compiler.languages.sets import TextSet, contains, required

LITERAL_COST = 12
"""Cost of a literal run of a glob."""

CHARACTER_COST = 40
"""Cost of a character by itself."""

MAX_EXPANDED = 400
"""States that the cheapest-path search may expand; a fifth of those of the plain search at most."""

MAX_LITERALS = 8
"""Literal runs of globs that are tried as pieces."""


def example(texts: TextSet, universe: Universe, *, max_states: int = MAX_STATES) -> Answer:
    """Return what `search.find` returns, but with a plausible witness where there is one.

    The witness is checked against the universe and with the globs' own matcher before it is returned.
    """
    prefix = common_prefix(texts)
    if prefix is None:
        return Proof()
    for text in universe.examples:
        if text.startswith(prefix) and contains(texts, text):
            return Witness(text)
    if is_plainly_empty(texts, universe):
        return Proof()
    for text in candidates(texts, universe):
        if finished := _finish(text, texts, universe):
            return Witness(finished)
    answer = _cheapest(texts, universe, min(MAX_EXPANDED, max_states // 5))
    if isinstance(answer, Proof):
        return answer
    if isinstance(answer, Witness) and (finished := _finish(answer.text, texts, universe)):
        return Witness(finished)
    return find(texts, universe, max_states=max_states)


def _finish(text: str, texts: TextSet, universe: Universe) -> str:
    """Return `text` if it belongs to the set, with an ending that reads better where it needs one; else "".

    The same state may be reached by `release-` and by `release-1.4.2`.
    """
    endings = ("",) if text[-1:].isalnum() else (*universe.pieces(text), "")
    ended = (text + ending for ending in endings)
    return next((end for end in ended if contains(texts, end) and universe.contains(end)), "")


_Entry: TypeAlias = tuple[int, int, Node, str, bool]
"""Cost; order of arrival, so that no hash decides; node; text that leads there; only characters are left."""


def _cheapest(texts: TextSet, universe: Universe, max_expanded: int) -> Answer:
    """Return a cheapest text in the relaxed universe, or the proof that there is none, or `Unknown`."""
    prefix = common_prefix(texts)
    if prefix is None:
        return Proof()
    product = Product(texts, universe.relaxed)
    max_expanded = product.affordable(max_expanded)
    start = product.start(prefix)
    if start is None:
        return Proof()
    literals = [(LITERAL_COST, literal) for literal in _literals(texts)]
    queue: list[_Entry] = [(0, 0, start, prefix, False)]
    arrivals = count(1)
    done: set[Node] = set()
    while queue:
        cost, _, node, text, only_characters = heappop(queue)
        if only_characters:
            moves = [(0, character) for character in product.characters(node)]
        elif node in done:
            continue
        elif product.accepts(node):
            return Witness(text)
        elif len(done) == max_expanded:
            return Unknown(f"no plausible text within {max_expanded:,} states")
        else:
            done.add(node)
            moves = literals + [(PIECE_COST + i, piece) for i, piece in enumerate(universe.pieces(text))]
            heappush(queue, (cost + CHARACTER_COST, next(arrivals), node, text, True))
        for price, piece in moves:
            after = product.move(node, piece)
            if after is not None and after not in done:
                heappush(queue, (cost + price, next(arrivals), after, text + piece, False))
    return Proof(len(done))


def _literals(texts: TextSet) -> list[str]:
    """Return the runs of literal characters that every text of `texts` holds, behind the prefixes."""
    found: dict[str, None] = {}
    for glob in required(texts):
        run = ""
        for part in (*glob.parts[len(glob.prefix) :], None):
            if isinstance(part, One) and part.mask.bit_count() == 1:
                run += chr(part.mask.bit_length() - 1)
            elif run:
                found[run] = None
                run = ""
    return list(found)[:MAX_LITERALS]
