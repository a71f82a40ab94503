"""Sigstore bundles of every make, right and wrong, with the trust root that judges them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Literal

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.support_signatures import (
    T0,
    Instance,
    PrivateKey,
    TimestampSigner,
    b64,
    new_key,
    pem,
    public_pem,
    sign,
    spki,
)

WHO = "dev@acme.test"
ISSUER = "https://issuer.test"
ARTIFACT = b"An artifact.\n"
IN_TOTO = "application/vnd.in-toto+json"
V03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
OLD = "application/vnd.dev.sigstore.bundle+json;version="
LOG_HOST = "log.test"
NEW_HOST = "log2030.test"
ALWAYS = {"start": "2020-01-01T00:00:00Z"}

Edit = Callable[["Box"], None]
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_NAMES = {"sha256": "SHA2_256", "sha384": "SHA2_384", "sha512": "SHA2_512"}


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def statement(**changes: Any) -> dict[str, Any]:
    subject = {"name": "artifact", "digest": {"sha256": sha256(ARTIFACT).hexdigest()}}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject],
        "predicateType": "https://acme.test/predicate",
        "predicate": {},
    } | changes


def pae(payload: bytes, kind: str = IN_TOTO) -> bytes:
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


@dataclass(frozen=True, kw_only=True)
class Log:
    """A transparency log of either version; each entry is the second of three leaves."""

    key: PrivateKey
    host: str
    version: Literal[1, 2] = 1

    @property
    def id(self) -> bytes:
        if self.version == 1 or not isinstance(self.key, ed25519.Ed25519PrivateKey):
            return sha256(spki(self.key)).digest()
        raw = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return sha256(f"{self.host}\n\x01".encode() + raw).digest()

    @property
    def origin(self) -> str:
        return f"{self.host} - 1193050959916656506" if self.version == 1 else self.host

    def trusted(self, period: dict[str, str] | None = None) -> dict[str, Any]:
        details = (
            "PKIX_ED25519" if isinstance(self.key, ed25519.Ed25519PrivateKey) else "PKIX_ECDSA_P256_SHA_256"
        )
        return {
            "baseUrl": f"https://{self.host}",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {
                "rawBytes": b64(spki(self.key)),
                "keyDetails": details,
                "validFor": period or ALWAYS,
            },
            "logId": {"keyId": b64(self.id)},
        }

    def checkpoint(
        self,
        root: bytes,
        size: int = 3,
        *,
        origin: str = "",
        name: str = "",
        hint: bytes = b"",
        extra: str = "",
    ) -> str:
        note = f"{origin or self.origin}\n{size}\n{b64(root)}\n{extra}"
        signature = (hint or self.id[:4]) + sign(self.key, note.encode())
        return f"{note}\n\u2014 {name or self.host} {b64(signature)}\n"

    def entry(self, body: bytes, at: datetime, *, promise: bool = True) -> dict[str, Any]:
        first, third = sha256(b"\0first").digest(), sha256(b"\0third").digest()
        pair = sha256(b"\1" + first + sha256(b"\0" + body).digest()).digest()
        root = sha256(b"\1" + pair + third).digest()
        spoken = json.loads(body)
        found = {
            "logIndex": "1",
            "logId": {"keyId": b64(self.id)},
            "kindVersion": {"kind": spoken["kind"], "version": spoken["apiVersion"]},
            "canonicalizedBody": b64(body),
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": b64(root),
                "treeSize": "3",
                "hashes": [b64(first), b64(third)],
                "checkpoint": {"envelope": self.checkpoint(root)},
            },
        }
        if self.version == 1:
            found["integratedTime"] = str(int(at.timestamp()))
            if promise:
                found["inclusionPromise"] = {"signedEntryTimestamp": b64(self.promise(found))}
        return found

    def promise(self, entry: dict[str, Any]) -> bytes:
        covered = {
            "body": entry["canonicalizedBody"],
            "integratedTime": int(entry["integratedTime"]),
            "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
            "logIndex": int(entry["logIndex"]),
        }
        return sign(self.key, rfc8785.dumps(covered))


@dataclass(frozen=True)
class World:
    """All the parties of one Sigstore instance."""

    instance: Instance = field(default_factory=Instance)
    old_log: Log = field(default_factory=lambda: Log(key=new_key(), host=LOG_HOST))
    new_log: Log = field(
        default_factory=lambda: Log(key=ed25519.Ed25519PrivateKey.generate(), host=NEW_HOST, version=2)
    )
    stamps: TimestampSigner = field(default_factory=TimestampSigner)

    def root(self) -> dict[str, Any]:
        root: dict[str, Any] = json.loads(self.instance.trusted_root())
        root["tlogs"] = [self.old_log.trusted(), self.new_log.trusted()]
        root["timestampAuthorities"] = [self.authority()]
        return root

    def authority(self, *certificates: x509.Certificate) -> dict[str, Any]:
        chain = certificates or (self.stamps.signer.certificate, self.stamps.root.certificate)
        return {
            "uri": "https://stamps.test",
            "certChain": {"certificates": [{"rawBytes": b64(der_of(c))} for c in chain]},
            "validFor": ALWAYS,
        }


@cache
def world(name: str = "") -> World:
    return World()


@dataclass
class Box:
    """A bundle with all that it is judged against; edits change it in place."""

    bundle: dict[str, Any]
    root: dict[str, Any]
    signature: bytes
    artifact: bytes = ARTIFACT
    who: str = WHO
    issuer: str = ISSUER
    key: str = ""

    @property
    def material(self) -> dict[str, Any]:
        material: dict[str, Any] = self.bundle["verificationMaterial"]
        return material

    @property
    def entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.material["tlogEntries"][0]
        return entry

    @property
    def proof(self) -> dict[str, Any]:
        proof: dict[str, Any] = self.entry["inclusionProof"]
        return proof


def own_hash(key: PrivateKey) -> str:
    """The hash that clients sign with by the size of the key."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {384: "sha384", 521: "sha512"}.get(key.curve.key_size, "sha256")
    return "sha256"


def make(
    *,
    dsse: bool = False,
    log: Literal[0, 1, 2] = 1,
    kind: str = "",
    stamped: bool | None = None,
    promise: bool = True,
    managed: bool = False,
    key: PrivateKey | None = None,
    signed_over: str = "",
    leaf: dict[str, Any] | None = None,
    claim: dict[str, Any] | bytes | None = None,
    payload_type: str = IN_TOTO,
    logged_at: datetime = T0 + timedelta(seconds=5),
    stamped_at: datetime = T0 + timedelta(seconds=3),
    body: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    signer: PrivateKey | None = None,
    stamp: dict[str, Any] | None = None,
    edits: Sequence[Edit] = (),
) -> Box:
    """Make a bundle; what is not said is as it should be.

    `log` is the version of the log, 0 for none; `leaf` are arguments of `Instance.leaf`; `body` changes what
    is logged; `signer` signs in place of the certified key; `stamp` are arguments of `TimestampSigner.token`.
    """
    there = world()
    key = key or new_key()
    name = signed_over or own_hash(key)
    holder = None if managed else there.instance.leaf(key=key, **(leaf or {}))
    payload = claim if isinstance(claim, bytes) else json.dumps(claim or statement()).encode()
    covered = pae(payload, payload_type) if dsse else ARTIFACT
    signature = sign(signer or key, covered, _HASHES[name])
    verifier = pem(holder.certificate) if holder else public_pem(key)
    der = der_of(holder.certificate) if holder else spki(key)
    material: dict[str, Any] = (
        {"certificate": {"rawBytes": b64(der)}} if holder else {"publicKey": {"hint": "x"}}
    )
    content: dict[str, Any] = {
        "messageSignature": {
            "messageDigest": {"algorithm": _NAMES[name], "digest": b64(hashlib.new(name, ARTIFACT).digest())},
            "signature": b64(signature),
        }
    }
    if dsse:
        content = {
            "dsseEnvelope": {
                "payload": b64(payload),
                "payloadType": payload_type,
                "signatures": [{"sig": b64(signature), "keyid": ""}],
            }
        }
    if log:
        chosen = there.old_log if log == 1 else there.new_log
        kind = kind or ("dsse" if dsse and log == 1 else "hashedrekord")
        spoken = _body(log, kind, signature, verifier, der, payload, covered, name, bool(holder))
        if body:
            spoken = body(spoken)
        material["tlogEntries"] = [chosen.entry(rfc8785.dumps(spoken), logged_at, promise=promise)]
    if stamped or (stamped is None and (log != 1 or not promise)):
        how: dict[str, Any] = {"signed": signature, "at": stamped_at} | (stamp or {})
        token = there.stamps.token(**how)
        material["timestampVerificationData"] = {"rfc3161Timestamps": [{"signedTimestamp": b64(token)}]}
    box = Box(
        bundle={"mediaType": V03, "verificationMaterial": material, **content},
        root=there.root(),
        signature=signature,
        key=public_pem(key) if managed else "",
    )
    for edit in edits:
        edit(box)
    return box


def _body(
    log: int,
    kind: str,
    signature: bytes,
    verifier: str,
    der: bytes,
    payload: bytes,
    covered: bytes,
    name: str,
    certified: bool,
) -> dict[str, Any]:
    def digest(data: bytes, algorithm: str = "sha256") -> dict[str, str]:
        return {"algorithm": algorithm, "value": hashlib.new(algorithm, data).hexdigest()}

    if log == 2:
        key_details = {"sha256": "PKIX_ECDSA_P256_SHA_256", "sha384": "PKIX_ECDSA_P384_SHA_384"}[name]
        holder = "x509Certificate" if certified else "publicKey"
        signed = {
            "content": b64(signature),
            "verifier": {"keyDetails": key_details, holder: {"rawBytes": b64(der)}},
        }
        data = {"algorithm": _NAMES[name], "digest": b64(hashlib.new(name, covered).digest())}
        return {
            "apiVersion": "0.0.2",
            "kind": kind,
            "spec": {"hashedRekordV002": {"data": data, "signature": signed}},
        }
    pem_text, text = b64(verifier.encode()), b64(signature)
    spec: dict[str, Any]
    match kind:
        case "dsse":
            spec = {
                "payloadHash": digest(payload),
                "envelopeHash": digest(b"as it was uploaded"),
                "signatures": [{"signature": text, "verifier": pem_text}],
            }
        case "intoto":
            one = {"sig": b64(text.encode()), "publicKey": pem_text}
            envelope = {"payloadType": IN_TOTO, "signatures": [one]}
            spec = {"content": {"envelope": envelope, "hash": digest(b"x"), "payloadHash": digest(payload)}}
        case _:
            spec = {
                "data": {"hash": digest(covered, name)},
                "signature": {"content": text, "publicKey": {"content": pem_text}},
            }
    return {"apiVersion": "0.0.2" if kind == "intoto" else "0.0.1", "kind": kind, "spec": spec}


def as_version(version: str) -> Edit:
    """Turn a bundle into one of an older version."""

    def edit(box: Box) -> None:
        box.bundle["mediaType"] = f"{OLD}{version}"
        if version < "0.3" and "certificate" in box.material:
            box.material["x509CertificateChain"] = {"certificates": [box.material.pop("certificate")]}

    return edit


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)
