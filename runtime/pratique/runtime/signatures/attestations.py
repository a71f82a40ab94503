"""Cosign's attestation layers: an envelope with a statement, and the proof of it in the annotations.

References: cosign `specs/ATTESTATION_SPEC.md`; cosign 3.1 `pkg/cosign/verify.go` (`verifyOCIAttestation`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.ports import Digest
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.anchors import Anchors
from pratique.runtime.signatures.artifacts import Artifact
from pratique.runtime.signatures.dsse import Envelope, read_envelope, verify_envelope
from pratique.runtime.signatures.encodings import EncodingError, from_base64
from pratique.runtime.signatures.keys import VerifyingKey
from pratique.runtime.signatures.legacy import Claimed, verify_layer
from pratique.runtime.signatures.log_records import LAYER_KINDS, Hashed, match_recorded, read_recorded
from pratique.runtime.signatures.methods import prepare
from pratique.runtime.signatures.model import StoredEnvelope, VerifiedSignature
from pratique.runtime.signatures.statements import read_statement, subject_with


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attestation:
    """An envelope as it is stored, and as it was read from those very bytes."""

    stored: bytes
    envelope: Envelope

    @property
    def stamped(self) -> bytes:
        # cosign takes the layer where the annotation with the signature is empty.
        return self.stored

    def match(self, body: str, verifier: pem.Block) -> None:
        try:
            raw = from_base64(body)
        except EncodingError as error:
            text = f"failed to extract signature from bundle: {error}"
            raise VerificationError("bundle-malformed", text) from error
        _, recorded = read_recorded(raw, LAYER_KINDS)
        match_recorded(
            recorded,
            signatures=self.envelope.signatures,
            verifier=verifier,
            digests={
                Hashed.ENVELOPE: {"sha256": sha256(self.stored).digest()},
                Hashed.PAYLOAD: {"sha256": sha256(self.envelope.payload).digest()},
            },
        )

    def verify(self, key: VerifyingKey) -> None:
        verify_envelope(self.envelope, key)

    def claimed(self, image_digest: Digest) -> Claimed:
        statement = read_statement(self.envelope.payload)
        subject = subject_with(statement, Artifact.of_digest(image_digest).digests)
        return Claimed(claims=subject.annotations or None, statement=statement)


def verify_attestation(
    stored: StoredEnvelope,
    method: ir.SigstoreMethod,
    trust: ir.Trust,
    anchors: Anchors,
    image_digest: Digest,
    now: Callable[[], datetime],
) -> VerifiedSignature:
    """Return what `stored` proves about the image with `image_digest`, its statement among it.

    The arguments are those of `legacy.verify_signature`.

    Raises:
        VerificationError: the first check that does not hold; see `docs/reasons.md` for the codes.
        TransportError: `trust-unavailable`.
    """
    prepared = prepare(method, anchors)
    content = _Attestation(stored=stored.envelope, envelope=read_envelope(stored.envelope))
    return verify_layer(stored, content, prepared, trust, anchors, image_digest, now)
