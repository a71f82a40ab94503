"""A timestamp authority: signed statements that some bytes existed at some time.

The token is CMS with signed attributes, among them the hash of the signing certificate (ESSCertIDv2).

References: RFC 3161; RFC 5652, section 5; RFC 5035, section 4; RFC 5816.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from pratique.runtime.lab import der
from pratique.runtime.lab.authority import AUTHORITY_LIFE
from pratique.runtime.lab.certificates import (
    der_bytes,
    distinguished_name,
    draft,
    may_sign_certificates,
    may_sign_data,
    serial_number,
)
from pratique.runtime.lab.keys import derive_ec_key, sign

_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
_ECDSA_WITH_SHA256 = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_TST_INFO = der.oid("1.2.840.113549.1.9.16.1.4")
_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
_CONTENT_TYPE = der.oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE_V2 = der.oid("1.2.840.113549.1.9.16.2.47")
_POLICY = der.oid("1.3.6.1.4.1.57264.2")
"""The policy that Sigstore's timestamp authority states."""

_GRANTED = der.sequence(der.integer(0))


@dataclass(frozen=True, slots=True)
class Stamper:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class TimestampAuthority:
    """A root and a signing certificate with P-256 keys derived from `seed`, set in time around `at`."""

    def __init__(self, seed: str, at: datetime, organization: str, host: str) -> None:
        self.url = f"https://{host}/api/v1/timestamp"
        life = (at - AUTHORITY_LIFE[0], at + AUTHORITY_LIFE[1])
        root_key = derive_ec_key(seed, "timestamps/root")
        root_name = distinguished_name(organization, "pratique lab timestamps root")

        def certificate(name: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
            subject = distinguished_name(organization, f"pratique lab timestamps {name}")
            number = serial_number(seed, f"timestamps/{name}")
            return draft(subject, key.public_key(), root_name, root_key.public_key(), number, life)

        self.root = may_sign_certificates(certificate("root", root_key), 0).sign(
            root_key, hashes.SHA256(), ecdsa_deterministic=True
        )
        key = derive_ec_key(seed, "timestamps/signer")
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        signer = may_sign_data(certificate("signer", key), usage)
        self.signer = Stamper(signer.sign(root_key, hashes.SHA256(), ecdsa_deterministic=True), key)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Return signing certificate and root."""
        return (self.signer.certificate, self.root)

    def stamp(
        self, data: bytes, at: datetime, *, serial: int = 0, impostor: TimestampAuthority | None = None
    ) -> bytes:
        """Return the DER of a granted TimeStampResp over `data`, whose last bytes are the signature.

        `serial` tells stamps of the same data and time apart. With an `impostor`, that authority's key signs
        in this one's name, and its certificate is embedded too.
        """
        number = hashlib.sha256(b"%d %d " % (int(at.timestamp()), serial) + data).digest()[:8]
        info = der.sequence(
            der.integer(1),
            _POLICY,
            der.sequence(_SHA256, der.octet_string(hashlib.sha256(data).digest())),
            der.integer(int.from_bytes(number, "big")),
            der.generalized_time(at),
            der.sequence(der.integer(1)),
        )
        actual = impostor.signer if impostor else self.signer
        token = der.sequence(
            _SIGNED_DATA,
            der.context(0, _signed_data(info, named=self.signer.certificate, actual=actual)),
        )
        return der.sequence(_GRANTED, token)


def _signed_data(info: bytes, *, named: x509.Certificate, actual: Stamper) -> bytes:
    """Return CMS SignedData over a TSTInfo that `actual` signed and that says `named` did."""
    named_der, actual_der = der_bytes(named), der_bytes(actual.certificate)
    essential = der.sequence(der.sequence(der.sequence(der.octet_string(hashlib.sha256(named_der).digest()))))
    attributes = (
        _attribute(_CONTENT_TYPE, _TST_INFO),
        _attribute(_MESSAGE_DIGEST, der.octet_string(hashlib.sha256(info).digest())),
        _attribute(_SIGNING_CERTIFICATE_V2, essential),
    )
    # RFC 5652, 5.4: the signature covers the attributes as a SET OF; stored, they bear the tag [0].
    signed = der.set_of(*attributes)
    signer_info = der.sequence(
        der.integer(1),
        der.sequence(actual.certificate.issuer.public_bytes(), der.integer(actual.certificate.serial_number)),
        _SHA256,
        b"\xa0" + signed[1:],
        _ECDSA_WITH_SHA256,
        der.octet_string(sign(actual.key, signed)),
    )
    return der.sequence(
        der.integer(3),
        der.set_of(_SHA256),
        der.sequence(_TST_INFO, der.context(0, der.octet_string(info))),
        der.context(0, *sorted({named_der, actual_der})),
        der.set_of(signer_info),
    )


def _attribute(kind: bytes, value: bytes) -> bytes:
    return der.sequence(kind, der.set_of(value))
