"""Unverified images are let through.

## What it does

Reports enforcing entries with `required: false`.

## Why

`required` makes admission fail for an image that carries no proof of verification. Without it, an image that
was never looked at (the verifying webhook was down, bypassed or configured for other operations) is admitted
as if it had passed.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  required: false
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  required: true
```

## Limits

Rules that nowhere enforce are left alone: they admit everything.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import is_empty
from pratique.compiler.languages.search import Witness
from pratique.compiler.lint.base import Example, Problem, Severity, rule
from pratique.compiler.lint.edits import switched
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.places import of_setting


@rule("PRQ033", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the enforcing entries that ask for no proof."""
    for site in facts.classic_sites:
        if site.requirement.demand_proof or not site.enforces:
            continue
        image = facts.ask(is_empty, facts.region(site.requirement.images), images())
        if isinstance(image, Witness):
            yield Problem(
                message=f"rule `{site.rule.name}` asks for no proof:"
                " an image that nothing verified is admitted",
                location=of_setting(site.requirement.at.location, "required"),
                label="no proof is asked for",
                examples=(Example("admitted unless it was looked at", image.text),),
                help="set `required: true`, the default",
                fix=fix_of(switched(site.requirement.at.location, "required", on=True), safe=True),
            )
