r"""A pattern and an expression for one text, joined otherwise than they look.

## What it does

Reports keyless attestors that give both `subject` and `subjectRegExp`, or both `issuer` and `issuerRegExp`.

## Why

The two pairs look alike and are joined differently: a signer passes whose subject meets *either* text, but
whose issuer meets *both*. Who adds `subjectRegExp` to narrow `subject` widens it instead.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://token.actions.githubusercontent.com
        subject: "https://github.com/acme/app/.github/workflows/*"
        subjectRegExp: "^https://github\\.com/acme/app/.+@refs/tags/v[0-9.]+$"
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
        subjectRegExp: "^https://github\\.com/acme/app/.+@refs/tags/v[0-9.]+$"
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

Both texts are taken as written: whether one of them implies the other is not asked. A pair that must both be
met narrows, as one expects, so that it is worth knowing only.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.identities import identity_leaves
from pratique.compiler.lint.places import of_setting


@rule("PRQ024", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the attestors that test one text in two ways."""
    for leaf, signer in identity_leaves(facts):
        for name, tests in (("subject", signer.subject), ("issuer", signer.issuer)):
            if len(tests.tests) < 2:
                continue
            joined = "both must match" if tests.every else "either is enough"
            yield Problem(
                message=f"`{name}` and `{name}RegExp` are both given: {joined}",
                location=of_setting(leaf.at.location, f"{name}RegExp"),
                label=joined,
                severity=Severity.INFO if tests.every else Severity.WARNING,
                help="keep the one that says it all",
            )
