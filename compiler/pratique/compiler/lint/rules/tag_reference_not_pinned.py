"""What is verified need not be what runs.

## What it does

Reports enforcing entries that neither pin the verified digest (`mutateDigest: false`) nor demand one
(`verifyDigest: false`), and match images by tag.

## Why

A tag can be moved between the check and the pull. The signature belongs to the digest that was looked up; the
node later pulls whatever the tag means then (the weakness of CVE-2022-47633).

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  mutateDigest: false
  verifyDigest: false
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  mutateDigest: true
  verifyDigest: true
```

## Limits

Rules that nowhere enforce are left alone: they block nothing that could be swapped.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler.lint.base import Example, Problem, Severity, rule
from pratique.compiler.lint.edits import switched
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.places import of_setting


@rule("PRQ032", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the enforcing entries whose images may change after the check."""
    for site in facts.classic_sites:
        requirement = site.requirement
        if requirement.pin_digest or requirement.demand_digest or not site.enforces:
            continue
        if image := facts.image_by_tag(requirement.images):
            yield Problem(
                message=f"rule `{site.rule.name}` neither pins nor demands digests: a tag can be moved"
                " between the check and the pull, so that what runs was never verified",
                location=of_setting(requirement.at.location, "verifyDigest"),
                label="neither pinned nor demanded",
                examples=(Example("may change after the check", image),),
                help="set `mutateDigest: true`, the default",
                fix=fix_of(switched(requirement.at.location, "mutateDigest", on=True), safe=True),
            )
