"""One envelope at level strict: the checks of notation, in notation's order.

References: Notary Project trust policy specification 1.1, "Signature verification details"; notation-go
1.3.2, `verifier.processSignature`; Kyverno 1.19 `pkg/image/verifiers/cpol/notary`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pratique.runtime.signatures.notary.algorithms import verify_signature
from pratique.runtime.signatures.notary.certificates import Certificate, CertificateError
from pratique.runtime.signatures.notary.chain import (
    check_code_signing_chain,
    check_validity,
    check_validity_at_signing,
)
from pratique.runtime.signatures.notary.cose import read_cose
from pratique.runtime.signatures.notary.countersignature import check_countersignature
from pratique.runtime.signatures.notary.jws import read_jws
from pratique.runtime.signatures.notary.limits import MAX_ENVELOPE_BYTES
from pratique.runtime.signatures.notary.model import (
    Check,
    Envelope,
    EnvelopeFormat,
    NotaryRefusal,
    SignedAttributes,
    SigningScheme,
    StoredNotarySignature,
    Target,
    VerifiedNotarySignature,
)
from pratique.runtime.signatures.notary.payload import read_payload
from pratique.runtime.signatures.notary.revocation import NOTHING_KNOWN, RevocationSource, check_revocation
from pratique.runtime.signatures.notary.trust_store import TrustStore
from pratique.runtime.signatures.notary.wording import quoted, rfc1123


def verify_envelope(
    envelope: bytes,
    media_type: str,
    *,
    trust_store: TrustStore,
    now: datetime,
    tsa_store: TrustStore | None = None,
    signing_authorities: TrustStore | None = None,
    revocation: RevocationSource = NOTHING_KNOWN,
) -> VerifiedNotarySignature:
    """Return what a signature proves. What it was made for is in the result; see `check_target`.

    Args:
        envelope: at most `MAX_ENVELOPE_BYTES`.
        media_type: `application/jose+json` or `application/cose`.
        trust_store: for the scheme `notary.x509`.
        now: time of verification, aware.
        tsa_store: roots of timestamp authorities. If given, a signature must carry an RFC 3161 timestamp, and
            its certificates need to have been valid then instead of now.
        signing_authorities: for the scheme `notary.x509.signingAuthority`. None refuses such signatures, as
            Kyverno does, whose trust policy has no store of that type.
        revocation: see there; by default, certificates that name a revocation service are refused.

    Raises:
        NotaryRefusal: a check does not hold; the code names it.
    """
    read = read_envelope(envelope, media_type)
    chain = check_integrity(read)
    # Before the signature held, these bytes were not looked at (threat C22).
    target, annotations = read_payload(read.payload, read.content_type)
    attributes = read.attributes
    if attributes.plugin:
        raise NotaryRefusal(Check.PLUGIN, "plugin unsupported due to nil verifier.pluginManager")
    anchor = _check_authenticity(chain, attributes.scheme, trust_store, signing_authorities)
    _check_expiry(attributes, now)
    stamped_at = None
    match attributes.scheme:
        case SigningScheme.SIGNING_AUTHORITY:
            check_validity_at_signing(chain, attributes.signing_time)
        case SigningScheme.X509 if tsa_store is None:
            check_validity(chain, now)
        case SigningScheme.X509:
            stamped_at = check_countersignature(read.token, read.signature, chain, tsa_store, revocation)
    check_revocation(chain, revocation, "signing")
    leaf = chain[0]
    return VerifiedNotarySignature(
        target=target,
        annotations=annotations,
        subject=leaf.subject,
        certificate=leaf.fingerprint,
        key=leaf.key_fingerprint,
        anchor=anchor.fingerprint,
        scheme=attributes.scheme,
        signing_time=attributes.signing_time,
        expiry=attributes.expiry,
        stamped_at=stamped_at,
    )


def check_target(signature: VerifiedNotarySignature, target: Target) -> None:
    """Check that a signature is about the very manifest under test: digest, size and media type (threat N4).

    Raises:
        NotaryRefusal: `TARGET`, in notation's words.
    """
    if signature.target != target:
        raise NotaryRefusal(Check.TARGET, "content descriptor mismatch")


def verify_stored(
    stored: StoredNotarySignature, *, trust_store: TrustStore, now: datetime
) -> VerifiedNotarySignature:
    """Return what a stored signature proves about the artifact it lies with.

    Raises:
        NotaryRefusal: as for `verify_envelope` and `check_target`.
    """
    verified = verify_envelope(stored.envelope, stored.media_type, trust_store=trust_store, now=now)
    check_target(verified, stored.target)
    return verified


def read_envelope(envelope: bytes, media_type: str) -> Envelope:
    """Return the envelope, every rule on its form and headers checked, but not its signature.

    Raises:
        NotaryRefusal: `ENVELOPE`, `HEADERS` or `SIGNATURE` (an algorithm that is not known).
    """
    if not envelope:
        raise NotaryRefusal(Check.ENVELOPE, "signature envelope is not present")
    if len(envelope) > MAX_ENVELOPE_BYTES:
        raise NotaryRefusal(Check.ENVELOPE, f"signature envelope of more than {MAX_ENVELOPE_BYTES} bytes")
    match media_type:
        case EnvelopeFormat.JWS:
            return read_jws(envelope)
        case EnvelopeFormat.COSE:
            return read_cose(envelope)
        case _:
            text = (
                "unable to parse the digital signature, error : signature envelope format with media type"
                f" {quoted(media_type)} is not supported"
            )
            raise NotaryRefusal(Check.ENVELOPE, text)


def check_integrity(envelope: Envelope) -> tuple[Certificate, ...]:
    """Return the certificates of an envelope whose leaf signed it and which form a code signing chain.

    Raises:
        NotaryRefusal: `CHAIN` or `SIGNATURE`.
    """
    try:
        chain = tuple(Certificate.read(der) for der in envelope.certificates)
    except CertificateError as error:
        raise NotaryRefusal(
            Check.CHAIN, f"malformed certificate in the signature envelope: {error}"
        ) from error
    verify_signature(chain[0].key, envelope.algorithm, envelope.signature, envelope.signed, envelope.format)
    check_code_signing_chain(chain)
    return chain


def _check_authenticity(
    chain: Sequence[Certificate],
    scheme: SigningScheme,
    trust_store: TrustStore,
    signing_authorities: TrustStore | None,
) -> Certificate:
    store = trust_store if scheme is SigningScheme.X509 else signing_authorities
    if store is None or not store.certificates:
        text = "no trusted certificates are found to verify authenticity"
        raise NotaryRefusal(Check.AUTHENTICITY, text)
    anchor = store.anchor(chain)
    if anchor is None:
        text = "the signature's certificate chain does not contain any trusted certificate"
        raise NotaryRefusal(Check.AUTHENTICITY, text)
    return anchor


def _check_expiry(attributes: SignedAttributes, now: datetime) -> None:
    if attributes.expiry is not None and now >= attributes.expiry:
        text = f"digital signature has expired on {quoted(rfc1123(attributes.expiry))}"
        raise NotaryRefusal(Check.EXPIRY, text)
