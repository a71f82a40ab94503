"""A key or certificate that cannot be used.

## What it does

Reports key material inside policies that is no PEM, holds a private key, holds something else than a public
key (or a certificate, where one is asked for), or an RSA key of less than 2048 bits.

## Why

Kyverno accepts such a policy without a word, and every image then fails. A private key in a policy is known
to everybody who can read policies.

## Example

```yaml
verifyImages:
- imageReferences:
  - "ghcr.io/acme/*"
  attestors:
  - entries:
    - keys:
        publicKeys: "not a key"
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
    - keys:
        publicKeys: |-
          -----BEGIN PUBLIC KEY-----
          MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR+G9FlLjf3TGLVrcMzkTZUPw4
          o7BrZWXl0Ta0NqxuBxP9ULS4eoGJ6Ka7oM3FrcV4uA8SQhRuZQ9EVDhiXQ==
          -----END PUBLIC KEY-----
        rekor:
          url: https://rekor.sigstore.dev
```

## Limits

The outer structure is read, no cryptography is done: a point that is not on its curve and the dates of
certificates are not looked at. References to Secrets and to key management are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.compiler import ir
from pratique.compiler.lint import pem
from pratique.compiler.lint.base import Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.compiler.lint.places import of_setting
from pratique.grammar.source import Location

_KEYS: Final = "publicKeys"


@rule("PRQ027", Severity.ERROR)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the settings whose keys or certificates cannot be used."""
    for leaf in facts.leaves:
        for setting, text, problem in _material(leaf.attestor):
            place = of_setting(leaf.at.location, setting)
            if setting == _KEYS and place is leaf.at.location:  # other languages call it otherwise
                place = of_setting(place, "data")
                setting = "data" if place is not leaf.at.location else setting
            if pem.holds_private_key(text):
                yield _exposed(setting, place)
            elif problem:
                yield _unusable(setting, problem, place)


def _material(attestor: ir.Attestor) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each setting that holds key material, its text, and what is wrong with it."""
    match attestor.signer:
        case ir.KeySigner(key=key):
            if not pem.is_reference(key):
                yield _KEYS, key, pem.key_problem(key)
        case (
            ir.CertificateSigner(certificate=certificate, chain=chain)
            | ir.TrustStoreSigner(certificate=certificate, chain=chain)
        ):
            for setting, text in (("cert", certificate), ("certChain", chain)):
                if text:
                    yield setting, text, pem.certificates_problem(text)
        case ir.IdentitySigner():
            pass
    trust = attestor.trust
    if trust.roots:
        yield "roots", trust.roots, pem.certificates_problem(trust.roots)
    if trust.timestamp_chain:
        yield "tsaCertChain", trust.timestamp_chain, pem.certificates_problem(trust.timestamp_chain)
    for keys in filter(None, (trust.log.public_keys, trust.sct.public_keys)):
        yield "pubkey", keys, pem.log_keys_problem(keys)


def _exposed(setting: str, place: Location | None) -> Problem:
    return Problem(
        message=f"a private key stands in `{setting}`: everybody who can read the policy has it",
        location=place,
        secret=True,
        help="withdraw the key, and write its public key instead",
    )


def _unusable(setting: str, problem: str, place: Location | None) -> Problem:
    return Problem(
        message=f"`{setting}` {problem}",
        location=place,
        label="cannot be used",
        help="write the PEM text with its first and last line, or a reference such as `k8s://namespace/name`",
    )
