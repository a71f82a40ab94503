"""A type of statements that no tool writes, or fields that statements of the type have not.

## What it does

Reports attestations without a type, with a type that is one of cosign's short names (`slsaprovenance`), and
with one that is a known type but for a slip of the pen; and `conditions` that read a field which another type
or version has, or that start with `predicate.`.

## Why

Types are compared as they are written: statements carry `https://slsa.dev/provenance/v0.2`, whatever the
command line calls it. Conditions read the fields of the predicate by their own names; `builder.id` of
provenance v0.2 is `runDetails.builder.id` in v1. In each of these cases every image fails.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestations:
  - type: slsaprovenance
    attestors:
    - entries:
      - keyless:
          issuer: https://token.actions.githubusercontent.com
          subject: https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main
          rekor:
            url: https://rekor.sigstore.dev
    conditions:
    - all:
      - key: "{{ builder.id }}"
        operator: Equals
        value: https://github.com/actions/runner/github-hosted
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestations:
  - type: https://slsa.dev/provenance/v0.2
    attestors:
    - entries:
      - keyless:
          issuer: https://token.actions.githubusercontent.com
          subject: https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main
          rekor:
            url: https://rekor.sigstore.dev
    conditions:
    - all:
      - key: "{{ builder.id }}"
        operator: Equals
        value: https://github.com/actions/runner/github-hosted
```

## Limits

Types of your own are left alone, and so are fields that no known type has: producers may add some. Notary's
artifact types are not looked at. Below the top of a predicate nothing is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.compiler import ir
from pratique.compiler.lint.base import Basis, Confidence, Problem, Severity, rule
from pratique.compiler.lint.edits import rewritten, value_of
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.places import of_text
from pratique.compiler.lint.predicates import PREDICATES, Predicate, predicate

SIMILAR: Final = 0.92
"""Likeness (0 to 1) from which on an unknown type is taken for a slip of the pen."""

_SHORT: Final = {name: each.uri for each in PREDICATES for name in each.names}
_FIELDS: Final = {field for each in PREDICATES for field in each.fields}


@rule("PRQ037", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the types that no statement has, and the conditions that read what is not there."""
    for site in facts.classic_sites:
        for attestation in site.requirement.attestations:
            if any(leaf.attestor.format is ir.SignatureFormat.NOTARY for leaf in site.leaves):
                continue
            known = predicate(attestation.type)
            if known:
                declared = {entry.name for entry in site.rule.context}
                yield from _fields(attestation, known, declared)
            elif problem := _type(attestation):
                yield problem


def _type(attestation: ir.Attestation) -> Problem | None:
    text = attestation.type
    if not text:
        return Problem(
            message="an attestation without a type: every image fails for it",
            location=attestation.at.location,
            label="needs a `type`",
            severity=Severity.ERROR,
            help="add `type`, such as `https://slsa.dev/provenance/v1`",
        )
    if meant := _SHORT.get(text):
        why = f"`{text}` is what `cosign attest` calls `{meant}`: no statement has that type"
    elif meant := _similar(text):
        why = f"no known statement has the type `{text}`"
    else:
        return None
    place = value_of(attestation.at.location, "type", text)
    return Problem(
        message=why,
        location=place or attestation.at.location,
        label="no such type",
        basis=Basis.HEURISTIC,
        help=f"write `{meant}`",
        fix=fix_of(rewritten(place, meant), safe=False),
    )


def _similar(text: str) -> str:
    """Return the known type that was probably meant; an empty text where none is near."""
    if "{{" in text:
        return ""
    known = [each.uri for each in PREDICATES]
    bare = {_bare(uri): uri for uri in known}
    if _bare(text) in bare and not text.startswith("cosign.sigstore.dev/"):  # what cosign 1 wrote
        return bare[_bare(text)]
    from difflib import get_close_matches

    return next(iter(get_close_matches(text, known, n=1, cutoff=SIMILAR)), "")


def _bare(uri: str) -> str:
    return uri.lower().partition("://")[2].rstrip("/") if "://" in uri else uri.lower().rstrip("/")


def _fields(attestation: ir.Attestation, known: Predicate, declared: set[str]) -> Iterator[Problem]:
    if "{{" not in str(attestation.conditions):
        return
    from pratique.compiler.expressions.analysis import variables_of

    for variable in variables_of(list(attestation.conditions)):
        for root in sorted(variable.roots - declared - known.fields):
            if root == "predicate":
                advice = "leave `predicate.` out: the fields of the predicate have their own names here"
            elif root in _FIELDS:
                advice = _homes(root, known)
            else:
                continue
            yield Problem(
                message=f"`{variable.text}` reads `{root}`, and `{known.uri}` has no such field",
                location=of_text(attestation.at.location, variable.text),
                label=f"`{root}` is not there",
                confidence=Confidence.MEDIUM,
                basis=Basis.HEURISTIC,
                help=advice,
            )


def _homes(field: str, known: Predicate) -> str:
    homes = [each.uri for each in PREDICATES if field in each.fields]
    near = [uri for uri in homes if uri.rpartition("/")[0] == known.uri.rpartition("/")[0]] or homes
    return f"it is a field of `{near[-1]}`; a `{known.uri}` has {', '.join(sorted(known.fields)[:8])}"
