"""Signatures as they are stored, and what is known of them once they are verified."""

from __future__ import annotations

from dataclasses import dataclass

from pratique.compiler.ir import AnyIdentity, Method
from pratique.runtime.ports import Digest

__all__ = ["AnyIdentity", "Identity", "Method", "StoredSignature", "VerifiedSignature"]


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
class Identity:
    """What a verified certificate says about its holder.

    Attributes:
        subjects: subject alternative names in cosign's order: DNS names, e-mail addresses, IP addresses,
            URIs, other names.
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
        claims: the signed `optional` pairs as text, in stored order; None where the payload has none.
        signed_at: seconds since the epoch from the log or the timestamp authority; None where neither spoke.
        log_index: index in the transparency log; None without log.
    """

    image_digest: Digest
    identity: Identity | None
    key: str
    claims: tuple[tuple[str, str], ...] | None
    signed_at: int | None = None
    log_index: int | None = None
    log_id: str = ""
