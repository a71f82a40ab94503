"""A pattern that matches none of the images that run.

## What it does

Reports patterns of images that match no image of `--inventory FILE|cluster`; where that is so of all patterns
of an entry, it is a warning.

## Why

A pattern that should match something and does not is mistyped, or is about a registry that was moved: the
images run unverified under their new names. One whose images are gone can go as well.

## Example

```yaml
verifyImages:
- imageReferences:
  - "k8s.gcr.io/*"
```

With this inventory:

```text
registry.k8s.io/etcd:3.5.6-0
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "registry.k8s.io/*"
```

With the same inventory:

```text
registry.k8s.io/etcd:3.5.6-0
```

## Limits

Without an inventory the rule is silent. Patterns for images that are yet to come get this finding too. That a
pattern can match no image at all is said by `image-pattern-matches-nothing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pratique.compiler.lint.base import Confidence, Problem, Severity, rule
from pratique.compiler.lint.facts import CLASSIC_KINDS, Facts
from pratique.compiler.lint.inventory import PatternCount


@rule("PRQ050", Severity.INFO, yields_to=("PRQ001", "PRQ002", "PRQ007", "PRQ009"))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the patterns without an image."""
    if facts.coverage is None:
        return
    total = len(facts.coverage.inventory.images)
    written = (each for each in facts.coverage.patterns if each.policy.kind in CLASSIC_KINDS)
    for _, group in groupby(written, key=lambda each: (id(each.requirement), each.is_skip)):
        counts = list(group)
        alone = not any(each.images for each in counts) and not counts[0].is_skip
        for number, each in enumerate(each for each in counts if not each.images):
            yield _problem(each, total, alone=alone and number == 0)


def _problem(each: PatternCount, total: int, *, alone: bool) -> Problem:
    verb = "skips" if each.is_skip else "matches"
    consequence = f"; rule `{each.rule.name}` verifies none of them through this list" if alone else ""
    return Problem(
        message=f"`{each.pattern.text}` {verb} 0 of your {total} images{consequence}",
        location=each.pattern.at.location,
        label="no image that runs",
        severity=Severity.WARNING if alone else Severity.INFO,
        confidence=Confidence.MEDIUM,
        help="write the registry and path that the images have, or remove it",
    )
