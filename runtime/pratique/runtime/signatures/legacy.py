"""Cosign's first format: a signature in the annotations of a layer, with the log's signed entry timestamp.

All signatures of Kubernetes' own images of 2022 to 2025 are of this kind. Everything is judged offline. An
entry that is not stored with the signature is not searched for online: the search would trust what a log says
of itself over a connection, cost a request for each signature, and fail when the log does.

References: cosign 3.1 `pkg/cosign/verify.go` (`verifyInternal`): its order of checks, and its texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.ports import Digest
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.anchors import Anchors
from pratique.runtime.signatures.certificates import (
    CertificateError,
    certificate_key,
    identity,
    is_authority,
    load_pem_certificates,
    load_shared_certificates,
)
from pratique.runtime.signatures.chains import MAX_INTERMEDIATES, Path, build_path, check_validity
from pratique.runtime.signatures.encodings import EncodingError, from_base64
from pratique.runtime.signatures.keys import KeyTextError, VerifyingKey
from pratique.runtime.signatures.methods import Prepared, prepare
from pratique.runtime.signatures.model import StoredSignature, VerifiedSignature
from pratique.runtime.signatures.payload import read_claims
from pratique.runtime.signatures.sct import verify_embedded
from pratique.runtime.signatures.timestamps import read_token, verify_token
from pratique.runtime.signatures.transparency import (
    LogEntry,
    match_record,
    read_bundle,
    read_record,
    verify_promise,
)
from pratique.runtime.signatures.validity import moment

_SIGNATURE: Final = "dev.cosignproject.cosign/signature"
_NOT_LOGGED: Final = (
    "signature not found in transparency log: no entry is stored with it, and the log is not searched online"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """The annotations of a layer, read but not believed."""

    signature: str
    entry: LogEntry | None
    token: bytes | None
    certificate: x509.Certificate | None
    chain: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signer:
    """The key a signature is checked with, and the certificate that vouches for it, if any."""

    key: VerifyingKey
    certificate: x509.Certificate | None
    path: Path | None


def verify_signature(
    stored: StoredSignature,
    method: ir.Method,
    trust: ir.Trust,
    anchors: Anchors,
    image_digest: Digest,
    now: Callable[[], datetime],
) -> VerifiedSignature:
    """Return what `stored` proves about the image with `image_digest`.

    Args:
        stored: one layer of a signature manifest.
        method: how the signer is known.
        trust: which proofs are demanded.
        anchors: `anchors(trust, root)`.
        image_digest: the digest that the payload must name.
        now: the clock, aware of its zone; asked only for a certificate without log entry and timestamp.

    The order is cosign's: timestamp, log entry, certificate path, certificate transparency, signature, claim,
    validity at the time of signing.

    Raises:
        VerificationError: the first check that does not hold; see `docs/reasons.md` for the codes.
        TransportError: `trust-unavailable`.
    """
    prepared = prepare(method, anchors)
    read = _read(stored)
    stamped_at = _stamped_at(read, anchors) if trust.timestamp_chain is not None else None
    entry = _logged(read, stored.payload, prepared, anchors) if trust.log.required else None
    signer = _signer(read, prepared, trust, anchors)
    signer.key.verify(_raw(read.signature), stored.payload)
    claims = read_claims(stored.payload)
    if claims.digest != image_digest:
        raise VerificationError("digest-mismatch", f"invalid or missing digest in claim: {claims.digest}")
    logged_at = moment(entry.integrated_time) if entry else None
    _check_validity(read, signer, stamped_at, logged_at, now)
    signed_at = logged_at or stamped_at
    return VerifiedSignature(
        image_digest=image_digest,
        identity=identity(signer.certificate) if signer.certificate else None,
        key=signer.key.id,
        claims=claims.optional,
        signed_at=int(signed_at.timestamp()) if signed_at else None,
        log_index=entry.log_index if entry else None,
        log_id=entry.log_id if entry else "",
    )


def _read(stored: StoredSignature) -> _Read:
    if stored.signature is None:
        text = f'signature layer {stored.layer} is missing "{_SIGNATURE}" annotation'
        raise VerificationError("signature-missing", text)
    entry = read_bundle(stored.bundle) if stored.bundle else None
    token = read_token(stored.timestamp) if stored.timestamp else None
    certificate = _leaf(stored.certificate) if stored.certificate else None
    chain = _chain(stored.chain) if certificate and stored.chain else ()
    return _Read(signature=stored.signature, entry=entry, token=token, certificate=certificate, chain=chain)


def _leaf(text: str) -> x509.Certificate:
    """Return the one certificate next to a signature.

    DEVIATION: exactly one, where cosign takes the first of several and ignores the label of the block (C11,
    `tests/runtime/signatures/test_legacy.py::test_only_one_leaf_certificate_stands_next_to_a_signature`).
    """
    try:
        certificates = load_pem_certificates(text)
    except CertificateError as error:
        raise VerificationError("not-a-certificate", str(error)) from error
    if len(certificates) != 1:
        text = f"{len(certificates)} certificates stand next to the signature, one is expected"
        raise VerificationError("not-a-certificate", text)
    return certificates[0]


def _chain(text: str) -> tuple[x509.Certificate, ...]:
    try:
        certificates = load_shared_certificates(text)
    except CertificateError as error:
        raise VerificationError("chain-malformed", str(error)) from error
    if len(certificates) > MAX_INTERMEDIATES + 1:
        text = f"certificate chain too long ({len(certificates)}), maximum allowed is {MAX_INTERMEDIATES + 1}"
        raise VerificationError("chain-malformed", text)
    return certificates


def _raw(signature: str) -> bytes:
    try:
        return from_base64(signature)
    except EncodingError as error:
        raise VerificationError("signature-invalid", str(error)) from error


def _stamped_at(read: _Read, anchors: Anchors) -> datetime | None:
    if read.token is None:
        return None
    try:
        return verify_token(read.token, _raw(read.signature), anchors.timestamps)
    except VerificationError as error:
        text = f"unable to verify RFC3161 timestamp bundle: {error.message}"
        raise VerificationError(error.code, text) from error


def _logged(read: _Read, payload: bytes, prepared: Prepared, anchors: Anchors) -> LogEntry:
    """Return the log entry once it is known to be about this signature, key and payload, and promised."""
    if read.entry is None:
        raise VerificationError("not-logged", _NOT_LOGGED)
    try:
        verifier = _verifier(read, prepared)
        match_record(
            read_record(read.entry.body),
            signature=read.signature,
            verifier=verifier,
            payload_sha256=sha256(payload).hexdigest(),
        )
        verify_promise(read.entry, anchors.logs)
    except VerificationError as error:
        text = f"error verifying bundle: {error.message}"
        raise VerificationError(error.code, text) from error
    return read.entry


def _verifier(read: _Read, prepared: Prepared) -> pem.Block:
    """Return what the log entry must name: the certificate of the signature, else the given key."""
    if read.certificate is None:
        if prepared.key is None:
            raise VerificationError("certificate-missing", "no certificate found on signature")
        return pem.Block("PUBLIC KEY", prepared.key.info)
    if prepared.key is not None and _key_of(read.certificate).info != prepared.key.info:
        text = "both public key and certificate were provided but did not match"
        raise VerificationError("key-mismatch", text)
    return pem.Block("CERTIFICATE", read.certificate.public_bytes(Encoding.DER))


def _key_of(certificate: x509.Certificate) -> VerifyingKey:
    try:
        return certificate_key(certificate)
    except KeyTextError as error:
        text = f"invalid certificate found on signature: {error}"
        raise VerificationError("not-a-certificate", text) from error


def _signer(read: _Read, prepared: Prepared, trust: ir.Trust, anchors: Anchors) -> _Signer:
    if prepared.key is not None:
        return _Signer(key=prepared.key, certificate=prepared.certificate, path=prepared.path)
    leaf = read.certificate
    if leaf is None or prepared.authorities is None:
        raise VerificationError("certificate-missing", "no certificate found on signature")
    key = _key_of(leaf)
    if is_authority(leaf):
        text = "a certificate authority's certificate stands next to the signature, a leaf is expected"
        raise VerificationError("not-a-certificate", text)
    path = build_path(leaf, prepared.authorities, read.chain[:-1], at=leaf.not_valid_before_utc)
    if trust.sct.required:
        verify_embedded(leaf, path.issuers[0], anchors.ct_logs)
    return _Signer(key=key, certificate=leaf, path=path)


def _check_validity(
    read: _Read,
    signer: _Signer,
    stamped_at: datetime | None,
    logged_at: datetime | None,
    now: Callable[[], datetime],
) -> None:
    """Judge the certificates at every time that is known for the signature, or now if none is (C10).

    cosign judges a certificate that lies next to a signature even where a given key verified it.
    """
    leaf = signer.certificate if signer.path else read.certificate
    if leaf is None:
        return
    for source, at in (("timestamp", stamped_at), ("bundle", logged_at)):
        if at is not None:
            try:
                check_validity(leaf, signer.path, at)
            except VerificationError as error:
                text = f"checking expiry on certificate with {source}: {error.message}"
                raise VerificationError(error.code, text) from error
    if stamped_at is None and logged_at is None:
        try:
            check_validity(leaf, signer.path, now())
        except VerificationError as error:
            text = "expected a signed timestamp to verify an expired certificate"
            raise VerificationError(error.code, text) from error
