"""What a client of Sigstore must accept and refuse: one bundle a case, through the command line.

Each case is judged twice, with the artifact and with its digest, and a refusal names the check that failed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from pratique.runtime.cli import main
from tests.support_bundles import (
    ARTIFACT,
    OLD,
    V03,
    Box,
    Edit,
    Log,
    as_version,
    der_of,
    make,
    rsa_key,
    statement,
    world,
)
from tests.support_signatures import T0, TimestampSigner, b64, make_ca, new_key, public_pem, sign, spki

Case = Callable[[], Box]
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
FLIPPED = b"\0another"


def of(**options: Any) -> Case:
    return lambda: make(**options)


def with_(edit: Edit, **options: Any) -> Case:
    return lambda: make(edits=[edit], **options)


def put(path: str, value: Any) -> Edit:
    """Set, or with `...` delete, a member of the bundle."""

    def edit(box: Box) -> None:
        *parents, last = path.split("/")
        holder: Any = box.bundle
        for name in parents:
            holder = holder[int(name)] if isinstance(holder, list) else holder[name]
        place: Any = int(last) if isinstance(holder, list) else last
        if value is ...:
            del holder[place]
        else:
            holder[place] = value

    return edit


MATERIAL = "verificationMaterial"
ENTRY = f"{MATERIAL}/tlogEntries/0"
PROOF = f"{ENTRY}/inclusionProof"
STAMPS = f"{MATERIAL}/timestampVerificationData/rfc3161Timestamps"


# --- edits of bundles ------------------------------------------------------------------------------------


def strangers_entry(box: Box) -> None:
    stranger = Log(key=new_key(), host="stranger.test")
    box.material["tlogEntries"].append(stranger.entry(base64.b64decode(box.entry["canonicalizedBody"]), T0))


def both_logs(box: Box) -> None:
    other = make(log=2).bundle
    assert other
    body = json.loads(base64.b64decode(box.entry["canonicalizedBody"]))
    old = body["spec"]
    raw = box.material["certificate"]["rawBytes"]
    signed = {
        "content": old["signature"]["content"],
        "verifier": {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": raw}},
    }
    data = {"algorithm": "SHA2_256", "digest": b64(sha256(ARTIFACT).digest())}
    spoken: Any = {
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {"hashedRekordV002": {"data": data, "signature": signed}},
    }
    box.material["tlogEntries"].append(world().new_log.entry(rfc8785.dumps(spoken), T0))


def one_bad_stamp_of_two(box: Box) -> None:
    token = TimestampSigner().token(box.signature)
    stamps = box.material["timestampVerificationData"]["rfc3161Timestamps"]
    stamps.insert(0, {"signedTimestamp": b64(token)})


def stamped_twice(box: Box) -> None:
    box.material["timestampVerificationData"]["rfc3161Timestamps"] *= 2


def logged_twice(box: Box) -> None:
    box.material["tlogEntries"] *= 2


def strangers(kind: str) -> Edit:
    """Trust others, and nobody else, in one part of the trust root."""

    def edit(box: Box) -> None:
        box.root[kind] = world("other").root()[kind]

    return edit


def in_first_place(box: Box) -> None:
    """Trust others besides, of each kind, listed first."""
    other = world("other")
    root = other.root()
    for kind in ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities"):
        box.root[kind] = root[kind] + box.root[kind]


def rotated(box: Box) -> None:
    """Trust the same keys twice: once for a time long ago, once for now."""
    for kind in ("tlogs", "ctlogs"):
        for log in box.root[kind]:
            log["publicKey"]["validFor"] = {"start": "2024-01-01T00:00:00Z"}
        former = json.loads(json.dumps(box.root[kind]))
        for log in former:
            log["publicKey"]["validFor"] = {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}
        box.root[kind] = former + box.root[kind]
    for kind in ("certificateAuthorities", "timestampAuthorities"):
        former = json.loads(json.dumps(box.root[kind]))
        for authority in former:
            authority["validFor"] = {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"}
        box.root[kind] = former + box.root[kind]


def witnessed(box: Box) -> None:
    text: str = box.proof["checkpoint"]["envelope"]
    witness = f"\u2014 witness.test/one {b64(b'hint' + bytes(64))}\n"
    box.proof["checkpoint"]["envelope"] = text + witness + witness.replace("one", "two")


def ended(kind: str, end: str, start: str = "2020-01-01T00:00:00Z") -> Edit:
    def edit(box: Box) -> None:
        for each in box.root[kind]:
            holder = each.get("publicKey", each)
            holder["validFor"] = {"start": start, "end": end}

    return edit


def trust(**members: Any) -> Edit:
    def edit(box: Box) -> None:
        box.root.update(members)

    return edit


def windowless(box: Box) -> None:
    box.root["tlogs"][0]["publicKey"]["validFor"] = {}


def authority_without_signer(box: Box) -> None:
    box.root["timestampAuthorities"] = [world().authority(world().stamps.root.certificate)]


def asked(**changes: str) -> Edit:
    def edit(box: Box) -> None:
        for name, value in changes.items():
            setattr(box, name, value)

    return edit


def artifact(data: bytes) -> Edit:
    def edit(box: Box) -> None:
        box.artifact = data

    return edit


def checkpoint(*, root: bytes = b"", size: int = 3, **changes: Any) -> Edit:
    def edit(box: Box) -> None:
        log = world().old_log if "integratedTime" in box.entry else world().new_log
        signed = root or base64.b64decode(box.proof["rootHash"])
        box.proof["checkpoint"]["envelope"] = log.checkpoint(signed, size, **changes)

    return edit


def checkpoint_text(change: Callable[[str], str]) -> Edit:
    def edit(box: Box) -> None:
        box.proof["checkpoint"]["envelope"] = change(box.proof["checkpoint"]["envelope"])

    return edit


def promise_of_another_time(box: Box) -> None:
    box.entry["integratedTime"] = str(int(box.entry["integratedTime"]) + 1)


def promise_by_another_key(box: Box) -> None:
    stranger = Log(key=new_key(), host="log.test")
    box.entry["inclusionPromise"]["signedEntryTimestamp"] = b64(stranger.promise(box.entry))


def entry_of(**options: Any) -> Edit:
    """Put in the log entry of another bundle, with its good proof and promise."""

    def edit(box: Box) -> None:
        box.material["tlogEntries"] = make(**options).material["tlogEntries"]

    return edit


def other_certificate(box: Box) -> None:
    """Certify the same signature for somebody else."""
    other = world().instance.leaf()
    box.material["certificate"]["rawBytes"] = b64(der_of(other.certificate))


def other_signature(box: Box) -> None:
    box.bundle["messageSignature"]["signature"] = b64(sign(new_key(), ARTIFACT))


def two_signatures(box: Box) -> None:
    box.bundle["dsseEnvelope"]["signatures"] *= 2


def changed_payload(box: Box) -> None:
    other = json.dumps(statement(predicate={"other": True})).encode()
    box.bundle["dsseEnvelope"]["payload"] = b64(other)


def with_root_in_chain(box: Box) -> None:
    as_version("0.2")(box)
    chain = box.material["x509CertificateChain"]["certificates"]
    chain += [{"rawBytes": b64(der_of(c))} for c in world().instance.intermediate.chain]


def with_intermediate(box: Box) -> None:
    as_version("0.2")(box)
    box.root["certificateAuthorities"][0]["certChain"]["certificates"].pop(0)
    chain = box.material["x509CertificateChain"]["certificates"]
    chain.append({"rawBytes": b64(der_of(world().instance.intermediate.certificate))})


def by_deep_authority() -> Box:
    """A leaf under an authority that its own authority may not make (path length)."""
    ca = make_ca("too deep", world().instance.intermediate, path_length=0)
    return make(leaf={"by": ca}, edits=[_trusted_below(ca.certificate)])


def by_leaf() -> Box:
    """A leaf that was issued by another leaf."""
    below = world().instance.leaf()
    ca = make_ca("no authority", world().instance.intermediate, ca=False, key=below.key)
    return make(leaf={"by": ca}, edits=[_trusted_below(ca.certificate)])


def _trusted_below(certificate: x509.Certificate) -> Edit:
    def edit(box: Box) -> None:
        chain = box.root["certificateAuthorities"][0]["certChain"]["certificates"]
        chain.insert(0, {"rawBytes": b64(der_of(certificate))})

    return edit


def unknown_extension(critical: bool) -> dict[str, Any]:
    oid = ObjectIdentifier("1.3.6.1.4.1.99999.1")
    return {"extra": [(x509.UnrecognizedExtension(oid, b"\x05\x00"), critical)]}


def subjects(*digests: dict[str, str]) -> dict[str, Any]:
    return statement(subject=[{"name": "x", "digest": digest} for digest in digests])


def changed_spec(*path: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(body: dict[str, Any]) -> dict[str, Any]:
        holder: Any = body
        for name in path[:-1]:
            holder = holder[int(name)] if isinstance(holder, list) else holder[name]
        holder[path[-1]] = value
        return body

    return change


def managed_by_another(box: Box) -> None:
    box.key = public_pem(new_key())


RIGHT = sha256(ARTIFACT).hexdigest()
WRONG = sha256(b"another").hexdigest()
V2_SIGNATURE = ("spec", "hashedRekordV002", "signature")
LATE = T0 + HOUR
OTHER_STAMPS = TimestampSigner()
NOT_STAMPING = TimestampSigner(purposes=(ExtendedKeyUsageOID.CODE_SIGNING,))
NEW = {"log": 2}
STATED = {"dsse": True}

ACCEPTED: dict[str, Case] = {
    "message": of(),
    "message with promise and timestamp": of(stamped=True),
    "message, proof and timestamp": of(promise=False),
    "statement": of(dsse=True),
    "statement as intoto": of(dsse=True, kind="intoto"),
    "statement, Rekor v2": of(dsse=True, log=2),
    "message, Rekor v2": of(log=2),
    "v0.1": with_(as_version("0.1")),
    "v0.1 without proof": lambda: make(edits=[as_version("0.1"), put(PROOF, ...)]),
    "v0.2": with_(as_version("0.2")),
    "v0.2 statement": with_(as_version("0.2"), dsse=True),
    "v0.3, older name": with_(as_version("0.3")),
    "P-384": of(key=ec.generate_private_key(ec.SECP384R1())),
    "P-384 over SHA-256": of(key=ec.generate_private_key(ec.SECP384R1()), signed_over="sha256"),
    "P-384 statement": of(key=ec.generate_private_key(ec.SECP384R1()), dsse=True),
    "P-521": of(key=ec.generate_private_key(ec.SECP521R1())),
    "RSA": lambda: make(key=rsa_key()),
    "RSA 4096 statement": lambda: make(key=rsa_key(4096), dsse=True),
    "Ed25519 statement": of(key=ed25519.Ed25519PrivateKey.generate(), dsse=True),
    "managed key": of(managed=True),
    "managed key, statement": of(managed=True, dsse=True),
    "managed key, statement as intoto": of(managed=True, dsse=True, kind="intoto"),
    "managed key, Rekor v2": of(managed=True, log=2),
    "managed key, RSA": lambda: make(managed=True, key=rsa_key()),
    "managed key, v0.1": with_(as_version("0.1"), managed=True),
    "managed key, null hint": with_(put(f"{MATERIAL}/publicKey", {"hint": None}), managed=True),
    "several subjects": of(dsse=True, claim=subjects({"sha256": WRONG}, {"sha256": RIGHT})),
    "several digests": of(
        dsse=True, claim=subjects({"md5": "x", "sha512": sha512(ARTIFACT).hexdigest(), "sha256": RIGHT})
    ),
    "statement v0.1": of(dsse=True, claim=statement(_type="https://in-toto.io/Statement/v0.1")),
    "entry of a stranger besides": with_(strangers_entry),
    "entries of two logs": with_(both_logs, stamped=True),
    "one bad timestamp of two": with_(one_bad_stamp_of_two, stamped=True),
    "others are trusted, too": with_(in_first_place, stamped=True),
    "rotated keys": with_(rotated, stamped=True),
    "witnesses": with_(witnessed, **NEW),
    "checkpoint with an extension line": with_(checkpoint(extra="extension\n"), **NEW),
    "authority without its signer": with_(authority_without_signer, **NEW),
    "both ends of a timestamp authority's window": with_(
        ended("timestampAuthorities", "2024-03-01T12:00:03Z", "2024-03-01T12:00:03Z"), **NEW
    ),
    "at the end of the certificate": of(logged_at=T0 + 10 * MINUTE),
    "null for what is absent": with_(put(f"{MATERIAL}/timestampVerificationData", None)),
    "numbers for numbers": with_(put(f"{ENTRY}/logIndex", 1)),
    "no timestamps": with_(put(f"{MATERIAL}/timestampVerificationData", {"rfc3161Timestamps": []})),
    "trust root of the newer type": with_(
        trust(mediaType="application/vnd.dev.sigstore.trustedroot.v0.2+json")
    ),
    "uncritical unknown extension": of(leaf=unknown_extension(critical=False)),
}

REFUSED: dict[str, tuple[Case, str]] = {
    # the artifact and who signed it
    "another artifact": (with_(artifact(FLIPPED)), "log-entry-mismatch"),
    "another artifact, unsaid digest": (
        lambda: make(edits=[artifact(FLIPPED), _digest_of(FLIPPED)]),
        "log-entry-mismatch",
    ),
    "another artifact, statement": (with_(artifact(FLIPPED), dsse=True), "digest-mismatch"),
    "another identity": (with_(asked(who="other@acme.test")), "identity-mismatch"),
    "a part of the identity": (with_(asked(who="acme.test")), "identity-mismatch"),
    "another issuer": (with_(asked(issuer="https://other.test")), "identity-mismatch"),
    "another signature": (with_(other_signature), "log-entry-mismatch"),
    "signed by another key": (of(signer=new_key()), "signature-invalid"),
    "signed by another key, statement": (of(signer=new_key(), dsse=True), "signature-invalid"),
    "another certificate": (with_(other_certificate), "log-entry-mismatch"),
    "another payload": (with_(changed_payload, dsse=True), "log-entry-mismatch"),
    "digest that is wrong": (lambda: make(edits=[_digest_of(FLIPPED)]), "digest-mismatch"),
    # statements
    "two signatures": (with_(two_signatures, dsse=True), "bundle-malformed"),
    "no signature": (with_(put("dsseEnvelope/signatures", []), dsse=True), "bundle-malformed"),
    "payload of another type": (of(dsse=True, payload_type="text/plain"), "payload-type"),
    "no subject": (of(dsse=True, claim=statement(subject=[])), "statement-malformed"),
    "no statement": (of(dsse=True, claim=b"text"), "statement-malformed"),
    "statement of an unknown version": (
        of(dsse=True, claim=statement(_type="https://in-toto.io/Statement/v2")),
        "statement-malformed",
    ),
    "weak digest only": (of(dsse=True, claim=subjects({"sha1": "0" * 40})), "digest-mismatch"),
    "digest under the name of another": (of(dsse=True, claim=subjects({"sha512": RIGHT})), "digest-mismatch"),
    # certificates
    "foreign root": (
        with_(strangers("certificateAuthorities")),
        "chain-untrusted",
    ),
    "expired when logged": (of(logged_at=LATE), "certificate-expired"),
    "not begun when logged": (of(logged_at=T0 - HOUR), "certificate-expired"),
    "expired when stamped": (of(log=2, stamped_at=LATE), "certificate-expired"),
    "not begun when stamped": (of(log=2, stamped_at=T0 - HOUR), "certificate-expired"),
    "expired when stamped, not when logged": (of(stamped=True, stamped_at=LATE), "certificate-expired"),
    "no code signing": (of(leaf={"purposes": [ExtendedKeyUsageOID.SERVER_AUTH]}), "certificate-usage"),
    "an authority's certificate": (of(leaf={"ca": True}), "not-a-certificate"),
    "unknown critical extension": (of(leaf=unknown_extension(critical=True)), "chain-untrusted"),
    "path too long": (by_deep_authority, "chain-untrusted"),
    "issued by a leaf": (by_leaf, "chain-untrusted"),
    "intermediate that only the bundle knows": (with_(with_intermediate), "chain-untrusted"),
    "root in the chain": (with_(with_root_in_chain), "chain-malformed"),
    "empty chain": (
        lambda: make(edits=[as_version("0.2"), put(f"{MATERIAL}/x509CertificateChain/certificates", [])]),
        "bundle-malformed",
    ),
    "chain in v0.3": (
        lambda: make(edits=[as_version("0.2"), put("mediaType", V03)]),
        "bundle-malformed",
    ),
    "no certificate": (with_(put(f"{MATERIAL}/certificate", ...)), "bundle-malformed"),
    "certificate that is none": (with_(put(f"{MATERIAL}/certificate/rawBytes", "AAAA")), "not-a-certificate"),
    "no SCT": (of(leaf={"sct": False}), "sct-missing"),
    "SCT of an unknown log": (of(leaf={"sct_key": new_key()}), "sct-key-unknown"),
    "SCT log retired": (with_(ended("ctlogs", "2024-02-01T00:00:00Z")), "sct-key-expired"),
    # managed keys
    "managed by another key": (with_(managed_by_another, managed=True), "log-entry-mismatch"),
    "managed key where an identity is asked for": (with_(asked(key=""), managed=True), "certificate-missing"),
    "certificate where a key is asked for": (with_(managed_by_another), "key-mismatch"),
    "managed key, not logged": (of(managed=True, log=0), "not-logged"),
    "managed key, neither logged nor stamped": (of(managed=True, log=0, stamped=False), "not-logged"),
    "managed key, Rekor v2, no time": (of(managed=True, log=2, stamped=False), "no-signed-time"),
    "managed key, another artifact": (with_(artifact(FLIPPED), managed=True), "log-entry-mismatch"),
    # times
    "no time": (of(promise=False, stamped=False), "no-signed-time"),
    "no time, Rekor v2": (of(log=2, stamped=False), "no-signed-time"),
    "unsigned time in the future": (of(promise=False, logged_at=T0 + 100_000 * HOUR), "certificate-expired"),
    "promise of another time": (with_(promise_of_another_time), "set-invalid"),
    "promise by another key": (with_(promise_by_another_key), "set-invalid"),
    "promise without time": (with_(put(f"{ENTRY}/integratedTime", ...)), "bundle-malformed"),
    "timestamp of something else": (of(log=2, stamp={"signed": b"else"}), "timestamp-invalid"),
    "timestamp by another key": (of(log=2, stamp={"key": new_key()}), "timestamp-invalid"),
    "timestamp without certificate by another key": (
        of(log=2, stamp={"key": new_key(), "embedded": ()}),
        "timestamp-invalid",
    ),
    "timestamp refused": (of(log=2, stamp={"status": 2}), "timestamp-invalid"),
    "timestamp that is none": (
        with_(put(f"{STAMPS}/0/signedTimestamp", "AAAA"), **NEW),
        "timestamp-malformed",
    ),
    "timestamp of a stranger": (
        with_(strangers("timestampAuthorities"), **NEW),
        "timestamp-invalid",
    ),
    "no timestamp authority": (with_(trust(timestampAuthorities=[]), **NEW), "timestamp-invalid"),
    "timestamp authority retired": (
        with_(ended("timestampAuthorities", "2024-03-01T12:00:02Z"), **NEW),
        "timestamp-invalid",
    ),
    "timestamp authority not yet in use": (
        with_(ended("timestampAuthorities", "2030-01-01T00:00:00Z", "2024-03-01T12:00:04Z"), **NEW),
        "timestamp-invalid",
    ),
    "timestamp twice": (with_(stamped_twice, **NEW), "timestamp-invalid"),
    # the log
    "no entry": (of(log=0), "not-logged"),
    "no entries": (with_(put(f"{MATERIAL}/tlogEntries", [])), "not-logged"),
    "log retired": (with_(ended("tlogs", "2024-02-01T00:00:00Z")), "log-key-expired"),
    "log not yet in use": (
        with_(ended("tlogs", "2030-01-01T00:00:00Z", "2024-04-01T00:00:00Z")),
        "log-key-expired",
    ),
    "log retired, Rekor v2": (with_(ended("tlogs", "2024-02-01T00:00:00Z"), **NEW), "log-key-expired"),
    "unknown log": (with_(strangers("tlogs")), "log-key-unknown"),
    "entry of another signature": (with_(entry_of()), "log-entry-mismatch"),
    "entry of another signature, Rekor v2": (with_(entry_of(log=2), **NEW), "log-entry-mismatch"),
    "entry of a statement": (with_(entry_of(dsse=True)), "entry-kind-unsupported"),
    "entry of a message": (with_(entry_of(), dsse=True), "entry-kind-unsupported"),
    "entry twice": (with_(logged_twice), "log-entry-duplicate"),
    "entry by another key": (
        of(
            log=2,
            body=changed_spec(
                *V2_SIGNATURE, "verifier", value={"publicKey": {"rawBytes": b64(spki(new_key()))}}
            ),
        ),
        "log-entry-mismatch",
    ),
    "entry with another signature": (
        of(log=2, body=changed_spec(*V2_SIGNATURE, "content", value="AAAA")),
        "log-entry-mismatch",
    ),
    "entry with another digest": (
        of(body=changed_spec("spec", "data", "hash", "value", value=WRONG)),
        "log-entry-mismatch",
    ),
    "entry with a weak digest": (
        of(body=changed_spec("spec", "data", "hash", value={"algorithm": "md5", "value": "00"})),
        "log-entry-mismatch",
    ),
    "entry of another payload": (
        of(dsse=True, body=changed_spec("spec", "payloadHash", "value", value=WRONG)),
        "log-entry-mismatch",
    ),
    "entry of an unknown kind": (of(body=changed_spec("kind", value="jar")), "entry-kind-unsupported"),
    "entry of an unknown version": (
        of(body=changed_spec("apiVersion", value="0.0.9")),
        "entry-kind-unsupported",
    ),
    "entry of another kind than it says": (
        with_(put(f"{ENTRY}/kindVersion/version", "0.0.2")),
        "log-entry-mismatch",
    ),
    "another body": (with_(put(f"{ENTRY}/canonicalizedBody", b64(b"{}"))), "bundle-malformed"),
    "no body": (with_(put(f"{ENTRY}/canonicalizedBody", ...)), "bundle-malformed"),
    # inclusion proofs and checkpoints
    "no proof": (with_(put(PROOF, ...)), "inclusion-proof-missing"),
    "v0.1 without promise": (with_(as_version("0.1"), promise=False), "promise-missing"),
    "another root hash": (with_(put(f"{PROOF}/rootHash", b64(bytes(32)))), "inclusion-proof-invalid"),
    "another hash": (with_(put(f"{PROOF}/hashes/0", b64(bytes(32)))), "inclusion-proof-invalid"),
    "a hash too few": (with_(put(f"{PROOF}/hashes", [])), "inclusion-proof-invalid"),
    "index beyond the tree": (with_(put(f"{PROOF}/logIndex", "3")), "inclusion-proof-invalid"),
    "another index": (with_(put(f"{PROOF}/logIndex", "0")), "inclusion-proof-invalid"),
    "another size": (with_(put(f"{PROOF}/treeSize", "4")), "checkpoint-mismatch"),
    "negative index": (with_(put(f"{PROOF}/logIndex", "-1")), "bundle-malformed"),
    "negative index of the entry": (with_(put(f"{ENTRY}/logIndex", "-1")), "bundle-malformed"),
    "no checkpoint": (with_(put(f"{PROOF}/checkpoint", ...)), "checkpoint-missing"),
    "no checkpoint in v0.1": (
        lambda: make(edits=[as_version("0.1"), put(f"{PROOF}/checkpoint", ...)]),
        "checkpoint-missing",
    ),
    "checkpoint of another root": (with_(checkpoint(root=bytes(32))), "checkpoint-mismatch"),
    "checkpoint of another size": (with_(checkpoint(size=4)), "checkpoint-mismatch"),
    "checkpoint of another origin": (with_(checkpoint(origin="other.test - 1")), "checkpoint-invalid"),
    "checkpoint of another origin, Rekor v2": (
        with_(checkpoint(origin="other.test"), **NEW),
        "checkpoint-invalid",
    ),
    "checkpoint by another name, Rekor v2": (
        with_(checkpoint(name="other.test"), **NEW),
        "checkpoint-invalid",
    ),
    "checkpoint with another hint": (with_(checkpoint(hint=b"hint")), "checkpoint-invalid"),
    "checkpoint without signature": (
        with_(checkpoint_text(lambda text: text.partition("\u2014")[0])),
        "checkpoint-malformed",
    ),
    "checkpoint cut short": (with_(checkpoint_text(lambda text: text[:-20])), "checkpoint-malformed"),
    "checkpoint of somebody else alone": (
        with_(
            checkpoint_text(
                lambda text: text.partition("\u2014")[0] + f"\u2014 witness.test {b64(bytes(70))}\n"
            ),
            **NEW,
        ),
        "checkpoint-invalid",
    ),
    "checkpoint changed": (
        with_(checkpoint_text(lambda text: text.replace("\n3\n", "\n5\n"))),
        "checkpoint-invalid",
    ),
    # the document
    "no media type": (with_(put("mediaType", ...)), "bundle-malformed"),
    "unknown media type": (with_(put("mediaType", "application/json")), "bundle-version-unsupported"),
    "unknown version": (with_(put("mediaType", f"{OLD}0.4")), "bundle-version-unsupported"),
    "no content": (with_(put("messageSignature", ...)), "bundle-malformed"),
    "two contents": (
        lambda: make(edits=[put("dsseEnvelope", make(dsse=True).bundle["dsseEnvelope"])]),
        "bundle-malformed",
    ),
    "no material": (with_(put(MATERIAL, ...)), "bundle-malformed"),
    "null material": (with_(put(MATERIAL, None)), "bundle-malformed"),
    "unknown member": (with_(put("surplus", 1)), "bundle-malformed"),
    "base64 that is none": (with_(put("messageSignature/signature", "%%%%")), "bundle-malformed"),
    "base64 for addresses": (with_(put("messageSignature/signature", "_-8=")), "bundle-malformed"),
    "no signature of the message": (with_(put("messageSignature/signature", "")), "bundle-malformed"),
    "no digest of the message": (with_(put("messageSignature/messageDigest", ...)), "bundle-malformed"),
    "weak digest of the message": (
        with_(put("messageSignature/messageDigest", {"algorithm": "SHA1", "digest": "AAAA"})),
        "bundle-malformed",
    ),
    "no log of the entry": (with_(put(f"{ENTRY}/logId", ...)), "bundle-malformed"),
    "no kind of the entry": (with_(put(f"{ENTRY}/kindVersion", ...)), "bundle-malformed"),
    "33 timestamps": (with_(put(STAMPS, [{"signedTimestamp": "AAAA"}] * 33), **NEW), "bundle-too-large"),
}


UNJUDGED: dict[str, tuple[Case, str]] = {
    "no authorities": (with_(trust(certificateAuthorities=[])), "trust-unavailable"),
    "no SCT logs": (with_(trust(ctlogs=[])), "trust-unavailable"),
    "no logs": (with_(trust(tlogs=[])), "trust-unavailable"),
    "authority retired": (with_(ended("certificateAuthorities", "2024-02-01T00:00:00Z")), "trust-stale"),
    "window without a start": (with_(windowless), "trust-invalid"),
    "trust root of an unknown type": (with_(trust(mediaType="application/json")), "trust-invalid"),
    "trust root of bad base64": (
        with_(trust(tlogs=[world().old_log.trusted() | {"logId": {"keyId": "%"}}])),
        "trust-invalid",
    ),
}
"""Cases that end in an error, as the trust root cannot judge them; by `ExitCode.TRANSPORT`."""


def _digest_of(data: bytes) -> Edit:
    digest = {"algorithm": "SHA2_256", "digest": b64(sha256(data).digest())}
    return put("messageSignature/messageDigest", digest)


def run(box: Box, folder: Path, *, digest: bool) -> int:
    files = {
        "bundle.json": json.dumps(box.bundle),
        "root.json": json.dumps(box.root),
        "key.pem": box.key,
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "artifact").write_bytes(box.artifact)
    who = ["--key", str(folder / "key.pem")] if box.key else ["--identity", box.who, "--issuer", box.issuer]
    root = ["--trusted-root", str(folder / "root.json")]
    what = f"sha256:{sha256(box.artifact).hexdigest()}" if digest else str(folder / "artifact")
    return main(["verify", "--bundle", str(folder / "bundle.json"), *who, *root, "-o", "json", what])


def verify(box: Box, folder: Path, capsys: pytest.CaptureFixture[str], *, digest: bool) -> tuple[int, str]:
    status = run(box, folder, digest=digest)
    return status, json.loads(capsys.readouterr().out)["reason"]["code"]


NEEDS_THE_ARTIFACT = {"P-384", "P-521"}
"""Cases whose signature is of a digest other than SHA-256."""


@pytest.mark.parametrize("digest", [False, True], ids=["file", "digest"])
@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str, digest: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = (1, "log-entry-mismatch") if digest and name in NEEDS_THE_ARTIFACT else (0, "signed")
    assert verify(ACCEPTED[name](), tmp_path, capsys, digest=digest) == expected


@pytest.mark.parametrize("digest", [False, True], ids=["file", "digest"])
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, digest: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, code = REFUSED[name]
    assert verify(case(), tmp_path, capsys, digest=digest) == (1, code)


@pytest.mark.parametrize("name", UNJUDGED)
def test_unjudged(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, code = UNJUDGED[name]
    assert run(case(), tmp_path, digest=True) == 3
    assert code in capsys.readouterr().err
