"""A skip pattern that skips nothing.

## What it does

Reports patterns of `skipImageReferences` that meet none of the entry's `imageReferences`.

## Why

Such a pattern has no effect: the images that the author wants to leave out are verified, and fail, or were
never in. Often its `*` or its registry was lost.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  skipImageReferences:
  - "ghcr.io/acme/sandbox/"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  skipImageReferences:
  - "ghcr.io/acme/sandbox/*"
```

## Limits

Entries whose `imageReferences` match nothing at all are left to `image-pattern-matches-nothing`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import are_disjoint
from pratique.compiler.languages.search import Proof
from pratique.compiler.languages.sets import AnyOf
from pratique.compiler.lint.base import Fix, Problem, Severity, rule
from pratique.compiler.lint.edits import removed_item, replaced_item
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.repairs import reason, repair
from pratique.compiler.lint.wording import quoted


@rule("PRQ007", Severity.WARNING, yields_to=("PRQ002", "PRQ009"))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the skip patterns without effect."""
    for site in facts.classic_sites:
        included = AnyOf(tuple(facts.glob(pattern) for pattern in site.include))
        if all(facts.is_dead(pattern) for pattern in site.include):
            continue
        for pattern in site.skip:
            if facts.is_dead(pattern):
                yield _dead(pattern, site, facts)
            elif isinstance(facts.ask(are_disjoint, facts.glob(pattern), included, images()), Proof):
                yield _apart(pattern, site)


def _dead(pattern: ir.ImagePattern, site: Site, facts: Facts) -> Problem:
    better = repair(pattern.text, facts)
    return Problem(
        message=f"`{pattern.text}` skips nothing: it can match no image; {reason(pattern.text, facts)}",
        location=pattern.at.location,
        label="matches no image",
        help=f"write {quoted(better.patterns)}" if better else "remove it",
        fix=fix_of(*replaced_item(pattern.at.location, better.patterns), safe=False)
        if better
        else _removal(pattern, site),
    )


def _apart(pattern: ir.ImagePattern, site: Site) -> Problem:
    return Problem(
        message=f"`{pattern.text}` skips nothing: no image matches both it and `imageReferences`",
        location=pattern.at.location,
        label="has no effect",
        related=tuple(
            ("these images are verified", each.at.location) for each in site.include[:1] if each.at.location
        ),
        help="remove it, or name images that the entry verifies",
        fix=_removal(pattern, site),
    )


def _removal(pattern: ir.ImagePattern, site: Site) -> Fix | None:
    """Return the fix that takes a pattern from a list that keeps others."""
    return fix_of(removed_item(pattern.at.location), safe=True) if len(site.skip) > 1 else None
