"""Cosign's attestation layers, and the statements in them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.compiler import ir
from pratique.compiler.graph import Listing
from pratique.grammar.errors import VerificationError
from pratique.runtime.discovery import stored_signatures
from pratique.runtime.lab.faults import CATALOGUE, Fault, Format
from pratique.runtime.ports import Digest, Repository
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.signatures.dsse import IN_TOTO, read_envelope
from pratique.runtime.signatures.model import StoredEnvelope, Subject, VerifiedSignature
from pratique.runtime.signatures.statements import MAX_DEPTH, TYPES, read_statement, subject_with
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from tests.support_lab import EMAIL, ISSUER, MemoryLab, memory_lab

KEYLESS = ir.AnyIdentity()
NO_MATCH = "accepted signatures do not match threshold, Found: 0, Expected 1"

CODES = {
    Fault.WRONG_DIGEST: "digest-mismatch",
    Fault.NOT_A_STATEMENT: "statement-malformed",
    Fault.NO_SUBJECT: "statement-malformed",
    Fault.MANY_SUBJECTS: "bundle-too-large",
    Fault.FOREIGN_ROOT: "chain-untrusted",
    Fault.EXPIRED_INTERMEDIATE: "certificate-expired",
    Fault.WRONG_USAGE: "certificate-usage",
    Fault.TWO_CERTIFICATES: "not-a-certificate",
    Fault.KEY_AS_CERTIFICATE: "not-a-certificate",
    Fault.NO_SCT: "sct-missing",
    Fault.TAMPERED_SCT: "sct-invalid",
    Fault.FOREIGN_SCT: "sct-key-unknown",
    Fault.TAMPERED_SIGNATURE: "signature-invalid",
    Fault.TAMPERED_PAYLOAD: "log-entry-mismatch",
    Fault.FOREIGN_KEY: "signature-invalid",
    Fault.NO_TLOG: "not-logged",
    Fault.TAMPERED_SET: "set-invalid",
    Fault.FOREIGN_SET: "log-key-unknown",
    Fault.RETIRED_LOG: "log-key-expired",
    Fault.EDITED_LOG_TIME: "set-invalid",
    Fault.EXPIRED: "certificate-expired",
    Fault.EARLY_LOG: "certificate-expired",
    Fault.SWAPPED_BUNDLE: "log-entry-mismatch",
    Fault.WRONG_PAYLOAD_DIGEST: "log-entry-mismatch",
    Fault.TAMPERED_TIMESTAMP: "timestamp-invalid",
    Fault.FOREIGN_TIMESTAMP: "timestamp-invalid",
    Fault.IMPOSTOR_TIMESTAMP: "timestamp-invalid",
    Fault.LATE_TIMESTAMP: "certificate-expired",
    Fault.WRONG_TIMESTAMP: "timestamp-invalid",
}
FAULTS = [fault for fault, info in CATALOGUE.items() if Format.COSIGN in info.formats]


@cache
def lab_with(more: str = "", by: str = "dev") -> MemoryLab:
    return memory_lab(
        f"""
        signers:
          dev: {{issuer: {ISSUER}, subject: {EMAIL}}}
          team: {{key: ecdsa-p256}}
          other: {{key: ecdsa-p256}}
        images:
          - image: lab.test/app:v1
            attestations: [{{by: {by}, type: https://example/type, predicate: {{a: [1, x]}}{more}}}]
        """
    )


def stored_in(lab: MemoryLab) -> StoredEnvelope:
    listing = Listing(ir.SignatureFormat.COSIGN, attestations=True)
    where = Repository("lab.test", "app")
    (stored,) = asyncio.run(
        stored_signatures(LayoutStore(lab.files), where, Digest(lab.image().digest), listing)
    )
    assert isinstance(stored, StoredEnvelope)
    return stored


def verify(
    lab: MemoryLab,
    stored: StoredEnvelope | None = None,
    method: ir.SigstoreMethod = KEYLESS,
    trust: ir.Trust | None = None,
) -> VerifiedSignature:
    root = TrustRoot.from_json(lab.trusted_root.encode(), "lab")
    chain = lab.lab.trust["trust/tsa-chain.pem"] if trust is None else None
    trust = trust or ir.Trust(timestamp_chain=chain)
    return Verifier(lambda: root).verify(stored or stored_in(lab), method, trust, Digest(lab.image().digest))


@pytest.mark.parametrize("more", ["", ", entry: dsse", ", entry: intoto", ", timestamp: true"])
def test_good_attestations(more: str) -> None:
    stored = stored_in(lab_with(more))
    assert stored.predicate_type == "https://example/type"
    found = verify(lab_with(more), stored)
    assert found.identity
    assert found.identity.subjects == (EMAIL,)
    assert found.statement
    assert found.statement.type == TYPES[0]
    assert found.statement.predicate_type == "https://example/type"
    assert found.statement.predicate == {"a": [1, "x"]}
    assert found.signed_at == 1680350405
    assert hash(found)


def test_keys() -> None:
    lab = lab_with(by="team")
    keys = {name: ir.KeySigner(key=lab.lab.trust[f"trust/keys/{name}.pub"]) for name in ("team", "other")}
    assert verify(lab, method=keys["team"]).statement
    unlogged = ir.Trust(log=ir.LogPolicy(required=False))
    with pytest.raises(VerificationError) as caught:
        verify(lab, method=keys["other"], trust=unlogged)
    assert (caught.value.code, caught.value.message) == ("signature-invalid", NO_MATCH)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(fault: Fault) -> None:
    lab = lab_with(f", fault: {fault}")
    if fault not in CODES:
        assert fault in (Fault.LONG_LIVED, Fault.NO_CHAIN)
        assert verify(lab).statement
        return
    with pytest.raises(VerificationError) as caught:
        verify(lab)
    assert caught.value.code == CODES[fault]


def test_c2_the_type_is_the_signed_one_whatever_the_annotation_says() -> None:
    lab = lab_with()
    found = verify(lab, replace(stored_in(lab), predicate_type="https://spdx.dev/Document"))
    assert found.statement
    assert found.statement.predicate_type == "https://example/type"


def _envelope(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda envelope: envelope | changes


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_envelope(payloadType="text/plain"), "payload-type"),
        (_envelope(payloadType=None), "envelope-malformed"),
        (_envelope(payloadType="\ud800"), "envelope-malformed"),
        (_envelope(payload="no base64"), "envelope-malformed"),
        (_envelope(payload=base64.b64encode(b"{}").decode()), "signature-invalid"),
        (_envelope(signatures=[]), "envelope-malformed"),
        (_envelope(signatures=[{"sig": "AA=="}] * 33), "envelope-malformed"),
        (_envelope(signatures=[{"sig": "AA=="}] * 3), "signature-invalid"),
        (_envelope(signatures=[7]), "envelope-malformed"),
        (lambda envelope: [envelope], "envelope-malformed"),
    ],
)
def test_c9_changed_envelopes(change: Callable[[dict[str, Any]], Any], code: str) -> None:
    lab = lab_with(by="team")
    stored = stored_in(lab)
    changed = replace(stored, envelope=json.dumps(change(json.loads(stored.envelope))).encode())
    key = ir.KeySigner(key=lab.lab.trust["trust/keys/team.pub"])
    unlogged = ir.Trust(log=ir.LogPolicy(required=False))
    assert verify(lab, stored, key, unlogged).statement
    with pytest.raises(VerificationError) as caught:
        verify(lab, changed, key, unlogged)
    assert caught.value.code == code


def test_one_good_signature_of_several_is_enough() -> None:
    lab = lab_with(by="team")
    stored = stored_in(lab)
    value = json.loads(stored.envelope)
    value["signatures"].insert(0, {"sig": "AA=="})
    key = ir.KeySigner(key=lab.lab.trust["trust/keys/team.pub"])
    several = replace(stored, envelope=json.dumps(value).encode())
    assert verify(lab, several, key, ir.Trust(log=ir.LogPolicy(required=False))).statement


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_refused(data: st.DataObject) -> None:
    lab = lab_with()
    stored = stored_in(lab)
    place = data.draw(st.integers(0, len(stored.envelope) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != stored.envelope[place]))
    changed = stored.envelope[:place] + bytes([byte]) + stored.envelope[place + 1 :]
    with pytest.raises(VerificationError):
        verify(lab, replace(stored, envelope=changed))


@settings(max_examples=200, deadline=1000)
@given(st.binary(max_size=100))
def test_any_bytes_are_refused(body: bytes) -> None:
    for read in (read_envelope, read_statement):
        with pytest.raises(VerificationError):
            read(body)


# --- statements ------------------------------------------------------------------------------------------

HEX = "a" * 64
GOOD: dict[str, Any] = {
    "_type": TYPES[1],
    "subject": [{"digest": {"sha256": HEX}}],
    "predicateType": "https://example/type",
    "predicate": {},
}


@pytest.mark.parametrize("kind", TYPES)
def test_statements(kind: str) -> None:
    subjects = [
        {"name": "one", "digest": {"sha1": "b", "sha512": "c"}},
        {"name": "two", "digest": {"sha256": HEX}, "annotations": {"a": "b", "n": 1}},
    ]
    statement = read_statement(json.dumps(GOOD | {"_type": kind, "subject": subjects}).encode())
    subject = subject_with(statement, {"sha256": bytes.fromhex(HEX), "sha384": b"other"})
    assert (subject.name, subject.annotations) == ("two", (("a", "b"),))
    nothing: dict[str, bytes] = {}
    for digests in ({"sha384": bytes.fromhex(HEX)}, {"sha256": b""}, {"md5": b""}, nothing):
        with pytest.raises(VerificationError, match="no matching subject digest found"):
            subject_with(statement, digests)


def test_a_subject_that_contradicts_itself_is_about_nothing_known() -> None:
    digests = {name: hashlib.new(name, b"artifact").digest() for name in ("sha256", "sha512")}
    right = {name: digest.hex() for name, digest in digests.items()}

    def subject(digest: dict[str, str]) -> Subject:
        statement = GOOD | {"subject": [{"digest": digest}]}
        return subject_with(read_statement(json.dumps(statement).encode()), digests)

    assert subject(right).digests
    assert subject({"sha512": right["sha512"].upper(), "md5": "x"}).digests
    for spoiled in ("sha256", "sha512"):
        with pytest.raises(VerificationError, match="no matching subject digest found"):
            subject(right | {spoiled: "00"})


def test_a_statement_without_predicate() -> None:
    data = {key: value for key, value in GOOD.items() if key != "predicate"}
    assert read_statement(json.dumps(data).encode()).predicate is None


def _nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v2"},
        {"_type": ["x"]},
        {"predicateType": ""},
        {"predicateType": None},
        {"subject": []},
        {"subject": None},
        {"subject": {}},
        {"subject": [None]},
        {"subject": [{"name": "x"}]},
        {"subject": [{"digest": {}}]},
        {"subject": [{"digest": {"sha256": 7}}]},
        {"subject": [{"digest": {"sha256": HEX}, "name": 7}]},
        {"subject": [{"digest": {"sha256": HEX}, "annotations": []}]},
        {"subject": [{"digest": {"sha256": HEX}}, "x"]},
        {"predicate": _nested(MAX_DEPTH + 1)},
        {"predicate": float("inf")},
        {"predicate": "\ud800"},
        {"predicate": {"\udfff": 1}},
    ],
)
def test_c9_what_is_no_statement(changes: dict[str, Any]) -> None:
    with pytest.raises(VerificationError) as caught:
        read_statement(json.dumps(GOOD | changes).encode())
    assert caught.value.code == "statement-malformed"


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(GOOD)[:-1] + ', "predicateType": "https://other"}',
        json.dumps(GOOD).replace("{}", "1e999"),
        json.dumps(GOOD).replace("{}", "NaN"),
        json.dumps(GOOD) + "{}",
    ],
)
def test_c22_a_statement_has_one_reading(body: str) -> None:
    for data in (body.encode(), json.dumps(GOOD).encode("utf-16"), json.dumps(GOOD).encode("utf-8-sig")):
        with pytest.raises(VerificationError) as caught:
            read_statement(data)
        assert caught.value.code == "statement-malformed"


@pytest.mark.parametrize(
    "subjects",
    [
        [{"digest": {"sha256": HEX}}] * 1025,
        [{"digest": {f"sha{n}": HEX for n in range(33)}}],
    ],
)
def test_c15_limits(subjects: list[Any]) -> None:
    with pytest.raises(VerificationError) as caught:
        read_statement(json.dumps(GOOD | {"subject": subjects}).encode())
    assert caught.value.code == "bundle-too-large"


def test_the_payload_type_is_the_one_that_cosign_writes() -> None:
    assert json.loads(stored_in(lab_with()).envelope)["payloadType"] == IN_TOTO
