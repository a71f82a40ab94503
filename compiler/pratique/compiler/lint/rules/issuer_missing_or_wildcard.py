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

import re
from collections.abc import Iterator
from typing import Final

from pratique.compiler import ir
from pratique.compiler.lint.base import Basis, Example, Fix, Problem, Severity, rule
from pratique.compiler.lint.edits import added_setting, rewritten, value_of
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.identities import STRANGERS, accepts, identity_leaves
from pratique.compiler.lint.places import of_setting

ANY_ISSUER: Final = "https://issuer.attacker.example"

ISSUERS: Final = {
    "github.com": "https://token.actions.githubusercontent.com",
    "gitlab.com": "https://gitlab.com",
}
"""Site -> who vouches, in the public Sigstore, for the jobs of its repositories: for nothing else there do
identities begin with the site."""


@rule("PRQ023", Severity.ERROR, yields_to=("PRQ036",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the attestors that take anybody's word."""
    for leaf, signer in identity_leaves(facts):
        if leaf.attestor.trust.roots or not accepts(signer.issuer, ANY_ISSUER):
            continue
        if any(accepts(signer.subject, stranger.subject) for stranger in STRANGERS) and not signer.extensions:
            continue
        written = f"`{signer.issuer.wanted}` matches any" if signer.issuer.tests else "none is named"
        named = of_setting(leaf.at.location, "issuer") if signer.issuer.tests else leaf.at.location
        known = _issuer_of(signer.subject)
        yield Problem(
            message=f"this attestor accepts its subject from any issuer: {written}",
            location=named,
            label="any issuer",
            basis=Basis.WITNESS,
            examples=(Example("accepted issuer", ANY_ISSUER),),
            help=f"write `issuer: {known or 'https://token.actions.githubusercontent.com'}`"
            + ("" if known else ", or who else vouches for the subject"),
            fix=_fix(leaf, signer.issuer, known) if known else None,
        )


def _issuer_of(subject: ir.TextTests) -> str:
    """Return who vouches for the workflows and pipelines that all tests name; empty where nobody known."""
    for site, issuer in ISSUERS.items():
        begins = [f"https://{site}/", f"^https://{site}/", f"^https://{re.escape(site)}/"]
        if subject.tests and all(test.text.startswith(tuple(begins)) for test in subject.tests):
            return issuer
    return ""


def _fix(leaf: ir.Leaf, issuer: ir.TextTests, known: str) -> Fix | None:
    """Return the fix that names the issuer."""
    match issuer.tests:
        case ():
            return fix_of(added_setting(leaf.at.location, "issuer", known), safe=True)
        case (ir.Glob(text=text) | ir.Exactly(text=text),):
            return fix_of(rewritten(value_of(leaf.at.location, "issuer", text), known), safe=True)
        case _:
            return None
