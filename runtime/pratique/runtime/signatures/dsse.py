"""DSSE envelopes: a payload with its type and the signatures over both.

References: DSSE `protocol.md` (PAE) and `envelope.md`; go-securesystemslib `dsse`, whose texts are repeated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.encodings import EncodingError, from_base64, from_json
from pratique.runtime.signatures.keys import VerifyingKey

IN_TOTO: Final = "application/vnd.in-toto+json"
MAX_ENVELOPE_BYTES: Final = 16 << 20
MAX_SIGNATURES: Final = 32
"""Signatures of one envelope; cosign and bundles write one."""

_NO_SIGNATURE: Final = "accepted signatures do not match threshold, Found: 0, Expected 1"
_OWN_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    ec.SECP384R1.name: hashes.SHA384(),
    ec.SECP521R1.name: hashes.SHA512(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A payload as it was signed; nothing of it believed yet."""

    payload: bytes
    payload_type: str
    signatures: tuple[bytes, ...]

    @property
    def covered(self) -> bytes:
        """Return the bytes that the signatures cover: the pre-authentication encoding."""
        kind = self.payload_type.encode()
        return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(self.payload), self.payload)


def read_envelope(data: bytes) -> Envelope:
    """Return the envelope in a JSON text; key ids are hints and left out.

    Raises:
        VerificationError: `envelope-malformed`.
    """
    try:
        value = from_json(data, max_bytes=MAX_ENVELOPE_BYTES)
        if not isinstance(value, dict):
            raise EncodingError("not an object")
        signatures = value.get("signatures")
        if not isinstance(signatures, list) or not 1 <= len(signatures) <= MAX_SIGNATURES:
            raise EncodingError(f"no list of 1 to {MAX_SIGNATURES} signatures")
        return Envelope(
            payload=from_base64(_text(value, "payload")),
            payload_type=_text(value, "payloadType"),
            signatures=tuple(from_base64(_text(signature, "sig")) for signature in signatures),
        )
    except EncodingError as error:
        raise VerificationError("envelope-malformed", f"invalid DSSE envelope: {error}") from error


def verify_envelope(envelope: Envelope, key: VerifyingKey) -> None:
    """Return if the envelope holds a statement by its type and some signature is by `key`.

    Raises:
        VerificationError: `payload-type` (C9), `signature-invalid`.
    """
    if envelope.payload_type != IN_TOTO:
        text = f"invalid payloadType {envelope.payload_type[:80]} on envelope. Expected {IN_TOTO}"
        raise VerificationError("payload-type", text)
    covered = envelope.covered
    for signature in envelope.signatures:
        for candidate in keys_to_try(key):
            try:
                candidate.verify(signature, covered)
            except VerificationError:
                continue
            return
    raise VerificationError("signature-invalid", _NO_SIGNATURE)


def keys_to_try(key: VerifyingKey) -> Iterable[VerifyingKey]:
    """Return `key` with its hash and, for larger curves, with the hash of the curve's size.

    cosign signs with SHA-256 whatever the curve, newer clients with the hash that fits it. Neither helps a
    forger.
    """
    yield key
    if isinstance(key.public, ec.EllipticCurvePublicKey):
        own = _OWN_HASHES.get(key.public.curve.name, key.algorithm)
        if own.name != key.algorithm.name:
            yield replace(key, algorithm=own)


def _text(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, str):
        raise EncodingError(f"no {name}")
    try:
        found.encode()
    except UnicodeEncodeError as error:
        raise EncodingError(f"{name} is no Unicode text") from error
    return found
