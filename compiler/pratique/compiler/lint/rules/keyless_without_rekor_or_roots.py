"""A keyless attestor that says nothing of a transparency log.

## What it does

Explains why a policy is refused in which a keyless attestor has neither `rekor` nor `roots`, or a `rekor`
without `url`; so is one in the old form, with `issuer` and without `roots`.

## Why

A keyless certificate is valid for ten minutes, and an entry of a log shows that the signature was made in
that time. Kyverno 1.19 wants to be told which log that is, unless certificates are of an authority of your
own; it refuses the policy at creation, so that nothing is verified.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://accounts.google.com
        subject: release@acme.example
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

Whether an authority of your own has a log with keys of its own, `private-roots-without-log-keys` looks at.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.facts import Facts


@rule("PRQ030", Severity.ERROR, explains=("keyless-without-log",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield nothing: policies with this mistake are refused, so that no rule ever sees them."""
    yield from ()
