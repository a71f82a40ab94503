"""A private Sigstore whose logs nobody can check.

## What it does

Reports keyless attestors with `roots` of their own that demand an entry of a transparency log without
`rekor.pubkey`, or a timestamp of a certificate log without `ctlog.pubkey`; and any attestor whose `rekor.url`
is not of the public Sigstore, without `rekor.pubkey`.

## Why

What a log says is signed with the log's own key. Without the key in the policy, those of the trust root
count, and the public Sigstore's root knows its own logs alone. A private authority's certificates are in none
of them: every image fails, whoever signed it.

## Example

```yaml
verifyImages:
- imageReferences:
  - "registry.acme.example/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://sso.acme.example
        subject: release@acme.example
        roots: |-
          -----BEGIN CERTIFICATE-----
          MIIBdDCCARmgAwIBAgIBATAKBggqhkjOPQQDAjAWMRQwEgYDVQQDDAthY21lIGZ1
          bGNpbzAeFw0yNDAxMDEwMDAwMDBaFw0zNDAxMDEwMDAwMDBaMBYxFDASBgNVBAMM
          C2FjbWUgZnVsY2lvMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR+G9FlLjf
          3TGLVrcMzkTZUPw4o7BrZWXl0Ta0NqxuBxP9ULS4eoGJ6Ka7oM3FrcV4uA8SQhRu
          ZQ9EVDhiXQ==
          -----END CERTIFICATE-----
        rekor:
          url: https://rekor.acme.example
```

## Instead

```yaml
verifyImages:
- imageReferences:
  - "registry.acme.example/*"
  attestors:
  - entries:
    - keyless:
        issuer: https://sso.acme.example
        subject: release@acme.example
        roots: |-
          -----BEGIN CERTIFICATE-----
          MIIBdDCCARmgAwIBAgIBATAKBggqhkjOPQQDAjAWMRQwEgYDVQQDDAthY21lIGZ1
          bGNpbzAeFw0yNDAxMDEwMDAwMDBaFw0zNDAxMDEwMDAwMDBaMBYxFDASBgNVBAMM
          C2FjbWUgZnVsY2lvMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR+G9FlLjf
          3TGLVrcMzkTZUPw4o7BrZWXl0Ta0NqxuBxP9ULS4eoGJ6Ka7oM3FrcV4uA8SQhRu
          ZQ9EVDhiXQ==
          -----END CERTIFICATE-----
        rekor:
          url: https://rekor.acme.example
          pubkey: |-
            -----BEGIN PUBLIC KEY-----
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR+G9FlLjf3TGLVrcMzkTZUPw4
            o7BrZWXl0Ta0NqxuBxP9ULS4eoGJ6Ka7oM3FrcV4uA8SQhRuZQ9EVDhiXQ==
            -----END PUBLIC KEY-----
        ctlog:
          ignoreSCT: true
```

## Limits

A trust root given on the command line, or through TUF of your own, may know your logs; lint does not see it.
The roots of the public Sigstore and of its staging instance are recognised, and left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pratique.compiler import ir
from pratique.compiler.lint import pem
from pratique.compiler.lint.base import Basis, Confidence, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.places import of_setting

PUBLIC_ROOTS: Final = frozenset(
    {
        "03a38ffb1f450100c2596d1d10b900ac4d504058006dda58199576bbeb9c73d0",
        "15d795348226b4649f750f5802592c393bee7cc53c3b86982175b7ad087efe47",
        "3ba7b6cc4e95469d4d334b49cb257ad8537076fa84b0ca87ff4ecfe6a54680c1",
        "66e08b3881fc311194779aeaad11b70677c316985bf847b6ca2c83d8c5700565",
        "bca21d3cc62c9d6a52be9989e6a705f99e91a39d9114890990789ef75d382b39",
    }
)
"""SHA-256 of the certificates of the authorities of the public Sigstore and of its staging instance."""

_PUBLIC_LOG: Final = re.compile(r"https?://(?:[^/@]+\.)?(?:sigstore\.dev|sigstage\.dev)(?::\d+)?(?:/.*)?")
_ADVICE: Final = "add `{0}.pubkey` with the public key of the log, or `{0}.{1}: true` where there is none"


@rule("PRQ029", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the attestors whose logs are private and whose keys are not."""
    for site in facts.classic_sites:
        for leaf in site.leaves:
            if leaf.attestor.format is not ir.SignatureFormat.NOTARY:
                yield from _problems(leaf)


def _problems(leaf: ir.Leaf) -> Iterator[Problem]:
    trust, keyless = leaf.attestor.trust, isinstance(leaf.attestor.signer, ir.IdentitySigner)
    roots, url = trust.roots or "", trust.log.url
    private = keyless and bool(roots) and not _is_open(roots)
    own_log = bool(url) and not _is_open(url)
    if trust.log.required and not trust.log.public_keys and (private or own_log):
        what = f"the log `{url}`" if own_log else "a log"
        yield Problem(
            message=f"an entry of {what} is demanded, but no key of that log is given: the keys of the trust"
            " root count, and the public one knows the logs of the public Sigstore alone",
            location=of_setting(leaf.at.location, "url" if own_log else "roots"),
            label="its key is missing",
            confidence=Confidence.MEDIUM,
            basis=Basis.HEURISTIC,
            help=_ADVICE.format("rekor", "ignoreTlog"),
        )
    if private and trust.sct.required and not trust.sct.public_keys:
        yield Problem(
            message="a timestamp of a certificate log is demanded, but no key of that log is given: no public"
            " log takes the certificates of a private authority",
            location=of_setting(leaf.at.location, "roots"),
            label="a private authority",
            confidence=Confidence.MEDIUM,
            basis=Basis.HEURISTIC,
            help=_ADVICE.format("ctlog", "ignoreSCT"),
        )


def _is_open(text: str) -> bool:
    """Say whether roots or a URL are of the public Sigstore, or not known yet."""
    if "{{" in text or _PUBLIC_LOG.fullmatch(text):
        return True
    return bool(pem.fingerprints(text) & PUBLIC_ROOTS)
