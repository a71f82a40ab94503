"""The verifier on signatures that their owners made in production."""

from __future__ import annotations

import base64
import json
import lzma
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.certificates import load_pem_certificates
from pratique.runtime.signatures.identity import claims_missing, mismatch
from pratique.runtime.signatures.model import StoredSignature
from pratique.runtime.signatures.pem import armour
from tests.support_signatures import (
    SHARED,
    Genuine,
    Instance,
    b64,
    genuine_records,
    new_key,
    pem,
    public_good,
    public_pem,
    verify,
)

RECORDS = genuine_records("verified")
KEYLESS = [r for r in RECORDS if r.facts["kind"] == "keyless"]
KEYED = [r for r in RECORDS if r.facts["kind"] == "key"]
REJECTED = genuine_records("rejected")
ALL = genuine_records("verified", "more", root=SHARED) if SHARED.exists() else RECORDS
needs_collection = pytest.mark.skipif(not SHARED.exists(), reason="the whole collection is not mounted")

by_name = pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)
UNLOGGED = ir.Trust(log=ir.LogPolicy(required=False))


def code_of(stored: StoredSignature, digest: str, **options: Any) -> str:
    with pytest.raises(VerificationError) as caught:
        verify(stored, digest, **options)
    return caught.value.code


# --- what holds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", ALL, ids=lambda r: r.name)
def test_genuine_signatures_hold(record: Genuine) -> None:
    found = verify(record.stored, record.digest, method=record.method)
    expected = record.facts["expected"]
    assert found.image_digest == record.digest
    assert found.signed_at == expected["integratedTime"]
    assert (found.log_index, found.log_id) == (expected["logIndex"], expected["logID"])
    assert (None if found.claims is None else dict(found.claims)) == record.facts["signed_annotations"]
    if record.facts["kind"] == "key":
        assert found.identity is None
    else:
        assert found.identity is not None
        assert found.identity.subjects == (expected["subject"],)
        assert found.identity.issuer == expected["issuer"]


@pytest.mark.parametrize("record", KEYLESS, ids=lambda r: r.name)
def test_their_signer_is_who_is_recorded_and_nobody_else(record: Genuine) -> None:
    expected = record.facts["expected"]

    def wanted(subject: str, issuer: str) -> ir.IdentitySigner:
        return ir.IdentitySigner(
            subject=ir.TextTests(tests=(ir.Glob(text=subject),)),
            issuer=ir.TextTests(tests=(ir.Glob(text=issuer),)),
        )

    identity = verify(record.stored, record.digest).identity
    assert identity is not None
    assert mismatch(wanted(expected["subject"], expected["issuer"]), identity) is None
    for other in KEYLESS:
        of_other = other.facts["expected"]
        if of_other["subject"] != expected["subject"]:
            assert mismatch(wanted(of_other["subject"], of_other["issuer"]), identity)
    assert mismatch(wanted(expected["subject"], expected["issuer"] + ".evil.test"), identity)


def test_the_signer_of_kubernetes() -> None:
    record = next(r for r in KEYLESS if "cluster-api" in r.name)
    found = verify(record.stored, record.digest)
    assert found.identity is not None
    assert found.identity.subjects == ("krel-trust@k8s-releng-prod.iam.gserviceaccount.com",)
    assert found.identity.issuer == "https://accounts.google.com"
    assert (
        claims_missing((("org.kubernetes.kpromo.version", "kpromo-v4.0.3-5-ge99897c"),), found.claims) == ()
    )


def test_two_signatures_of_one_image() -> None:
    first, second = (r for r in KEYLESS if "opentelemetry" in r.name)
    assert first.digest == second.digest
    assert first.stored.layer == second.stored.layer
    assert verify(first.stored, first.digest).key != verify(second.stored, second.digest).key


@by_name
def test_the_chain_need_not_be_stored_for_the_public_good_authorities(record: Genuine) -> None:
    verify(replace(record.stored, chain=""), record.digest, method=record.method)


@pytest.mark.parametrize("year", [1971, 2020, 2031, 9999])
@by_name
def test_the_wall_clock_has_no_say_over_what_is_logged(record: Genuine, year: int) -> None:
    verify(record.stored, record.digest, method=record.method, now=datetime(year, 1, 1, tzinfo=UTC))


# --- what does not ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "code", "text"),
    [
        (
            REJECTED[0],
            "sct-missing",
            "certificate does not include required embedded SCT and no detached SCT was set",
        ),
        (
            REJECTED[1],
            "chain-untrusted",
            "cert verification failed: x509: certificate signed by unknown authority. Check your TUF root"
            " (see cosign initialize) or set a custom root with env var SIGSTORE_ROOT_FILE",
        ),
        (REJECTED[2], "bundle-malformed", "unmarshaling bundle: illegal base64 data at input byte 91"),
    ],
    ids=lambda v: v.name if isinstance(v, Genuine) else "",
)
def test_genuine_signatures_that_must_not_hold(record: Genuine, code: str, text: str) -> None:
    with pytest.raises(VerificationError) as caught:
        verify(record.stored, record.digest, method=record.method)
    assert (caught.value.code, caught.value.message) == (code, text)


def test_each_of_them_fails_for_that_reason_alone() -> None:
    without_sct = ir.Trust(sct=ir.SctPolicy(required=False))
    verify(REJECTED[0].stored, REJECTED[0].digest, trust=without_sct)
    assert code_of(REJECTED[1].stored, REJECTED[1].digest, trust=without_sct) == "chain-untrusted"
    # The third is a damaged copy of a signature that holds.
    whole = next(r for r in KEYLESS if r.digest == REJECTED[2].digest)
    verify(replace(REJECTED[2].stored, bundle=whole.stored.bundle), whole.digest)


@by_name
def test_another_image(record: Genuine) -> None:
    other = next(r for r in RECORDS if r.digest != record.digest)
    with pytest.raises(VerificationError) as caught:
        verify(record.stored, other.digest, method=record.method)
    assert caught.value.code == "digest-mismatch"
    assert caught.value.message == f"invalid or missing digest in claim: {record.digest}"


@pytest.mark.parametrize("record", KEYED, ids=lambda r: r.name)
def test_a_key_is_not_a_certificate(record: Genuine) -> None:
    assert code_of(record.stored, record.digest) == "certificate-missing"


@pytest.mark.parametrize("record", KEYLESS, ids=lambda r: r.name)
def test_a_certificate_is_not_any_key(record: Genuine) -> None:
    stranger = ir.KeySigner(key=public_pem(new_key()))
    assert code_of(record.stored, record.digest, method=stranger) == "key-mismatch"
    assert code_of(record.stored, record.digest, method=stranger, trust=UNLOGGED) == "signature-invalid"


@by_name
def test_without_its_log_entry(record: Genuine) -> None:
    assert code_of(replace(record.stored, bundle=""), record.digest, method=record.method) == "not-logged"


@pytest.mark.parametrize("record", KEYLESS, ids=lambda r: r.name)
def test_without_log_a_short_lived_certificate_is_long_over(record: Genuine) -> None:
    with pytest.raises(VerificationError) as caught:
        verify(record.stored, record.digest, trust=UNLOGGED)
    assert caught.value.code == "certificate-expired"
    assert caught.value.message == "expected a signed timestamp to verify an expired certificate"
    (leaf,) = load_pem_certificates(record.stored.certificate)
    verify(record.stored, record.digest, trust=UNLOGGED, now=leaf.not_valid_before_utc)
    verify(record.stored, record.digest, trust=UNLOGGED, now=leaf.not_valid_after_utc)


# --- log entries of something else (C1, C8) --------------------------------------------------------------

PUBLIC = public_good()
REKOR_PEM = public_pem(PUBLIC.logs.keys[0].key.public)


@pytest.mark.parametrize("keys", [None, REKOR_PEM], ids=["trust root", "policy"])
@pytest.mark.parametrize("other", RECORDS, ids=lambda r: r.name)
@by_name
def test_c1_a_log_entry_of_another_signature(record: Genuine, other: Genuine, keys: str | None) -> None:
    trust = ir.Trust(log=ir.LogPolicy(public_keys=keys))
    stored = replace(record.stored, bundle=other.stored.bundle)
    if other is record:
        verify(stored, record.digest, method=record.method, trust=trust)
    else:
        assert code_of(stored, record.digest, method=record.method, trust=trust) == "log-entry-mismatch"


@pytest.mark.parametrize("record", KEYLESS, ids=lambda r: r.name)
def test_c8_the_parts_of_two_signatures_by_one_signer_do_not_mix(record: Genuine) -> None:
    for other in KEYLESS:
        if other is record:
            continue
        for part in ("payload", "signature", "certificate", "bundle"):
            mixed = replace(record.stored, **{part: getattr(other.stored, part)})
            if mixed == record.stored:
                continue  # two signatures of one image share the payload
            with pytest.raises(VerificationError):
                verify(mixed, record.digest)


def test_a_log_that_the_policy_does_not_name() -> None:
    record = KEYLESS[0]
    trust = ir.Trust(log=ir.LogPolicy(public_keys=public_pem(new_key())))
    assert code_of(record.stored, record.digest, trust=trust) == "log-key-unknown"
    trust = ir.Trust(sct=ir.SctPolicy(public_keys=public_pem(new_key())))
    assert code_of(record.stored, record.digest, trust=trust) == "sct-key-unknown"
    trust = ir.Trust(roots=pem(Instance().root.certificate))
    assert code_of(record.stored, record.digest, trust=trust) == "chain-untrusted"


# --- one changed byte ------------------------------------------------------------------------------------


def changed_stored(record: Genuine, part: str, place: int, mask: int) -> StoredSignature:
    """Flip bits in one byte of one part, and write the part back in its own encoding."""

    def flip(data: bytes) -> bytes:
        at = place % len(data)
        return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]

    stored, bundle = record.stored, record.bundle
    logged = bundle["Payload"]
    match part:
        case "payload":
            return replace(stored, payload=flip(stored.payload))
        case "signature":
            assert stored.signature is not None
            return replace(stored, signature=b64(flip(base64.b64decode(stored.signature))))
        case "certificate":
            (certificate,) = load_pem_certificates(stored.certificate)
            return replace(
                stored, certificate=armour("CERTIFICATE", flip(certificate.public_bytes(Encoding.DER)))
            )
        case "promise":
            bundle["SignedEntryTimestamp"] = b64(flip(base64.b64decode(bundle["SignedEntryTimestamp"])))
        case "body":
            logged["body"] = b64(flip(base64.b64decode(logged["body"])))
        case "integratedTime":
            logged["integratedTime"] += mask
        case "logIndex":
            logged["logIndex"] ^= mask
        case "logID":
            logged["logID"] = flip(bytes.fromhex(logged["logID"])).hex()
        case _:
            raise AssertionError(part)
    return replace(stored, bundle=json.dumps(bundle))


PARTS = ["payload", "signature", "certificate", "promise", "body", "integratedTime", "logIndex", "logID"]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(RECORDS),
    st.sampled_from(PARTS),
    st.integers(0, 1 << 16),
    st.integers(1, 255),
    st.booleans(),
)
def test_one_changed_byte_anywhere_is_refused(
    record: Genuine, part: str, place: int, mask: int, escape: bool
) -> None:
    if part == "certificate" and not record.stored.certificate:
        part = "body"
    stored = changed_stored(record, part, place, mask)
    with pytest.raises(VerificationError):
        verify(stored, record.digest, method=record.method)
    # The log is not the only guard of what the signature itself covers.
    if part in ("payload", "signature", "certificate"):
        at = datetime.fromtimestamp(record.facts["expected"]["integratedTime"], UTC)
        with pytest.raises(VerificationError):
            verify(stored, record.digest, method=record.method, trust=UNLOGGED, now=at)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RECORDS), st.integers(0, 70), st.sampled_from("0123456789abcdefxg:S "))
def test_one_changed_character_of_the_digest_is_refused(record: Genuine, place: int, letter: str) -> None:
    digest = record.digest[:place] + letter + record.digest[place + 1 :]
    if digest != record.digest:
        assert code_of(record.stored, digest, method=record.method) == "digest-mismatch"


@pytest.mark.parametrize("record", KEYLESS[:2], ids=lambda r: r.name)
def test_c22_the_signed_bytes_are_taken_as_they_are(record: Genuine) -> None:
    # C22: nothing is normalised before its signature is checked.
    same = json.loads(record.stored.payload)
    for text in (
        json.dumps(same),
        json.dumps(same, sort_keys=True, separators=(",", ":")) + "\n",
        record.stored.payload.decode().replace("null", "{}"),
        "\ufeff" + record.stored.payload.decode(),
    ):
        data = text.encode()
        if data == record.stored.payload:
            continue
        stored = replace(record.stored, payload=data)
        assert code_of(stored, record.digest) == "log-entry-mismatch"
        (leaf,) = load_pem_certificates(record.stored.certificate)
        now = leaf.not_valid_before_utc
        assert code_of(stored, record.digest, trust=UNLOGGED, now=now) == "signature-invalid"


# --- many ------------------------------------------------------------------------------------------------


@needs_collection
def test_the_whole_collection() -> None:
    """1,468 keyless signatures and one by key hold; two are doubles of rejected records and must not."""
    codes: dict[str, int] = {}
    with lzma.open(SHARED / "bulk.jsonl.xz", "rt") as lines:
        for line in lines:
            facts = json.loads(line)
            stored = StoredSignature(
                payload=base64.b64decode(facts["payload"]),
                layer=Digest(""),
                signature=facts["signature"],
                certificate=facts["certificate"],
                bundle=json.dumps(facts["bundle"]),
            )
            method: ir.SigstoreMethod = ir.AnyIdentity()
            if "PUBLIC KEY" in stored.certificate:
                method, stored = ir.KeySigner(key=stored.certificate), replace(stored, certificate="")
            try:
                found = verify(stored, facts["digest"], method=method)
                code = "keyless" if found.identity else "key"
                if found.identity:
                    assert list(found.identity.subjects) == facts["subject"]
                    assert found.identity.issuer == (facts["issuer"] or "")
            except VerificationError as error:
                code = error.code
            codes[code] = codes.get(code, 0) + 1
    assert codes == {"keyless": 1468, "key": 1, "sct-missing": 1, "chain-untrusted": 1}
