"""One repository holds the signatures of images of different owners.

## What it does

Reports a `repository` in which the signatures of images of different registries or owners are looked for,
with two of these images.

## Why

Signatures of cosign lie under tags, which can be moved and deleted. Whoever may push to a shared repository,
as every team must that signs, can take away or replace the signatures of all others: nothing forged passes,
but what is theirs no longer runs.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  - "ghcr.io/other/*"
  repository: registry.acme.example/signatures
  attestors:
  - entries:
    - keyless:
        issuer: https://accounts.google.com
        subject: release@acme.example
        rekor:
          url: https://rekor.sigstore.dev
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  repository: registry.acme.example/signatures
  attestors:
  - entries:
    - keyless:
        issuer: https://accounts.google.com
        subject: release@acme.example
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

The owner of an image is its registry and the first part of its path. Who may push to a repository is not
known to lint.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pratique.compiler import ir
from pratique.compiler.languages.references import images
from pratique.compiler.languages.relations import is_empty
from pratique.compiler.languages.search import Witness
from pratique.compiler.languages.sets import TextSet, difference
from pratique.compiler.lint.base import Basis, Confidence, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts, Site
from pratique.compiler.lint.places import of_setting
from pratique.grammar.source import Location


@dataclass(slots=True)
class _Shared:
    """What is known of a repository: where it is named first, and an image of each owner."""

    place: Location | None
    images: dict[str, str] = field(default_factory=dict)


@rule("PRQ043", Severity.INFO)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the repositories that images of different owners share."""
    shared: dict[str, _Shared] = {}
    for site in facts.sites:
        for repository in dict.fromkeys(leaf.attestor.repository for leaf in site.leaves):
            if repository and "{{" not in repository:
                known = shared.setdefault(repository, _Shared(_place(site, repository)))
                for pattern in site.include:
                    if len(known.images) < 2:
                        _look(facts, difference(facts.glob(pattern), *map(facts.glob, site.skip)), known)
    for repository, known in shared.items():
        if len(known.images) > 1:
            yield _problem(repository, known)


def _place(site: Site, repository: str) -> Location | None:
    entry = site.requirement.at.location
    own = of_setting(entry, "repository")
    leaves = [leaf.at.location for leaf in site.leaves if leaf.attestor.repository == repository]
    return own if own != entry else leaves[0]


def _look(facts: Facts, texts: TextSet, known: _Shared) -> None:
    """Add one of these images, and one of another owner if there is one."""
    first = facts.ask(is_empty, texts, images())
    if not isinstance(first, Witness):
        return
    owner = _owner(first.text)
    known.images.setdefault(owner, first.text)
    rest = difference(texts, *(facts.glob(_of(each)) for each in known.images))
    other = facts.ask(is_empty, rest, images())
    if isinstance(other, Witness):
        known.images.setdefault(_owner(other.text), other.text)


def _owner(image: str) -> str:
    """Return registry and first part of the path, such as `ghcr.io/acme/`; all of a name with one part."""
    host, _, path = image.partition("/")
    head, slash, _ = path.partition("/")
    return f"{host}/{head}/" if slash else f"{host}/{head.partition('@')[0].partition(':')[0]}"


def _of(owner: str) -> ir.ImagePattern:
    return ir.ImagePattern(text=f"{owner}*")


def _problem(repository: str, known: _Shared) -> Problem:
    one, other = list(known.images.values())[:2]
    return Problem(
        message=f"signatures of images of different owners are looked for in `{repository}`: whoever may push"
        " there can take those of all others away",
        location=known.place,
        label="is shared",
        confidence=Confidence.LOW,
        basis=Basis.WITNESS,
        examples=(Example("signed there", one), Example("signed there too", other)),
        help="give each owner a repository, or leave signatures beside their images",
    )
