"""Genuine signatures from `tests/data/signatures`, and a small authority that makes others for tests."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from pratique.compiler import ir
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.anchors import anchors
from pratique.runtime.signatures.legacy import verify_signature
from pratique.runtime.signatures.model import StoredSignature, VerifiedSignature
from pratique.runtime.signatures.trust_root import TrustRoot

DATA = Path(__file__).parent / "data" / "signatures"
SHARED = Path(__file__).parent.parent.parent / "shared" / "real-signatures"
"""The whole collection that `DATA` is a part of, where it is mounted."""

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


# --- genuine signatures ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Genuine:
    """One recorded signature; `facts` is the file's own content."""

    name: str
    stored: StoredSignature
    method: ir.SigstoreMethod
    digest: Digest
    facts: dict[str, Any]

    @property
    def bundle(self) -> dict[str, Any]:
        bundle: dict[str, Any] = json.loads(self.stored.bundle)
        return bundle


def genuine(path: Path) -> Genuine:
    facts = json.loads(path.read_text())
    notes = facts["annotations"]
    stored = StoredSignature(
        payload=base64.b64decode(facts["payload"]),
        layer=facts["layer"]["digest"],
        signature=notes["dev.cosignproject.cosign/signature"],
        certificate=notes.get("dev.sigstore.cosign/certificate", ""),
        chain=notes.get("dev.sigstore.cosign/chain", ""),
        bundle=notes["dev.sigstore.cosign/bundle"],
    )
    method = ir.AnyIdentity() if facts["kind"] == "keyless" else ir.KeySigner(key=facts["public_key"])
    return Genuine(
        path.name[:2] + path.name[2:].removesuffix(".json"), stored, method, facts["digest"], facts
    )


def genuine_records(*folders: str, root: Path = DATA) -> list[Genuine]:
    return [genuine(path) for folder in folders for path in sorted((root / folder).glob("*.json"))]


@cache
def public_good() -> TrustRoot:
    return TrustRoot.from_json((DATA / "trusted_root.json").read_bytes(), "public good")


def verify(
    stored: StoredSignature,
    digest: str,
    *,
    method: ir.SigstoreMethod | None = None,
    trust: ir.Trust | None = None,
    root: TrustRoot | None = None,
    now: datetime | None = None,
) -> VerifiedSignature:
    """Verify with defaults: keyless, everything demanded, the public-good root, the clock of 2030."""
    trust = trust or ir.Trust()
    clock = now or datetime(2030, 1, 1, tzinfo=UTC)
    return verify_signature(
        stored,
        method or ir.AnyIdentity(),
        trust,
        anchors(trust, root or public_good()),
        Digest(digest),
        lambda: clock,
    )


# --- a small authority -----------------------------------------------------------------------------------

T0 = datetime(2024, 3, 1, 12, 0, 0, tzinfo=UTC)
"""When the certificates of a test begin unless it says otherwise; the log entry is five seconds later."""
DIGEST = Digest("sha256:" + "ab" * 32)
FULCIO = "1.3.6.1.4.1.57264.1."
_SCT_OID = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def spki(key: Any) -> bytes:
    public = key.public_key() if hasattr(key, "public_key") else key
    der: bytes = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return der


def public_pem(key: Any) -> str:
    public = key.public_key() if hasattr(key, "public_key") else key
    pem: bytes = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode()


def private_pem(key: PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def pem(*certificates: x509.Certificate) -> str:
    return "".join(c.public_bytes(serialization.Encoding.PEM).decode() for c in certificates)


def sign(key: PrivateKey, data: bytes, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
    algorithm = algorithm or hashes.SHA256()
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(data, ec.ECDSA(algorithm))
        case rsa.RSAPrivateKey():
            return key.sign(data, padding.PKCS1v15(), algorithm)
        case ed25519.Ed25519PrivateKey():
            return key.sign(data)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def payload(digest: str = DIGEST, optional: Any = None) -> bytes:
    image = {"docker-manifest-digest": digest}
    critical = {"identity": {"docker-reference": "registry.test/app"}, "image": image, "type": "cosign"}
    return json.dumps({"critical": critical, "optional": optional}, separators=(",", ":")).encode()


def der_utf8(text: str) -> bytes:
    return der(0x0C, text.encode())


@dataclass(frozen=True, kw_only=True)
class Leaf:
    certificate: x509.Certificate
    key: PrivateKey


@dataclass(frozen=True, kw_only=True)
class Ca:
    """A certificate with its key, and the certificates above it."""

    certificate: x509.Certificate
    key: PrivateKey
    above: tuple[x509.Certificate, ...] = ()

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        return (self.certificate, *self.above)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make_ca(
    text: str,
    parent: Ca | None = None,
    *,
    key: PrivateKey | None = None,
    start: datetime = T0 - timedelta(days=365),
    end: datetime = T0 + timedelta(days=3650),
    ca: bool = True,
    path_length: int | None = None,
    signs: bool | None = True,
    purposes: Sequence[ObjectIdentifier] = (),
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
    algorithm: Any = None,
) -> Ca:
    key = key or new_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(text))
        .issuer_name(parent.certificate.subject if parent else name(text))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key((parent.key if parent else key).public_key()),
            critical=False,
        )
    )
    if signs is not None:
        usage = x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)
        builder = builder.add_extension(usage, critical=True)
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    for value, critical in extra:
        builder = builder.add_extension(value, critical=critical)
    signer = parent.key if parent else key
    if algorithm is None and not isinstance(signer, ed25519.Ed25519PrivateKey):
        algorithm = hashes.SHA256()
    return Ca(certificate=builder.sign(signer, algorithm), key=key, above=parent.chain if parent else ())


@dataclass(frozen=True)
class Instance:
    """Root, intermediate, certificate-transparency log and transparency log, all with keys of its own."""

    label: str = "acme"
    intermediate_start: datetime = T0 - timedelta(days=365)
    intermediate_end: datetime = T0 + timedelta(days=3650)
    log_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    ct_key: PrivateKey = field(default_factory=new_key)

    @cached_property
    def root(self) -> Ca:
        return make_ca(f"{self.label} root", path_length=1)

    @cached_property
    def intermediate(self) -> Ca:
        return make_ca(
            f"{self.label} intermediate",
            self.root,
            start=self.intermediate_start,
            end=self.intermediate_end,
            path_length=0,
            purposes=[CODE_SIGNING],
        )

    @property
    def chain(self) -> str:
        return pem(*self.intermediate.chain)

    @property
    def log_id(self) -> str:
        return sha256(spki(self.log_key)).hexdigest()

    def trust(self, **changes: Any) -> ir.Trust:
        """Trust in this authority alone, named in full by PEM texts."""
        own = ir.Trust(
            roots=pem(self.root.certificate),
            log=ir.LogPolicy(public_keys=public_pem(self.log_key)),
            sct=ir.SctPolicy(public_keys=public_pem(self.ct_key)),
        )
        return replace(own, **changes)

    def unlogged(self, **changes: Any) -> ir.Trust:
        return self.trust(log=ir.LogPolicy(required=False), **changes)

    def trusted_root(self, **periods: dict[str, str]) -> bytes:
        """A trust root document; `periods` gives other validity for ca, log, ct or tsa."""
        start = {"start": "2020-01-01T00:00:00Z"}
        chain = [
            {"rawBytes": b64(c.public_bytes(serialization.Encoding.DER))} for c in self.intermediate.chain
        ]
        document = {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [_log_json(self.log_key, periods.get("log", start))],
            "ctlogs": [_log_json(self.ct_key, periods.get("ct", start))],
            "certificateAuthorities": [
                {"certChain": {"certificates": chain}, "validFor": periods.get("ca", start)}
            ],
            "timestampAuthorities": [],
        }
        return json.dumps(document).encode()

    def leaf(
        self,
        names: Sequence[x509.GeneralName] | None = None,
        *,
        issuer: str | None = "https://issuer.test",
        extensions: dict[int, bytes] | None = None,
        at: datetime = T0,
        life: timedelta = timedelta(minutes=10),
        key: PrivateKey | None = None,
        sct: bool = True,
        sct_key: PrivateKey | None = None,
        sct_at: datetime | None = None,
        purposes: Sequence[ObjectIdentifier] = (CODE_SIGNING,),
        ca: bool = False,
        extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
        by: Ca | None = None,
    ) -> Leaf:
        key = key or new_key()
        by = by or self.intermediate
        names = [x509.RFC822Name("dev@acme.test")] if names is None else names
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]) if names else name("nobody"))
            .issuer_name(by.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at)
            .not_valid_after(at + life)
        )
        if ca:
            builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
        values = {**({1: issuer.encode(), 8: der_utf8(issuer)} if issuer else {}), **(extensions or {})}
        for number, value in values.items():
            unknown = x509.UnrecognizedExtension(ObjectIdentifier(f"{FULCIO}{number}"), value)
            builder = builder.add_extension(unknown, critical=False)
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical=critical)
        algorithm: Any = None if isinstance(by.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        if sct:
            body = builder.sign(by.key, algorithm).tbs_certificate_bytes
            stamp = self._sct(body, by, sct_key or self.ct_key, sct_at or at)
            builder = builder.add_extension(x509.UnrecognizedExtension(_SCT_OID, stamp), critical=False)
        return Leaf(certificate=builder.sign(by.key, algorithm), key=key)

    def _sct(self, body: bytes, by: Ca, key: PrivateKey, at: datetime) -> bytes:
        milliseconds = int(at.timestamp() * 1000)
        issuer_id = sha256(spki(by.key)).digest()
        head = struct.pack("!BBQH", 0, 0, milliseconds, 1)
        signature = sign(key, head + issuer_id + len(body).to_bytes(3, "big") + body + b"\0\0")
        kind = 1 if isinstance(key, rsa.RSAPrivateKey) else 3
        one = b"\0" + sha256(spki(key)).digest() + struct.pack("!QH", milliseconds, 0)
        one += struct.pack("!BBH", 4, kind, len(signature)) + signature
        entries = struct.pack("!H", len(one)) + one
        return der(0x04, struct.pack("!H", len(entries)) + entries)

    def bundle(
        self,
        blob: bytes,
        signature: str,
        verifier: str,
        *,
        at: datetime = T0 + timedelta(seconds=5),
        kind: str = "hashedrekord",
        key: ec.EllipticCurvePrivateKey | None = None,
        log_id: str | None = None,
        body: bytes | None = None,
    ) -> str:
        """The log's entry for a signature, as cosign's annotation."""
        if body is None:
            spec: dict[str, Any] = {
                "data": {"hash": {"algorithm": "sha256", "value": sha256(blob).hexdigest()}},
                "signature": {"content": signature, "publicKey": {"content": b64(verifier.encode())}},
            }
            if kind == "rekord":
                spec["signature"]["format"] = "x509"
            body = rfc8785.dumps({"apiVersion": "0.0.1", "kind": kind, "spec": spec})
        entry: dict[str, Any] = {
            "body": b64(body),
            "integratedTime": int(at.timestamp()),
            "logID": log_id or self.log_id,
            "logIndex": 7,
        }
        promise = sign(key or self.log_key, rfc8785.dumps(entry))
        return json.dumps({"SignedEntryTimestamp": b64(promise), "Payload": entry})

    def signature(
        self,
        leaf: Leaf | None = None,
        *,
        blob: bytes | None = None,
        logged_at: datetime = T0 + timedelta(seconds=5),
        logged: bool = True,
        token: bytes | None = None,
        chain: str | None = None,
    ) -> StoredSignature:
        """A keyless signature as cosign stores it."""
        leaf = leaf or self.leaf()
        blob = payload() if blob is None else blob
        signature = b64(sign(leaf.key, blob))
        certificate = pem(leaf.certificate)
        return StoredSignature(
            payload=blob,
            layer=Digest("sha256:" + sha256(blob).hexdigest()),
            signature=signature,
            certificate=certificate,
            chain=self.chain if chain is None else chain,
            bundle=self.bundle(blob, signature, certificate, at=logged_at) if logged else "",
            timestamp=json.dumps({"SignedRFC3161Timestamp": b64(token)}) if token else "",
        )

    def key_signature(
        self,
        key: PrivateKey,
        *,
        blob: bytes | None = None,
        algorithm: hashes.HashAlgorithm | None = None,
        logged: bool = True,
    ) -> StoredSignature:
        """A signature by a bare key."""
        blob = payload() if blob is None else blob
        signature = b64(sign(key, blob, algorithm))
        return StoredSignature(
            payload=blob,
            layer=Digest("sha256:" + sha256(blob).hexdigest()),
            signature=signature,
            bundle=self.bundle(blob, signature, public_pem(key)) if logged else "",
        )


def _log_json(key: PrivateKey, period: dict[str, str]) -> dict[str, Any]:
    return {
        "baseUrl": "https://log.test",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": b64(spki(key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": period,
        },
        "logId": {"keyId": b64(sha256(spki(key)).digest())},
    }


# --- timestamps ------------------------------------------------------------------------------------------


def der(tag: int, *parts: bytes) -> bytes:
    """One DER element with the parts as its content."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def der_oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    content = bytearray([first * 40 + second])
    for arc in rest:
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(0x80 | arc & 0x7F)
        content += bytes(reversed(septets))
    return der(0x06, bytes(content))


def der_integer(number: int) -> bytes:
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


_NULL = der(0x05)
_SHA256 = der(0x30, der_oid("2.16.840.1.101.3.4.2.1"), _NULL)
_TST_INFO = der_oid("1.2.840.113549.1.9.16.1.4")


@dataclass(frozen=True)
class TimestampSigner:
    """An RFC 3161 authority: a signing certificate under a root of its own."""

    purposes: Sequence[ObjectIdentifier] = (ExtendedKeyUsageOID.TIME_STAMPING,)
    critical: bool = True
    start: datetime = T0 - timedelta(days=30)
    end: datetime = T0 + timedelta(days=30)

    @cached_property
    def root(self) -> Ca:
        return make_ca("stamp root")

    @cached_property
    def signer(self) -> Leaf:
        key = new_key()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name("stamp signer"))
            .issuer_name(self.root.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.start)
            .not_valid_after(self.end)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(
                x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True
            )
            .add_extension(x509.ExtendedKeyUsage(self.purposes), critical=self.critical)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root.key.public_key()), critical=False
            )
            .sign(self.root.key, hashes.SHA256())
        )
        return Leaf(certificate=certificate, key=key)

    @property
    def chain(self) -> str:
        return pem(self.signer.certificate, self.root.certificate)

    def token(
        self,
        signed: bytes,
        *,
        at: datetime = T0 + timedelta(seconds=3),
        key: PrivateKey | None = None,
        embedded: Sequence[x509.Certificate] | None = None,
        hash_oid: str = "2.16.840.1.101.3.4.2.1",
        status: int = 0,
    ) -> bytes:
        """A whole TimeStampResp; `embedded` certificates keep the order they are given in."""
        imprint = der(0x30, der(0x30, der_oid(hash_oid), _NULL), der(0x04, sha256(signed).digest()))
        info = der(
            0x30,
            der_integer(1),
            der_oid("1.3.6.1.4.1.57264.2"),
            imprint,
            der_integer(4711),
            der(0x18, at.strftime("%Y%m%d%H%M%SZ").encode()),
        )
        certificate = self.signer.certificate
        certificate_hash = sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()
        attributes = sorted(
            (
                _attribute("1.2.840.113549.1.9.3", _TST_INFO),
                _attribute("1.2.840.113549.1.9.4", der(0x04, sha256(info).digest())),
                _attribute(
                    "1.2.840.113549.1.9.16.2.47",
                    der(0x30, der(0x30, der(0x30, der(0x04, certificate_hash)))),
                ),
            )
        )
        signature = sign(key or self.signer.key, der(0x31, *attributes))
        signer_info = der(
            0x30,
            der_integer(1),
            der(0x30, certificate.issuer.public_bytes(), der_integer(certificate.serial_number)),
            _SHA256,
            der(0xA0, *attributes),
            der(0x30, der_oid("1.2.840.10045.4.3.2")),
            der(0x04, signature),
        )
        certificates = [certificate] if embedded is None else embedded
        signed_data = der(
            0x30,
            der_integer(3),
            der(0x31, _SHA256),
            der(0x30, _TST_INFO, der(0xA0, der(0x04, info))),
            der(0xA0, *(c.public_bytes(serialization.Encoding.DER) for c in certificates)),
            der(0x31, signer_info),
        )
        content = der(0x30, der_oid("1.2.840.113549.1.7.2"), der(0xA0, signed_data))
        return der(0x30, der(0x30, der_integer(status)), content)


def _attribute(oid: str, value: bytes) -> bytes:
    return der(0x30, der_oid(oid), der(0x31, value))
