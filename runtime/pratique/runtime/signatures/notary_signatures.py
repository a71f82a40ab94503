"""Notary signatures behind the verifier's port: a stored one in, what any verified signature is out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from pratique.compiler import ir
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.model import (
    Identity,
    Stored,
    StoredNotarySignature,
    VerifiedSignature,
)

if TYPE_CHECKING:
    from pratique.runtime.signatures.notary.trust_store import TrustStore


def trust_store(method: ir.TrustStoreSigner) -> TrustStore:
    """Return the certificates of a policy, read once per process.

    Raises:
        VerificationError: `trust-store-malformed`.
    """
    from pratique.runtime.signatures.notary.trust_store import TrustStore

    return TrustStore.from_pem(method.certificate, method.chain)


def verify_notary(
    stored: Stored, method: ir.Method, digest: Digest, now: Callable[[], datetime]
) -> VerifiedSignature:
    """Return what a Notary signature proves about the image with `digest`, or about a document on it.

    The signer's clock vouches for nothing, so there is no time in the result.

    Raises:
        VerificationError: see `docs/notary.md` for the codes.
    """
    from pratique.runtime.signatures.notary.verification import verify_stored

    if not (isinstance(stored, StoredNotarySignature) and isinstance(method, ir.TrustStoreSigner)):
        # Lowering gives trust stores to Notary listings only, and no other signer.
        raise AssertionError(f"{type(method).__name__} cannot verify a {type(stored).__name__}")
    verified = verify_stored(stored, trust_store=trust_store(method), now=now())
    return VerifiedSignature(
        image_digest=digest,
        identity=Identity(subjects=(verified.subject,), issuer=""),
        key=verified.key,
        claims=verified.annotations or None,
    )
