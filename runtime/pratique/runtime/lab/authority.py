"""A certificate authority in Fulcio's shape: root, intermediate, and leaves that live for ten minutes.

References: Fulcio `docs/certificate-specification.md` and `docs/oid-info.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from pratique.runtime.lab import der
from pratique.runtime.lab.certificates import (
    distinguished_name,
    draft,
    may_sign_certificates,
    may_sign_data,
    serial_number,
)
from pratique.runtime.lab.ctlog import SCT_LIST_OID, sct_list
from pratique.runtime.lab.keys import PublicKey, derive_ec_key

FULCIO_OID = "1.3.6.1.4.1.57264.1"
OTHER_NAME_OID = f"{FULCIO_OID}.7"
LAST_RAW_EXTENSION = 6
"""Extensions .1 to .6 hold bare text, those from .8 on a DER UTF8String."""

EXTENSIONS = {
    "oidcIssuer": 1,
    "githubWorkflowTrigger": 2,
    "githubWorkflowSha": 3,
    "githubWorkflowName": 4,
    "githubWorkflowRepository": 5,
    "githubWorkflowRef": 6,
    "oidcIssuerV2": 8,
    "buildSignerURI": 9,
    "buildSignerDigest": 10,
    "runnerEnvironment": 11,
    "sourceRepositoryURI": 12,
    "sourceRepositoryDigest": 13,
    "sourceRepositoryRef": 14,
    "sourceRepositoryIdentifier": 15,
    "sourceRepositoryOwnerURI": 16,
    "sourceRepositoryOwnerIdentifier": 17,
    "buildConfigURI": 18,
    "buildConfigDigest": 19,
    "buildTrigger": 20,
    "runInvocationURI": 21,
    "sourceRepositoryVisibility": 22,
}
"""Names of Fulcio's extensions, and their last arcs under `1.3.6.1.4.1.57264.1`."""

LEAF_LIFE = timedelta(minutes=10)
_YEAR = timedelta(days=365)
AUTHORITY_LIFE = (2 * _YEAR, 40 * _YEAR)
"""How long authorities live before and after the moment a lab is set in."""


class NameKind(StrEnum):
    """The kinds of subject alternative name that Fulcio issues."""

    EMAIL = "email"
    URI = "uri"
    DNS = "dns"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class SubjectName:
    """One subject alternative name."""

    kind: NameKind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a certificate says about its holder.

    Attributes:
        subjects: subject alternative names; none leaves the extension out.
        extensions: text by last arc of the OID, in the order of the certificate.
    """

    subjects: tuple[SubjectName, ...] = ()
    extensions: tuple[tuple[int, str], ...] = ()


Promise = Callable[[x509.Certificate, PublicKey, datetime], bytes]
"""What gives the embedded timestamp: (certificate without it, issuer's key, time) -> SCT."""


class CertificateAuthority:
    """A root and an intermediate with P-384 keys derived from `seed`, set in time around `at`.

    Attributes:
        root: self-signed.
        intermediate: issues the leaves.
        old_intermediate: of the same root; its life ended a year before `at`.
    """

    def __init__(self, seed: str, at: datetime, organization: str) -> None:
        self._seed = seed
        self._organization = organization
        self._keys = {
            name: derive_ec_key(seed, f"authority/{name}", ec.SECP384R1())
            for name in ("root", "intermediate", "old intermediate")
        }
        start, end = at - AUTHORITY_LIFE[0], at + AUTHORITY_LIFE[1]
        self.root = self._certify("root", (start, end), path_length=1)
        self.intermediate = self._certify("intermediate", (start, end), path_length=0)
        self.old_intermediate = self._certify("old intermediate", (start, at - _YEAR), path_length=0)

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Return intermediate and root, in the order of cosign's chain annotation."""
        return (self.intermediate, self.root)

    @property
    def old_chain(self) -> tuple[x509.Certificate, ...]:
        """Return the expired intermediate and the root."""
        return (self.old_intermediate, self.root)

    def issue(
        self,
        identity: Identity,
        key: PublicKey,
        at: datetime,
        *,
        serial: str,
        promise: Promise | None,
        life: timedelta = LEAF_LIFE,
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
        old: bool = False,
    ) -> x509.Certificate:
        """Return a leaf certificate for `key`, valid from `at` for `life`.

        The serial number follows from the label `serial`. `promise` gives the embedded SCT, None leaves it
        out. `usage` is the extended key usage; with `old`, the old intermediate is the issuer.
        """
        issuer = self.old_intermediate if old else self.intermediate
        issuer_key = self._keys["old intermediate" if old else "intermediate"]
        number = serial_number(self._seed, serial)
        span = (at, at + life)
        builder = draft(x509.Name([]), key, issuer.subject, issuer_key.public_key(), number, span)
        builder = may_sign_data(builder, x509.ExtendedKeyUsage([usage]))
        if identity.subjects:
            names = [general_name(name) for name in identity.subjects]
            # Critical, as RFC 5280 demands of certificates with an empty subject.
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        for arc, text in identity.extensions:
            value = text.encode() if arc <= LAST_RAW_EXTENSION else der.utf8_string(text)
            builder = _with_extension(builder, f"{FULCIO_OID}.{arc}", value)
        if promise:
            precertificate = _sign(builder, issuer_key)
            scts = sct_list(promise(precertificate, issuer_key.public_key(), at))
            builder = _with_extension(builder, SCT_LIST_OID, scts)
        return _sign(builder, issuer_key)

    def _certify(self, name: str, life: tuple[datetime, datetime], *, path_length: int) -> x509.Certificate:
        key, root_key = self._keys[name].public_key(), self._keys["root"]
        subject, issuer = (
            distinguished_name(self._organization, f"pratique lab {n}") for n in (name, "root")
        )
        number = serial_number(self._seed, f"authority/{name}")
        builder = draft(subject, key, issuer, root_key.public_key(), number, life)
        builder = may_sign_certificates(builder, path_length)
        if name != "root":
            usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
            builder = builder.add_extension(usage, critical=False)
        return _sign(builder, root_key)


def _sign(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA384(), ecdsa_deterministic=True)


def _with_extension(builder: x509.CertificateBuilder, oid: str, value: bytes) -> x509.CertificateBuilder:
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)
    return builder.add_extension(extension, critical=False)


def general_name(name: SubjectName) -> x509.GeneralName:
    """Return a subject alternative name as certificates have it.

    Raises:
        ValueError: the text does not fit its kind, for example an address outside ASCII.
    """
    match name.kind:
        case NameKind.EMAIL:
            return x509.RFC822Name(name.value)
        case NameKind.URI:
            return x509.UniformResourceIdentifier(name.value)
        case NameKind.DNS:
            return x509.DNSName(name.value)
        case NameKind.OTHER:
            return x509.OtherName(x509.ObjectIdentifier(OTHER_NAME_OID), der.utf8_string(name.value))
        case _:
            assert_never(name.kind)
