"""The verifier on signatures made for the purpose: every setting of trust, every order, every fault.

What production material can show is in `test_legacy_genuine.py`.
"""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from pratique.compiler import ir
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.signatures.anchors import anchors
from pratique.runtime.signatures.legacy import verify_signature
from pratique.runtime.signatures.model import StoredSignature
from pratique.runtime.signatures.trust_root import TrustRoot
from tests.support_signatures import (
    DIGEST,
    T0,
    Instance,
    Leaf,
    TimestampSigner,
    b64,
    make_ca,
    name,
    new_key,
    payload,
    pem,
    private_pem,
    public_pem,
    sign,
    verify,
)

ACME = Instance()
TRUST = ACME.trust()
GOOD = ACME.signature()
NO_LOG = ir.LogPolicy(required=False)
NO_SCT = ir.SctPolicy(required=False)
MINUTE = timedelta(minutes=1)
YEAR = timedelta(days=365)
LOGGED_AT = T0 + timedelta(seconds=5)
STAMP = TimestampSigner()


def refusal(stored: StoredSignature, digest: str = DIGEST, **options: Any) -> tuple[str, str]:
    options.setdefault("trust", TRUST)
    with pytest.raises(VerificationError) as caught:
        verify(stored, digest, **options)
    return caught.value.code, caught.value.message


def code_of(stored: StoredSignature, **options: Any) -> str:
    return refusal(stored, **options)[0]


def stamped(stored: StoredSignature, stamp: TimestampSigner = STAMP, **options: Any) -> StoredSignature:
    assert stored.signature is not None
    token = stamp.token(base64.b64decode(stored.signature), **options)
    return replace(stored, timestamp=json.dumps({"SignedRFC3161Timestamp": b64(token)}))


# --- what is found out -----------------------------------------------------------------------------------


def test_what_a_keyless_signature_proves() -> None:
    leaf = ACME.leaf()
    blob = payload(optional={"env": "prod", "n": 1})
    found = verify(ACME.signature(leaf, blob=blob), DIGEST, trust=TRUST)
    assert found.identity is not None
    assert found.identity.subjects == ("dev@acme.test",)
    assert found.identity.issuer == "https://issuer.test"
    assert found.claims == (("env", "prod"),)
    assert found.signed_at == int(LOGGED_AT.timestamp())
    assert (found.log_index, found.log_id) == (7, ACME.log_id)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(
        leaf.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    assert found.key == digest.finalize().hex()


def test_the_same_under_a_trust_root() -> None:
    root = TrustRoot.from_json(ACME.trusted_root(), "acme")
    assert verify(GOOD, DIGEST, trust=ir.Trust(), root=root) == verify(GOOD, DIGEST, trust=TRUST)
    stranger = TrustRoot.from_json(Instance("stranger").trusted_root(), "stranger")
    assert code_of(GOOD, trust=ir.Trust(), root=stranger) == "log-key-unknown"


def test_no_trust_root_where_one_is_needed() -> None:
    trust = ir.Trust()
    with pytest.raises(TransportError) as caught:
        verify_signature(
            GOOD, ir.AnyIdentity(), trust, anchors(trust, None), DIGEST, lambda: datetime.now(UTC)
        )
    assert caught.value.code == "trust-unavailable"


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["P-384", "RSA", "Ed25519"],
)
def test_leaves_with_other_keys(key: Any) -> None:
    assert verify(ACME.signature(ACME.leaf(key=key)), DIGEST, trust=TRUST).identity


@pytest.mark.parametrize("kind", ["hashedrekord", "rekord"])
def test_both_kinds_of_log_entries(kind: str) -> None:
    assert GOOD.signature is not None
    bundle = ACME.bundle(GOOD.payload, GOOD.signature, GOOD.certificate, kind=kind)
    assert verify(replace(GOOD, bundle=bundle), DIGEST, trust=TRUST).log_index == 7


# --- annotations that cannot be read ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        (
            {"signature": None},
            "signature-missing",
            f'signature layer {GOOD.layer} is missing "dev.cosignproject.cosign/signature" annotation',
        ),
        ({"bundle": "no json"}, "bundle-malformed", "unmarshaling bundle: malformed JSON"),
        ({"timestamp": "x"}, "timestamp-malformed", "unmarshaling RFC3161 timestamp bundle: malformed JSON"),
        ({"certificate": "no certificate"}, "not-a-certificate", "error during PEM decoding"),
        ({"chain": "no chain"}, "chain-malformed", "error during PEM decoding"),
        (
            {"chain": ACME.chain * 6},
            "chain-malformed",
            "certificate chain too long (12), maximum allowed is 11",
        ),
        ({"signature": "####"}, "log-entry-mismatch", "error verifying bundle: signature in bundle does not"),
    ],
)
def test_annotations_that_cannot_be_read(changes: dict[str, Any], code: str, text: str) -> None:
    got = refusal(replace(GOOD, **changes))
    assert (got[0], got[1][: len(text)]) == (code, text)


def test_what_is_not_looked_at_may_not_be_malformed_either() -> None:
    # cosign reads all annotations before it looks at any.
    stored = replace(GOOD, bundle="no json")
    assert code_of(stored, trust=ACME.unlogged(), now=T0) == "bundle-malformed"
    assert code_of(replace(GOOD, timestamp="x")) == "timestamp-malformed"


def test_a_chain_without_a_certificate_is_not_looked_at() -> None:
    key = new_key()
    stored = replace(ACME.key_signature(key), chain="no chain")
    assert verify(stored, DIGEST, method=ir.KeySigner(key=public_pem(key)), trust=TRUST).log_index == 7


@pytest.mark.parametrize("signature", ["", "####", "QUJD"])
def test_signatures_that_are_none(signature: str) -> None:
    stored = replace(GOOD, signature=signature)
    assert code_of(stored, trust=ACME.unlogged(), now=T0) == "signature-invalid"
    bundle = ACME.bundle(GOOD.payload, signature, GOOD.certificate)
    assert code_of(replace(stored, bundle=bundle)) == "signature-invalid"


# --- the log ---------------------------------------------------------------------------------------------


def test_an_entry_that_is_not_there() -> None:
    code, text = refusal(ACME.signature(logged=False))
    assert code == "not-logged"
    assert text.startswith("signature not found in transparency log")


@pytest.mark.parametrize(
    ("by", "code", "text"),
    [
        (
            Instance("stranger"),
            "log-key-unknown",
            "verifying bundle: rekor log public key not found for payload",
        ),
        (Instance(log_key=ACME.log_key), "", ""),
    ],
)
def test_whose_log(by: Instance, code: str, text: str) -> None:
    assert GOOD.signature is not None
    stored = replace(GOOD, bundle=by.bundle(GOOD.payload, GOOD.signature, GOOD.certificate))
    if code:
        assert refusal(stored) == (code, f"error verifying bundle: {text}")
        named = ir.Trust(roots=TRUST.roots, log=by.trust().log, sct=TRUST.sct)
        assert verify(stored, DIGEST, trust=named).log_id == by.log_id
    else:
        assert verify(stored, DIGEST, trust=TRUST).log_id == ACME.log_id


def test_a_log_that_is_not_asked_for_is_not_believed() -> None:
    forged = json.loads(GOOD.bundle)
    forged["Payload"]["integratedTime"] = int(T0.timestamp())
    stored = replace(GOOD, bundle=json.dumps(forged))
    found = verify(stored, DIGEST, trust=ACME.unlogged(), now=T0)
    assert (found.signed_at, found.log_index, found.log_id) == (None, None, "")
    late = {"trust": ACME.unlogged(), "now": T0 + YEAR}
    assert code_of(stored, **late) == code_of(GOOD, **late) == "certificate-expired"


LATE = T0 + timedelta(hours=1)
EARLY = T0 - timedelta(hours=1)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (T0, ""),
        (T0 + 10 * MINUTE, ""),
        (
            LATE,
            "certificate expired before observed time: 2024-03-01T12:10:00Z is before 2024-03-01T13:00:00Z",
        ),
        (
            EARLY,
            "certificate was issued after observed time: 2024-03-01T12:00:00Z is after 2024-03-01T11:00:00Z",
        ),
    ],
)
def test_the_certificate_at_the_time_of_the_entry(at: datetime, text: str) -> None:
    stored = ACME.signature(logged_at=at)
    if text:
        text = f"checking expiry on certificate with bundle: {text}"
        assert refusal(stored) == ("certificate-expired", text)
    else:
        assert verify(stored, DIGEST, trust=TRUST).signed_at == int(at.timestamp())


@pytest.mark.parametrize("moved", [-2 * YEAR, -10 * MINUTE, 10 * MINUTE, 2 * YEAR, 900 * YEAR])
def test_the_wall_clock_has_no_say_over_what_is_logged(moved: timedelta) -> None:
    assert verify(GOOD, DIGEST, trust=TRUST, now=T0 + moved) == verify(GOOD, DIGEST, trust=TRUST)


def test_long_lived_certificates() -> None:
    leaf = ACME.leaf(life=20 * YEAR)
    assert verify(ACME.signature(leaf), DIGEST, trust=TRUST).signed_at
    unlogged = ACME.signature(leaf, logged=False)
    assert verify(unlogged, DIGEST, trust=ACME.unlogged(), now=T0 + YEAR).signed_at is None
    assert code_of(unlogged, trust=ACME.unlogged(), now=T0 + 21 * YEAR) == "certificate-expired"
    assert code_of(unlogged, trust=ACME.unlogged(), now=T0 - MINUTE) == "certificate-expired"


# --- certificates of authorities, windows (C10, C17) -----------------------------------------------------


@pytest.mark.parametrize("logged", [True, False])
def test_c10_an_intermediate_that_was_over_when_it_was_used(logged: bool) -> None:
    # Valid when the leaf began, over when the signature was made.
    worn = Instance("worn", intermediate_end=T0 + MINUTE)
    leaf = worn.leaf(life=YEAR)
    at = T0 + 2 * MINUTE
    stored = worn.signature(leaf, logged_at=at, logged=logged)
    trust = worn.trust() if logged else worn.unlogged()
    code, text = refusal(stored, trust=trust, now=at)
    assert code == "certificate-expired"
    if logged:
        assert text.startswith("checking expiry on certificate with bundle: issuing CA certificate expired")
    in_time = worn.signature(leaf, logged_at=T0, logged=logged)
    assert verify(in_time, DIGEST, trust=trust, now=T0).identity


@pytest.mark.parametrize("logged", [True, False])
def test_an_intermediate_that_was_over_before_the_leaf_began(logged: bool) -> None:
    over = Instance("over", intermediate_end=T0 - MINUTE)
    stored = over.signature(logged=logged)
    trust = over.trust() if logged else over.unlogged()
    code, text = refusal(stored, trust=trust, now=T0)
    assert code == "certificate-expired"
    assert "certificate has expired or is not yet valid" in text


BEFORE = {"start": "2020-01-01T00:00:00Z", "end": "2024-03-01T11:59:59Z"}
AFTER = {"start": "2024-03-01T12:00:06Z"}
DURING = {"start": "2024-03-01T12:00:00Z", "end": "2024-03-01T12:00:05Z"}


@pytest.mark.parametrize(
    ("part", "code"), [("ca", "certificate-expired"), ("log", "log-key-expired"), ("ct", "sct-key-expired")]
)
@pytest.mark.parametrize("period", [BEFORE, AFTER, DURING], ids=["before", "after", "during"])
def test_c17_keys_count_while_they_are_in_use(part: str, code: str, period: dict[str, str]) -> None:
    root = TrustRoot.from_json(ACME.trusted_root(**{part: period}), "acme")
    if period is DURING:
        assert verify(GOOD, DIGEST, trust=ir.Trust(), root=root).identity
    else:
        assert code_of(GOOD, trust=ir.Trust(), root=root) == code


def test_an_authority_that_ended_between_issue_and_use() -> None:
    period = {"start": "2020-01-01T00:00:00Z", "end": "2024-03-01T12:00:02Z"}
    root = TrustRoot.from_json(ACME.trusted_root(ca=period), "acme")
    code, text = refusal(GOOD, trust=ir.Trust(), root=root)
    assert code == "certificate-expired"
    assert "issuing CA certificate expired before observed time: 2024-03-01T12:00:02Z" in text


def test_c22_who_issues_is_read_from_the_trusted_authorities_only() -> None:
    # C22: a whole chain of one's own next to the signature changes nothing.
    stranger = Instance("stranger")
    leaf = stranger.leaf()
    stored = replace(ACME.signature(leaf), chain=stranger.chain)
    assert code_of(stored) == "chain-untrusted"
    same_names = Instance()
    assert code_of(replace(ACME.signature(same_names.leaf()), chain=same_names.chain)) == "chain-untrusted"


@pytest.mark.parametrize(
    ("roots", "chain", "holds"),
    [
        ("root", "whole", True),
        ("root", "", False),
        ("root", "intermediate", False),  # cosign leaves out the last of the chain, taking it for the root
        ("root", "reversed", False),
        ("root and intermediate", "", True),
        ("intermediate", "", True),
        ("intermediate", "whole", True),
        ("stranger and root", "whole", True),
        ("stranger", "whole", False),
    ],
)
def test_roots_of_a_policy_and_chains_of_a_signature(roots: str, chain: str, holds: bool) -> None:
    root, intermediate = ACME.root.certificate, ACME.intermediate.certificate
    texts = {
        "root": pem(root),
        "intermediate": pem(intermediate),
        "root and intermediate": pem(root, intermediate),
        "stranger": pem(Instance("stranger").root.certificate),
        "stranger and root": pem(Instance("stranger").root.certificate, root),
        "whole": pem(intermediate, root),
        "reversed": pem(root, intermediate),
        "": "",
    }
    stored = replace(GOOD, chain=texts[chain])
    trust = ACME.trust(roots=texts[roots])
    if holds:
        assert verify(stored, DIGEST, trust=trust).identity
    else:
        assert code_of(stored, trust=trust) == "chain-untrusted"


def test_known_intermediates_of_a_trust_root() -> None:
    root = TrustRoot.from_json(ACME.trusted_root(), "acme")
    assert verify(replace(GOOD, chain=""), DIGEST, trust=ir.Trust(), root=root).identity


# --- certificate transparency ----------------------------------------------------------------------------


def test_certificate_transparency() -> None:
    ignoring = ACME.trust(sct=NO_SCT)
    bare = ACME.signature(ACME.leaf(sct=False))
    assert code_of(bare) == "sct-missing"
    assert verify(bare, DIGEST, trust=ignoring).identity
    foreign = ACME.signature(ACME.leaf(sct_key=new_key()))
    assert code_of(foreign) == "sct-key-unknown"
    assert verify(foreign, DIGEST, trust=ignoring).identity
    named = ACME.trust(sct=ir.SctPolicy(public_keys=public_pem(new_key())))
    assert code_of(GOOD, trust=named) == "sct-key-unknown"


# --- timestamps ------------------------------------------------------------------------------------------

STAMPED = ACME.trust(timestamp_chain=STAMP.chain)
STAMP_ONLY = ACME.unlogged(timestamp_chain=STAMP.chain)


def test_a_timestamp_in_place_of_the_log() -> None:
    stored = stamped(ACME.signature(logged=False))
    found = verify(stored, DIGEST, trust=STAMP_ONLY)
    assert found.signed_at == int((T0 + timedelta(seconds=3)).timestamp())
    assert found.log_index is None


@pytest.mark.parametrize("at", [T0 - MINUTE, T0 + 11 * MINUTE])
def test_the_certificate_at_the_time_of_the_timestamp(at: datetime) -> None:
    stored = stamped(ACME.signature(logged=False), at=at)
    code, text = refusal(stored, trust=STAMP_ONLY, now=T0)
    assert code == "certificate-expired"
    assert text.startswith("checking expiry on certificate with timestamp: certificate ")


def test_both_times_must_fit() -> None:
    assert verify(stamped(GOOD), DIGEST, trust=STAMPED).signed_at == int(LOGGED_AT.timestamp())
    late_stamp = stamped(GOOD, at=LATE)
    assert refusal(late_stamp, trust=STAMPED)[1].startswith("checking expiry on certificate with timestamp")
    late_log = stamped(ACME.signature(logged_at=LATE))
    assert refusal(late_log, trust=STAMPED)[1].startswith("checking expiry on certificate with bundle")


def test_a_timestamp_is_not_looked_at_unless_the_policy_names_an_authority() -> None:
    stranger = TimestampSigner()
    assert verify(stamped(GOOD, stranger), DIGEST, trust=TRUST).identity
    unlogged = stamped(ACME.signature(logged=False))
    assert code_of(unlogged, trust=ACME.unlogged(), now=T0 + YEAR) == "certificate-expired"


def test_a_timestamp_need_not_be_there() -> None:
    assert verify(GOOD, DIGEST, trust=STAMPED).identity
    unlogged = ACME.signature(logged=False)
    assert verify(unlogged, DIGEST, trust=STAMP_ONLY, now=T0 + MINUTE).signed_at is None
    assert code_of(unlogged, trust=STAMP_ONLY, now=T0 + YEAR) == "certificate-expired"


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (stamped(GOOD, TimestampSigner()), "error while verifying signature"),
        (replace(GOOD, timestamp=stamped(ACME.signature()).timestamp), "hashed messages don't match"),
    ],
)
def test_a_timestamp_that_does_not_hold_fails_the_signature(stored: StoredSignature, text: str) -> None:
    code, got = refusal(stored, trust=STAMPED)
    assert code == "timestamp-invalid"
    assert got.startswith("unable to verify RFC3161 timestamp bundle: ")
    assert text in got or "certificate" in got


def test_a_chain_without_a_root_proves_no_time() -> None:
    trust = ACME.trust(timestamp_chain=pem(STAMP.signer.certificate))
    assert verify(GOOD, DIGEST, trust=trust).identity
    expected = (
        "timestamp-invalid",
        "unable to verify RFC3161 timestamp bundle: no TSA root certificate(s) provided to verify timestamp",
    )
    assert refusal(stamped(GOOD), trust=trust) == expected


# --- what stands in the place of the certificate (C11) ---------------------------------------------------

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICVqhQMVsDOWDHqwsFgqmHIHJsyIkcaDSGSJgWVPpgTh dev@acme"
INTRUDER = new_key()


def own_certificate(key: Any) -> str:
    return pem(make_ca("intruder", key=key).certificate)


@pytest.mark.parametrize("trust", [TRUST, ACME.unlogged()], ids=["logged", "unlogged"])
@pytest.mark.parametrize(
    ("certificate", "code"),
    [
        (public_pem(INTRUDER), "not-a-certificate"),
        (SSH_KEY, "not-a-certificate"),
        (private_pem(INTRUDER), "not-a-certificate"),
        (GOOD.certificate + GOOD.certificate, "not-a-certificate"),
        (GOOD.certificate + public_pem(INTRUDER), "not-a-certificate"),
        ("\n", "not-a-certificate"),
        (own_certificate(INTRUDER), "not-a-certificate"),
        ("", "certificate-missing"),
    ],
    ids=[
        "public key",
        "SSH key",
        "private key",
        "two",
        "certificate and key",
        "nothing",
        "authority",
        "absent",
    ],
)
@pytest.mark.parametrize("given", [False, True], ids=["keyless", "key given"])
def test_c11_only_one_leaf_certificate_stands_next_to_a_signature(
    certificate: str, code: str, trust: ir.Trust, given: bool
) -> None:
    # Signed by the intruder, and logged as such.
    blob = payload()
    signature = b64(sign(INTRUDER, blob))
    entry = ACME.bundle(blob, signature, certificate or public_pem(INTRUDER))
    stored = replace(GOOD, payload=blob, signature=signature, certificate=certificate, bundle=entry)
    if not given:
        assert code_of(stored, trust=trust, now=T0) == code
        return
    # A key given by the policy is never replaced by what lies next to the signature.
    method = ir.KeySigner(key=public_pem(new_key()))
    assert code_of(stored, method=method, trust=trust, now=T0) in (
        "not-a-certificate",
        "key-mismatch",
        "log-entry-mismatch",
        "signature-invalid",
    )


@pytest.mark.parametrize(
    "holder", [public_pem(INTRUDER), own_certificate(INTRUDER), SSH_KEY, GOOD.certificate * 2]
)
def test_c8_the_log_entry_names_the_very_certificate(holder: str) -> None:
    assert GOOD.signature is not None
    stored = replace(GOOD, bundle=ACME.bundle(GOOD.payload, GOOD.signature, holder))
    assert code_of(stored) in ("log-entry-mismatch", "not-a-certificate")


def test_c8_a_log_entry_with_the_key_of_the_certificate_is_not_enough() -> None:
    leaf = ACME.leaf()
    stored = ACME.signature(leaf)
    assert stored.signature is not None
    bundle = ACME.bundle(stored.payload, stored.signature, public_pem(leaf.key))
    code, text = refusal(replace(stored, bundle=bundle))
    assert code == "log-entry-mismatch"
    assert text.startswith(
        "error verifying bundle: comparing public key PEMs, expected -----BEGIN CERTIFICATE"
    )


def test_c11_an_authority_does_not_sign_images() -> None:
    by = ACME.intermediate
    leaf = Leaf(certificate=by.certificate, key=by.key)
    code, text = refusal(ACME.signature(leaf))
    assert code == "not-a-certificate"
    assert "a leaf is expected" in text
    assert code_of(ACME.signature(ACME.leaf(ca=True))) == "not-a-certificate"


def test_a_certificate_for_something_else() -> None:
    leaf = ACME.leaf(purposes=[ExtendedKeyUsageOID.SERVER_AUTH])
    code, text = refusal(ACME.signature(leaf))
    assert code == "certificate-usage"
    assert "x509: certificate specifies an incompatible key usage. Check your TUF root" in text


def test_a_certificate_with_an_unusable_key() -> None:
    leaf = ACME.leaf(key=rsa.generate_private_key(65537, 1024))
    code, text = refusal(ACME.signature(leaf))
    assert code == "not-a-certificate"
    assert text.startswith("invalid certificate found on signature: RSA key of 1024 bits")


# --- the payload -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("blob", "code", "text"),
    [
        (payload("sha256:" + "0" * 64), "digest-mismatch", "invalid or missing digest in claim: sha256:000"),
        (payload(""), "digest-mismatch", "invalid or missing digest in claim: "),
        (b"{}", "digest-mismatch", "invalid or missing digest in claim: "),
        (payload(DIGEST.upper()), "digest-mismatch", "invalid or missing digest in claim: SHA256:"),
        (b"no json", "payload-malformed", "payload is no simple signing document: malformed JSON"),
        (b"", "payload-malformed", "payload is no simple signing document: "),
        (
            payload()[:-1] + b',"critical":{"image":{"docker-manifest-digest":"' + DIGEST.encode() + b'"}}}',
            "payload-malformed",
            "payload is no simple signing document: a key occurs twice in one object",
        ),
    ],
)
def test_payloads_that_are_well_signed(blob: bytes, code: str, text: str) -> None:
    for stored, trust in (
        (ACME.signature(blob=blob), TRUST),
        (ACME.signature(blob=blob, logged=False), ACME.unlogged()),
    ):
        got = refusal(stored, trust=trust, now=T0)
        assert (got[0], got[1][: len(text)]) == (code, text)


def test_a_payload_is_not_read_before_its_signature_is_verified() -> None:
    stored = replace(GOOD, payload=b"no json", bundle="")
    assert code_of(stored, trust=ACME.unlogged(), now=T0) == "signature-invalid"


# --- the order of checks ---------------------------------------------------------------------------------


def test_the_first_check_that_does_not_hold_is_named() -> None:
    """Everything is wrong at first, and is put right from check to check in cosign's order."""
    stranger = Instance("stranger")
    key = new_key()
    bad_leaf = stranger.leaf(key=key, sct=False)
    good_leaf = ACME.leaf(key=key, sct=False)
    blob = payload("sha256:" + "0" * 64)
    forged = b64(sign(new_key(), blob))
    stored = StoredSignature(
        payload=blob,
        layer=GOOD.layer,
        signature=forged,
        certificate=pem(bad_leaf.certificate),
        chain=ACME.chain,
        bundle="no json",
        timestamp=stamped(GOOD, TimestampSigner()).timestamp,
    )
    trust = STAMPED
    steps = []

    def step(**changes: Any) -> None:
        nonlocal stored
        stored = replace(stored, **changes)
        steps.append(code_of(stored, trust=trust))

    step()
    step(bundle=GOOD.bundle)
    step(timestamp="")
    step(bundle=stranger.bundle(blob, forged, stored.certificate, at=LATE))
    step(bundle=ACME.bundle(blob, forged, stored.certificate, at=LATE))
    stored = replace(stored, certificate=pem(good_leaf.certificate))
    step(bundle=ACME.bundle(blob, forged, stored.certificate, at=LATE))
    stored = replace(stored, certificate=pem(ACME.leaf(key=key).certificate))
    step(bundle=ACME.bundle(blob, forged, stored.certificate, at=LATE))
    signature = b64(sign(key, blob))
    step(signature=signature, bundle=ACME.bundle(blob, signature, stored.certificate, at=LATE))
    blob = payload()
    signature = b64(sign(key, blob))
    bundle = ACME.bundle(blob, signature, stored.certificate, at=LATE)
    step(payload=blob, signature=signature, bundle=bundle)
    assert steps == [
        "bundle-malformed",
        "timestamp-invalid",
        "log-entry-mismatch",
        "log-key-unknown",
        "chain-untrusted",
        "sct-missing",
        "signature-invalid",
        "digest-mismatch",
        "certificate-expired",
    ]
    bundle = ACME.bundle(blob, signature, stored.certificate)
    assert verify(replace(stored, bundle=bundle), DIGEST, trust=trust).identity


# --- keys ------------------------------------------------------------------------------------------------

KEY = new_key()
KEY_SIGNER = ir.KeySigner(key=public_pem(KEY))
KEY_TRUST = ir.Trust(log=TRUST.log, sct=NO_SCT)
KEY_UNLOGGED = ir.Trust(log=NO_LOG, sct=NO_SCT)


def test_a_signature_by_key() -> None:
    found = verify(ACME.key_signature(KEY), DIGEST, method=KEY_SIGNER, trust=KEY_TRUST)
    assert found.identity is None
    assert found.log_index == 7
    unlogged = ACME.key_signature(KEY, logged=False)
    found = verify(unlogged, DIGEST, method=KEY_SIGNER, trust=KEY_UNLOGGED)
    assert (found.signed_at, found.log_index) == (None, None)


@pytest.mark.parametrize(
    ("key", "algorithm", "digest"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "sha384", hashes.SHA384()),
        (ec.generate_private_key(ec.SECP521R1()), "sha512", hashes.SHA512()),
        (new_key(), "sha224", hashes.SHA224()),
        (rsa.generate_private_key(65537, 3072), "sha256", hashes.SHA256()),
        (ed25519.Ed25519PrivateKey.generate(), "sha256", None),
    ],
)
def test_keys_of_every_kind(key: Any, algorithm: str, digest: Any) -> None:
    stored = ACME.key_signature(key, algorithm=digest, logged=False)
    method = ir.KeySigner(key=public_pem(key), hash_algorithm=algorithm)
    assert verify(stored, DIGEST, method=method, trust=KEY_UNLOGGED).key
    if digest is not None:
        other = ir.KeySigner(
            key=public_pem(key), hash_algorithm="sha384" if algorithm != "sha384" else "sha512"
        )
        assert code_of(stored, method=other, trust=KEY_UNLOGGED) == "signature-invalid"


def test_other_keys() -> None:
    stored = ACME.key_signature(new_key())
    code, text = refusal(stored, method=KEY_SIGNER, trust=KEY_UNLOGGED)
    assert (code, text) == ("signature-invalid", "invalid signature when validating ASN.1 encoded signature")
    assert code_of(stored, method=KEY_SIGNER, trust=KEY_TRUST) == "log-entry-mismatch"
    assert code_of(ACME.key_signature(KEY, logged=False), method=KEY_SIGNER, trust=KEY_TRUST) == "not-logged"


@pytest.mark.parametrize("logged", [True, False])
def test_a_certificate_next_to_a_signature_by_key(logged: bool) -> None:
    """cosign takes it for the holder of the key: it must be of that key, and valid."""
    trust = KEY_TRUST if logged else KEY_UNLOGGED
    leaf = ACME.leaf(key=KEY)
    stored = ACME.signature(leaf, logged=logged)
    found = verify(stored, DIGEST, method=KEY_SIGNER, trust=trust, now=T0)
    assert found.identity is None  # nobody vouches for the certificate here
    late = ACME.signature(leaf, logged_at=LATE, logged=logged)
    assert code_of(late, method=KEY_SIGNER, trust=trust, now=LATE) == "certificate-expired"
    other = replace(stored, certificate=pem(ACME.leaf().certificate))
    if logged:
        expected = (
            "key-mismatch",
            "error verifying bundle: both public key and certificate were provided but did not match",
        )
        assert refusal(other, method=KEY_SIGNER, trust=trust) == expected
    else:
        assert verify(other, DIGEST, method=KEY_SIGNER, trust=trust, now=T0).identity is None


def test_a_key_needs_no_trust_root() -> None:
    found = verify_signature(
        ACME.key_signature(KEY, logged=False),
        KEY_SIGNER,
        KEY_UNLOGGED,
        anchors(KEY_UNLOGGED, None),
        DIGEST,
        lambda: datetime.now(UTC),
    )
    assert found.image_digest == DIGEST


# --- certificates ----------------------------------------------------------------------------------------

LONG = ACME.leaf(life=20 * YEAR)
LONG_BARE = ACME.leaf(life=20 * YEAR, sct=False)
CERTIFICATE_TRUST = ir.Trust(log=NO_LOG, sct=NO_SCT)


def test_a_given_certificate() -> None:
    method = ir.CertificateSigner(certificate=pem(LONG_BARE.certificate))
    stored = ACME.signature(LONG_BARE, logged=False)
    for carried in (stored, replace(stored, certificate="", chain="")):
        found = verify(carried, DIGEST, method=method, trust=CERTIFICATE_TRUST)
        assert found.identity is not None
        assert found.identity.subjects == ("dev@acme.test",)
    other = ACME.signature(LONG, logged=False)
    assert code_of(other, method=method, trust=CERTIFICATE_TRUST) == "signature-invalid"


def test_a_given_certificate_with_its_chain() -> None:
    method = ir.CertificateSigner(certificate=pem(LONG.certificate), chain=ACME.chain)
    trust = ACME.unlogged()
    stored = replace(ACME.signature(LONG, logged=False), certificate="", chain="")
    assert verify(stored, DIGEST, method=method, trust=trust, now=T0 + YEAR).identity
    assert code_of(stored, method=method, trust=trust, now=T0 + 21 * YEAR) == "certificate-expired"


def test_c10_a_given_chain_whose_intermediate_is_over() -> None:
    # C10: the certificate would still be valid, its issuer no longer is.
    worn = Instance("worn", intermediate_end=T0 + YEAR)
    leaf = worn.leaf(life=20 * YEAR)
    method = ir.CertificateSigner(certificate=pem(leaf.certificate), chain=worn.chain)
    stored = worn.signature(leaf, logged=False)
    trust = worn.unlogged()
    assert verify(stored, DIGEST, method=method, trust=trust, now=T0 + YEAR - MINUTE).identity
    assert code_of(stored, method=method, trust=trust, now=T0 + YEAR + MINUTE) == "certificate-expired"


@pytest.mark.parametrize("chain", ["whole", "root"])
def test_a_given_chain_alone(chain: str) -> None:
    text = ACME.chain if chain == "whole" else pem(ACME.root.certificate)
    method = ir.CertificateSigner(chain=text)
    stored = ACME.signature(LONG_BARE, logged=False)
    assert verify(stored, DIGEST, method=method, trust=CERTIFICATE_TRUST).identity
    demanding = ir.Trust(log=NO_LOG, sct=TRUST.sct)
    assert code_of(stored, method=method, trust=demanding) == "sct-missing"
    stranger = Instance("stranger")
    foreign = replace(stranger.signature(stranger.leaf(life=YEAR), logged=False), chain=stranger.chain)
    assert code_of(foreign, method=method, trust=CERTIFICATE_TRUST) == "chain-untrusted"
    bare = ACME.key_signature(KEY, logged=False)
    assert refusal(bare, method=method, trust=CERTIFICATE_TRUST) == (
        "certificate-missing",
        "no certificate found on signature",
    )


def test_the_roots_of_a_trust_do_not_widen_a_given_chain() -> None:
    stranger = Instance("stranger")
    method = ir.CertificateSigner(chain=stranger.chain)
    trust = ir.Trust(roots=TRUST.roots, log=NO_LOG, sct=NO_SCT)
    assert code_of(ACME.signature(LONG, logged=False), method=method, trust=trust) == "chain-untrusted"


# --- who is named ----------------------------------------------------------------------------------------


def test_a_certificate_without_a_name_has_no_subjects() -> None:
    found = verify(ACME.signature(ACME.leaf([])), DIGEST, trust=TRUST)
    assert found.identity is not None
    assert found.identity.subjects == ()


def test_a_critical_name_of_another_kind() -> None:
    user = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7"), b"\x0c\x0auser!realm")
    found = verify(ACME.signature(ACME.leaf([user])), DIGEST, trust=TRUST)
    assert found.identity is not None
    assert found.identity.subjects == ("user!realm",)


def test_a_name_of_a_kind_that_cannot_be_read() -> None:
    # An X.400 address: tag 3, content of no interest.
    alien = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x04\xa3\x02\x05\x00")
    leaf = ACME.leaf([], extra=[(alien, True)], sct=False)
    assert leaf.certificate.subject == name("nobody")
    assert code_of(ACME.signature(leaf), trust=ACME.trust(sct=NO_SCT)) == "not-a-certificate"
