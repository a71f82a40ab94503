"""RFC 3161 timestamps: an authority's word on when a signature was there.

References: RFC 3161, section 2.4.2; timestamp-authority `pkg/verification`; cosign `VerifyRFC3161Timestamp`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from rfc3161_client import TimeStampResponse, VerifierBuilder, decode_timestamp_response
from rfc3161_client import VerificationError as TokenError

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.certificates import (
    CertificateError,
    is_authority,
    load_shared_certificates,
)
from pratique.runtime.signatures.chains import MAX_INTERMEDIATES
from pratique.runtime.signatures.cms import sort_certificates
from pratique.runtime.signatures.encodings import from_base64, from_json
from pratique.runtime.signatures.validity import ALWAYS, Window

MAX_TOKEN_BYTES: Final = 1 << 16
_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}

_CHAIN_ERROR: Final = re.compile(r"Verify error: ([a-z -]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampAuthority:
    """An authority whose tokens are believed.

    Attributes:
        signer: its signing certificate; None to take it from the token and chain it to `roots`.
        window: when the authority was in use; both ends belong to it.
    """

    signer: x509.Certificate | None
    intermediates: tuple[x509.Certificate, ...] = ()
    roots: tuple[x509.Certificate, ...]
    window: Window = ALWAYS


def read_token(text: str) -> bytes:
    """Return the token in cosign's annotation `dev.sigstore.cosign/rfc3161timestamp`.

    Raises:
        VerificationError: `timestamp-malformed`.
    """
    try:
        data = from_json(text, max_bytes=2 * MAX_TOKEN_BYTES)
        token = data.get("SignedRFC3161Timestamp") if isinstance(data, dict) else None
        if not isinstance(token, str):
            raise ValueError("no SignedRFC3161Timestamp")
        return from_base64(token)
    except ValueError as error:
        text = f"unmarshaling RFC3161 timestamp bundle: {error}"
        raise VerificationError("timestamp-malformed", text) from error


def load_authority(text: str) -> TimestampAuthority:
    """Return the authority of a policy's `tsaCertChain`: at most one signer, intermediates, roots.

    Raises:
        VerificationError: `bad-timestamp-chain`, in Kyverno's words.
    """
    try:
        certificates = load_shared_certificates(text)
    except CertificateError as error:
        text = f"error splitting tsa certificates: {error}"
        raise VerificationError("bad-timestamp-chain", text) from error
    signers = [c for c in certificates if not is_authority(c)]
    issuers = [c for c in certificates if is_authority(c)]
    roots = tuple(c for c in issuers if c.subject == c.issuer)
    intermediates = tuple(c for c in issuers if c.subject != c.issuer)
    if len(signers) > 1:
        text = "certificate chain must contain at most one TSA certificate"
        raise VerificationError("bad-timestamp-chain", text)
    if len(intermediates) > MAX_INTERMEDIATES:
        text = (
            f"TSA certificate chain contains too many intermediate certificates ({len(intermediates)}),"
            f" maximum allowed is {MAX_INTERMEDIATES}"
        )
        raise VerificationError("bad-timestamp-chain", text)
    return TimestampAuthority(
        signer=signers[0] if signers else None, intermediates=intermediates, roots=roots
    )


def verify_token(token: bytes, signed: bytes, authorities: Sequence[TimestampAuthority]) -> datetime:
    """Return the time that a trusted authority gives for `signed`.

    Args:
        token: DER of a whole `TimeStampResp`.
        signed: the bytes that were stamped: for images the raw signature.
        authorities: tried in order.

    The signer's certificate must be valid at the time in the token, carry the time-stamping purpose and be
    the one that signed it (C14, C20).

    Raises:
        VerificationError: `timestamp-invalid`, `timestamp-malformed`.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise VerificationError("timestamp-malformed", f"timestamp of more than {MAX_TOKEN_BYTES} bytes")
    try:
        response = decode_timestamp_response(sort_certificates(token))
        imprint = response.tst_info.message_imprint
        algorithm, gen_time = imprint.hash_algorithm.dotted_string, response.tst_info.gen_time
    except Exception as error:
        text = "error parsing response into Timestamp"
        raise VerificationError("timestamp-malformed", text) from error
    if algorithm not in _HASHES:
        raise VerificationError("timestamp-invalid", "timestamp with an unsupported hash algorithm")
    usable = [authority for authority in authorities if authority.roots]
    if not usable:
        text = "no TSA root certificate(s) provided to verify timestamp"
        raise VerificationError("timestamp-invalid", text)
    refusal = ""
    for authority in usable:
        refusal = _refusal(response, signed, authority)
        if not refusal and authority.window.contains(gen_time):
            return gen_time
        refusal = refusal or "the timestamp lies outside the time its authority was in use"
    raise VerificationError("timestamp-invalid", refusal)


def _refusal(response: TimeStampResponse, signed: bytes, authority: TimestampAuthority) -> str:
    """Return why `authority` did not stamp `signed`, in cosign's words where it has some; empty if it did."""
    verifier = VerifierBuilder(
        tsa_certificate=authority.signer,
        intermediates=list(authority.intermediates),
        roots=list(authority.roots),
    ).build()
    try:
        verifier.verify_message(response, signed)
    except TokenError as error:
        return _as_cosign(str(error))
    except Exception:
        # Over hostile bytes the parsers below raise whatever they like; all of it is a refusal.
        return "error while verifying signature: the timestamp is malformed"
    return ""


def _as_cosign(text: str) -> str:
    """Return what cosign says for a refusal, without what the libraries say of themselves."""
    if "Mismatch" in text:
        return "hashed messages don't match"
    if text.startswith("Error while verifying certificates"):
        if found := _CHAIN_ERROR.search(text):
            return f"error while verifying signer certificate chain: {found[1]}"
        return "error while verifying signature"
    return f"failed to verify TSA certificate: {text}"
