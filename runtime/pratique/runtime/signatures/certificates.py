"""Certificates: how they are read from PEM, and what they say about their holder.

References: RFC 5280; Fulcio `docs/oid-info.md`; sigstore (Go) `pkg/cryptoutils` for the order of names.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from pratique.compiler.quiet import quiet
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.encodings import EncodingError, der_text
from pratique.runtime.signatures.identity import FULCIO_ARC
from pratique.runtime.signatures.keys import VerifyingKey, verifying_key
from pratique.runtime.signatures.model import Identity

ISSUER: Final = FULCIO_ARC + "1"
_USER_NAME: Final = x509.ObjectIdentifier(FULCIO_ARC + "7")
_LAST_RAW_EXTENSION: Final = 6
"""Extensions up to this number hold bare text, the later ones a DER UTF8String."""

PARSE_ERRORS: Final = (
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises when it cannot make sense of a part of a certificate."""


class CertificateError(ValueError):
    """A text or its content is no usable certificate; the message never quotes it."""


def load_certificate(der: bytes) -> x509.Certificate:
    """Return a certificate all parts of which can be read, so that reading them later never fails.

    Raises:
        CertificateError: it is malformed anywhere.
    """
    try:
        with quiet():
            certificate = x509.load_der_x509_certificate(der)
            version = certificate.version
            if version is not x509.Version.v3:
                raise CertificateError(f"x509: certificate of version {version.name}, v3 is expected")
            if certificate.serial_number <= 0:
                raise CertificateError("x509: serial number is not positive")
            # The library reads these only when they are asked for, and remembers them.
            _ = certificate.extensions, certificate.subject, certificate.issuer
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            _ = certificate.signature_hash_algorithm
    except CertificateError:
        raise
    except Exception as error:
        # Over hostile bytes the library raises whatever its parts do; all of it means the same.
        raise CertificateError("x509: malformed certificate") from error
    return certificate


def load_pem_certificates(text: str) -> tuple[x509.Certificate, ...]:
    """Return all certificates of a PEM text in order; none for a text of nothing but space.

    Raises:
        CertificateError: a block is no certificate, or something but space follows the last.
    """
    try:
        found, rest = pem.blocks(text)
    except EncodingError as error:
        raise CertificateError(str(error)) from error
    if rest:
        raise CertificateError("error during PEM decoding")
    for block in found:
        if block.label != "CERTIFICATE":
            raise CertificateError(f"a {block.label[:40]} stands where a certificate is expected")
    return tuple(load_certificate(block.der) for block in found)


@lru_cache(maxsize=256)
def load_shared_certificates(text: str) -> tuple[x509.Certificate, ...]:
    """Return `load_pem_certificates(text)`, remembered: for chains and roots, which recur."""
    return load_pem_certificates(text)


def certificate_key(certificate: x509.Certificate, algorithm: str = "sha256") -> VerifyingKey:
    """Return the key that `certificate` vouches for.

    Raises:
        KeyTextError: it is of a kind that is not accepted.
    """
    try:
        with quiet():
            public: object = certificate.public_key()
    except PARSE_ERRORS:
        public = None
    return verifying_key(public, algorithm)


def is_authority(certificate: x509.Certificate) -> bool:
    """Say whether the certificate is one of an authority (basic constraints)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def subject_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the subject alternative names in cosign's order: DNS, e-mail, IP, URI, Fulcio's user name."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    found = [*names.get_values_for_type(x509.DNSName), *names.get_values_for_type(x509.RFC822Name)]
    found += [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    found += names.get_values_for_type(x509.UniformResourceIdentifier)
    others = names.get_values_for_type(x509.OtherName)
    # cosign takes no user name at all where there are several, or one of another type.
    if len(others) == 1 and others[0].type_id == _USER_NAME and (name := der_text(others[0].value)):
        found.append(name)
    return tuple(found)


def identity(certificate: x509.Certificate) -> Identity:
    """Return what `certificate` says about its holder. To be believed only once its path is verified.

    The issuer is read from extension .1 alone, as cosign does; .8 repeats it and can be asked for by number.
    """
    texts: list[tuple[str, str]] = []
    for extension in certificate.extensions:
        oid = extension.oid.dotted_string
        if not oid.startswith(FULCIO_ARC) or not isinstance(extension.value, x509.UnrecognizedExtension):
            continue
        raw = extension.value.value
        number = oid.removeprefix(FULCIO_ARC)
        is_raw = number.isdigit() and int(number) <= _LAST_RAW_EXTENSION
        text = None if is_raw else der_text(raw)
        texts.append((oid, raw.decode(errors="replace") if text is None else text))
    issuer = next((text for oid, text in texts if oid == ISSUER), "")
    return Identity(subjects=subject_names(certificate), issuer=issuer, extensions=tuple(texts))
