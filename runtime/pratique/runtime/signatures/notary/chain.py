"""Code signing and time stamping chains: complete, in order, and each certificate what its place demands.

References: Notary Project signature specification 1.1, "Certificate requirements"; notation-core-go 1.3.0,
`ValidateCodeSigningCertChain`, `ValidateTimestampingCertChain`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pratique.runtime.signatures.notary.certificates import FORBIDDEN_PURPOSES, Certificate, CertificateError
from pratique.runtime.signatures.notary.model import Check, NotaryRefusal
from pratique.runtime.signatures.notary.wording import quoted, rfc1123


def check_code_signing_chain(chain: Sequence[Certificate]) -> None:
    """Check that `chain` leads from a code signing leaf to a self-signed root, without a gap or an extra.

    A chain of one is a self-signed leaf. Times are not looked at, nor whether anything of it is trusted.

    Raises:
        NotaryRefusal: `CHAIN`, in notation's words.
    """
    try:
        _check_chain(chain, _check_code_signing_leaf, critical_usage=True)
    except CertificateError as error:
        raise NotaryRefusal(Check.CHAIN, f"certificate-chain is invalid, {error}") from error


def check_time_stamping_chain(chain: Sequence[Certificate]) -> None:
    """Check a timestamp authority's chain in the same way.

    Raises:
        NotaryRefusal: `TIMESTAMP`, in notation's words.
    """
    try:
        _check_chain(chain, _check_time_stamping_leaf, critical_usage=False)
    except CertificateError as error:
        text = f"failed to validate the timestamping certificate chain with error: {error}"
        raise NotaryRefusal(Check.TIMESTAMP, text) from error


def check_validity(chain: Sequence[Certificate], now: datetime) -> None:
    """Check that every certificate is valid now: without a trusted time, none may have expired.

    Raises:
        NotaryRefusal: `VALIDITY`, in notation's words.
    """
    for certificate in chain:
        if now < certificate.not_before:
            text = (
                f"verification time is before certificate {certificate} validity period, it will be valid"
                f" from {quoted(rfc1123(certificate.not_before))}"
            )
            raise NotaryRefusal(Check.VALIDITY, text)
        if now > certificate.not_after:
            text = (
                f"verification time is after certificate {certificate} validity period, it was expired at"
                f" {quoted(rfc1123(certificate.not_after))}"
            )
            raise NotaryRefusal(Check.VALIDITY, text)


def check_validity_at_signing(chain: Sequence[Certificate], signed_at: datetime) -> None:
    """Check that every certificate was valid at a time that a signing authority vouches for.

    Raises:
        NotaryRefusal: `VALIDITY`, in notation's words.
    """
    for certificate in chain:
        if not certificate.not_before <= signed_at <= certificate.not_after:
            text = (
                f"certificate {certificate} was not valid when the digital signature was produced at"
                f" {quoted(rfc1123(signed_at))}"
            )
            raise NotaryRefusal(Check.VALIDITY, text)


def _check_chain(
    chain: Sequence[Certificate], check_leaf: Callable[[Certificate], None], *, critical_usage: bool
) -> None:
    if not chain:
        raise CertificateError("certificate chain must contain at least one certificate")
    leaf, *authorities = chain
    if not authorities:
        if not leaf.is_signed_by(leaf):
            raise CertificateError(f"invalid self-signed certificate. subject: {leaf}")
        try:
            check_leaf(leaf)
        except CertificateError as error:
            raise CertificateError(f"invalid self-signed certificate. Error: {error}") from error
        return
    for index, (certificate, issuer) in enumerate(zip(chain, authorities, strict=False)):
        if certificate.is_issued_by(certificate):
            place = "intermediate" if index else "leaf"
            raise CertificateError(
                f"{place} certificate with subject {certificate} is self-signed. Certificate chain must not"
                f" contain self-signed {place} certificate"
            )
        if not certificate.is_issued_by(issuer):
            raise CertificateError(
                f"invalid certificates or certificate with subject {certificate} is not issued by {issuer}"
            )
    root = chain[-1]
    if not root.is_issued_by(root):
        raise CertificateError(
            f"root certificate with subject {root} is invalid or not self-signed. Certificate chain must end"
            " with a valid self-signed root certificate"
        )
    check_leaf(leaf)
    for depth, authority in enumerate(authorities):
        authority.check_authority(depth, critical_usage=critical_usage)


def _check_code_signing_leaf(leaf: Certificate) -> None:
    """Check the profile of a code signing leaf.

    DEVIATION: notation overlooks `anyExtendedKeyUsage`, which the specification forbids
    (`tests/runtime/signatures/notary/test_chain.py::test_forbidden_purposes`).
    """
    leaf.check_leaf(critical_usage=True)
    for purpose in leaf.purposes:
        if purpose in FORBIDDEN_PURPOSES:
            raise CertificateError(
                f"certificate with subject {leaf}: extended key usage must not contain"
                f" {FORBIDDEN_PURPOSES[purpose]} eku"
            )


def _check_time_stamping_leaf(leaf: Certificate) -> None:
    leaf.check_leaf(critical_usage=False)
    extension = leaf.extension(x509.ExtendedKeyUsage)
    if extension is None or leaf.purposes != (ExtendedKeyUsageOID.TIME_STAMPING,):
        raise CertificateError(
            f"timestamp signing certificate with subject {leaf} must have and only have Timestamping as"
            " extended key usage"
        )
    if not extension.critical:
        raise CertificateError(
            f"timestamp signing certificate with subject {leaf} must have extended key usage extension marked"
            " as critical"
        )
