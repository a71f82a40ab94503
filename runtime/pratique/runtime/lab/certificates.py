"""What all certificates of a lab share.

References: RFC 5280.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pratique.runtime.lab.keys import PublicKey, derive_bytes


def pem(*certificates: x509.Certificate) -> str:
    """Return the PEM of certificates, one after the other."""
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def der_bytes(certificate: x509.Certificate) -> bytes:
    """Return the DER of a certificate."""
    return certificate.public_bytes(Encoding.DER)


def distinguished_name(organization: str, common_name: str) -> x509.Name:
    """Return the name of an authority, in Sigstore's order of attributes."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def serial_number(seed: str, label: str) -> int:
    """Return a serial of at most 159 bits: positive, and 20 octets at most (RFC 5280, 4.1.2.2)."""
    return int.from_bytes(derive_bytes(seed, f"serial/{label}", 20), "big") >> 1


def draft(
    subject: x509.Name,
    key: PublicKey,
    issuer: x509.Name,
    issuer_key: PublicKey,
    serial: int,
    life: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    """Return a certificate yet to be signed, with names, key, life and both key identifiers."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(life[0])
        .not_valid_after(life[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def may_sign_data(builder: x509.CertificateBuilder, usage: x509.ExtendedKeyUsage) -> x509.CertificateBuilder:
    """Return the draft of a leaf for `usage`; that is critical for timestamps (RFC 3161, 2.3)."""
    critical = ExtendedKeyUsageOID.TIME_STAMPING in usage
    return builder.add_extension(_key_usage(data=True), critical=True).add_extension(usage, critical=critical)


def may_sign_certificates(builder: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    """Return the draft of an authority with at most `path_length` authorities under it."""
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return builder.add_extension(_key_usage(data=False), critical=True).add_extension(
        constraints, critical=True
    )


def _key_usage(*, data: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=data,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not data,
        crl_sign=not data,
        encipher_only=False,
        decipher_only=False,
    )
