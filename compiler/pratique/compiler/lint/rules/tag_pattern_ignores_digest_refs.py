"""A pattern for tags, which never sees an image that is named by digest.

## What it does

Reports patterns of `imageReferences` that match images by tag and none by digest, and shows a digest
reference of the same repository that no pattern of any rule matches.

## Why

An image that is named by digest is compared as `registry/path@sha256:…`; its tag is dropped. A pattern such
as `ghcr.io/acme/app:*` ends in a tag, so the same image named by digest is outside of the rule: it is not
verified, and nothing says so. Whoever writes `@sha256:…` is past the rule, and an image that was verified and
pinned is outside of it from then on.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/app:*"
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/app:*"
  - "ghcr.io/acme/app@*"
```

## Limits

Any rule of the policies that are linted together may match the digest references, whatever resources it is
for; then this rule stays silent. So it does where a skip list leaves them out, since that is meant.
`ghcr.io/acme/*:*` is no such pattern: its first `*` spans `app@sha256`.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.plausible import EXAMPLE_DIGEST
from pratique.compiler.languages.references import digested, repositories, tagged
from pratique.compiler.languages.relations import covers, is_empty
from pratique.compiler.languages.search import Answer, Proof, Witness
from pratique.compiler.languages.sets import contains, difference, quotient
from pratique.compiler.languages.unions import Union
from pratique.compiler.lint.base import Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.edits import added_items
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.fixes import fix_of

_TAIL = f"@{EXAMPLE_DIGEST}"
_ANY_TAG = ":0pratique"
"""A tag that no pattern asks for: whatever matches it matches any tag."""


@rule("PRQ003", Severity.ERROR)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the patterns that leave digest references unverified."""
    # The repositories whose digest references some pattern matches, told once for all patterns.
    patterns = dict.fromkeys(pattern for site in facts.classic_sites for pattern in site.include)
    everywhere = Union(quotient(facts.glob(pattern), _TAIL) for pattern in patterns)
    for site in facts.classic_sites:
        for pattern in site.include:
            if _misses_digests(pattern, facts):
                yield from _problems(pattern, site, facts, everywhere)


def _misses_digests(pattern: ir.ImagePattern, facts: Facts) -> bool:
    """Say whether it is proved that no digest reference matches."""
    image, glob = facts.images_of(pattern), facts.glob(pattern)
    if isinstance(image, Witness):
        guess = _by_digest(image.text, glob.suffix)
        if glob.matches(guess) and digested().contains(guess):
            return False  # as most do
    return isinstance(facts.ask(is_empty, glob, digested()), Proof)


def _by_digest(image: str, end: str) -> str:
    """Return the image by a digest that ends in `end`, if a digest can."""
    name, at, _ = image.partition("@")
    return (name if at else image.rpartition(":")[0]) + _TAIL[: len(_TAIL) - len(end)] + end


def _problems(pattern: ir.ImagePattern, site: Site, facts: Facts, everywhere: Union) -> Iterator[Problem]:
    glob, skipped = facts.glob(pattern), [facts.glob(other) for other in site.skip]
    seen = facts.images_of(pattern)
    if skipped:
        seen = facts.ask(is_empty, difference(glob, *skipped), tagged())
    if not isinstance(seen, Witness):
        return
    name, _, version = seen.text.rpartition(":")
    tag = f":{version}"
    left_out = [quotient(other, end) for other in skipped for end in (_TAIL, tag)]
    names = difference(quotient(glob, tag), *left_out)
    if contains(names, name) and not everywhere.widest_holding(name):
        found: Answer = Witness(name)
    else:
        found = facts.ask(covers, everywhere, names, repositories())
    if isinstance(found, Witness):
        yield _problem(pattern, found.text, tag, every_tag=glob.matches(found.text + _ANY_TAG))


def _problem(pattern: ir.ImagePattern, name: str, tag: str, *, every_tag: bool) -> Problem:
    added = pattern.text.rpartition(":")[0] + "@*"
    fits = Glob.parse(added).matches(name + _TAIL)
    return Problem(
        message=f"`{pattern.text}` matches no image that is named by digest: `{name}{tag}` is verified,"
        f" the same image as `{name}@sha256:…` is not",
        location=pattern.at.location,
        label=f"misses digests; add {added}" if fits else "misses digests",
        confidence=Confidence.HIGH if every_tag else Confidence.MEDIUM,
        examples=(Example("not verified", name + _TAIL),),
        help=f"add `{added}` to the list" if fits else "add a pattern for digests: `registry/path@*`",
        fix=fix_of(added_items(pattern.at.location, [added]), safe=True) if fits else None,
    )
