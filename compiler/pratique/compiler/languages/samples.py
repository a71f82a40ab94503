"""A pattern by examples: images that it matches in each form, and images that it just misses.

Every example is a proof of what it shows; that a form has none is proved as well, or said to be unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pratique.compiler import ir
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import Universe, digested, images, tagged
from pratique.compiler.languages.relations import includes, is_empty
from pratique.compiler.languages.search import Answer, Witness
from pratique.compiler.languages.sets import AllOf, AnyOf, region

MAX_STATES: Final = 2_000
"""States of one question, of which there are a dozen."""

MAX_MISSED: Final = 2
"""Near misses that are shown."""

_SEPARATORS: Final = "/:@-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What a pattern means, by examples.

    Attributes:
        tagged: an image by tag that it matches, or the proof that there is none.
        digested: the same by digest.
        deeper: an image with more path components than `tagged`, where `*` crosses `/`; else empty.
        missed: images near those, which it does not match, the nearest first.
    """

    tagged: Answer
    digested: Answer
    deeper: str = ""
    missed: tuple[str, ...] = ()


def samples(pattern: ir.ImagePattern) -> Samples:
    """Return examples for a pattern."""
    glob = Glob.of(pattern)
    by_tag, by_digest = _ask(glob, tagged()), _ask(glob, digested())
    plain = by_tag if isinstance(by_tag, Witness) else by_digest
    return Samples(
        tagged=by_tag,
        digested=by_digest,
        deeper=_deeper(glob, plain.text) if isinstance(plain, Witness) else "",
        missed=tuple(_missed(pattern, glob)),
    )


def left_out(pattern: ir.ImagePattern, skip: ir.ImagePattern) -> Answer:
    """Return an image of `pattern` that a pattern of the skip list leaves out, or the proof that none is."""
    return is_empty(AllOf((Glob.of(pattern), Glob.of(skip))), images(), max_states=MAX_STATES)


def taken_away(skip: ir.ImagePattern, whole: ir.ImageRegion) -> Answer:
    """Return an image that only this pattern of the skip list leaves out, or the proof that none is."""
    others = tuple(other for other in whole.skip if other != skip)
    kept = region(ir.ImageRegion(include=whole.include, skip=others))
    return is_empty(AllOf((kept, Glob.of(skip))), images(), max_states=MAX_STATES)


def _ask(glob: Glob, universe: Universe) -> Answer:
    return is_empty(glob, universe, max_states=MAX_STATES)


def _deeper(glob: Glob, plain: str) -> str:
    shape = Glob.parse("*/" * (plain.count("/") + 1) + "*")
    found = is_empty(AllOf((glob, shape)), tagged(), max_states=MAX_STATES)
    return found.text if isinstance(found, Witness) else ""


def _missed(pattern: ir.ImagePattern, glob: Glob) -> list[str]:
    """Return images of the wider patterns that come of cutting this one at its separators from the right."""
    found: list[str] = []
    seen = [glob]
    cuts = [place for place, letter in enumerate(pattern.text) if letter in _SEPARATORS]
    for wider in dict.fromkeys(pattern.text[: place + 1] + "*" for place in reversed([-1, *cuts])):
        if len(found) == MAX_MISSED:
            break
        whole = Glob.parse(wider)
        answer = includes(AnyOf(tuple(seen)), whole, tagged(), max_states=MAX_STATES)
        if isinstance(answer, Witness):
            found.append(answer.text)
            seen.append(whole)
    return found
