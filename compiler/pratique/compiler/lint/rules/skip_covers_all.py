"""A skip list that covers every image of its rule.

## What it does

Reports entries whose `skipImageReferences` cover all that their `imageReferences` match: the entry verifies
no image at all.

## Why

An image that both lists match is skipped, not verified. When the skip list covers the whole, the rule looks
like protection and is none; nothing fails, nothing is reported but skips.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  skipImageReferences:
  - "ghcr.io/*"
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

Several skip patterns are taken together. Where the question is too hard to decide, the rule stays silent.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import covers, is_empty
from pratique.compiler.languages.search import Proof, Witness
from pratique.compiler.languages.sets import AnyOf
from pratique.compiler.lint.base import Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.wording import quoted


@rule("PRQ006", Severity.ERROR)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the entries of which nothing is left to verify."""
    for site in facts.classic_sites:
        if site.skip and (problem := _problem(site, facts)):
            yield problem


def _problem(site: Site, facts: Facts) -> Problem | None:
    included = AnyOf(tuple(facts.glob(pattern) for pattern in site.include))
    wanted = facts.ask(is_empty, included, images())
    if not isinstance(wanted, Witness):
        return None  # nothing to cover: that is another rule's finding
    skipped = {pattern: facts.glob(pattern) for pattern in site.skip}
    if not isinstance(facts.ask(covers, tuple(skipped.values()), included, images()), Proof):
        return None
    alone = [
        pattern
        for pattern, glob in skipped.items()
        if isinstance(facts.ask(covers, (glob,), included, images()), Proof)
    ]
    guilty = alone[:1] or list(site.skip)
    patterns = quoted([pattern.text for pattern in guilty])
    return Problem(
        message=f"rule `{site.rule.name}` verifies no image: `skipImageReferences` {patterns}"
        f" {'covers' if len(guilty) == 1 else 'together cover'} all of its `imageReferences`",
        location=guilty[0].at.location,
        label="skips every image of the rule",
        related=tuple(
            ("of these images", pattern.at.location) for pattern in site.include[:1] if pattern.at.location
        ),
        examples=(Example("skipped", wanted.text),),
        help="skip only what shall not be verified, or remove the rule",
    )
