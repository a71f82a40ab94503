"""More signers are demanded than there are.

## What it does

Reports sets of attestors whose `count`, or whose number of entries where there is no `count`, cannot be
reached, since entries name the same signer. Explains why a policy is refused in which `count` exceeds the
number of entries.

## Why

No image passes such a set, whoever signed it. A signer who is named twice is one signer: pratique counts it
once, while Kyverno 1.19 lets a single signature count for both, so that a `count: 2` against a stolen key
protects from nothing.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - count: 2
    entries:
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
  attestors:
  - count: 2
    entries:
    - keyless:
        issuer: https://accounts.google.com
        subject: release@acme.example
        rekor:
          url: https://rekor.sigstore.dev
    - keyless:
        issuer: https://accounts.google.com
        subject: security@acme.example
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

Kyverno compares `count` with the entries as they are written: `count: 2` over one entry with three keys is
refused, although it could be reached; write each key as an entry of its own. Two keyless entries are the same
signer only if their tests are equal; whether one accepts all that another accepts is not looked into here.
Signers of attestations are left alone: there a signer who is named twice counts twice.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from pratique.compiler import ir
from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.places import of_setting
from pratique.grammar.source import Location


@rule("PRQ018", Severity.ERROR, explains=("count-exceeds-entries",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the sets in which the same signers are counted again."""
    for site in facts.classic_sites:
        for threshold in site.signature_sets:
            distinct: dict[Hashable, ir.Formula] = {}
            again = []
            for part in threshold.of:
                if distinct.setdefault(_signer(part), part) is not part:
                    again.append(part)
            if len(distinct) < threshold.count <= len(threshold.of):
                yield _problem(threshold, len(distinct), again)


def _signer(part: ir.Formula) -> Hashable:
    """Return what is the same for two parts that count once: the bits of a key, the tests of an identity."""
    if not isinstance(part, ir.Leaf):
        return part
    match part.attestor.signer:
        case ir.KeySigner(key=text) | ir.CertificateSigner(certificate=text) if text:
            return part.attestor.kind, "".join(text.split())
        case ir.IdentitySigner() as signer:
            return signer
        case _:
            return part.attestor


def _problem(threshold: ir.Threshold, distinct: int, again: list[ir.Formula]) -> Problem:
    place = of_setting(threshold.at.location, "count")
    signers = "one signer" if distinct == 1 else f"{distinct} signers"
    return Problem(
        message=f"{threshold.count} attestors are demanded, and the entries name {signers}: no image passes",
        location=place,
        label="cannot be reached",
        related=tuple(("named again here", at) for at in _places(again)),
        help=f"name {threshold.count} different signers, or demand no more than {distinct}",
    )


def _places(parts: list[ir.Formula]) -> list[Location]:
    return list(dict.fromkeys(part.at.location for part in parts if part.at.location))
