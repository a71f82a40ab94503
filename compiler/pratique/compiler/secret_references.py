"""Names of Secrets in policies, and which of them a namespaced policy may use.

DEVIATION: a namespaced policy names Secrets of its own namespace only (rule R10); Kyverno reads those of any
namespace for it (`tests/compiler/test_secret_references.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pratique.compiler import ir

KUBERNETES: Final = "k8s://"
"""Scheme of a reference to a public key in a Secret: `k8s://namespace/name`."""


def is_foreign(name: str, namespace: str) -> bool:
    """Say whether a Secret named so is not one of `namespace`.

    Args:
        name: `k8s://namespace/name`, `namespace/name`, or a bare `name`, which is one of Kyverno's namespace.
        namespace: that of the policy.
    """
    found, slash, _ = name.strip().removeprefix(KUBERNETES).removeprefix("/").partition("/")
    return not slash or found != namespace


def foreign_secret(name: str, namespace: str) -> str:
    """Return what is said of a Secret that the policy of a namespace may not name."""
    return f"a policy of namespace {namespace} may name Secrets of that namespace only, and {name} is none"


def secrets_of(requirement: ir.ImageRequirement) -> Iterator[str]:
    """Yield the Secrets that a requirement names: those of keys as references, those of registries."""
    sets = [*requirement.signatures, *(s for a in requirement.attestations for s in a.by)]
    for signer in _signers(sets):
        if isinstance(signer, ir.KeySigner) and signer.key.strip().startswith(KUBERNETES):
            yield signer.key.strip()
    if requirement.credentials:
        yield from requirement.credentials.secrets


def _signers(formulas: Iterable[ir.Formula]) -> Iterator[ir.Signer]:
    for formula in formulas:
        match formula:
            case ir.Leaf(attestor=attestor):
                yield attestor.signer
            case ir.Threshold(of=of):
                yield from _signers(of)
