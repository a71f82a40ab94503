"""The verifier of a process: its trust roots, read when a policy first needs them, behind the engine's port.

INVARIANT: a signature is proved by one root alone. Every attempt starts from the anchors of one root, so that
the authority of one never stands beside the log of another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Final, TypeAlias, TypeVar, assert_never

from pratique.compiler import ir
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.ports import Digest
from pratique.runtime.signatures import methods
from pratique.runtime.signatures.anchors import Anchors, anchors
from pratique.runtime.signatures.artifacts import Artifact
from pratique.runtime.signatures.attestations import verify_attestation
from pratique.runtime.signatures.blobs import BlobContent
from pratique.runtime.signatures.bundles import verify_bundle
from pratique.runtime.signatures.legacy import verify_layer, verify_signature
from pratique.runtime.signatures.model import (
    Stored,
    StoredBlob,
    StoredBundle,
    StoredEnvelope,
    StoredNotarySignature,
    StoredSignature,
    VerifiedSignature,
)
from pratique.runtime.signatures.notary_signatures import trust_store, verify_notary
from pratique.runtime.signatures.root_sources import load_roots, utc_now
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.trust_options import TrustOptions

Roots: TypeAlias = "TrustRoot | tuple[TrustRoot, ...]"

_STRANGER: Final = frozenset(
    {
        "chain-untrusted",
        "certificate-expired",
        "log-key-unknown",
        "log-key-expired",
        "sct-key-unknown",
        "sct-key-expired",
        "timestamp-invalid",
        "no-signed-time",
    }
)
"""Refusals that say of a root that it does not know the signer's instance, or not at that time."""

_T = TypeVar("_T")


_OWN_ROOT: Final = "trusted root of the policy"


class Verifier:
    """Implements `ports.SignatureVerifier` over the trust roots of a process, one after the other."""

    def __init__(self, load: Callable[[], Roots], now: Callable[[], datetime] = utc_now) -> None:
        self._load = load
        self._now = now

    @classmethod
    def of(cls, options: TrustOptions) -> Verifier:
        """Return a verifier over the trust roots that were asked for."""
        return cls(lambda: load_roots(options))

    def prepare(self, method: ir.Method, trust: ir.Trust) -> None:
        """Load what the attestor brings along (see `ports.SignatureVerifier`)."""
        if isinstance(method, ir.TrustStoreSigner):
            trust_store(method)
            return
        needed = methods.needs_root(method, trust)
        self._attempt(needed, trust, lambda root: methods.prepare(method, anchors(trust, root)))

    def version(self, attestor: ir.Attestor) -> str:
        """Return the version of the root, where the attestor's signatures depend on it."""
        if attestor.trust.trusted_root is not None:
            return ""  # the attestor brings its own along
        match attestor.format:
            case ir.SignatureFormat.NOTARY:
                return ""
            case ir.SignatureFormat.SIGSTORE_BUNDLE:
                return self.root_version  # see `verify_artifact`
            case ir.SignatureFormat.COSIGN:
                needed = methods.needs_root(attestor.method, attestor.trust)
                return self.root_version if needed else ""

    def verify(self, stored: Stored, method: ir.Method, trust: ir.Trust, digest: Digest) -> VerifiedSignature:
        """Return what a stored signature, attestation or bundle proves (see `ports.SignatureVerifier`)."""
        if isinstance(stored, StoredNotarySignature) or isinstance(method, ir.TrustStoreSigner):
            return verify_notary(stored, method, digest, self._now)
        if isinstance(stored, StoredBundle):
            return self.verify_artifact(stored.body, Artifact.of_digest(digest), method, trust)
        return self._attempt(
            methods.needs_root(method, trust),
            trust,
            lambda root: self._named(
                _verify(stored, method, trust, anchors(trust, root), digest, self._now), root
            ),
        )

    def verify_artifact(
        self, body: bytes, artifact: Artifact, method: ir.SigstoreMethod, trust: ir.Trust
    ) -> VerifiedSignature:
        """Return what a bundle proves about an artifact that need not be an image (see `verify_bundle`).

        The trust roots are always asked: they know intermediates and timestamp authorities, which bundles
        lack and policies seldom name.
        """

        def attempt(root: TrustRoot | None) -> VerifiedSignature:
            anchored = anchors(trust, root)
            found = verify_bundle(
                body, artifact=artifact, method=method, trust=trust, anchors=anchored, now=self._now
            )
            return self._named(found, root)

        return self._attempt(True, trust, attempt)

    @cached_property
    def roots(self) -> tuple[TrustRoot, ...]:
        """The trust roots.

        Raises:
            TransportError: `trust-unavailable`, `trust-stale` or `trust-invalid`.
        """
        loaded = self._load()
        return (loaded,) if isinstance(loaded, TrustRoot) else loaded

    @property
    def root_version(self) -> str:
        """What identifies the content and the order of the trust roots (rule R3).

        Raises:
            TransportError: as `roots`.
        """
        versions = [root.version for root in self.roots]
        return versions[0] if len(versions) == 1 else sha256(" ".join(versions).encode()).hexdigest()

    @property
    def roots_used(self) -> tuple[TrustRoot, ...]:
        """The trust roots if anything has needed them, else none; reads nothing."""
        return self.roots if "roots" in self.__dict__ else ()

    def _named(self, found: VerifiedSignature, root: TrustRoot | None) -> VerifiedSignature:
        """Return `found` with the root that vouched, where there was a choice."""
        if root is None or root.name == _OWN_ROOT or len(self.roots) == 1:
            return found
        return replace(found, root=root.name)

    def _attempt(self, needed: bool, trust: ir.Trust, attempt: Callable[[TrustRoot | None], _T]) -> _T:
        """Return what `attempt` returns under the first root with which it succeeds.

        Raises:
            VerificationError: it fails under all; with several roots the text says how under each. Or
                `bad-trusted-root`: the root that a policy brings along cannot be used.
            TransportError: no root has the parts that it needs, or the root that knows no such signer is out
                of date and cannot say that there is none (`trust-stale`).
        """
        if not needed:
            return attempt(None)
        refusals: list[tuple[TrustRoot, VerificationError]] = []
        lacks: list[TransportError] = []
        for root in self.roots if trust.trusted_root is None else (_own_root(trust.trusted_root),):
            try:
                return attempt(root)
            except VerificationError as error:
                refusals.append((root, error))
            except TransportError as error:
                lacks.append(error)
        if not refusals:
            raise lacks[0]
        for root, refusal in refusals:
            if refusal.code in _STRANGER and root.is_past(self._now()):
                raise _out_of_date(root, refusal) from refusal
        raise _combined(refusals)


@lru_cache(maxsize=64)
def _own_root(text: str) -> TrustRoot:
    """Return the trust root that a policy brings along.

    Raises:
        VerificationError: `bad-trusted-root`.
    """
    try:
        return TrustRoot.from_json(text.encode(errors="replace"), _OWN_ROOT)
    except TransportError as error:
        text = f"failed to resolve trusted material: parsing inline trustedRoot JSON: {error.message}"
        raise VerificationError("bad-trusted-root", text) from error


def _verify(
    stored: StoredSignature | StoredEnvelope | StoredBlob,
    method: ir.SigstoreMethod,
    trust: ir.Trust,
    anchored: Anchors,
    digest: Digest,
    now: Callable[[], datetime],
) -> VerifiedSignature:
    match stored:
        case StoredSignature():
            return verify_signature(stored, method, trust, anchored, digest, now)
        case StoredEnvelope():
            return verify_attestation(stored, method, trust, anchored, digest, now)
        case StoredBlob():
            prepared = methods.prepare(method, anchored)
            return verify_layer(stored, BlobContent(stored), prepared, trust, anchored, digest, now)
        case _:
            assert_never(stored)


def _combined(refusals: list[tuple[TrustRoot, VerificationError]]) -> VerificationError:
    """Return the one refusal, or all in one: first the root that knows the signer's instance, if any does."""
    if len({error.message for _, error in refusals}) == 1:
        return refusals[0][1]
    nearest = sorted(refusals, key=lambda refusal: refusal[1].code in _STRANGER)
    text = "; ".join(f"by the root {root.name}: {error.message}" for root, error in nearest)
    return VerificationError(nearest[0][1].code, text)


def _out_of_date(root: TrustRoot, error: VerificationError) -> TransportError:
    return TransportError(
        "trust-stale",
        f"the trust root {root.name} is out of date: everything in it has ended, so it cannot judge this"
        f" signature ({error.message}). Run `pratique root update`, give a newer --trusted-root FILE, or set"
        " the clock of this machine if it is wrong",
    )
