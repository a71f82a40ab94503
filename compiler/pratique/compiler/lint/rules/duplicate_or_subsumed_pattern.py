"""A pattern that adds nothing to its list.

## What it does

Reports image patterns that are written twice, that lie within another pattern of the same list, or that the
other patterns of the list cover together.

## Why

A list matches what any of its patterns matches, so the pattern can go without a change. As a rule it shows
that the wider pattern is wider than thought.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  - "ghcr.io/*"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  - "ghcr.io/platform/*"
```

## Limits

Lists are looked at one by one: what two entries or rules have in common may well be meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from pratique.compiler import ir
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.pairs import inclusions
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import covers
from pratique.compiler.languages.search import Proof, find
from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.edits import removed_item
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.wording import quoted

MAX_COVER: Final = 32
"""Patterns of a list up to which covers by several patterns are looked for."""


@rule("PRQ008", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the patterns that their list does not need."""
    for site in facts.classic_sites:
        for patterns in (site.include, site.skip):
            yield from _superfluous([each for each in patterns if not facts.is_dead(each)], facts)


def _superfluous(patterns: list[ir.ImagePattern], facts: Facts) -> Iterator[Problem]:
    globs = [facts.glob(pattern) for pattern in patterns]
    wider: dict[int, list[int]] = {}
    for pair in inclusions(globs, partial(facts.ask, find)):
        if isinstance(pair.answer, Proof):
            wider.setdefault(pair.first, []).append(pair.second)
    kept = list(range(len(patterns)))
    # Backwards, so that the first of equal patterns stays.
    for place in reversed(range(len(patterns))):
        if any(outer in kept for outer in wider.get(place, ())):
            kept.remove(place)
    for place in sorted(set(range(len(patterns))) - set(kept)):
        outer = next((other for other in wider[place] if other in kept), wider[place][0])
        yield _within(patterns[place], patterns[outer])
    for place in _covered(kept, globs, facts):
        kept.remove(place)
        yield _covered_problem(patterns[place], [patterns[other] for other in kept])


def _covered(kept: list[int], globs: list[Glob], facts: Facts) -> Iterator[int]:
    """Yield the places whose globs the others that are kept cover; each is taken out before the next."""
    for place in tuple(reversed(kept)) if len(kept) <= MAX_COVER else ():
        others = tuple(globs[other] for other in kept if other != place)
        if len(others) > 1 and isinstance(facts.ask(covers, others, globs[place], images()), Proof):
            yield place


def _within(pattern: ir.ImagePattern, wider: ir.ImagePattern) -> Problem:
    same = pattern == wider
    what = "is written twice" if same else f"lies within `{wider.text}`, which is in the same list"
    return Problem(
        message=f"`{pattern.text}` {what}",
        location=pattern.at.location,
        label="adds nothing",
        related=(("the other one", wider.at.location),) if wider.at.location else (),
        help="remove it" if same else f"remove it, or narrow `{wider.text}`",
        fix=fix_of(removed_item(pattern.at.location), safe=True),
    )


def _covered_problem(pattern: ir.ImagePattern, others: list[ir.ImagePattern]) -> Problem:
    shown = quoted([other.text for other in others[:4]])
    return Problem(
        message=f"`{pattern.text}` adds nothing: the other patterns of the list cover all of it"
        + (f" ({shown})" if len(others) <= 4 else ""),
        location=pattern.at.location,
        label="adds nothing",
        help="remove it",
        fix=fix_of(removed_item(pattern.at.location), safe=True),
    )
