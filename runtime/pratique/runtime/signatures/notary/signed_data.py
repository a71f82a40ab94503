"""What `rfc3161_client` does not look at in a timestamp token: who signed it, by its own signed word.

References: RFC 5652, section 5; RFC 5035, section 4; RFC 5816.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pratique.runtime.signatures.cms import sort_certificates
from pratique.runtime.signatures.notary.der import (
    INTEGER,
    OCTET_STRING,
    OID,
    SEQUENCE,
    SET,
    DerError,
    Element,
    encode,
    only,
)

_SIGNED_DATA: Final = bytes.fromhex("2a864886f70d010702")
_TST_INFO: Final = bytes.fromhex("2a864886f70d0109100104")
_CONTENT_TYPE: Final = bytes.fromhex("2a864886f70d010903")
_SIGNING_CERTIFICATE_V2: Final = bytes.fromhex("2a864886f70d010910022f")
_HASHES: Final = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
_SIGNATURES: Final = frozenset(
    bytes.fromhex(identifier)
    for identifier in (
        "2a864886f70d010101",  # rsaEncryption
        "2a864886f70d01010a",  # id-RSASSA-PSS
        "2a864886f70d01010b",  # sha256WithRSAEncryption, and those of SHA-384 and SHA-512
        "2a864886f70d01010c",
        "2a864886f70d01010d",
        "2a8648ce3d040302",  # ecdsa-with-SHA256, and those of SHA-384 and SHA-512
        "2a8648ce3d040303",
        "2a8648ce3d040304",
    )
)
_CERTIFICATES, _ATTRIBUTES = 0xA0, 0xA0
_SIGNED_DATA_VERSION: Final = b"\x03"
_SIGNER_VERSION: Final = b"\x01"
"""Versions that follow from the content type and from naming signers by issuer and serial."""
_GRANTED: Final = bytes.fromhex("3003020100")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A timestamp token, read but not verified.

    Attributes:
        response: the token as the DER of a granted TimeStampResp, its certificates in the order of DER.
        certificates: DER of all certificates in it, the signer's among them.
        signer_hash: name of a hash, and that hash of the signer's certificate; signed, unlike those.
    """

    response: bytes
    certificates: tuple[bytes, ...]
    signer_hash: tuple[str, bytes]

    def signer(self) -> bytes | None:
        """Return the DER of the certificate that the signature names as its own; None if it is not there."""
        name, digest = self.signer_hash
        return next((c for c in self.certificates if hashlib.new(name, c).digest() == digest), None)


def read_token(data: bytes) -> Token:
    """Return the token that `data` is: CMS SignedData around a TSTInfo with exactly one signer.

    Raises:
        DerError: it is not that, or lacks an attribute that RFC 3161 demands.
    """
    content_type, wrapper = _fields(only(data, SEQUENCE), OID, 0xA0)
    if content_type.content != _SIGNED_DATA:
        raise DerError("no SignedData")
    match only(wrapper.content, SEQUENCE).children():
        case [version, _, content, *sets, signers] if content.tag == SEQUENCE and signers.tag == SET:
            pass
        case _:
            raise DerError("no SignedData")
    if version.tag != INTEGER or version.content != _SIGNED_DATA_VERSION:
        raise DerError("unsupported version of signed data")
    if content.children()[:1] != [_object(_TST_INFO)]:
        raise DerError("no TSTInfo")
    certificates = [item for s in sets if s.tag == _CERTIFICATES for item in s.children()]
    try:
        response = sort_certificates(encode(SEQUENCE, _GRANTED + data))
    except ValueError as error:
        raise DerError("malformed certificates") from error
    return Token(
        response=response,
        certificates=tuple(item.whole for item in certificates),
        signer_hash=_signer_hash(only(signers.content, SEQUENCE).children()),
    )


def _signer_hash(signer: Sequence[Element]) -> tuple[str, bytes]:
    """Return the hash by which a SignerInfo names its certificate in its signed attributes."""
    if len(signer) < 6 or signer[3].tag != _ATTRIBUTES:
        raise DerError("no signed attributes")
    version, _, digest_algorithm, signed, signature_algorithm, *_ = signer
    if version.tag != INTEGER or version.content != _SIGNER_VERSION:
        raise DerError("unsupported version of signer info")
    _hash_name(digest_algorithm)
    if _algorithm(signature_algorithm) not in _SIGNATURES:
        raise DerError("unknown signature algorithm")
    attributes: dict[bytes, Element] = {}
    for attribute in signed.children():
        kind, values = _fields(attribute, OID, SET)
        if kind.content in attributes:
            raise DerError("an attribute occurs twice")
        attributes[kind.content] = values
    if _CONTENT_TYPE not in attributes or attributes[_CONTENT_TYPE].children() != [_object(_TST_INFO)]:
        raise DerError("the signed content type is not that of the content")
    if _SIGNING_CERTIFICATE_V2 not in attributes:
        raise DerError("failed to get SigningCertificateV2 from signed attributes")
    value = only(attributes[_SIGNING_CERTIFICATE_V2].content, SEQUENCE)
    match [
        certificate.children() for series in value.children()[:1] for certificate in series.children()[:1]
    ]:
        case [[Element(tag=algorithm) as stated, Element(tag=hashed) as digest, *_]] if (
            algorithm == SEQUENCE and hashed == OCTET_STRING
        ):
            return _hash_name(stated), digest.content
        # The hash algorithm is left out where it is SHA-256.
        case [[Element(tag=hashed) as digest, *_]] if hashed == OCTET_STRING:
            return "sha256", digest.content
        case _:
            raise DerError("signingCertificateV2 does not contain any certificate")


def _hash_name(algorithm: Element) -> str:
    name = _HASHES.get(_algorithm(algorithm))
    if name is None:
        raise DerError("unsupported hash algorithm")
    return name


def _algorithm(element: Element) -> bytes:
    """Return the object identifier of an AlgorithmIdentifier."""
    parts = element.children() if element.tag == SEQUENCE else []
    if not parts or parts[0].tag != OID:
        raise DerError("unexpected structure")
    return parts[0].content


def _fields(element: Element, *tags: int) -> list[Element]:
    parts = element.children()
    if element.tag != SEQUENCE or tuple(part.tag for part in parts) != tags:
        raise DerError("unexpected structure")
    return parts


def _object(identifier: bytes) -> Element:
    return Element(OID, identifier, encode(OID, identifier))
