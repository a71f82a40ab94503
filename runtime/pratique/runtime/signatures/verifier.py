"""The verifier of a process: one trust root, read when a policy first needs it, behind the engine's port."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import assert_never

from pratique.compiler import ir
from pratique.grammar.errors import TransportError
from pratique.runtime.ports import Digest
from pratique.runtime.signatures import methods
from pratique.runtime.signatures.anchors import Anchors, anchors
from pratique.runtime.signatures.artifacts import Artifact
from pratique.runtime.signatures.attestations import verify_attestation
from pratique.runtime.signatures.bundles import verify_bundle
from pratique.runtime.signatures.legacy import verify_signature
from pratique.runtime.signatures.model import (
    Stored,
    StoredBundle,
    StoredEnvelope,
    StoredSignature,
    VerifiedSignature,
)
from pratique.runtime.signatures.trust_root import MAX_BYTES, TrustRoot


def utc_now() -> datetime:
    """Return the wall clock: used for certificates without any signed time, and for nothing else."""
    return datetime.now(UTC)


class Verifier:
    """Implements `ports.SignatureVerifier` over one trust root."""

    def __init__(self, load_root: Callable[[], TrustRoot], now: Callable[[], datetime] = utc_now) -> None:
        self._load_root = load_root
        self._now = now

    @classmethod
    def of(cls, trusted_root: Path | None) -> Verifier:
        """Return a verifier over a `trusted_root.json`, or over the public-good root for None."""
        return cls(TrustRoot.production if trusted_root is None else lambda: read_root(trusted_root))

    def prepare(self, method: ir.Method, trust: ir.Trust) -> None:
        """Load what the attestor brings along (see `ports.SignatureVerifier`)."""
        methods.prepare(method, self._anchors(method, trust))

    def verify(self, stored: Stored, method: ir.Method, trust: ir.Trust, digest: Digest) -> VerifiedSignature:
        """Return what a stored signature, attestation or bundle proves (see `ports.SignatureVerifier`)."""
        match stored:
            case StoredSignature():
                anchored = self._anchors(method, trust)
                return verify_signature(stored, method, trust, anchored, digest, self._now)
            case StoredEnvelope():
                anchored = self._anchors(method, trust)
                return verify_attestation(stored, method, trust, anchored, digest, self._now)
            case StoredBundle():
                return self.verify_artifact(stored.body, Artifact.of_digest(digest), method, trust)
            case _:
                assert_never(stored)

    def verify_artifact(
        self, body: bytes, artifact: Artifact, method: ir.Method, trust: ir.Trust
    ) -> VerifiedSignature:
        """Return what a bundle proves about an artifact that need not be an image (see `verify_bundle`).

        The trust root is always asked: it knows intermediates and timestamp authorities, which bundles lack
        and policies seldom name.
        """
        return verify_bundle(
            body,
            artifact=artifact,
            method=method,
            trust=trust,
            anchors=anchors(trust, self.root),
            now=self._now,
        )

    @cached_property
    def root(self) -> TrustRoot:
        """The trust root.

        Raises:
            TransportError: `trust-unavailable` or `trust-invalid`.
        """
        return self._load_root()

    def _anchors(self, method: ir.Method, trust: ir.Trust) -> Anchors:
        return anchors(trust, self.root if methods.needs_root(method, trust) else None)


def read_root(path: Path) -> TrustRoot:
    """Return the trust root in a file.

    Raises:
        TransportError: `trust-unavailable` where it cannot be read, `trust-invalid` where it is none.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise TransportError(
            "trust-unavailable", f"the trust root {path} cannot be read: {reason}"
        ) from error
    return TrustRoot.from_json(data, str(path))
