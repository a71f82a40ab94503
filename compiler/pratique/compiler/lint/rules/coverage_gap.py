"""Images that run, and that no rule keeps from running unverified.

## What it does

Compares the images of `--inventory FILE|cluster` with all policies together, and lists those that no rule
verifies which enforces: matched by no pattern, skipped, or in the reach of rules that only report.

## Why

A policy says nothing about the images that it does not match: they are admitted unverified, and nobody is
told. Which images there are, no policy can know; an inventory does.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
```

With this inventory:

```text
ghcr.io/acme/app:1.4.2
docker.io/library/redis:7
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  - "docker.io/library/redis:*"
  - "docker.io/library/redis@*"
```

With the same inventory:

```text
ghcr.io/acme/app:1.4.2
docker.io/library/redis:7
```

## Limits

Without an inventory the rule is silent. Of images that are listed without the resources that run them, it is
not known which rules select these: the patterns alone count. What depends on labels of namespaces that nobody
knows, or on preconditions, counts as covered; policy exceptions are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.compiler.lint.base import Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.inventory import Cover, Standing

MAX_EXAMPLES: Final = 20
"""Images that are listed; reports for machines have them all."""

_WORDS: Final = {
    Cover.UNMATCHED: "matched by no rule",
    Cover.SKIPPED: "skipped",
    Cover.REPORTED: "reported only",
}


@rule("PRQ017", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield one problem for all images that are not covered."""
    if facts.coverage is None or not facts.coverage.gaps:
        return
    gaps, inventory = facts.coverage.gaps, facts.coverage.inventory
    places = [use.location for standing in gaps for use in standing.uses if use.location]
    several = len(gaps) > 1
    more = f"; here are {MAX_EXAMPLES} of them" if len(gaps) > MAX_EXAMPLES else ""
    unread = "; policies that could not be read are not counted" if facts.unread else ""
    yield Problem(
        message=f"{len(gaps)} of the {len(inventory.images)} images of {inventory.name}"
        f" {'are' if several else 'is'} verified by no rule that enforces{unread}{more}",
        location=places[0] if places else None,
        label="runs unverified",
        confidence=Confidence.LOW if facts.unread else Confidence.HIGH,
        examples=tuple(map(_example, gaps[:MAX_EXAMPLES])),
        help="match them by a rule that enforces, or say with `--ignore` that they may run unverified",
    )


def _example(standing: Standing) -> Example:
    namespaces = sorted({use.target.namespace for use in standing.uses if use.target})
    listed = ", ".join(namespaces[:3]) + (" and others" if len(namespaces) > 3 else "")
    where = f" in {listed}" if namespaces else ""
    return Example(f"{_WORDS[standing.cover]}{where}", standing.image)
