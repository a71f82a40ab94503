"""Notary Project signatures: as stored, as read, and what is known of them once they are verified."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.ports import Digest, Manifest

SIGNATURE_ARTIFACT: Final = "application/vnd.cncf.notary.signature"
"""Artifact type of a manifest that holds a signature."""
PAYLOAD_TYPE: Final = "application/vnd.cncf.notary.payload.v1+json"
"""Content type of what is signed."""


class EnvelopeFormat(StrEnum):
    """Media types of envelopes."""

    JWS = "application/jose+json"
    COSE = "application/cose"


class SigningScheme(StrEnum):
    """Who vouches for the signing time: nobody (or an RFC 3161 authority), or the signing service itself."""

    X509 = "notary.x509"
    SIGNING_AUTHORITY = "notary.x509.signingAuthority"


class Check(StrEnum):
    """The codes of refusals, in the order in which the checks are made."""

    ENVELOPE = "envelope-malformed"
    """The bytes are no envelope of a known format."""
    HEADERS = "envelope-headers"
    """A signed attribute is missing, contradicts another, or must be understood and is not."""
    CHAIN = "chain-malformed"
    """The certificates are no ordered code signing chain from a leaf to its root."""
    SIGNATURE = "signature-invalid"
    """The signature is not one of the leaf's key over these bytes."""
    PAYLOAD = "payload-malformed"
    """What is signed does not describe an artifact."""
    PLUGIN = "plugin-required"
    """The signer demands checks by a plugin, and there is none."""
    AUTHENTICITY = "chain-untrusted"
    """No certificate of the chain is in the trust store."""
    EXPIRY = "signature-expired"
    """The signer's own "best by" time is past."""
    VALIDITY = "certificate-expired"
    """A certificate of the chain was not valid when it had to be."""
    TIMESTAMP = "timestamp-invalid"
    """The RFC 3161 countersignature is missing or does not hold."""
    REVOKED = "certificate-revoked"
    """A certificate of the chain is revoked."""
    REVOCATION = "revocation-unknown"
    """A certificate names a revocation service, and its status is not known."""
    TARGET = "target-mismatch"
    """The signature holds, but for another artifact (threat N4)."""
    TRUST_STORE = "trust-store-malformed"
    """The policy's certificates cannot be used."""
    MISSING = "no-signature"
    """The artifact has no Notary signature at all (rule R5)."""
    ATTEMPTS = "too-many-signatures"
    """None of the first signatures holds, and there are as many as are tried at most."""
    NO_ATTESTATION = "no-attestation"
    """The artifact has no document of the wanted type (rule R5)."""
    STATEMENT = "statement-malformed"
    """A signed document is not one JSON object in one layer."""


class NotaryRefusal(VerificationError):
    """A Notary signature does not hold; `code` is one of `Check`."""

    def __init__(self, check: Check, message: str) -> None:
        super().__init__(check.value, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The artifact that a signature is about: media type, digest and size in bytes of its manifest."""

    media_type: str
    digest: Digest
    size: int

    @classmethod
    def of(cls, manifest: Manifest) -> Target:
        """Return the target that a signature of `manifest` must name, from the bytes received (rule R2)."""
        return cls(media_type=manifest.media_type, digest=manifest.digest, size=len(manifest.body))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAttributes:
    """What the signer says about the signature.

    Attributes:
        signing_time: by the signer's clock; under `SIGNING_AUTHORITY` the time that the service vouches for.
        expiry: from when on the signer does not stand by the artifact any more; None for never.
        plugin: name of the verification plugin that the signer demands; empty for none.
    """

    scheme: SigningScheme
    signing_time: datetime
    expiry: datetime | None = None
    plugin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A signature as read from its bytes, nothing of it believed yet.

    Attributes:
        algorithm: what the header says, such as `PS256`.
        certificates: DER, leaf first.
        payload: the content that is signed.
        signed: the very bytes under the signature: headers and payload in the format's own form.
        signature: `r || s` for ECDSA.
        token: DER of the RFC 3161 countersignature over `signature`; empty for none.
        agent: what the signing program says about itself; not signed, for people only.
    """

    format: EnvelopeFormat
    algorithm: str
    content_type: str
    attributes: SignedAttributes
    certificates: tuple[bytes, ...]
    payload: bytes
    signed: bytes
    signature: bytes
    token: bytes = b""
    agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedNotarySignature:
    """A signature that holds at level strict, with what it proves. Its target is yet to be compared.

    Attributes:
        target: the artifact that is signed (see `check_target`).
        annotations: the signer's own pairs (notation: user metadata), in signed order.
        subject: distinguished name of the leaf.
        certificate: SHA-256 of the leaf's DER, lower-case hex.
        key: SHA-256 of the leaf's SubjectPublicKeyInfo, lower-case hex.
        anchor: SHA-256 of the certificate of the chain that the trust store has, lower-case hex.
        signing_time: see `SignedAttributes`.
        stamped_at: time of the RFC 3161 countersignature; None where none was asked for.
    """

    target: Target
    annotations: tuple[tuple[str, str], ...]
    subject: str
    certificate: str
    key: str
    anchor: str
    scheme: SigningScheme
    signing_time: datetime
    expiry: datetime | None
    stamped_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotarySignature:
    """One signature manifest of an artifact, nothing of it believed yet.

    Attributes:
        manifest: digest of the signature manifest.
        target: the artifact it lies with, and must have been made for.
        document: for an attestation, the manifest of the document that `target` is; None for an image.
        media_type: of the envelope, as the manifest says.
        envelope: its bytes; empty where they could not be had.
        fault: why they could not be had. It counts only when the judgement comes to this signature, as
            notation reads signatures one by one and stops at the first that holds.
    """

    manifest: Digest
    target: Target
    document: Manifest | None = field(default=None, hash=False)
    media_type: str = ""
    envelope: bytes = b""
    fault: TransportError | VerificationError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A stored signature that was tried: why it does not count, or None if it does."""

    stored: StoredNotarySignature
    refusal: VerificationError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotaryVerdict:
    """What became of the signatures of one artifact.

    Attributes:
        accepted: the first that holds for this very artifact; None if none does.
        rejections: those tried before, in order.
        code: code of the refusal; empty if one holds.
        text: the refusal as notation words it; empty if one holds.
    """

    accepted: StoredNotarySignature | None
    rejections: tuple[Attempt, ...] = ()
    code: str = ""
    text: str = ""
