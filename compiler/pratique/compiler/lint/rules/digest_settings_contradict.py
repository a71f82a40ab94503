"""Digests are demanded, but nothing adds them, or added where nothing may be changed.

## What it does

Reports entries with `verifyDigest` and without `mutateDigest` that match images by tag: each of those images
fails with `missing digest`, whoever signed it. Explains why a policy with `mutateDigest: true` (the default)
under `Audit` is refused.

## Why

`verifyDigest: true` (the default) makes an image without a digest fail, and only `mutateDigest: true` adds
one. Without it, every resource that names its images by tag is reported or refused. Under `Audit`, where
`mutateDigest` must be false, the failures hide what the signatures say.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  mutateDigest: false
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  mutateDigest: true
```

## Limits

Who wants images to be pinned by hand gets this finding too; say so with `--ignore`. Whether the other way
out, `verifyDigest: false`, is good enough, `tag-reference-not-pinned` says.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler.lint.base import Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.edits import switched
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.places import of_setting


@rule("PRQ031", Severity.WARNING, explains=("digest-added-under-audit",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the entries that every image by tag fails."""
    for site in facts.classic_sites:
        asked = site.requirement
        if asked.demand_digest and not asked.pin_digest and (image := facts.image_by_tag(asked.images)):
            yield _problem(site, image)


def _problem(site: Site, image: str) -> Problem:
    added = "set `mutateDigest: true`, or `verifyDigest: false`"
    return Problem(
        message=f"rule `{site.rule.name}` demands digests and adds none: every image that is named by tag"
        " fails with `missing digest`, whoever signed it",
        location=of_setting(site.requirement.at.location, "mutateDigest"),
        label="no digest is added, and `verifyDigest` demands one",
        confidence=Confidence.MEDIUM,
        examples=(Example("fails", image),),
        help=added if site.enforces else "set `verifyDigest: false`",
        # Images by tag that are signed are then admitted. Audit takes no `mutateDigest`.
        fix=fix_of(switched(site.requirement.at.location, "mutateDigest", on=True), safe=False)
        if site.enforces
        else None,
    )
