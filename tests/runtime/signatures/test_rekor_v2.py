"""Entries of Rekor v2: no time of their own, an Ed25519 key, a checkpoint in the name of the host."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from pratique.compiler import ir
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.lab.faults import Format
from pratique.runtime.lab.signing import pae
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.model import StoredBundle, VerifiedSignature
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from tests.support_lab import EMAIL, ISSUER, MemoryLab, memory_lab

HOST = "log2030.rekor.test"
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)
RAW = KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
SPKI = KEY.public_key().public_bytes(
    serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
)
LOG_ID = sha256(f"{HOST}\n\x01".encode() + RAW).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def checkpoint(origin: str, size: int, root: bytes, *, name: str = HOST, hint: bytes = LOG_ID[:4]) -> str:
    note = f"{origin}\n{size}\n{b64(root)}\n"
    return f"{note}\n\u2014 {name} {b64(hint + KEY.sign(note.encode()))}\n"


def logged(body: bytes) -> dict[str, Any]:
    """The second of three leaves."""
    first, third = sha256(b"\0first").digest(), sha256(b"\0third").digest()
    pair = sha256(b"\1" + first + sha256(b"\0" + body).digest()).digest()
    root = sha256(b"\1" + pair + third).digest()
    return {
        "logIndex": "1",
        "logId": {"keyId": b64(LOG_ID)},
        "kindVersion": {"kind": json.loads(body)["kind"], "version": "0.0.2"},
        "canonicalizedBody": b64(body),
        "inclusionProof": {
            "logIndex": "1",
            "rootHash": b64(root),
            "treeSize": "3",
            "hashes": [b64(first), b64(third)],
            "checkpoint": {"envelope": checkpoint(HOST, 3, root)},
        },
    }


def entry_body(kind: str, bundle: dict[str, Any], **changes: Any) -> bytes:
    raw = bundle["verificationMaterial"]["certificate"]["rawBytes"]
    envelope: Any = bundle.get("dsseEnvelope")
    message: Any = bundle.get("messageSignature")
    signature = {
        "content": envelope["signatures"][0]["sig"] if envelope else message["signature"],
        "verifier": {"keyDetails": "PKIX_ECDSA_P256_SHA_256", "x509Certificate": {"rawBytes": raw}},
    } | changes
    if kind == "dsse":
        payload = base64.b64decode(envelope["payload"])
        digest = {"algorithm": "SHA2_256", "digest": b64(sha256(payload).digest())}
        spec: dict[str, Any] = {"dsseV002": {"payloadHash": digest, "signatures": [signature]}}
    else:
        data = message["messageDigest"] if message else None
        if envelope:
            covered = pae(base64.b64decode(envelope["payload"]))
            data = {"algorithm": "SHA2_256", "digest": b64(sha256(covered).digest())}
        spec = {"hashedRekordV002": {"data": data, "signature": signature}}
    return rfc8785.dumps({"apiVersion": "0.0.2", "kind": kind, "spec": spec})


def lab_of(form: Format, more: str = ", timestamp: true") -> MemoryLab:
    return memory_lab(
        f"""
        signers: {{dev: {{issuer: {ISSUER}, subject: {EMAIL}}}}}
        images: [{{image: lab.test/app:v1, signatures: [{{by: dev, format: {form}{more}}}]}}]
        """
    )


class Case:
    """A lab's bundle whose entry was moved to a log of the second version."""

    def __init__(
        self, form: Format = Format.BUNDLE, kind: str = "hashedrekord", more: str = ", timestamp: true"
    ):
        lab = lab_of(form, more)
        self.bundle = lab.bundles()[0]
        self.digest = Digest(lab.image().digest)
        self.root = json.loads(lab.trusted_root)
        start = {"start": "2020-01-01T00:00:00Z"}
        self.log: dict[str, Any] = {
            "baseUrl": f"https://{HOST}",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {"rawBytes": b64(SPKI), "keyDetails": "PKIX_ED25519", "validFor": start},
            "logId": {"keyId": b64(LOG_ID)},
        }
        self.root["tlogs"] = [self.log]
        self.put(entry_body(kind, self.bundle))

    def put(self, body: bytes) -> None:
        self.bundle["verificationMaterial"]["tlogEntries"] = [logged(body)]

    @property
    def entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.bundle["verificationMaterial"]["tlogEntries"][0]
        return entry

    def verify(self, trust: ir.Trust | None = None) -> VerifiedSignature:
        root = TrustRoot.from_json(json.dumps(self.root).encode(), "lab")
        stored = StoredBundle(body=json.dumps(self.bundle).encode(), layer=self.digest)
        return Verifier(lambda: root).verify(stored, ir.AnyIdentity(), trust or ir.Trust(), self.digest)

    def code(self) -> str:
        with pytest.raises(VerificationError) as caught:
            self.verify()
        return caught.value.code


GOOD = [
    (Format.BUNDLE, "hashedrekord"),
    (Format.BUNDLE, "dsse"),
    (Format.BUNDLE_MESSAGE, "hashedrekord"),
]


@pytest.mark.parametrize(("form", "kind"), GOOD)
def test_the_timestamp_gives_the_time(form: Format, kind: str) -> None:
    found = Case(form, kind).verify()
    assert found.signed_at == 1680350402
    assert (found.log_index, found.log_id) == (1, LOG_ID.hex())


@pytest.mark.parametrize(("form", "kind"), GOOD)
def test_c12_without_a_timestamp_nothing_gives_the_time(form: Format, kind: str) -> None:
    assert Case(form, kind, "").code() == "no-signed-time"


def test_a_policy_that_gives_the_key_alone() -> None:
    case = Case()
    text = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    case.root["tlogs"] = []
    with pytest.raises(TransportError, match="the trust root lab has none"):
        case.verify()
    trust = ir.Trust(log=ir.LogPolicy(public_keys=text.decode()))
    assert case.verify(trust).log_index == 1


@pytest.mark.parametrize(("form", "kind"), GOOD)
def test_an_entry_about_something_else(form: Format, kind: str) -> None:
    case = Case(form, kind)
    other = lab_of(form, ", timestamp: true, fault: tampered-signature").bundles()[0]
    stranger = memory_lab(
        f"""
        sigstore: {{seed: other}}
        signers: {{dev: {{issuer: {ISSUER}, subject: {EMAIL}}}}}
        images: [{{image: lab.test/app:v1, signatures: [{{by: dev, format: {form}}}]}}]
        """
    ).bundles()[0]
    raw = stranger["verificationMaterial"]["certificate"]["rawBytes"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(raw))
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for body in (
        entry_body(kind, other),
        entry_body(kind, case.bundle, verifier={"x509Certificate": {"rawBytes": raw}}),
        entry_body(kind, case.bundle, verifier={"publicKey": {"rawBytes": b64(key)}}),
        entry_body(kind, case.bundle).replace(b"SHA2_256", b"SHA2_384"),
    ):
        case.put(body)
        assert case.code() == "log-entry-mismatch"
    for body in (
        entry_body(kind, case.bundle, verifier={}),
        entry_body(kind, case.bundle, content="no base64"),
        entry_body(kind, case.bundle).replace(b"V002", b"V003"),
    ):
        case.put(body)
        assert case.code() == "bundle-malformed"


def test_c19_checkpoints() -> None:
    case = Case()
    proof = case.entry["inclusionProof"]
    root = base64.b64decode(proof["rootHash"])
    good = checkpoint(HOST, 3, root)
    for text, code in [
        (good, ""),
        (good + "\u2014 witness.test AAAAAAAAAA==\n", ""),
        (checkpoint(HOST, 3, root, hint=b"hint"), "checkpoint-invalid"),
        (checkpoint(HOST, 3, root, name="other.test"), "checkpoint-invalid"),
        (checkpoint("other.test", 3, root), "checkpoint-invalid"),
        (checkpoint("other.test", 3, root, name="other.test"), "checkpoint-invalid"),
        (checkpoint(HOST, 4, root), "checkpoint-mismatch"),
        (checkpoint(HOST, 3, b"r" * 32), "checkpoint-mismatch"),
        (good.replace("\n3\n", "\n4\n"), "checkpoint-invalid"),
        (good + f"\u2014 {HOST} {b64(LOG_ID[:4] + bytes(64))}\n", "checkpoint-invalid"),
        (good.partition("\n\n")[0] + "\n\n", "checkpoint-malformed"),
        (good.replace("\n\n", "\n"), "checkpoint-malformed"),
        (good.rstrip("\n"), "checkpoint-malformed"),
        (good.replace("\u2014", "-"), "checkpoint-malformed"),
        (good.replace("\n3\n", "\n03\n"), "checkpoint-malformed"),
        (good + "\u2014 witness.test AAAAAAAAAA==\n" * 40, "checkpoint-malformed"),
        ("x" * 20_000, "checkpoint-malformed"),
    ]:
        proof["checkpoint"]["envelope"] = text
        if code:
            assert case.code() == code, text
        else:
            assert case.verify().identity, text


def test_c17_the_key_must_have_been_in_use_when_it_was_stamped() -> None:
    case = Case()
    case.log["publicKey"]["validFor"]["end"] = "2023-04-01T12:00:02Z"
    assert case.verify().identity
    case.log["publicKey"]["validFor"]["end"] = "2023-04-01T12:00:01Z"
    assert case.code() == "log-key-expired"
