"""Certificates of strangers, read defensively, and what notation asks of them one by one.

Only basic constraints, key usage and extended key usage are looked at; the specification wants every other
extension, critical or not, passed over.

References: Notary Project signature specification 1.1, "Certificate requirements"; notation-core-go 1.3.0,
`x509/helper.go`; Go 1.26, `crypto/x509.Certificate.CheckSignatureFrom`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, SignatureAlgorithmOID

from pratique.compiler.quiet import quiet
from pratique.runtime.signatures.notary.algorithms import algorithm_of
from pratique.runtime.signatures.notary.limits import MAX_CERTIFICATE_BYTES
from pratique.runtime.signatures.notary.wording import distinguished_name, quoted

MIN_RSA_BITS: Final = 2048
_HASHES: Final = ("sha256", "sha384", "sha512")

FORBIDDEN_PURPOSES: Final = {
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "Any",
    ExtendedKeyUsageOID.SERVER_AUTH: "ServerAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "ClientAuth",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "EmailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "Timestamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
}
"""Purposes that no code signing leaf may have, as notation names them."""

_T = TypeVar("_T", bound=x509.ExtensionType)


class CertificateError(ValueError):
    """A certificate cannot be read or does not meet a requirement; in notation's words if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that was read completely, names and extensions included.

    Attributes:
        subject: distinguished name as notation writes it.
        fingerprint: SHA-256 of the DER, lower-case hex.
    """

    der: bytes
    parsed: x509.Certificate
    extensions: x509.Extensions
    subject: str
    issuer: x509.Name
    key: CertificatePublicKeyTypes
    fingerprint: str
    not_before: datetime
    not_after: datetime

    @classmethod
    def read(cls, der: bytes) -> Certificate:
        """Return the certificate that `der`, of at most `MAX_CERTIFICATE_BYTES`, is.

        Raises:
            CertificateError: it is malformed anywhere.
        """
        if len(der) > MAX_CERTIFICATE_BYTES:
            raise CertificateError(f"x509: certificate of more than {MAX_CERTIFICATE_BYTES} bytes")
        try:
            with quiet():
                certificate = x509.load_der_x509_certificate(der)
                if certificate.serial_number <= 0:
                    raise CertificateError("x509: serial number is not positive")
                return cls(
                    der=der,
                    parsed=certificate,
                    extensions=certificate.extensions,
                    subject=distinguished_name(certificate.subject),
                    issuer=certificate.issuer,
                    key=certificate.public_key(),
                    fingerprint=hashlib.sha256(der).hexdigest(),
                    not_before=certificate.not_valid_before_utc,
                    not_after=certificate.not_valid_after_utc,
                )
        except CertificateError:
            raise
        except Exception as error:
            # Over hostile bytes the parser raises whatever it likes, KeyError among it. All of it means that
            # the certificate is not to be used.
            raise CertificateError("x509: malformed certificate") from error

    def __str__(self) -> str:
        """Return the subject in quotes."""
        return quoted(self.subject)

    @property
    def key_fingerprint(self) -> str:
        """SHA-256 of the SubjectPublicKeyInfo, lower-case hex."""
        key = self.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(key).hexdigest()

    @property
    def is_authority(self) -> bool:
        """Say whether basic constraints name it a certificate authority."""
        constraints = self.extension(x509.BasicConstraints)
        return constraints is not None and constraints.value.ca

    @property
    def names_revocation_service(self) -> bool:
        """Say whether it names an OCSP responder or a place of revocation lists."""
        access = self.extension(x509.AuthorityInformationAccess)
        methods = {item.access_method for item in access.value} if access else set()
        return (
            AuthorityInformationAccessOID.OCSP in methods
            or self.extension(x509.CRLDistributionPoints) is not None
        )

    @property
    def purposes(self) -> tuple[x509.ObjectIdentifier, ...]:
        """Return the extended key usages; none if the extension is absent."""
        extension = self.extension(x509.ExtendedKeyUsage)
        return tuple(extension.value) if extension else ()

    def is_signed_by(self, issuer: Certificate) -> bool:
        """Say whether `issuer` has the issuer's name and its key made the signature."""
        if not _is_sound_signature(self.parsed) or not _is_sound_key(issuer.key):
            return False
        try:
            self.parsed.verify_directly_issued_by(issuer.parsed)
        except Exception:
            # A bad signature, other names, or an algorithm that the library does not know.
            return False
        return True

    def is_issued_by(self, issuer: Certificate) -> bool:
        """Say whether it is signed by `issuer` and that is an authority that may sign certificates."""
        usage = issuer.extension(x509.KeyUsage)
        may_sign = usage is None or usage.value.key_cert_sign
        return issuer.is_authority and may_sign and self.is_signed_by(issuer)

    def check_authority(self, depth: int, *, critical_usage: bool) -> None:
        """Check the profile of an authority with `depth` authorities between it and the leaf.

        Raises:
            CertificateError: in notation's words.
        """
        constraints = self.extension(x509.BasicConstraints)
        if constraints is None or not constraints.value.ca:
            raise CertificateError(
                f"certificate with subject {self}: ca field in basic constraints must be present,"
                " critical, and set to true"
            )
        allowed = constraints.value.path_length
        if allowed is not None and allowed < depth:
            raise CertificateError(
                f"certificate with subject {self}: expected path length of {depth} but certificate has path"
                f" length {allowed} instead"
            )
        if not self._usage(critical_usage).key_cert_sign:
            raise CertificateError(
                f"certificate with subject {self}: key usage must have the bit positions for key"
                " cert sign set"
            )

    def check_leaf(self, *, critical_usage: bool) -> None:
        """Check what every leaf must be: no authority, for digital signatures only, with a key that is known.

        Raises:
            CertificateError: in notation's words.
        """
        if self.is_authority:
            raise CertificateError(
                f"certificate with subject {self}: if the basic constraints extension is present, the ca"
                " field must be set to false"
            )
        usage = self._usage(critical_usage)
        if not usage.digital_signature:
            raise CertificateError(
                f"the certificate with subject {self} is invalid. The key usage must have the bit positions"
                ' for "Digital Signature" set'
            )
        if others := _forbidden_usages(usage):
            listed = ", ".join(f'"{other}"' for other in others)
            raise CertificateError(
                f"the certificate with subject {self} is invalid. The key usage must be"
                f' "Digital Signature" only, but found {listed}'
            )
        algorithm = algorithm_of(self.key)
        if isinstance(algorithm, str):
            raise CertificateError(f"certificate with subject {self}: {algorithm}")

    def extension(self, kind: type[_T]) -> x509.Extension[_T] | None:
        """Return the extension of a kind; None where there is none."""
        try:
            return self.extensions.get_extension_for_class(kind)
        except x509.ExtensionNotFound:
            return None

    def _usage(self, critical: bool) -> x509.KeyUsage:
        extension = self.extension(x509.KeyUsage)
        if extension is None:
            raise CertificateError(f"certificate with subject {self}: key usage extension must be present")
        if critical and not extension.critical:
            raise CertificateError(
                f"certificate with subject {self}: key usage extension must be marked critical"
            )
        return extension.value


def _forbidden_usages(usage: x509.KeyUsage) -> list[str]:
    bits = {
        "KeyEncipherment": usage.key_encipherment,
        "DataEncipherment": usage.data_encipherment,
        "KeyAgreement": usage.key_agreement,
        "CertSign": usage.key_cert_sign,
        "CRLSign": usage.crl_sign,
        # `cryptography` does not read certificates with these bits and without key agreement.
        "EncipherOnly": usage.key_agreement and usage.encipher_only,
        "DecipherOnly": usage.key_agreement and usage.decipher_only,
    }
    return [name for name, is_set in bits.items() if is_set]


def _is_sound_signature(certificate: x509.Certificate) -> bool:
    """Say whether the signature is over a hash that is not broken; SHA-1 and MD5 are."""
    if certificate.signature_algorithm_oid == SignatureAlgorithmOID.ED25519:
        return True
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return False
    return algorithm is not None and algorithm.name in _HASHES


def _is_sound_key(key: CertificatePublicKeyTypes) -> bool:
    """Say whether a key may vouch for certificates.

    DEVIATION: notation takes authorities with RSA keys from 1,024 bits on; 2,048 are asked for here
    (`tests/runtime/signatures/notary/test_chain.py::test_weak_authority`).
    """
    return not isinstance(key, rsa.RSAPublicKey) or key.key_size >= MIN_RSA_BITS
