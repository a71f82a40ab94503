"""A subject without the one who vouches for it.

## What it does

Reports keyless attestors of the public Sigstore that accept any issuer: none is named, or a pattern that any
matches.

## Why

A subject means something only together with its issuer: the same e-mail address may be vouched for by an
issuer that checks it and by one that does not. Each issuer that the certificate authority trusts, now or
later, can then vouch for the signer.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keyless:
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
  - entries:
    - keyless:
        issuer: https://accounts.google.com
        subject: release@acme.example
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

Attestors with `roots` of their own are left alone. Where strangers are accepted as subjects too,
`identity-too-wide` says more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.compiler.lint.base import Basis, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.identities import STRANGERS, accepts, identity_leaves
from pratique.compiler.lint.places import of_setting

ANY_ISSUER: Final = "https://issuer.attacker.example"


@rule("PRQ023", Severity.ERROR)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the attestors that take anybody's word."""
    for leaf, signer in identity_leaves(facts):
        if leaf.attestor.trust.roots or not accepts(signer.issuer, ANY_ISSUER):
            continue
        if any(accepts(signer.subject, stranger.subject) for stranger in STRANGERS) and not signer.extensions:
            continue
        written = f"`{signer.issuer.wanted}` matches any" if signer.issuer.tests else "none is named"
        named = of_setting(leaf.at.location, "issuer") if signer.issuer.tests else leaf.at.location
        yield Problem(
            message=f"this attestor accepts its subject from any issuer: {written}",
            location=named,
            label="any issuer",
            basis=Basis.WITNESS,
            examples=(Example("accepted issuer", ANY_ISSUER),),
            help="add `issuer`, such as `https://token.actions.githubusercontent.com`",
        )
