"""RFC 3161 countersignatures: a timestamp authority's word that a signature existed at some time.

`rfc3161_client` checks the token's signature and what was stamped. The rest of notation's demands are checked
here: who signed by the token's own signed word (threat C20), profile and revocation of the authority's chain,
and that the whole range of the time, its accuracy included, lies in the life of every signing certificate.

References: Notary Project trust policy specification 1.1, "Timestamp countersignature verification"; RFC
3161, 2.4.2; notation-go 1.3.2, `verifyTimestamp`; tspclient-go 1.0.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from rfc3161_client import TimeStampResponse, VerifierBuilder, decode_timestamp_response

from pratique.runtime.signatures.notary.certificates import Certificate, CertificateError
from pratique.runtime.signatures.notary.chain import check_time_stamping_chain
from pratique.runtime.signatures.notary.der import DerError
from pratique.runtime.signatures.notary.limits import MAX_CERTIFICATES, MAX_TOKEN_BYTES
from pratique.runtime.signatures.notary.model import Check, NotaryRefusal
from pratique.runtime.signatures.notary.revocation import RevocationSource, check_revocation
from pratique.runtime.signatures.notary.signed_data import Token, read_token
from pratique.runtime.signatures.notary.trust_store import TrustStore
from pratique.runtime.signatures.notary.wording import quoted, rfc1123

_BASELINE_POLICY: Final = "0.4.0.2023.1.1"
"""Policy of ETSI EN 319 421 under which a token that states no accuracy is good to one second."""
_MAX_ACCURACY: Final = timedelta(days=1)
"""Accuracy of an authority's clock; real ones state a second or less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a token says: its time and the range around it, and issuer and serial of those who signed."""

    time: datetime
    earliest: datetime
    latest: datetime
    signers: tuple[tuple[x509.Name, int], ...]


def check_countersignature(
    token: bytes,
    signature: bytes,
    chain: Sequence[Certificate],
    store: TrustStore,
    revocation: RevocationSource,
) -> datetime:
    """Return the time at which an authority of `store` saw `signature`, made when all of `chain` was valid.

    Args:
        token: DER of a TimeStampToken; empty for none.
        signature: the bytes that were stamped.
        chain: the certificates of the code signer, all of which must have been valid.
        store: roots of timestamp authorities.
        revocation: knows about the authority's certificates.

    Raises:
        NotaryRefusal: `TIMESTAMP`, `VALIDITY`, `REVOKED` or `REVOCATION`.
    """
    if not token:
        raise _refusal("no timestamp countersignature was found in the signature envelope")
    if len(token) > MAX_TOKEN_BYTES:
        raise _refusal(f"timestamp countersignature of more than {MAX_TOKEN_BYTES} bytes")
    try:
        parsed = read_token(token)
    except DerError as error:
        raise _refusal(f"failed to parse timestamp countersignature with error: {error}") from error
    try:
        response = decode_timestamp_response(parsed.response)
        stamp = _stamp(response)
    except Exception as error:
        # Over hostile bytes the parser raises whatever it likes, KeyError among it; all of it is a refusal.
        reason = error if isinstance(error, DerError) else "malformed token"
        raise _refusal(f"failed to parse timestamp countersignature with error: {reason}") from error
    authority = _authority_chain(_signer(parsed, stamp), parsed, store, stamp.time)
    _check_token(response, signature, store)
    check_time_stamping_chain(authority)
    _check_range(stamp, chain)
    check_revocation(authority, revocation, "timestamping")
    return stamp.time


def _stamp(response: TimeStampResponse) -> Stamp:
    info = response.tst_info
    if info.version != 1:
        raise DerError(f"timestamp token info version must be 1, but got {info.version}")
    stated = info.accuracy
    accuracy = timedelta()
    if stated is not None:
        accuracy = timedelta(
            seconds=stated.seconds or 0, milliseconds=stated.millis or 0, microseconds=stated.micros or 0
        )
    if not accuracy and info.policy.dotted_string == _BASELINE_POLICY:
        accuracy = timedelta(seconds=1)
    if not timedelta() <= accuracy <= _MAX_ACCURACY:
        raise DerError("accuracy out of range")
    return Stamp(
        time=info.gen_time,
        earliest=info.gen_time - accuracy,
        latest=info.gen_time + accuracy,
        signers=tuple((s.issuer, s.serial_number) for s in response.signed_data.signer_infos),
    )


def _check_token(response: TimeStampResponse, signature: bytes, store: TrustStore) -> None:
    verifier = VerifierBuilder(roots=[root.parsed for root in store.load()]).build()
    try:
        verifier.verify_message(response, signature)
    except Exception as error:
        text = "failed to verify the timestamp countersignature with error: no trusted authority signed it"
        if "Mismatch between messages" in str(error):
            text = "failed to get timestamp from timestamp countersignature with error: mismatched message"
        raise _refusal(text) from error


def _signer(token: Token, stamp: Stamp) -> Certificate:
    """Return the certificate that both names of the signer mean: the signed hash, and issuer with serial.

    The signature is checked with the second, which is not signed; everything else rests on the first.
    """
    der = token.signer()
    if der is not None:
        signer = _read(der)
        if stamp.signers == ((signer.issuer, signer.parsed.serial_number),):
            return signer
    raise _refusal(
        "failed to verify the timestamp countersignature with error: signing certificate not found in the"
        " timestamp token"
    )


def _read(der: bytes) -> Certificate:
    try:
        return Certificate.read(der)
    except CertificateError as error:
        raise _refusal(f"failed to parse timestamp countersignature with error: {error}") from error


def _authority_chain(signer: Certificate, token: Token, store: TrustStore, at: datetime) -> list[Certificate]:
    """Return the chain from the token's signer to a root of `store`, all of it valid at `at`.

    The first issuer that fits is taken, at each step from the store before the token.
    """
    roots = store.load()
    embedded = [_read(der) for der in token.certificates[:MAX_CERTIFICATES]]
    chain = [signer]
    while chain[-1].der not in store.certificates:
        if len(chain) > MAX_CERTIFICATES:
            break
        candidates = (c for c in (*roots, *embedded) if c not in chain)
        issuer = next((c for c in candidates if chain[-1].is_issued_by(c)), None)
        if issuer is None:
            break
        chain.append(issuer)
    valid = all(c.not_before <= at <= c.not_after for c in chain)
    if not valid or chain[-1].der not in store.certificates:
        raise _refusal(
            "failed to verify the timestamp countersignature with error: no chain of valid certificates to a"
            " trusted authority"
        )
    return chain


def _check_range(stamp: Stamp, chain: Sequence[Certificate]) -> None:
    for certificate in chain:
        if stamp.earliest < certificate.not_before:
            text = (
                f"timestamp can be before certificate {certificate} validity period, it will be valid from"
                f" {quoted(rfc1123(certificate.not_before))}"
            )
            raise NotaryRefusal(Check.VALIDITY, text)
        if stamp.latest > certificate.not_after:
            text = (
                f"timestamp can be after certificate {certificate} validity period, it was expired at"
                f" {quoted(rfc1123(certificate.not_after))}"
            )
            raise NotaryRefusal(Check.VALIDITY, text)


def _refusal(text: str) -> NotaryRefusal:
    return NotaryRefusal(Check.TIMESTAMP, text)
