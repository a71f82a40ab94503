"""Cosign's first format: the proof of a signature in the annotations of a layer, with the log's promise.

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
from typing import Final, Protocol

from cryptography import x509

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.ports import Digest
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.anchors import Anchors
from pratique.runtime.signatures.certificates import (
    CertificateError,
    identity,
    load_pem_certificates,
    load_shared_certificates,
)
from pratique.runtime.signatures.chains import MAX_INTERMEDIATES
from pratique.runtime.signatures.encodings import EncodingError, from_base64
from pratique.runtime.signatures.keys import VerifyingKey
from pratique.runtime.signatures.methods import Prepared, prepare
from pratique.runtime.signatures.model import Statement, StoredSignature, VerifiedSignature
from pratique.runtime.signatures.payload import read_claims
from pratique.runtime.signatures.signers import check_times, find_signer, named_verifier
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
class Claimed:
    """What verified content says: signed pairs, and the statement where it is one."""

    claims: tuple[tuple[str, str], ...] | None
    statement: Statement | None = None


class Content(Protocol):
    """What a layer holds, as the checks look at it: a simple signing payload, or an envelope."""

    @property
    def stamped(self) -> bytes:
        """Return the bytes that a timestamp is of."""
        ...

    def match(self, body: str, verifier: pem.Block) -> None:
        """Return if the body of a log entry is about this content, signed with `verifier`."""
        ...

    def verify(self, key: VerifyingKey) -> None:
        """Return if the content is signed by `key`."""
        ...

    def claimed(self, image_digest: Digest) -> Claimed:
        """Return what the content says about the image; asked only once it is verified."""
        ...


class Annotated(Protocol):
    """What stands beside content: PEM and JSON texts, empty where absent."""

    @property
    def certificate(self) -> str:
        """The signer's certificate."""
        ...

    @property
    def chain(self) -> str:
        """Those between it and the root."""
        ...

    @property
    def bundle(self) -> str:
        """The log entry."""
        ...

    @property
    def timestamp(self) -> str:
        """The countersignature of an authority."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _SimpleSigning:
    """A payload, and its signature in base64."""

    payload: bytes
    signature: str

    @property
    def stamped(self) -> bytes:
        try:
            return from_base64(self.signature)
        except EncodingError as error:
            raise VerificationError("signature-invalid", str(error)) from error

    def match(self, body: str, verifier: pem.Block) -> None:
        match_record(
            read_record(body),
            signature=self.signature,
            verifier=verifier,
            payload_sha256=sha256(self.payload).hexdigest(),
        )

    def verify(self, key: VerifyingKey) -> None:
        key.verify(self.stamped, self.payload)

    def claimed(self, image_digest: Digest) -> Claimed:
        claims = read_claims(self.payload)
        if claims.digest != image_digest:
            text = f"invalid or missing digest in claim: {claims.digest}"
            raise VerificationError("digest-mismatch", text)
        return Claimed(claims=claims.optional)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """The annotations of a layer, read but not believed."""

    entry: LogEntry | None
    token: bytes | None
    certificate: x509.Certificate | None
    chain: tuple[x509.Certificate, ...]


def verify_signature(
    stored: StoredSignature,
    method: ir.SigstoreMethod,
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

    Raises:
        VerificationError: the first check that does not hold; see `docs/reasons.md` for the codes.
        TransportError: `trust-unavailable`.
    """
    prepared = prepare(method, anchors)
    if stored.signature is None:
        text = f'signature layer {stored.layer} is missing "{_SIGNATURE}" annotation'
        raise VerificationError("signature-missing", text)
    content = _SimpleSigning(payload=stored.payload, signature=stored.signature)
    return verify_layer(stored, content, prepared, trust, anchors, image_digest, now)


def verify_layer(
    stored: Annotated,
    content: Content,
    prepared: Prepared,
    trust: ir.Trust,
    anchors: Anchors,
    image_digest: Digest,
    now: Callable[[], datetime],
) -> VerifiedSignature:
    """Return what `content` proves by the annotations next to it (see `verify_signature`).

    The order is cosign's: timestamp, log entry, certificate path, certificate transparency, signature, claim,
    validity at the time of signing.
    """
    read = _read(stored)
    stamped_at = _stamped_at(read, content, anchors) if trust.timestamp_chain is not None else None
    entry = _logged(read, content, prepared, anchors) if trust.log.required else None
    signer = find_signer(read.certificate, read.chain[:-1], prepared, trust, anchors)
    content.verify(signer.key)
    claimed = content.claimed(image_digest)
    logged_at = moment(entry.integrated_time) if entry else None
    times = (("timestamp", stamped_at), ("bundle", logged_at))
    check_times(read.certificate, signer, ((source, at) for source, at in times if at is not None), now)
    signed_at = logged_at or stamped_at
    return VerifiedSignature(
        image_digest=image_digest,
        identity=identity(signer.certificate) if signer.certificate else None,
        key=signer.key.id,
        claims=claimed.claims,
        signed_at=int(signed_at.timestamp()) if signed_at else None,
        log_index=entry.log_index if entry else None,
        log_id=entry.log_id if entry else "",
        statement=claimed.statement,
    )


def _read(stored: Annotated) -> _Read:
    entry = read_bundle(stored.bundle) if stored.bundle else None
    token = read_token(stored.timestamp) if stored.timestamp else None
    certificate = _leaf(stored.certificate) if stored.certificate else None
    chain = _chain(stored.chain) if certificate and stored.chain else ()
    return _Read(entry=entry, token=token, certificate=certificate, chain=chain)


def _leaf(text: str) -> x509.Certificate:
    """Return the one certificate next to a signature.

    DEVIATION: exactly one, where cosign takes the first of several and ignores the label of the block (C11,
    `tests/runtime/signatures/test_legacy.py::test_c11_only_one_leaf_certificate_stands_next_to_a_signature`).
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


def _stamped_at(read: _Read, content: Content, anchors: Anchors) -> datetime | None:
    if read.token is None:
        return None
    try:
        return verify_token(read.token, content.stamped, anchors.timestamps)
    except VerificationError as error:
        text = f"unable to verify RFC3161 timestamp bundle: {error.message}"
        raise VerificationError(error.code, text) from error


def _logged(read: _Read, content: Content, prepared: Prepared, anchors: Anchors) -> LogEntry:
    """Return the log entry once it is known to be about this signature, key and payload, and promised."""
    if read.entry is None:
        raise VerificationError("not-logged", _NOT_LOGGED)
    try:
        content.match(read.entry.body, named_verifier(read.certificate, prepared))
        verify_promise(read.entry, anchors.logs)
    except VerificationError as error:
        text = f"error verifying bundle: {error.message}"
        raise VerificationError(error.code, text) from error
    return read.entry
