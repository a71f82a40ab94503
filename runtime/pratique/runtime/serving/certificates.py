"""Certificates of the webhook server, made here: an authority of its own, and its renewal step by step.

Every step keeps all connections possible: a new authority is first only trusted beside the old one, then it
signs, and only when nobody uses a certificate of the old one any more is that no longer trusted (F28). What
to do follows from the certificates and the clock alone, so that any replica may do it.

References: RFC 5280; Kubernetes asks for subject alternative names and, as Python's strict checks do, for key
usages and key identifiers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATED: Final = timedelta(hours=1)
"""Certificates are valid since before they were made: clocks differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long what lasts.

    Attributes:
        authority: validity of an authority; a new one is made when it will not outlive another leaf.
        leaf: validity of the server's certificate; renewed when a third of it is left.
        settle: after which everybody has heard of a change.
    """

    authority: timedelta = timedelta(days=365)
    leaf: timedelta = timedelta(days=90)
    settle: timedelta = timedelta(minutes=10)


USUAL: Final = Durations()


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that replicas share, as PEM.

    Attributes:
        authorities: certificates that clients are told to trust, the newest first.
        authority_key: key of the newest.
        certificate: of the server.
        key: of the server.
    """

    authorities: bytes
    authority_key: bytes
    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        """Return nothing of the keys."""
        return "Material(...)"


class UnreadableMaterial(ValueError):
    """Certificates or keys cannot be read; the text quotes nothing of them."""


def step(
    material: Material | None, names: Sequence[str], now: datetime, durations: Durations = USUAL
) -> Material:
    """Return what the material should be now: at most one step on from what it is.

    Args:
        material: as it is; None for nothing yet. What cannot be read is made anew.
        names: DNS names and addresses of the server.
        now: the time, with its zone.
        durations: how long what lasts.
    """
    try:
        return _step(material, names, now, durations) if material else _anew(names, now, durations)
    except UnreadableMaterial:
        return _anew(names, now, durations)


def expires(certificate: bytes) -> datetime:
    """Return until when a PEM certificate, the first of a chain, is valid.

    Raises:
        UnreadableMaterial: it is none.
    """
    return _certificates(certificate)[0].not_valid_after_utc


def _step(material: Material, names: Sequence[str], now: datetime, durations: Durations) -> Material:
    authorities = _certificates(material.authorities)
    newest, leaf = authorities[0], _certificates(material.certificate)[0]
    key = _key(material.authority_key)
    if key.public_key() != newest.public_key() or newest.not_valid_after_utc <= now:
        return _anew(names, now, durations)
    if newest.not_valid_after_utc - now < durations.leaf:
        added, added_key = _authority(now, durations)
        bundle = _pem(added) + material.authorities
        return Material(
            authorities=bundle,
            authority_key=_key_pem(added_key),
            certificate=material.certificate,
            key=material.key,
        )
    signer = next((each for each in authorities if _signed(leaf, each)), None)
    settled = now - newest.not_valid_before_utc - BACKDATED >= durations.settle
    left = leaf.not_valid_after_utc - now
    useless = signer is None or left <= timedelta(0) or _names(leaf) != sorted(names)
    if useless or (settled and (signer != newest or left < durations.leaf / 3)):
        certificate, leaf_key = _leaf(names, newest, key, now, durations)
        return Material(
            authorities=material.authorities,
            authority_key=material.authority_key,
            certificate=_pem(certificate),
            key=_key_pem(leaf_key),
        )
    used = now - leaf.not_valid_before_utc - BACKDATED >= durations.settle
    if len(authorities) > 1 and signer == newest and used:
        return Material(
            authorities=_pem(newest),
            authority_key=material.authority_key,
            certificate=material.certificate,
            key=material.key,
        )
    return material


def _anew(names: Sequence[str], now: datetime, durations: Durations) -> Material:
    authority, key = _authority(now, durations)
    certificate, leaf_key = _leaf(names, authority, key, now, durations)
    return Material(
        authorities=_pem(authority),
        authority_key=_key_pem(key),
        certificate=_pem(certificate),
        key=_key_pem(leaf_key),
    )


def _authority(now: datetime, durations: Durations) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    # A name of its own each time: clients find the issuer among several by it.
    name = _name(f"pratique webhook authority {now:%Y-%m-%dT%H:%M:%S.%f}")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(name, name, key, now, now + durations.authority)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return builder.sign(key, hashes.SHA256()), key


def _leaf(
    names: Sequence[str],
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    durations: Durations,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    end = min(now + durations.leaf, authority.not_valid_after_utc)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = (
        _builder(_name("pratique webhook"), authority.subject, key, now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    )
    return builder.sign(authority_key, hashes.SHA256()), key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - BACKDATED)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = map(str, found.get_values_for_type(x509.IPAddress))
    return sorted([*found.get_values_for_type(x509.DNSName), *addresses])


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _certificates(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise UnreadableMaterial("the certificate cannot be read") from error


def _key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnreadableMaterial("the key cannot be read") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UnreadableMaterial("the key is of another kind")
    return key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
