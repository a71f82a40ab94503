"""A wildcard right behind a name, which matches longer names of other owners too.

## What it does

Reports patterns that end a registry or an owner with `*` instead of `/*`, such as `ghcr.io/acme*`, and shows
an image of somebody else that matches.

## Why

`ghcr.io/acme*` matches `ghcr.io/acme-evil/app:1`, and `ghcr.io*` matches `ghcr.io.attacker.example/app:1`:
names that anybody can take. In a skip list that lets their images pass; elsewhere the rule reaches further
than it should.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme*"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
```

## Limits

The first part of the path counts as an owner on registries that are known to give owners one. There, a
pattern behind the second `/` (`ghcr.io/acme/app*`) stays with its owner and is left alone. On all other
registries only the registry itself is looked at. A `*` behind `-`, `.` or `_` is taken for a meant prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.compiler import ir
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import are_disjoint
from pratique.compiler.languages.search import Witness
from pratique.compiler.lint.base import Basis, Example, Problem, Severity, rule
from pratique.compiler.lint.edits import replaced_item
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.wording import quoted
from pratique.grammar.image_reference import DEFAULT_REGISTRY

OWNED: Final = frozenset(
    {
        "docker.io",
        "ghcr.io",
        "quay.io",
        "gcr.io",
        "asia.gcr.io",
        "eu.gcr.io",
        "us.gcr.io",
        "public.ecr.aws",
        "registry.gitlab.com",
    }
)
"""Registries on which anybody can own a first part of paths."""

_REGISTRY = re.compile(r"(?P<host>[^/*?]*\.[^/*?]*[a-z0-9])\*(?:$|/)")
_OWNER = re.compile(r"(?P<host>[^/*?]+)/(?P<owner>[^/*?:@]*[a-z0-9])\*(?:$|[/:@])")


@rule("PRQ005", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the patterns that match the images of others."""
    for site in facts.classic_sites:
        for patterns, is_skipped in ((site.include, False), (site.skip, True)):
            for pattern in patterns:
                if problem := _problem(pattern, facts, is_skipped=is_skipped):
                    yield problem


def _problem(pattern: ir.ImagePattern, facts: Facts, *, is_skipped: bool) -> Problem | None:
    if found := _REGISTRY.match(pattern.text):
        what, name, others = "registry", found["host"], f"{found['host']}.attacker.example/*"
        better = [f"{name}/*"]
    elif (found := _OWNER.match(pattern.text)) and found["host"] in OWNED:
        what, name, others = "owner", found["owner"], f"{found['host']}/{found['owner']}-evil/*"
        stem = f"{found['host']}/{name}"
        better = [f"{stem}/*"]
        if found["host"] == DEFAULT_REGISTRY:
            better += [f"{stem}:*", f"{stem}@*"]
    else:
        return None
    answer = facts.ask(are_disjoint, facts.glob(pattern), Glob.parse(others), images())
    if not isinstance(answer, Witness):
        return None
    return Problem(
        message=f"`{pattern.text}` also matches images of every other {what} whose name begins with `{name}`",
        location=pattern.at.location,
        label=f"`{name}` has no end here",
        basis=Basis.WITNESS,
        examples=(Example("matched", answer.text),),
        help=f"write {quoted(better)}, whichever is meant" if len(better) > 1 else f"write {quoted(better)}",
        # Less is skipped, or less is verified. Which of several is meant, only the author knows.
        fix=fix_of(*replaced_item(pattern.at.location, better), safe=is_skipped)
        if len(better) == 1
        else None,
    )
