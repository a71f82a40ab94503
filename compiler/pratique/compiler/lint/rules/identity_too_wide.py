"""An identity that strangers have too.

## What it does

Reports keyless attestors of the public Sigstore that accept a signer who has nothing to do with the author: a
workflow in somebody's repository, a pipeline, an e-mail address anybody can get. The stranger is shown.

## Why

Everybody can sign with the public Sigstore. What makes a signature mean anything is who signed. `subject:
"*"`, `https://github.com/*` or no subject at all accept everyone whom the issuer vouches for.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://token.actions.githubusercontent.com
        subject: "https://github.com/*"
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
        issuer: https://token.actions.githubusercontent.com
        subject: "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*"
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

A few strangers are tried, those of the best-known issuers; an attestor that refuses them all may still be too
wide. Attestors with `roots` of their own, and those that test further extensions of the certificate, are left
alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.lint.base import Basis, Example, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.identities import STRANGERS, Stranger, accepts, identity_leaves
from pratique.compiler.lint.places import of_setting


@rule("PRQ022", Severity.ERROR, yields_to=("PRQ036",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the attestors that accept a stranger."""
    for leaf, signer in identity_leaves(facts):
        if leaf.attestor.trust.roots or signer.extensions:
            continue
        for stranger in STRANGERS:
            if accepts(signer.issuer, stranger.issuer) and accepts(signer.subject, stranger.subject):
                yield _problem(leaf, signer, stranger)
                break


def _problem(leaf: ir.Leaf, signer: ir.IdentitySigner, stranger: Stranger) -> Problem:
    named = "subject" if isinstance(next(iter(signer.subject.tests), None), ir.Glob) else "subjectRegExp"
    place = of_setting(leaf.at.location, named) if signer.subject.tests else leaf.at.location
    return Problem(
        message=f"this attestor accepts {stranger.who}: anybody can sign as that",
        location=place,
        label="accepts strangers",
        basis=Basis.WITNESS,
        examples=(Example("accepted subject", stranger.subject), Example("accepted issuer", stranger.issuer)),
        help="name the signer: repository and workflow, or the whole e-mail address",
    )
