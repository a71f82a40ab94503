"""What is sound about a stored signature, part by part: a small verifier of the tests' own.

It shares no code with the lab's signing, nor with the product's verification: everything is checked with
`cryptography`, `rfc3161_client` and the standard library.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

SHA256 = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True)
class Entry:
    """A log entry as stored."""

    body: bytes
    time: int
    index: int
    log_id: bytes
    promise: bytes | None
    proof: dict[str, Any] | None


@dataclass(frozen=True)
class Stored:
    """A signature as stored, whatever the format."""

    payload: bytes
    signed: bytes
    signature: bytes
    certificate: str
    chain: str | None
    entries: tuple[Entry, ...]
    timestamps: tuple[bytes, ...]
    stamped: bytes


def pae(payload: bytes) -> bytes:
    kind = b"application/vnd.in-toto+json"
    return b" ".join([b"DSSEv1", b"%d" % len(kind), kind, b"%d" % len(payload), payload])


def from_layer(layer: dict[str, Any], blob: bytes) -> Stored:
    """Read a layer of a cosign manifest."""
    notes = layer["annotations"]
    if notes["dev.cosignproject.cosign/signature"]:
        payload = signed = blob
        signature = stamped = base64.b64decode(notes["dev.cosignproject.cosign/signature"])
    else:
        envelope = json.loads(blob)
        payload = base64.b64decode(envelope["payload"])
        signed, stamped = pae(payload), blob
        signature = base64.b64decode(envelope["signatures"][0]["sig"])
    entries = []
    if "dev.sigstore.cosign/bundle" in notes:
        bundle = json.loads(notes["dev.sigstore.cosign/bundle"])
        facts = bundle["Payload"]
        entries.append(
            Entry(
                body=base64.b64decode(facts["body"]),
                time=facts["integratedTime"],
                index=facts["logIndex"],
                log_id=bytes.fromhex(facts["logID"]),
                promise=base64.b64decode(bundle["SignedEntryTimestamp"]),
                proof=None,
            )
        )
    stamps = []
    if "dev.sigstore.cosign/rfc3161timestamp" in notes:
        record = json.loads(notes["dev.sigstore.cosign/rfc3161timestamp"])
        stamps.append(base64.b64decode(record["SignedRFC3161Timestamp"]))
    return Stored(
        payload=payload,
        signed=signed,
        signature=signature,
        certificate=notes.get("dev.sigstore.cosign/certificate", ""),
        chain=notes.get("dev.sigstore.cosign/chain"),
        entries=tuple(entries),
        timestamps=tuple(stamps),
        stamped=stamped,
    )


def from_bundle(bundle: dict[str, Any], message: bytes = b"") -> Stored:
    """Read a Sigstore bundle; `message` is what a bundle without envelope is about."""
    material = bundle["verificationMaterial"]
    if "dsseEnvelope" in bundle:
        payload = base64.b64decode(bundle["dsseEnvelope"]["payload"])
        signed = pae(payload)
        signature = base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])
    else:
        payload = signed = message
        signature = base64.b64decode(bundle["messageSignature"]["signature"])
    certificate = ""
    if "certificate" in material:
        der = base64.b64decode(material["certificate"]["rawBytes"])
        certificate = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()
    entries = tuple(
        Entry(
            body=base64.b64decode(entry["canonicalizedBody"]),
            time=int(entry["integratedTime"]),
            index=int(entry["logIndex"]),
            log_id=base64.b64decode(entry["logId"]["keyId"]),
            promise=base64.b64decode(entry["inclusionPromise"]["signedEntryTimestamp"])
            if "inclusionPromise" in entry
            else None,
            proof=entry.get("inclusionProof"),
        )
        for entry in material.get("tlogEntries", ())
    )
    stamps = material.get("timestampVerificationData", {}).get("rfc3161Timestamps", ())
    return Stored(
        payload=payload,
        signed=signed,
        signature=signature,
        certificate=certificate,
        chain=None,
        entries=entries,
        timestamps=tuple(base64.b64decode(stamp["signedTimestamp"]) for stamp in stamps),
        stamped=signature,
    )


@dataclass(frozen=True, kw_only=True)
class Health:
    """A field for each thing that can be sound or not; the defaults are a good keyless signature's."""

    certificates: int = 1
    has_chain: bool = True
    chains_to_root: bool = True
    issuer_alive: bool = True
    life_minutes: int = 10
    code_signing: bool = True
    sct: str = "good"
    signature_holds: bool = True
    entries: int = 1
    log: str = "ours"
    promise: str = "good"
    logged_in_life: bool = True
    entry_is_of_signature: bool = True
    entry_is_of_payload: bool = True
    entry_is_of_signer: bool = True
    proof: str = "good"
    checkpoint: str = "good"
    timestamps: int = 0
    timestamps_hold: bool = True
    stamped_in_life: bool = True
    claim: str = "good"


@dataclass
class Trust:
    """The trust root of a lab, read from its JSON."""

    root: dict[str, Any]
    authorities: tuple[x509.Certificate, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.authorities = self._certificates("certificateAuthorities")

    def _certificates(self, kind: str) -> tuple[x509.Certificate, ...]:
        found = [c for entry in self.root[kind] for c in entry["certChain"]["certificates"]]
        return tuple(x509.load_der_x509_certificate(base64.b64decode(c["rawBytes"])) for c in found)

    def key(self, kind: str, log_id: bytes, at: datetime) -> tuple[str, ec.EllipticCurvePublicKey | None]:
        """Return whether a log is `ours`, `retired` or `foreign`, and its key."""
        for log in self.root[kind]:
            if base64.b64decode(log["logId"]["keyId"]) == log_id:
                key = load_der_public_key(base64.b64decode(log["publicKey"]["rawBytes"]))
                assert isinstance(key, ec.EllipticCurvePublicKey)
                end = log["publicKey"]["validFor"].get("end")
                retired = end is not None and datetime.fromisoformat(end) < at
                return ("retired" if retired else "ours"), key
        return "foreign", None

    def stamp_holds(self, response: bytes, data: bytes) -> bool:
        signer, root = self._certificates("timestampAuthorities")
        verifier = VerifierBuilder().tsa_certificate(signer).add_root_certificate(root).build()
        try:
            return verifier.verify_message(decode_timestamp_response(response), data)
        except VerificationError:
            return False


def health(stored: Stored, trust: Trust, digest: str) -> dict[str, Any]:
    """Return the fields of `Health` for a stored signature about `digest`."""
    facts: dict[str, Any] = asdict(Health())
    certificate = _certificate_facts(stored, trust, facts)
    key = (
        certificate.public_key()
        if certificate
        else _key_in(stored.certificate) or _key_in_entry(stored.entries)
    )
    assert isinstance(key, ec.EllipticCurvePublicKey)
    facts["signature_holds"] = holds(key, stored.signature, stored.signed)
    _log_facts(stored, trust, certificate, facts)
    facts["timestamps"] = len(stored.timestamps)
    facts["timestamps_hold"] = all(trust.stamp_holds(t, stored.stamped) for t in stored.timestamps)
    times = [decode_timestamp_response(t).tst_info.gen_time for t in stored.timestamps]
    facts["stamped_in_life"] = all(_in_life(certificate, time) for time in times)
    facts["claim"] = claim(stored.payload, digest)
    return facts


def holds(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data, SHA256)
    except InvalidSignature:
        return False
    return True


def claim(payload: bytes, digest: str) -> str:
    """Say how the payload names the image: `good`, `wrong`, `none`, `garbage`, or `last of N`."""
    if hashlib.sha256(payload).hexdigest() == digest.removeprefix("sha256:"):
        return "good"
    try:
        data = json.loads(payload)
    except ValueError:
        return "garbage"
    if "critical" in data:
        named = [data["critical"]["image"]["docker-manifest-digest"]]
    elif "subject" in data:
        named = [f"sha256:{subject['digest']['sha256']}" for subject in data["subject"]]
    else:
        return "wrong"
    if not named:
        return "none"
    if digest not in named:
        return "wrong"
    return "good" if len(named) == 1 else f"{named.index(digest) + 1} of {len(named)}"


def _certificate_facts(stored: Stored, trust: Trust, facts: dict[str, Any]) -> x509.Certificate | None:
    found = (
        x509.load_pem_x509_certificates(stored.certificate.encode()) if "CERT" in stored.certificate else []
    )
    facts["certificates"] = len(found)
    facts["has_chain"] = stored.chain is not None
    if not found:
        return None
    leaf = found[0]
    issuers = [*trust.authorities]
    if stored.chain:
        issuers += x509.load_pem_x509_certificates(stored.chain.encode())
    issuer = next((i for i in issuers if _issued(leaf, i)), None)
    facts["chains_to_root"] = issuer is not None and _issued(issuer, trust.authorities[-1])
    facts["issuer_alive"] = issuer is None or _in_life(issuer, leaf.not_valid_before_utc)
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    facts["life_minutes"] = int(life.total_seconds() // 60)
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    facts["code_signing"] = list(usage) == [ExtendedKeyUsageOID.CODE_SIGNING]
    facts["sct"] = _sct(leaf, issuer, trust) if issuer else facts["sct"]
    return leaf


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError):
        return False
    return True


def _in_life(certificate: x509.Certificate | None, at: datetime) -> bool:
    return certificate is None or (certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc)


def _sct(leaf: x509.Certificate, issuer: x509.Certificate, trust: Trust) -> str:
    try:
        found = leaf.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)
    except x509.ExtensionNotFound:
        return "absent"
    (sct,) = found.value
    time = sct.timestamp.replace(tzinfo=UTC)
    whose, key = trust.key("ctlogs", sct.log_id, time)
    if key is None:
        return whose
    tbs = leaf.tbs_precertificate_bytes
    spki = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = b"\x00\x00" + int(time.timestamp() * 1000).to_bytes(8, "big") + b"\x00\x01"
    data += hashlib.sha256(spki).digest() + len(tbs).to_bytes(3, "big") + tbs + b"\x00\x00"
    return "good" if holds(key, sct.signature, data) else "bad"


def _log_facts(
    stored: Stored, trust: Trust, certificate: x509.Certificate | None, facts: dict[str, Any]
) -> None:
    facts["entries"] = len(stored.entries)
    for entry in stored.entries[:1]:
        time = datetime.fromtimestamp(entry.time, UTC)
        facts["log"], key = trust.key("tlogs", entry.log_id, time)
        facts["logged_in_life"] = _in_life(certificate, time)
        body = json.loads(entry.body)
        signatures, digests, verifiers = _recorded(body)
        facts["entry_is_of_signature"] = signatures in ([], [stored.signature])
        facts["entry_is_of_payload"] = digests == [hashlib.sha256(stored.payload).hexdigest()]
        if stored.certificate:
            facts["entry_is_of_signer"] = verifiers == [_first_pem(stored.certificate)]
        if entry.promise is None:
            facts["promise"] = "absent"
        elif key:
            signed = json.dumps(
                {
                    "body": base64.b64encode(entry.body).decode(),
                    "integratedTime": entry.time,
                    "logID": entry.log_id.hex(),
                    "logIndex": entry.index,
                },
                sort_keys=True,
                separators=(",", ":"),
            )
            facts["promise"] = "good" if holds(key, entry.promise, signed.encode()) else "bad"
        facts["proof"] = _proof(entry)
        facts["checkpoint"] = _checkpoint(entry, key)


def _recorded(body: dict[str, Any]) -> tuple[list[bytes], list[str], list[str]]:
    """Return signatures, payload hashes and verifiers that a log entry records."""
    spec = body["spec"]
    match body["kind"]:
        case "hashedrekord" | "rekord":
            parts = spec["signature"]
            hash_value = spec["data"]["hash"]["value"]
            return [_b64(parts["content"])], [hash_value], [_b64(parts["publicKey"]["content"]).decode()]
        case "dsse":
            signatures = [_b64(s["signature"]) for s in spec["signatures"]]
            return (
                signatures,
                [spec["payloadHash"]["value"]],
                [_b64(s["verifier"]).decode() for s in spec["signatures"]],
            )
        case _:
            return [], [spec["content"]["payloadHash"]["value"]], [_b64(spec["publicKey"]).decode()]


def _proof(entry: Entry) -> str:
    """Check an inclusion proof by RFC 9162, 2.1.3.2."""
    if entry.proof is None:
        return "absent"
    index, size = int(entry.proof["logIndex"]), int(entry.proof["treeSize"])
    fn, sn = index, size - 1
    node = hashlib.sha256(b"\x00" + entry.body).digest()
    for sibling in map(_b64, entry.proof["hashes"]):
        if sn == 0:
            return "bad"
        if fn & 1 or fn == sn:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        fn, sn = fn >> 1, sn >> 1
    return "good" if sn == 0 and node == _b64(entry.proof["rootHash"]) else "bad"


def _checkpoint(entry: Entry, key: ec.EllipticCurvePublicKey | None) -> str:
    if entry.proof is None:
        return "absent"
    note, _, lines = entry.proof["checkpoint"]["envelope"].partition("\n\n")
    _, size, root = note.split("\n")
    raw = _b64(lines.strip().split(" ")[2])
    agrees = size == entry.proof["treeSize"] and root == entry.proof["rootHash"]
    if not agrees or raw[:4] != entry.log_id[:4]:
        return "other"
    if key is None:
        return "good"
    return "good" if holds(key, raw[4:], f"{note}\n".encode()) else "bad"


def _first_pem(text: str) -> str:
    first, end, _ = text.partition("-----END CERTIFICATE-----\n")
    return first + end if end else text


def _key_in(text: str) -> Any:
    return load_pem_public_key(text.encode()) if "PUBLIC KEY" in text else None


def _key_in_entry(entries: tuple[Entry, ...]) -> Any:
    for entry in entries:
        return _key_in(_recorded(json.loads(entry.body))[2][0])
    return None


def _b64(text: str) -> bytes:
    return base64.b64decode(text)
