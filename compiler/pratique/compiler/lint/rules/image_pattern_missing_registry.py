"""A pattern without a registry, which never sees the image it names.

## What it does

Reports patterns that start with a repository rather than a registry, and shows an image that the author
surely means and the pattern does not match.

## Why

Images are normalised before they are matched: `nginx:1.25` in a Pod becomes `docker.io/nginx:1.25`. Patterns
are not. A pattern without registry therefore misses the very images it spells out, and may match a registry
of that name instead. Where it can match nothing else, this is an error.

## Example

```yaml
verifyImages:
- imageReferences:
  - "nginx*"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "docker.io/nginx:*"
  - "docker.io/nginx@*"
```

## Limits

Holds for the default registry `docker.io`. `library/` is not added: `nginx` and `library/nginx` are two
names, and a pattern for one does not match the other. Patterns that start with a wildcard, and first parts
with a wildcard before a `/` (`my*/app:*` may mean a registry), are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import short
from pratique.compiler.languages.relations import is_empty
from pratique.compiler.languages.search import Witness
from pratique.compiler.lint.base import Basis, Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.edits import replaced_item
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.wording import quoted
from pratique.grammar.image_reference import DEFAULT_REGISTRY, has_host, parse_image

_PORT = re.compile(r"[^:*?]+:\d{4,5}\*")

_NAME_ALONE = re.compile(r"[^/*?:@]*[a-z0-9]\*")


@rule("PRQ002", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the patterns that name an image of the default registry and do not match it."""
    for site in facts.classic_sites:
        for pattern in (*site.include, *site.skip):
            if _lacks_registry(pattern.text) and (problem := _problem(pattern, site, facts)):
                yield problem


def _lacks_registry(text: str) -> bool:
    first, slash, _ = text.partition("/")
    if slash:
        return bool(first) and not has_host(text) and not set(first) & set("*?")
    name = re.split(r"[*?:@]", text, maxsplit=1)[0]
    return bool(name) and "." not in name and name != "localhost" and not _PORT.fullmatch(text)


def _problem(pattern: ir.ImagePattern, site: Site, facts: Facts) -> Problem | None:
    answer = facts.ask(is_empty, facts.glob(pattern), short())
    if not isinstance(answer, Witness):
        return None
    written, seen = answer.text, parse_image(answer.text).match_string
    if facts.glob(pattern).matches(seen):
        return None
    text, dead = pattern.text, facts.is_dead(pattern)
    repaired = f"{DEFAULT_REGISTRY}/{text}"
    if not Glob.parse(repaired).matches(seen) or _NAME_ALONE.fullmatch(text):
        better = [repaired.removesuffix("*") + tail for tail in (":*", "@*")]
    else:
        better = [repaired]
    nothing = "; it can match no other image either" if dead else ""
    return Problem(
        message=f"`{text}` has no registry: an image that a resource names `{written}` is compared as"
        f" `{seen}`, which it does not match{nothing}",
        location=pattern.at.location,
        label="no registry",
        severity=Severity.ERROR if dead else Severity.WARNING,
        confidence=Confidence.HIGH if dead or "/" in text else Confidence.MEDIUM,
        basis=Basis.PROVED if dead else Basis.WITNESS,
        examples=(Example("not matched", seen),),
        help=f"write {quoted(better)}",
        # Unsafe where something was verified through it, and may no longer be, or where more is skipped.
        fix=fix_of(*replaced_item(pattern.at.location, better), safe=dead and pattern in site.include),
    )
