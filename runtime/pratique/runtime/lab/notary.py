"""Notary Project signatures by a throwaway authority, in both envelope formats, with faults on request.

Deterministic like the rest of the lab: keys follow from the seed, ECDSA nonces from RFC 6979, PSS salts from
seed and content.

References: Notary Project signature, JWS and COSE specifications 1.1; RFC 7515; RFC 9052; RFC 8017, 9.1.1.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from pratique.runtime.lab.authority import AUTHORITY_LIFE
from pratique.runtime.lab.carriers import EMPTY_CONFIG, Artifact
from pratique.runtime.lab.certificates import (
    der_bytes,
    draft,
    may_sign_certificates,
    may_sign_data,
    pem,
    serial_number,
)
from pratique.runtime.lab.keys import (
    HashName,
    KeyType,
    PrivateKey,
    b64,
    derive_bytes,
    derive_ec_key,
    derive_key,
    flip_last_bit,
    sign,
)
from pratique.runtime.lab.oci import compact, described
from pratique.runtime.lab.timestamps import TimestampAuthority
from pratique.runtime.registry.media_types import OCI_EMPTY, OCI_MANIFEST
from pratique.runtime.signatures.notary.cbor import Label, Tag, Value, encode
from pratique.runtime.signatures.notary.model import (
    PAYLOAD_TYPE,
    SIGNATURE_ARTIFACT,
    EnvelopeFormat,
    SigningScheme,
    Target,
)

LEAF_LIFE = (timedelta(days=1), timedelta(days=365))
"""How long a signing certificate lives before and after the moment the lab is set in."""
AGENT = "pratique-lab/1"
_NOTARY = "io.cncf.notary."


class NotaryFault(StrEnum):
    """What can be wrong with a signature on purpose."""

    WRONG_DIGEST = "wrong-digest"
    """The signature is good, but names another digest."""
    TAMPERED_PAYLOAD = "tampered-payload"
    """The payload was changed after signing."""
    TAMPERED_SIGNATURE = "tampered-signature"
    """One bit of the signature is flipped."""
    EXPIRED = "expired"
    """The signature's own expiry is an hour before the moment the lab is set in."""
    EXPIRED_CERTIFICATE = "expired-certificate"
    """The leaf expired an hour before the moment the lab is set in."""
    FOREIGN_ROOT = "foreign-root"
    """The chain is by authorities with the same names and other keys."""
    WRONG_USAGE = "wrong-usage"
    """The leaf is for TLS servers, not for code signing."""
    NO_INTERMEDIATE = "no-intermediate"
    """The chain in the envelope lacks the intermediate."""
    REVOCABLE = "revocable"
    """The leaf names an OCSP responder, so that its status has to be known."""
    WRONG_ALGORITHM = "wrong-algorithm"
    """The header states another algorithm than the key's, whose signature it is nevertheless."""
    UNKNOWN_CRITICAL = "unknown-critical"
    """The signature has a critical attribute that nobody knows."""
    NOT_CRITICAL = "not-critical"
    """The signing scheme is not marked as critical."""
    PLUGIN = "plugin"
    """The signature demands a verification plugin."""


_IN_CERTIFICATES = frozenset(
    {
        NotaryFault.EXPIRED_CERTIFICATE,
        NotaryFault.FOREIGN_ROOT,
        NotaryFault.WRONG_USAGE,
        NotaryFault.REVOCABLE,
    }
)


@dataclass(frozen=True, slots=True)
class _Algorithm:
    name: str
    label: int
    hash: HashName


_ALGORITHMS = {
    KeyType.RSA_2048: _Algorithm("PS256", -37, HashName.SHA256),
    KeyType.RSA_3072: _Algorithm("PS384", -38, HashName.SHA384),
    KeyType.RSA_4096: _Algorithm("PS512", -39, HashName.SHA512),
    KeyType.ECDSA_P256: _Algorithm("ES256", -7, HashName.SHA256),
    KeyType.ECDSA_P384: _Algorithm("ES384", -35, HashName.SHA384),
    KeyType.ECDSA_P521: _Algorithm("ES512", -36, HashName.SHA512),
}


class NotarySigner:
    """A root, an intermediate, and a signing certificate named `name` under them, in force around `at`.

    Args:
        seed: what all keys follow from.
        name: common name of the signer.
        kind: any kind but Ed25519, which the specification does not have.
        key: its key, of that kind; by default one that follows from the seed and the name.
        life: of the signing certificate, before and after `at`.
        faults: those of them that concern certificates count here, the others in `sign`.
    """

    def __init__(
        self,
        seed: str,
        at: datetime,
        *,
        name: str = "builder",
        kind: KeyType = KeyType.ECDSA_P256,
        key: PrivateKey | None = None,
        life: tuple[timedelta, timedelta] = LEAF_LIFE,
        faults: Set[NotaryFault] = frozenset(),
    ) -> None:
        if kind not in _ALGORITHMS:
            raise ValueError("the Notary Project has no algorithm for Ed25519")
        self.at = at
        self.kind = kind
        self.faults = faults
        self._seed = seed
        self.key = key or derive_key(seed, f"notary/{name}", kind)
        self._life = life
        authorities = f"{seed} foreign" if NotaryFault.FOREIGN_ROOT in faults else seed
        span = (at - AUTHORITY_LIFE[0], at + AUTHORITY_LIFE[1])
        keys = [derive_ec_key(authorities, f"notary/{level}") for level in ("root", "intermediate")]
        names = [_name(f"notary {level}") for level in ("root", "intermediate")]
        numbers = [serial_number(authorities, f"notary/{level}") for level in ("root", "intermediate")]
        certificates = [
            may_sign_certificates(
                draft(names[i], keys[i].public_key(), names[0], keys[0].public_key(), numbers[i], span), 1 - i
            ).sign(keys[0], hashes.SHA256(), ecdsa_deterministic=True)
            for i in (0, 1)
        ]
        self.root, self.intermediate = certificates
        self.leaf = self._leaf(name, keys[1])

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """Return leaf, intermediate and root, as an envelope holds them."""
        if NotaryFault.NO_INTERMEDIATE in self.faults:
            return (self.leaf, self.root)
        return (self.leaf, self.intermediate, self.root)

    @property
    def trust(self) -> str:
        """Return the PEM of the root that verifiers should trust: with `FOREIGN_ROOT` not the chain's."""
        if NotaryFault.FOREIGN_ROOT in self.faults:
            return NotarySigner(self._seed, self.at).trust
        return pem(self.root)

    def sign(
        self,
        target: Target,
        *,
        form: EnvelopeFormat = EnvelopeFormat.JWS,
        scheme: SigningScheme = SigningScheme.X509,
        expiry: datetime | None = None,
        annotations: Mapping[str, str] | None = None,
        stamper: TimestampAuthority | None = None,
        faults: Set[NotaryFault] = frozenset(),
    ) -> bytes:
        """Return the envelope of a signature of `target`, made at the moment the lab is set in.

        Args:
            target: the artifact; see `WRONG_DIGEST`.
            form: JSON or CBOR.
            scheme: who vouches for the signing time.
            expiry: from when on the signer does not stand by the artifact.
            annotations: signed with the target.
            stamper: countersigns the signature, a minute later.
            faults: in addition to the signer's own.
        """
        faults = faults | self.faults
        digest = "sha256:" + "0" * 64 if NotaryFault.WRONG_DIGEST in faults else target.digest
        described_target: dict[str, Any] = {
            "mediaType": target.media_type,
            "digest": digest,
            "size": target.size,
        }
        if annotations:
            described_target["annotations"] = dict(annotations)
        if NotaryFault.EXPIRED in faults:
            expiry = self.at - timedelta(hours=1)
        at = self.at if expiry is None else min(self.at, expiry - timedelta(days=1))
        attributes = signed_attributes(scheme, at, expiry, faults)
        payload = compact({"targetArtifact": described_target})
        match form:
            case EnvelopeFormat.JWS:
                return jws_envelope(self, jws_header(self, attributes, faults), payload, stamper, faults)
            case EnvelopeFormat.COSE:
                return cose_envelope(self, cose_header(self, attributes, faults), payload, stamper, faults)
            case _:
                assert_never(form)

    def raw_signature(self, data: bytes) -> bytes:
        """Return the signature as envelopes hold it: PSS, or `r || s`."""
        algorithm = _ALGORITHMS[self.kind]
        match self.key:
            case rsa.RSAPrivateKey():
                return _pss(self.key, data, algorithm.hash, self._seed)
            case ec.EllipticCurvePrivateKey():
                size = (self.key.key_size + 7) // 8
                r, s = decode_dss_signature(sign(self.key, data, algorithm.hash))
                return r.to_bytes(size, "big") + s.to_bytes(size, "big")
            case ed25519.Ed25519PrivateKey():
                raise AssertionError("refused by the constructor")
            case _:
                assert_never(self.key)

    def _leaf(self, name: str, issuer_key: PrivateKey) -> x509.Certificate:
        usage = ExtendedKeyUsageOID.CODE_SIGNING
        if NotaryFault.WRONG_USAGE in self.faults:
            usage = ExtendedKeyUsageOID.SERVER_AUTH
        end = self.at + self._life[1]
        if NotaryFault.EXPIRED_CERTIFICATE in self.faults:
            end = self.at - timedelta(hours=1)
        variant = "".join(sorted(self.faults & _IN_CERTIFICATES))
        builder = draft(
            _name(name),
            self.key.public_key(),
            self.intermediate.subject,
            issuer_key.public_key(),
            serial_number(self._seed, f"notary/{name}/{variant}"),
            (self.at - self._life[0], end),
        )
        if NotaryFault.REVOCABLE in self.faults:
            responder = x509.UniformResourceIdentifier("http://ocsp.lab.invalid")
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, responder)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        return may_sign_data(builder, x509.ExtendedKeyUsage([usage])).sign(
            issuer_key, hashes.SHA256(), ecdsa_deterministic=True
        )


def signed_attributes(
    scheme: SigningScheme, at: datetime, expiry: datetime | None, faults: Set[NotaryFault] = frozenset()
) -> tuple[dict[str, Any], list[str]]:
    """Return the attributes that both formats share, times still as times, and the names of critical ones."""
    own = scheme is SigningScheme.SIGNING_AUTHORITY
    time = f"{_NOTARY}{'authenticSigningTime' if own else 'signingTime'}"
    attributes: dict[str, Any] = {f"{_NOTARY}signingScheme": str(scheme), time: at}
    critical = [] if NotaryFault.NOT_CRITICAL in faults else [f"{_NOTARY}signingScheme"]
    critical += [time] if own else []
    if expiry is not None:
        attributes[f"{_NOTARY}expiry"] = expiry
        critical.append(f"{_NOTARY}expiry")
    if NotaryFault.UNKNOWN_CRITICAL in faults:
        attributes["example.lab.unknown"] = "x"
        critical.append("example.lab.unknown")
    if NotaryFault.PLUGIN in faults:
        attributes[f"{_NOTARY}verificationPlugin"] = "example.lab.plugin"
        critical.append(f"{_NOTARY}verificationPlugin")
    return attributes, critical


def jws_header(
    signer: NotarySigner,
    attributes: tuple[Mapping[str, Any], Sequence[str]],
    faults: Set[NotaryFault] = frozenset(),
) -> dict[str, Any]:
    """Return the protected header of a JWS envelope, to be changed at will before it is signed."""
    values, critical = attributes
    texts = {
        name: value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    algorithm = _stated(signer, faults).name
    return {"alg": algorithm, "crit": list(critical), "cty": PAYLOAD_TYPE, **texts}


def cose_header(
    signer: NotarySigner,
    attributes: tuple[Mapping[str, Any], Sequence[str]],
    faults: Set[NotaryFault] = frozenset(),
) -> dict[Label, Value]:
    """Return the protected header of a COSE envelope, to be changed at will before it is signed."""
    values, critical = attributes
    items: dict[Label, Value] = {
        name: Tag(1, int(value.timestamp())) if isinstance(value, datetime) else value
        for name, value in values.items()
    }
    return {1: _stated(signer, faults).label, 2: list(critical), 3: PAYLOAD_TYPE, **items}


def jws_envelope(
    signer: NotarySigner,
    protected: Mapping[str, Any],
    payload: bytes,
    stamper: TimestampAuthority | None = None,
    faults: Set[NotaryFault] = frozenset(),
) -> bytes:
    """Return the flattened JWS over a protected header and a payload."""
    texts = [_base64url(compact(protected)), _base64url(payload)]
    signature = _signature(signer, ".".join(texts).encode(), faults)
    if NotaryFault.TAMPERED_PAYLOAD in faults:
        texts[1] = _base64url(payload + b" ")
    header: dict[str, Any] = {
        "x5c": [b64(der_bytes(certificate)) for certificate in signer.chain],
        f"{_NOTARY}signingAgent": AGENT,
    }
    if stamper:
        header[f"{_NOTARY}timestampSignature"] = b64(_token(stamper, signature, signer.at))
    return compact(
        {"payload": texts[1], "protected": texts[0], "header": header, "signature": _base64url(signature)}
    )


def cose_envelope(
    signer: NotarySigner,
    protected: Mapping[Label, Value],
    payload: bytes,
    stamper: TimestampAuthority | None = None,
    faults: Set[NotaryFault] = frozenset(),
) -> bytes:
    """Return the COSE_Sign1_Tagged over a protected header and a payload."""
    raw = encode(dict(protected))
    signature = _signature(signer, encode(["Signature1", raw, b"", payload]), faults)
    if NotaryFault.TAMPERED_PAYLOAD in faults:
        payload += b" "
    chain: list[Value] = [der_bytes(certificate) for certificate in signer.chain]
    header: dict[Label, Value] = {33: chain, f"{_NOTARY}signingAgent": AGENT}
    if stamper:
        header[f"{_NOTARY}timestampSignature"] = _token(stamper, signature, signer.at)
    return encode(Tag(18, [raw, header, payload, signature]))


def notary_document(content: bytes, artifact_type: str, target: Target) -> Artifact:
    """Return a document about `target` as a referrer of it, as `oras attach` writes one."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": described(OCI_EMPTY, EMPTY_CONFIG),
        "layers": [described("application/json", content)],
        "subject": {"mediaType": target.media_type, "digest": target.digest, "size": target.size},
    }
    return Artifact(manifest=compact(manifest), blobs=(EMPTY_CONFIG, content), artifact_type=artifact_type)


def notary_artifact(envelope: bytes, form: EnvelopeFormat, target: Target) -> Artifact:
    """Return the signature manifest that refers to `target`, with its blobs.

    Its type is the media type of its config, as notation up to 1.3 writes it and looks for it in layouts; the
    specification has `artifactType` as the other way, which needs newer readers.
    """
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(SIGNATURE_ARTIFACT, EMPTY_CONFIG),
        "layers": [described(form, envelope)],
        "subject": {"mediaType": target.media_type, "digest": target.digest, "size": target.size},
    }
    return Artifact(
        manifest=compact(manifest), blobs=(EMPTY_CONFIG, envelope), artifact_type=SIGNATURE_ARTIFACT
    )


def _stated(signer: NotarySigner, faults: Set[NotaryFault]) -> _Algorithm:
    own = _ALGORITHMS[signer.kind]
    if NotaryFault.WRONG_ALGORITHM in faults:
        return next(algorithm for algorithm in _ALGORITHMS.values() if algorithm is not own)
    return own


def _signature(signer: NotarySigner, data: bytes, faults: Set[NotaryFault]) -> bytes:
    signature = signer.raw_signature(data)
    return flip_last_bit(signature) if NotaryFault.TAMPERED_SIGNATURE in faults else signature


def _token(stamper: TimestampAuthority, signature: bytes, at: datetime) -> bytes:
    """Return the bare token of a response: what follows the nine octets of its header and status."""
    response = stamper.stamp(signature, at + timedelta(minutes=1))
    return response[9:]


def _name(common_name: str) -> x509.Name:
    attributes = {
        NameOID.COUNTRY_NAME: "US",
        NameOID.STATE_OR_PROVINCE_NAME: "WA",
        NameOID.ORGANIZATION_NAME: "pratique lab",
        NameOID.COMMON_NAME: common_name,
    }
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes.items()])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _pss(key: rsa.RSAPrivateKey, data: bytes, hash_name: HashName, seed: str) -> bytes:
    """Return the RSASSA-PSS signature with a salt that follows from seed and data (RFC 8017, 8.1.1)."""
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    digest = hashlib.new(hash_name, data).digest()
    salt = derive_bytes(seed, f"pss/{digest.hex()}", len(digest))
    hashed = hashlib.new(hash_name, bytes(8) + digest + salt).digest()
    bits = modulus.bit_length() - 1
    size = (bits + 7) // 8
    block = (b"\x01" + salt).rjust(size - len(hashed) - 1, b"\x00")
    mask = _mgf1(hashed, len(block), hash_name)
    masked = int.from_bytes(block, "big") ^ int.from_bytes(mask, "big")
    masked &= (1 << bits - 8 * (len(hashed) + 1)) - 1
    encoded = masked.to_bytes(len(block), "big") + hashed + b"\xbc"
    signed = pow(int.from_bytes(encoded, "big"), numbers.d, modulus)
    return signed.to_bytes((modulus.bit_length() + 7) // 8, "big")


def _mgf1(seed: bytes, size: int, hash_name: HashName) -> bytes:
    blocks = (hashlib.new(hash_name, seed + n.to_bytes(4, "big")).digest() for n in range(size // 28 + 1))
    return b"".join(blocks)[:size]
