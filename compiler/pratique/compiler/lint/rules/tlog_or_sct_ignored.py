"""A keyless signature without the evidence that keyless rests on.

## What it does

Reports keyless attestors of the public Sigstore that ignore the transparency log (`rekor.ignoreTlog`) without
a timestamp authority in its place, or the certificate transparency log (`ctlog.ignoreSCT`).

## Why

A keyless certificate is valid for ten minutes. The log entry shows that the signature was made in that time;
without it, and without a timestamp, either nothing verifies after those ten minutes or nobody knows when it
was signed. The certificate's own log shows that the authority issued it in public; without it, a certificate
that was issued in secret is as good as any.

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
        rekor:
          url: https://rekor.sigstore.dev
          ignoreTlog: true
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

Attestors with `roots` of their own are left alone, since a private authority may have no logs; so are keys
and certificates, which need no log to be valid.
"""

from __future__ import annotations

from collections.abc import Iterator

from pratique.compiler import ir
from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.edits import switched
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.fixes import fix_of
from pratique.compiler.lint.places import of_setting


@rule("PRQ028", Severity.WARNING, yields_to=("PRQ036",))
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the public keyless attestors without log entry or certificate timestamp."""
    for site in facts.classic_sites:
        for leaf in site.leaves:
            trust = leaf.attestor.trust
            if not isinstance(leaf.attestor.signer, ir.IdentitySigner) or trust.roots:
                continue
            if not trust.log.required and not trust.timestamp_chain:
                yield Problem(
                    message="nothing shows when this keyless signature was made: the transparency log is"
                    " ignored, there is no timestamp authority, and the certificate is valid for ten minutes",
                    location=of_setting(leaf.at.location, "ignoreTlog"),
                    label="the log is ignored",
                    help="remove `ignoreTlog: true`, or give `ctlog.tsaCertChain`",
                    # What was signed long ago, and is in the log, is then accepted.
                    fix=fix_of(switched(leaf.at.location, "ignoreTlog", on=False), safe=False),
                )
            if not trust.sct.required:
                yield Problem(
                    message="a certificate that the authority issued in secret is accepted: the certificate"
                    " transparency log is ignored",
                    location=of_setting(leaf.at.location, "ignoreSCT"),
                    label="the certificate log is ignored",
                    help="remove `ignoreSCT: true`",
                    fix=fix_of(switched(leaf.at.location, "ignoreSCT", on=False), safe=True),
                )
