"""Signatures as they are stored, and what is known of them once they are verified."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeAlias

from pratique.compiler.ir import AnyIdentity, Method
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.notary.model import StoredNotarySignature

__all__ = [
    "AnyIdentity",
    "Identity",
    "Method",
    "Statement",
    "Stored",
    "StoredBlob",
    "StoredBundle",
    "StoredEnvelope",
    "StoredNotarySignature",
    "StoredSignature",
    "Subject",
    "VerifiedSignature",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSignature:
    """One layer of a cosign signature manifest, nothing of it believed yet.

    Attributes:
        payload: the signed bytes (simple signing JSON), as hashed to `layer`.
        layer: digest of the layer that holds the payload.
        signature: annotation `dev.cosignproject.cosign/signature`, base64 as stored; None where absent.
        certificate: annotation `dev.sigstore.cosign/certificate`, PEM; empty where absent.
        chain: annotation `dev.sigstore.cosign/chain`, PEM; empty where absent.
        bundle: annotation `dev.sigstore.cosign/bundle`, JSON text; empty where absent.
        timestamp: annotation `dev.sigstore.cosign/rfc3161timestamp`, JSON text; empty where absent.

    References: cosign `specs/SIGNATURE_SPEC.md`.
    """

    payload: bytes
    layer: Digest
    signature: str | None
    certificate: str = ""
    chain: str = ""
    bundle: str = ""
    timestamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEnvelope:
    """One layer of a cosign attestation manifest, nothing of it believed yet.

    Attributes:
        envelope: the DSSE envelope (JSON) as hashed to `layer`; it holds the signature.
        predicate_type: annotation `predicateType`; a hint, never evidence. Empty where absent.

    The others are as in `StoredSignature`. References: cosign `specs/ATTESTATION_SPEC.md`.
    """

    envelope: bytes
    layer: Digest
    certificate: str = ""
    chain: str = ""
    bundle: str = ""
    timestamp: str = ""
    predicate_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBundle:
    """A Sigstore bundle as a referrer of an image, nothing of it believed yet.

    Attributes:
        body: the bundle (JSON) as hashed to `layer`.
        artifact_type: of the referrer, `application/vnd.dev.sigstore.bundle…`.
        predicate_type: annotation `dev.sigstore.bundle.predicateType`; a hint, never evidence.
    """

    body: bytes
    layer: Digest
    artifact_type: str = ""
    predicate_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """A signature of some bytes, nothing of it believed yet.

    Attributes:
        payload: the signed bytes.
        signature: base64 as stored.
        certificate: PEM; empty where absent.
        bundle: JSON text of cosign's log entry; empty where absent.
        claims: pairs that count as signed along, once the bytes are.
    """

    payload: bytes
    signature: str
    certificate: str = ""
    bundle: str = ""
    claims: tuple[tuple[str, str], ...] = ()
    chain: str = ""
    timestamp: str = ""

    @property
    def digest(self) -> Digest:
        """Return the digest of the signed bytes."""
        return Digest(f"sha256:{sha256(self.payload).hexdigest()}")


Stored: TypeAlias = StoredSignature | StoredEnvelope | StoredBundle | StoredNotarySignature | StoredBlob
"""Whatever is stored with an image, or in an object, and may prove something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a statement is about.

    Attributes:
        digests: hexadecimal digests by the name of the algorithm, in stored order.
        annotations: signed pairs of text; others are left out, as nobody can ask for them.
    """

    name: str = ""
    digests: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A verified in-toto statement.

    Attributes:
        type: `_type`, the version of the statement.
        predicate_type: what kind of claim it makes.
        predicate: the claim, a JSON value; None where absent. Not to be changed.

    References: in-toto attestation framework, `spec/v1/statement.md`.
    """

    type: str
    predicate_type: str
    predicate: Any = field(hash=False)
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a verified certificate says about its holder.

    Attributes:
        subjects: subject alternative names in cosign's order: DNS names, e-mail addresses, IP addresses,
            URIs, other names; for Notary signatures the distinguished name.
        issuer: OIDC issuer from extension `1.3.6.1.4.1.57264.1.1`; empty where absent.
        extensions: raw text by OID of every Fulcio extension (`1.3.6.1.4.1.57264.1.*`), DER strings decoded.
    """

    subjects: tuple[str, ...]
    issuer: str
    extensions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedSignature:
    """A signature that holds, with what it proves.

    Attributes:
        image_digest: the digest that the signed payload names; equal to the digest under test.
        identity: holder of the certificate; None for a bare key.
        key: SHA-256 of the SubjectPublicKeyInfo that verified it, lower-case hex: two attestors that are
            met by the same key are the same attestor.
        claims: the signed `optional` pairs (in statements: the subject's annotations) as text, in stored
            order; None where there are none.
        signed_at: seconds since the epoch from the log or the timestamp authority; None where neither spoke.
        log_index: index in the transparency log; None without log.
        statement: what an attestation states; None for a plain signature.
        root: name of the trust root that proves it, where there was a choice; else empty.
    """

    image_digest: Digest
    identity: Identity | None
    key: str
    claims: tuple[tuple[str, str], ...] | None
    signed_at: int | None = None
    log_index: int | None = None
    log_id: str = ""
    statement: Statement | None = None
    root: str = ""
