"""Embedded signed certificate timestamps: proof that a certificate was made public when it was issued.

References: RFC 6962, sections 3.2 and 3.3; cosign `pkg/cosign/verify_sct.go`, whose texts are followed.
"""

from __future__ import annotations

import struct
from datetime import UTC
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.certificate_transparency import (
    LogEntryType,
    SignatureAlgorithm,
    SignedCertificateTimestamp,
)

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.certificates import PARSE_ERRORS, certificate_key
from pratique.runtime.signatures.keys import KeyTextError
from pratique.runtime.signatures.logs import LogKey, LogKeys
from pratique.runtime.signatures.validity import rfc3339

MAX_TIMESTAMPS: Final = 32
_CERTIFICATE_TIMESTAMP: Final = 0
_PRECERTIFICATE: Final = LogEntryType.PRE_CERTIFICATE.value
MISSING: Final = "certificate does not include required embedded SCT and no detached SCT was set"
_UNKNOWN_LOG: Final = (
    "ctfe public key not found for payload. Check your TUF root (see cosign initialize) or set a custom key"
    " with env var SIGSTORE_CT_LOG_PUBLIC_KEY_FILE"
)


def embedded_timestamps(certificate: x509.Certificate) -> tuple[SignedCertificateTimestamp, ...]:
    """Return the timestamps embedded in `certificate`; none where it has no such extension.

    Raises:
        VerificationError: `sct-malformed`.
    """
    try:
        extension = certificate.extensions.get_extension_for_class(
            x509.PrecertificateSignedCertificateTimestamps
        )
        found = tuple(extension.value)
    except x509.ExtensionNotFound:
        return ()
    except PARSE_ERRORS as error:
        raise VerificationError("sct-malformed", "error parsing embedded SCT") from error
    if len(found) > MAX_TIMESTAMPS:
        raise VerificationError("sct-malformed", f"more than {MAX_TIMESTAMPS} embedded SCTs")
    return found


def verify_embedded(certificate: x509.Certificate, issuer: x509.Certificate, logs: LogKeys) -> None:
    """Return if `certificate` embeds timestamps and each is by a trusted log.

    Args:
        certificate: the leaf.
        issuer: the certificate that issued it, its path verified.
        logs: keys of the certificate-transparency logs; each counts in its window only (C17).

    Raises:
        VerificationError: `sct-missing`, `sct-malformed`, `sct-key-unknown`, `sct-key-expired`,
            `sct-invalid`.
    """
    timestamps = embedded_timestamps(certificate)
    if not timestamps:
        raise VerificationError("sct-missing", MISSING)
    try:
        issuer_id = _key_id(issuer)
        body = certificate.tbs_precertificate_bytes
    except (KeyTextError, *PARSE_ERRORS) as error:
        raise VerificationError("sct-malformed", f"error verifying embedded SCT: {error}") from error
    for timestamp in timestamps:
        _verify(timestamp, _covered(timestamp, issuer_id, body), _log(timestamp, logs))


@lru_cache(maxsize=256)
def _key_id(issuer: x509.Certificate) -> bytes:
    return bytes.fromhex(certificate_key(issuer).id)


def _covered(timestamp: SignedCertificateTimestamp, issuer_id: bytes, body: bytes) -> bytes:
    """Return the bytes that a log signs for a precertificate (RFC 6962, section 3.2)."""
    milliseconds = round(timestamp.timestamp.replace(tzinfo=UTC).timestamp() * 1000)
    version, extensions = timestamp.version.value, timestamp.extension_bytes
    return b"".join(
        (
            struct.pack("!BBQH", version, _CERTIFICATE_TIMESTAMP, milliseconds, _PRECERTIFICATE),
            issuer_id,
            len(body).to_bytes(3, "big"),
            body,
            struct.pack("!H", len(extensions)),
            extensions,
        )
    )


def _log(timestamp: SignedCertificateTimestamp, logs: LogKeys) -> LogKey:
    candidates = logs.named(timestamp.log_id.hex())
    if not candidates:
        raise VerificationError("sct-key-unknown", _UNKNOWN_LOG)
    issued_at = timestamp.timestamp.replace(tzinfo=UTC)
    for log in candidates:
        if log.window.contains(issued_at):
            return log
    text = f"{_UNKNOWN_LOG}: the key was not in use at {rfc3339(issued_at)}"
    raise VerificationError("sct-key-expired", text)


def _verify(timestamp: SignedCertificateTimestamp, covered: bytes, log: LogKey) -> None:
    public = log.key.public
    kind = timestamp.signature_algorithm
    if not isinstance(timestamp.signature_hash_algorithm, hashes.SHA256):
        raise VerificationError("sct-invalid", "error verifying embedded SCT: unsupported hash algorithm")
    try:
        if isinstance(public, ec.EllipticCurvePublicKey) and kind is SignatureAlgorithm.ECDSA:
            text = "failed to verify ECDSA signature"
            public.verify(timestamp.signature, covered, ec.ECDSA(hashes.SHA256()))
        elif isinstance(public, rsa.RSAPublicKey) and kind is SignatureAlgorithm.RSA:
            text = "failed to verify rsa signature: crypto/rsa: verification error"
            public.verify(timestamp.signature, covered, padding.PKCS1v15(), hashes.SHA256())
        else:
            text = f"cannot verify {kind.name} signature with the key of log {log.id}"
            raise InvalidSignature(text)
    except InvalidSignature as error:
        raise VerificationError("sct-invalid", f"error verifying embedded SCT: {text}") from error
