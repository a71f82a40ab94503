"""A pattern of `imageReferences` that no image can match.

## What it does

Reports image patterns for which it is proved that no image reference matches them. The rule then verifies
nothing by that pattern, and says so to nobody: there is no result, no block and no error.

## Why

Patterns are matched against the whole canonical reference, which ends in `:tag` or `@digest`. A pattern that
ends in `/`, or in the name of a repository, has lost its `*`. Other patterns can match nothing since they
hold what no reference holds: a scheme, a capital letter in the path, a digest cut short, a tag beside a
digest.

## Example

```yaml
verifyImages:
- imageReferences:
  - "registry.k8s.io/"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "registry.k8s.io/*"
```

## Limits

Proofs hold for references as pratique normalises them: hosts in lower case, sha256 and sha512 digests.
Patterns that match nothing for want of a registry, or through characters of another glob language, are left
to `image-pattern-missing-registry` and `glob-dialect-metachar`, which say more.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.lint.base import Example, Problem, Severity, rule
from pratique.compiler.lint.edits import replaced_item
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.repairs import is_unfinished, reason, repair
from pratique.compiler.lint.wording import quoted


@rule("PRQ001", Severity.ERROR, yields_to=("PRQ002", "PRQ009"))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the patterns that are proved to match no image."""
    for site in facts.classic_sites:
        dead = [pattern for pattern in site.include if facts.is_dead(pattern)]
        for pattern in dead:
            yield _problem(pattern, site, facts, alone=len(dead) == len(site.include))


def _problem(pattern: ir.ImagePattern, site: Site, facts: Facts, *, alone: bool) -> Problem:
    text = pattern.text
    better = repair(text, facts)
    lost = (
        " (its `*` was lost)"
        if better and is_unfinished(text, facts) and better.patterns[0][-1] == "*"
        else ""
    )
    effect = f"; rule `{site.rule.name}` verifies no image through this list" if alone else ""
    return Problem(
        message=f"`{text}` can match no image{lost}: {reason(text, facts)}{effect}",
        location=pattern.at.location,
        label=f"matches no image; write {' and '.join(better.patterns)}" if better else "matches no image",
        examples=(Example("would then match", better.example),) if better else (),
        help=f"write {quoted(better.patterns)}" if better else "",
        # What is verified now was not verified before.
        fix=fix_of(*replaced_item(pattern.at.location, better.patterns), safe=True) if better else None,
    )
