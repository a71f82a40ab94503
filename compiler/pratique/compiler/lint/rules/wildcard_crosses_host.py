"""A wildcard for hosts that matches paths on other hosts too.

## What it does

Reports patterns whose registry part holds a wildcard and a domain, such as `*.example.com/*`, where the
wildcard can span the end of the registry, and shows an image of another registry that matches.

## Why

`*` matches any characters, `/` included. `*.example.com/*` therefore matches
`attacker.example/x.example.com/app:1`, an image that anybody can publish. In `skipImageReferences` that image
is then skipped: a way around the rule, and an error here. In `imageReferences` the rule only reaches further
than it should.

## Example

```yaml
verifyImages:
- imageReferences:
  - "*"
  skipImageReferences:
  - "*.example.com/*"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "*"
  skipImageReferences:
  - "eu.example.com/*"
  - "us.example.com/*"
```

## Limits

Only registry parts with a dot are looked at: `*nginx/*` may mean paths. This pattern language has no wildcard
that stops at `/`, so the registries have to be named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.compiler import ir
from pratique.compiler.languages.expressions import ALL_CHARACTERS, characters
from pratique.compiler.languages.globs import Glob, One, Part, Run, parts
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import is_empty
from pratique.compiler.languages.search import Witness
from pratique.compiler.languages.sets import EVERYTHING, AllOf, AnyOf, TextSet, difference
from pratique.compiler.lint.base import Basis, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts

ELSEWHERE: Final = Glob.parse("attacker.example/*")
"""Images of a registry that witnesses come from where they can."""

_WITHIN_HOST = ALL_CHARACTERS & ~characters("/")


@rule("PRQ004", Severity.ERROR, yields_to=("PRQ009",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the patterns that match images of registries they do not name."""
    for site in facts.classic_sites:
        included = AnyOf(tuple(map(facts.glob, site.include)))
        for patterns, severity in ((site.skip, Severity.ERROR), (site.include, Severity.WARNING)):
            for pattern in patterns:
                # What is not included cannot be skipped.
                within = included if severity is Severity.ERROR else EVERYTHING
                if witness := _crossing(pattern, within, facts):
                    yield _problem(pattern, witness, severity)


def _crossing(pattern: ir.ImagePattern, within: TextSet, facts: Facts) -> str:
    """Return an image that matches on a registry outside the pattern's registry part, or an empty text."""
    host, slash, _ = pattern.text.partition("/")
    if not slash or "." not in host or not set(host) & set("*?"):
        return ""
    on_host = [_within_host(part) for part in parts(host, pattern.dialect)]
    outside = difference(facts.glob(pattern), Glob(host, (*on_host, One(characters("/")), Run())))
    for candidates in (AllOf((outside, within, ELSEWHERE)), AllOf((outside, within))):
        answer = facts.ask(is_empty, candidates, images())
        if isinstance(answer, Witness):
            return answer.text
    return ""


def _within_host(part: Part) -> Part:
    return Run(part.mask & _WITHIN_HOST) if isinstance(part, Run) else One(part.mask & _WITHIN_HOST)


def _problem(pattern: ir.ImagePattern, witness: str, severity: Severity) -> Problem:
    host = pattern.text.partition("/")[0]
    registry = witness.partition("/")[0]
    skips = severity is Severity.ERROR
    return Problem(
        message=f"`{pattern.text}` also matches images of the registry `{registry}`: a wildcard spans `/`,"
        f" so `{host}` need not be the registry" + ("; such images are skipped, unverified" if skips else ""),
        location=pattern.at.location,
        label=f"matches outside {host}",
        severity=severity,
        basis=Basis.WITNESS,
        examples=(Example("skipped" if skips else "matched", witness),),
        help="name each registry by a pattern of its own, without a wildcard before the first `/`",
    )
