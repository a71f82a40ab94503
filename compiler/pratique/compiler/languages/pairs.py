"""Overlaps and inclusions among many globs over image references at once.

Of a thousand globs half a million pairs can be made; most of them are decided by what each glob says alone:

- A sample of one glob that the other matches too is a witness of their overlap. A sample of the inner one
  that the outer one does not match is a witness against inclusion.
- Literal prefixes (or suffixes) of which neither starts (ends) with the other prove that two globs are
  disjoint. Sorted by prefix, the globs that pass this test follow each other, and the others are never
  looked at.
- A glob read as a text, each `*` taken for a character that occurs nowhere else, matches the outer glob only
  if inclusion holds: no literal matches that character, so some `*` of the outer glob spans it, and would
  span any other text in its place.

What is left is decided section by section (`boxes`), or by the product search.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from typing import Final, NamedTuple

from pratique.compiler.languages.boxes import Boxes
from pratique.compiler.languages.globs import Glob, Run
from pratique.compiler.languages.references import Universe, images
from pratique.compiler.languages.search import Answer, Proof, Witness, find
from pratique.compiler.languages.sets import TextSet, difference

FEW: Final = 16
"""Globs up to which all pairs are looked at before a sample is sought for any."""

_LAST = "\U0010ffff"
"""Sorts behind every character of a glob's prefix."""


class Pair(NamedTuple):
    """An answer about two globs, which are given by their places in the sequence that was asked about."""

    first: int
    second: int
    answer: Answer


def overlaps(
    globs: Sequence[Glob], boxes: Boxes | None = None, samples: Sequence[str] | None = None
) -> Iterator[Pair]:
    """Yield the pairs (first < second) that match a common reference, with a witness, or `Unknown`.

    Pairs that are not yielded are proved disjoint. The order is deterministic, but not sorted.

    Args:
        globs: what is compared.
        boxes: sections of earlier globs, to be used again.
        samples: a reference that each glob matches, where these are known; empty for a glob without any.
    """
    boxes = boxes or Boxes()
    cut = boxes.cut
    texts = [boxes.sample(cut(glob)) for glob in globs] if samples is None else samples
    there = (place for place, text in enumerate(texts) if text or (samples is None and cut(globs[place])))
    order = sorted(there, key=lambda place: (globs[place].prefix, place))
    prefixes = [globs[place].prefix for place in order]
    for rank, place in enumerate(order):
        glob, text = globs[place], texts[place]
        suffix, matches = glob.suffix, glob.matches
        for other_rank in range(rank + 1, bisect_left(prefixes, glob.prefix + _LAST, rank)):
            other_place = order[other_rank]
            other = globs[other_place]
            if not suffix.endswith(other.suffix) and not other.suffix.endswith(suffix):
                continue
            answer: Answer
            if (theirs := texts[other_place]) and matches(theirs):
                answer = Witness(theirs)
            elif text and other.matches(text):
                answer = Witness(text)
            else:
                answer = boxes.meet(cut(glob), cut(other))
                if isinstance(answer, Proof):
                    continue
            yield Pair(min(place, other_place), max(place, other_place), answer)


def inclusions(globs: Sequence[Glob], decide: Callable[[TextSet, Universe], Answer] = find) -> Iterator[Pair]:
    """Yield the pairs (inner, outer) where all texts of the first belong to the second, with a proof.

    `Unknown` answers are yielded too. Globs without any text are left out: they lie within every other.
    Equivalent globs yield both orders. The order is deterministic, but not sorted. `decide` answers whether
    a set is empty, where no filter does.
    """
    universe = images()
    met = range(len(globs)) if len(globs) > FEW else _meeting(globs)
    samples = [odd_sample(glob, universe, decide) if n in met else None for n, glob in enumerate(globs)]
    order = sorted((text, place) for place, text in enumerate(samples) if text is not None)
    texts = [text for text, _ in order]
    for outer_place, outer in enumerate(globs):
        if samples[outer_place] is None:
            continue
        low, high = bisect_left(texts, outer.prefix), bisect_left(texts, outer.prefix + _LAST)
        for text, inner_place in islice(order, low, high):
            if inner_place == outer_place or not outer.matches(text):
                continue
            inner = globs[inner_place]
            if outer.plainly_includes(inner):
                yield Pair(inner_place, outer_place, Proof())
                continue
            answer = decide(difference(inner, outer), universe)
            if not isinstance(answer, Witness):
                yield Pair(inner_place, outer_place, answer)


def _meeting(globs: Sequence[Glob]) -> set[int]:
    """Return the places of the globs that may have a text in common with another one, by their ends."""
    return {
        place
        for first, one in enumerate(globs)
        for second, other in enumerate(globs[:first])
        if (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix))
        and (one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix))
        for place in (first, second)
    }


_ODD = "zq0"
_ODD_HEX = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
_AT_THE_END = (
    f"{_ODD}/{_ODD}:{_ODD}",
    f"{_ODD}:{_ODD}",
    _ODD,
    f"{_ODD}.{_ODD}/{_ODD}:{_ODD}",
    f"sha256:{_ODD_HEX}",
    _ODD_HEX,
    "",
)
_BEFORE = (f"{_ODD}/{_ODD}", _ODD, f"{_ODD}.{_ODD}/{_ODD}", f"{_ODD}.{_ODD}")
_TRIES = 100


def odd_sample(
    glob: Glob, universe: Universe, decide: Callable[[TextSet, Universe], Answer] = find
) -> str | None:
    """Return a text of `glob` that few other globs match unless they include it; None for an empty glob.

    Gaps are filled with what nobody writes; any other text of the glob does where nothing of that fits.
    """
    runs = [place for place, part in enumerate(glob.parts) if isinstance(part, Run)]
    fillings = [_AT_THE_END if place == len(glob.parts) - 1 else _BEFORE for place in runs]
    for choice in islice(product(*fillings), _TRIES):
        rest = iter(choice)
        letters = (
            next(rest) if isinstance(part, Run) else chr(part.mask.bit_length() - 1) if part.mask else ""
            for part in glob.parts
        )
        text = "".join(letters)
        if universe.contains(text) and glob.matches(text):
            return text
    answer = decide(glob, universe)
    return answer.text if isinstance(answer, Witness) else None
