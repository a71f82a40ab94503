"""Sigstore bundles: good ones are accepted, each fault is refused for its own reason."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigstore.hashes import Hashed
from sigstore.models import Bundle as PeerBundle
from sigstore.models import TrustedRoot as PeerRoot
from sigstore.verify import Verifier as PeerVerifier
from sigstore.verify import policy
from sigstore_models.common.v1 import HashAlgorithm
from sigstore_models.trustroot.v1 import TrustedRoot as RootMessage

from pratique.compiler import ir
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.lab.faults import CATALOGUE, Fault, Format
from pratique.runtime.ports import Digest
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.artifacts import Artifact
from pratique.runtime.signatures.model import StoredBundle, VerifiedSignature
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from tests.support_lab import EMAIL, ISSUER, MemoryLab, memory_lab

FORMATS = (Format.BUNDLE, Format.BUNDLE_MESSAGE)
KEYLESS = ir.AnyIdentity()
UNLOGGED = ir.Trust(log=ir.LogPolicy(required=False))
LAYER = Digest("sha256:" + "0" * 64)

CODES = {
    Fault.WRONG_DIGEST: "digest-mismatch",
    Fault.NOT_A_STATEMENT: "statement-malformed",
    Fault.NO_SUBJECT: "statement-malformed",
    Fault.MANY_SUBJECTS: "bundle-too-large",
    Fault.FOREIGN_ROOT: "chain-untrusted",
    Fault.EXPIRED_INTERMEDIATE: "certificate-expired",
    Fault.WRONG_USAGE: "certificate-usage",
    Fault.NO_SCT: "sct-missing",
    Fault.TAMPERED_SCT: "sct-invalid",
    Fault.FOREIGN_SCT: "sct-key-unknown",
    Fault.TAMPERED_SIGNATURE: "signature-invalid",
    Fault.TAMPERED_PAYLOAD: "log-entry-mismatch",
    Fault.FOREIGN_KEY: "signature-invalid",
    Fault.NO_TLOG: "not-logged",
    Fault.NO_SET: "no-signed-time",
    Fault.TAMPERED_SET: "set-invalid",
    Fault.FOREIGN_SET: "log-key-unknown",
    Fault.RETIRED_LOG: "log-key-expired",
    Fault.EDITED_LOG_TIME: "set-invalid",
    Fault.EXPIRED: "certificate-expired",
    Fault.EARLY_LOG: "certificate-expired",
    Fault.SWAPPED_BUNDLE: "log-entry-mismatch",
    Fault.WRONG_PAYLOAD_DIGEST: "log-entry-mismatch",
    Fault.NO_INCLUSION_PROOF: "inclusion-proof-missing",
    Fault.BAD_INCLUSION_PROOF: "inclusion-proof-invalid",
    Fault.BAD_CHECKPOINT: "checkpoint-invalid",
    Fault.MANY_LOG_ENTRIES: "bundle-too-large",
    Fault.TAMPERED_TIMESTAMP: "timestamp-invalid",
    Fault.FOREIGN_TIMESTAMP: "timestamp-invalid",
    Fault.IMPOSTOR_TIMESTAMP: "timestamp-invalid",
    Fault.LATE_TIMESTAMP: "certificate-expired",
    Fault.WRONG_TIMESTAMP: "timestamp-invalid",
    Fault.MANY_TIMESTAMPS: "bundle-too-large",
}

MESSAGE_CODES = {Fault.WRONG_DIGEST: "log-entry-mismatch"}
"""Where another check than for statements comes first."""

CASES = [
    (fault, form)
    for fault, info in CATALOGUE.items()
    for form in FORMATS
    if form in info.formats and not (info.statement and form is Format.BUNDLE_MESSAGE)
]


@cache
def lab_with(form: Format, more: str = "", by: str = "dev") -> MemoryLab:
    return memory_lab(
        f"""
        signers:
          dev: {{issuer: {ISSUER}, subject: {EMAIL}}}
          team: {{key: ecdsa-p256}}
          large: {{key: ecdsa-p384, hash: sha384}}
          rsa: {{key: rsa-2048}}
          other: {{key: ecdsa-p256}}
        images:
          - image: lab.test/app:v1
            signatures: [{{by: {by}, format: {form}{more}}}]
        """
    )


@dataclass(frozen=True)
class Case:
    """A bundle with what it is to be verified against."""

    bundle: dict[str, Any]
    digest: Digest
    root: TrustRoot

    @classmethod
    def of(cls, lab: MemoryLab) -> Case:
        root = TrustRoot.from_json(lab.trusted_root.encode(), "lab")
        return cls(copy.deepcopy(lab.bundles()[0]), Digest(lab.image().digest), root)

    @property
    def material(self) -> dict[str, Any]:
        material: dict[str, Any] = self.bundle["verificationMaterial"]
        return material

    @property
    def entry(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.material["tlogEntries"][0]
        return entry

    def verify(
        self,
        method: ir.SigstoreMethod = KEYLESS,
        trust: ir.Trust = ir.Trust(),  # noqa: B008 (immutable)
        at: datetime = datetime(2030, 1, 1, tzinfo=UTC),
    ) -> VerifiedSignature:
        stored = StoredBundle(body=json.dumps(self.bundle).encode(), layer=LAYER)
        return Verifier(lambda: self.root, lambda: at).verify(stored, method, trust, self.digest)

    def code(self, method: ir.SigstoreMethod = KEYLESS, trust: ir.Trust = ir.Trust()) -> str:  # noqa: B008
        with pytest.raises(VerificationError) as caught:
            self.verify(method, trust)
        return caught.value.code


def case(form: Format = Format.BUNDLE, more: str = "", by: str = "dev") -> Case:
    return Case.of(lab_with(form, more, by))


def key_of(name: str) -> ir.KeySigner:
    return ir.KeySigner(key=lab_with(Format.BUNDLE).lab.trust[f"trust/keys/{name}.pub"])


# --- good bundles ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", ["", ", timestamp: true", ", timestamp: true, fault: no-set"])
@pytest.mark.parametrize("form", FORMATS)
def test_good_bundles_of_identities(form: Format, more: str) -> None:
    found = case(form, more).verify()
    assert found.identity
    assert (found.identity.subjects, found.identity.issuer) == ((EMAIL,), ISSUER)
    assert found.signed_at == (1680350402 if "no-set" in more else 1680350405)
    assert found.log_index == 4005
    assert (found.statement is None) == (form is Format.BUNDLE_MESSAGE)


@pytest.mark.parametrize("by", ["team", "rsa"])
@pytest.mark.parametrize("form", FORMATS)
def test_good_bundles_of_keys(form: Format, by: str) -> None:
    signed = case(form, by=by)
    found = signed.verify(key_of(by))
    assert found.identity is None
    assert found.image_digest == signed.digest
    assert signed.code(key_of("other")) == "log-entry-mismatch"
    assert signed.code(key_of("other"), UNLOGGED) == "signature-invalid"
    assert signed.code(KEYLESS) == "certificate-missing"


def test_envelopes_of_larger_keys_with_either_hash() -> None:
    signed = case(by="large")
    assert signed.verify(key_of("large")).key
    assert signed.verify(replace(key_of("large"), hash_algorithm="sha384")).key


def test_a_key_does_not_speak_for_the_certificate_of_somebody_else() -> None:
    assert case().code(key_of("team")) == "key-mismatch"


def test_the_statement_and_its_signed_annotations() -> None:
    found = case(more=", annotations: {stage: production}").verify()
    assert found.statement
    assert found.statement.predicate_type == "https://sigstore.dev/cosign/sign/v1"
    assert found.claims == (("stage", "production"),)


@pytest.mark.parametrize("more", ["", ", timestamp: true", ", timestamp: true, fault: no-set"])
@pytest.mark.parametrize("form", FORMATS)
def test_sigstore_python_agrees(form: Format, more: str) -> None:
    lab = lab_with(form, more)
    peer = PeerVerifier(trusted_root=PeerRoot(RootMessage.from_json(lab.trusted_root)))
    bundle = PeerBundle.from_json(json.dumps(lab.bundles()[0]))
    who = policy.Identity(identity=EMAIL, issuer=ISSUER)
    if form is Format.BUNDLE:
        peer.verify_dsse(bundle, who)
    else:
        digest = bytes.fromhex(lab.image().digest.removeprefix("sha256:"))
        peer.verify_artifact(Hashed(algorithm=HashAlgorithm.SHA2_256, digest=digest), bundle, who)
    assert Case.of(lab).verify().identity


# --- faults ----------------------------------------------------------------------------------------------


def test_every_fault_has_its_case() -> None:
    harmless = {fault for fault, _ in CASES if fault not in CODES}
    assert harmless == {Fault.LONG_LIVED}


@pytest.mark.parametrize(("fault", "form"), CASES)
def test_faults(fault: Fault, form: Format) -> None:
    spoiled = case(form, f", fault: {fault}")
    if fault not in CODES:
        assert spoiled.verify().identity
        return
    code = CODES[fault]
    if form is Format.BUNDLE_MESSAGE:
        code = MESSAGE_CODES.get(fault, code)
    assert spoiled.code() == code


def test_each_demand_can_be_dropped_by_the_policy() -> None:
    no_sct = ir.Trust(sct=ir.SctPolicy(required=False))
    assert case(more=", fault: no-sct").verify(trust=no_sct).identity
    stamped = case(more=", fault: no-tlog, timestamp: true")
    assert stamped.verify(trust=UNLOGGED).signed_at == 1680350402
    unproved = case(more=", fault: no-tlog")
    assert unproved.code(trust=UNLOGGED) == "no-signed-time"
    neither = replace(UNLOGGED, sct=ir.SctPolicy(required=False))
    assert unproved.code(trust=neither) == "certificate-expired"
    assert unproved.verify(trust=neither, at=datetime(2023, 4, 1, 12, 5, tzinfo=UTC)).signed_at is None


def test_the_time_of_a_key_is_demanded_unless_scts_are_waived() -> None:
    unlogged = case(by="team", more=", fault: no-tlog")
    assert unlogged.code(key_of("team"), UNLOGGED) == "no-signed-time"
    assert unlogged.verify(key_of("team"), replace(UNLOGGED, sct=ir.SctPolicy(required=False))).key


def test_the_anchors_of_the_policy_take_the_place_of_the_root() -> None:
    lab = memory_lab("sigstore: {seed: other}")
    texts = {name: text for name, text in lab.lab.trust.items() if name.endswith((".pem", ".pub"))}
    roots = next(text for name, text in texts.items() if "CERTIFICATE" in text and "timestamp" not in name)
    assert case().code(trust=ir.Trust(roots=roots)) in ("chain-untrusted", "sct-key-unknown")
    key = key_of("team").key
    assert case().code(trust=ir.Trust(log=ir.LogPolicy(public_keys=key))) == "log-key-unknown"
    assert case().code(trust=ir.Trust(sct=ir.SctPolicy(public_keys=key))) == "sct-key-unknown"


def test_a_policy_with_the_root_alone_uses_the_known_intermediates() -> None:
    root = json.loads(lab_with(Format.BUNDLE).trusted_root)
    anchor = root["certificateAuthorities"][0]["certChain"]["certificates"][-1]["rawBytes"]
    text = pem.armour("CERTIFICATE", base64.b64decode(anchor))
    assert case().verify(trust=ir.Trust(roots=text)).identity


def test_without_a_root_there_is_no_verdict() -> None:
    def absent() -> TrustRoot:
        raise TransportError("trust-unavailable", "gone")

    stored = StoredBundle(body=json.dumps(case().bundle).encode(), layer=LAYER)
    with pytest.raises(TransportError, match="gone"):
        Verifier(absent).verify(stored, KEYLESS, ir.Trust(), case().digest)


# --- threats ---------------------------------------------------------------------------------------------


def test_c9_a_signed_payload_of_another_type() -> None:
    spoiled = case()
    spoiled.bundle["dsseEnvelope"]["payloadType"] = "text/plain"
    assert spoiled.code(trust=UNLOGGED) == "payload-type"


@pytest.mark.parametrize(
    "media_type", ["bundle+json;version=0.2", "bundle+json;version=0.3", "bundle.v0.3+json"]
)
@pytest.mark.parametrize("seconds", [-3600, -5, 0, 60, 3600, 10**9])
def test_c12_c18_an_unsigned_time_is_not_believed(media_type: str, seconds: int) -> None:
    unsigned = case()
    as_version(unsigned, media_type)
    del unsigned.entry["inclusionPromise"]
    unsigned.entry["integratedTime"] = str(int(unsigned.entry["integratedTime"]) + seconds)
    assert unsigned.code() == "no-signed-time"
    del unsigned.entry["integratedTime"]
    assert unsigned.code() == "no-signed-time"


def test_c12_an_unsigned_time_that_cannot_be_true() -> None:
    stamped = case(more=", timestamp: true, fault: no-set")
    assert stamped.verify().identity
    stamped.entry["integratedTime"] = str(int(stamped.entry["integratedTime"]) + 3600)
    assert stamped.code() == "certificate-expired"


def test_c15_limits() -> None:
    for more in ("many-log-entries", "many-timestamps", "many-subjects"):
        assert case(more=f", fault: {more}").code() == "bundle-too-large"
    large = case()
    large.bundle["dsseEnvelope"]["payload"] = "A" * (10 << 20)
    assert large.code() == "bundle-too-large"


def test_c16_one_log_counts_once() -> None:
    doubled = case()
    doubled.material["tlogEntries"] *= 2
    assert doubled.code() == "log-entry-duplicate"
    stamps = case(more=", timestamp: true")
    stamps.material["timestampVerificationData"]["rfc3161Timestamps"] *= 2
    assert stamps.code() == "timestamp-invalid"


def test_c16_entries_of_strangers_count_for_nothing() -> None:
    both = case()
    stranger = case(more=", fault: foreign-set").entry
    both.material["tlogEntries"].append(stranger)
    assert both.verify().log_id == base64.b64decode(both.entry["logId"]["keyId"]).hex()
    assert case(more=", fault: foreign-set").code() == "log-key-unknown"


def test_c17_a_log_key_counts_in_its_window_only() -> None:
    signed = case()
    root = json.loads(lab_with(Format.BUNDLE).trusted_root)

    def ended(at: str) -> TrustRoot:
        changed = copy.deepcopy(root)
        for log in changed["tlogs"]:
            log["publicKey"]["validFor"] = {"start": "2020-01-01T00:00:00Z", "end": at}
        return TrustRoot.from_json(json.dumps(changed).encode(), "lab")

    assert replace(signed, root=ended("2023-04-01T12:00:05Z")).verify().identity
    assert replace(signed, root=ended("2023-04-01T12:00:04Z")).code() == "log-key-expired"
    stamped = case(more=", timestamp: true, fault: no-set")
    assert replace(stamped, root=ended("2023-04-01T12:00:02Z")).verify().identity
    assert replace(stamped, root=ended("2023-04-01T12:00:01Z")).code() == "log-key-expired"


def test_c19_another_entry_with_a_good_proof() -> None:
    swapped = case()
    swapped.material["tlogEntries"] = case(more=", fault: swapped-bundle").material["tlogEntries"]
    assert swapped.code() == "log-entry-mismatch"
    assert case(more=", fault: bad-checkpoint").code() == "checkpoint-invalid"


def test_c20_the_trusted_certificate_in_a_token_must_be_the_one_that_signed() -> None:
    assert case(more=", fault: [no-set, impostor-timestamp]").code() == "timestamp-invalid"


@pytest.mark.parametrize(("seconds", "holds"), [(-1, False), (0, True), (1, True)])
def test_both_ends_of_a_timestamp_authoritys_window_belong_to_it(seconds: int, holds: bool) -> None:
    stamped = case(more=", timestamp: true, fault: no-set")
    root = json.loads(lab_with(Format.BUNDLE).trusted_root)
    end = datetime(2023, 4, 1, 12, 0, 2, tzinfo=UTC) + timedelta(seconds=seconds)
    for authority in root["timestampAuthorities"]:
        authority["validFor"]["end"] = end.strftime("%Y-%m-%dT%H:%M:%SZ")
    moved = replace(stamped, root=TrustRoot.from_json(json.dumps(root).encode(), "lab"))
    if holds:
        assert moved.verify().signed_at == 1680350402
    else:
        assert moved.code() == "timestamp-invalid"


# --- versions --------------------------------------------------------------------------------------------


def as_version(changed: Case, media_type: str) -> None:
    changed.bundle["mediaType"] = f"application/vnd.dev.sigstore.{media_type}"
    if media_type.endswith(("0.1", "0.2")):
        leaf = changed.material.pop("certificate")
        changed.material["x509CertificateChain"] = {"certificates": [leaf]}


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3"])
@pytest.mark.parametrize("form", FORMATS)
def test_older_versions(form: Format, version: str) -> None:
    older = case(form)
    as_version(older, f"bundle+json;version={version}")
    assert older.verify().identity
    del older.entry["inclusionProof"]
    if version == "0.1":
        assert older.verify().identity
        del older.entry["inclusionPromise"]
        assert older.code() == "promise-missing"
    else:
        assert older.code() == "inclusion-proof-missing"


def test_a_proof_in_an_old_bundle_is_checked() -> None:
    older = case(more=", fault: bad-inclusion-proof")
    as_version(older, "bundle+json;version=0.1")
    assert older.code() == "inclusion-proof-invalid"
    del older.entry["inclusionProof"]["checkpoint"]
    assert older.code() == "checkpoint-missing"
    newer = case()
    del newer.entry["inclusionProof"]["checkpoint"]
    assert newer.code() == "checkpoint-missing"


def test_no_roots_from_the_bundle() -> None:
    older = case()
    as_version(older, "bundle+json;version=0.2")
    root = json.loads(lab_with(Format.BUNDLE).trusted_root)
    *issuers, anchor = root["certificateAuthorities"][0]["certChain"]["certificates"]
    chain = older.material["x509CertificateChain"]["certificates"]
    chain += issuers
    assert older.verify().identity
    chain.append(anchor)
    assert older.code() == "chain-malformed"


def _set(path: str, value: Any) -> Callable[[Case], None]:
    def change(changed: Case) -> None:
        *parents, last = path.split("/")
        holder: Any = changed.bundle
        for name in parents:
            holder = holder[int(name)] if isinstance(holder, list) else holder[name]
        if value is None:
            del holder[last]
        else:
            holder[last] = value

    return change


ENTRY = "verificationMaterial/tlogEntries/0"
MALFORMED = [
    _set("mediaType", 3),
    _set("mediaType", None),
    _set("surplus", 3),
    _set("verificationMaterial", None),
    _set("verificationMaterial/certificate", None),
    _set("verificationMaterial/publicKey", {"hint": "x"}),
    _set("verificationMaterial/certificate", {}),
    _set("verificationMaterial/certificate/rawBytes", "no base64"),
    _set("verificationMaterial/certificate/rawBytes", "AB=="),
    _set("verificationMaterial/certificate/rawBytes", ""),
    _set("verificationMaterial/x509CertificateChain", {"certificates": []}),
    _set("dsseEnvelope", None),
    _set("messageSignature", {"signature": "AA=="}),
    _set("dsseEnvelope/signatures", []),
    _set("dsseEnvelope/signatures", [{"sig": "AA=="}, {"sig": "AA=="}]),
    _set("dsseEnvelope/payloadType", None),
    _set(f"{ENTRY}/logIndex", "-1"),
    _set(f"{ENTRY}/logIndex", "01"),
    _set(f"{ENTRY}/logIndex", 1.0),
    _set(f"{ENTRY}/logIndex", True),
    _set(f"{ENTRY}/logIndex", str(1 << 63)),
    _set(f"{ENTRY}/integratedTime", "99999999999999"),
    _set(f"{ENTRY}/integratedTime", None),
    _set(f"{ENTRY}/logId", None),
    _set(f"{ENTRY}/kindVersion", None),
    _set(f"{ENTRY}/canonicalizedBody", None),
    _set(f"{ENTRY}/canonicalizedBody", "AAAA"),
    _set(f"{ENTRY}/inclusionProof/treeSize", "x"),
    _set(f"{ENTRY}/inclusionProof/checkpoint", {"envelope": ""}),
]


@pytest.mark.parametrize("change", MALFORMED)
def test_malformed_bundles(change: Callable[[Case], None]) -> None:
    spoiled = case()
    change(spoiled)
    assert spoiled.code() == "bundle-malformed"


@pytest.mark.parametrize("version", ["0.4", "1", "0.30", ""])
def test_unknown_versions(version: str) -> None:
    spoiled = case()
    spoiled.bundle["mediaType"] = f"application/vnd.dev.sigstore.bundle.v{version}+json"
    assert spoiled.code() == "bundle-version-unsupported"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_set(f"{ENTRY}/kindVersion/kind", "hashedrekord"), "log-entry-mismatch"),
        (_set(f"{ENTRY}/kindVersion/version", "0.0.2"), "log-entry-mismatch"),
        (_set(f"{ENTRY}/inclusionProof/logIndex", "4"), "inclusion-proof-invalid"),
        (_set(f"{ENTRY}/inclusionProof/logIndex", "9"), "inclusion-proof-invalid"),
        (_set(f"{ENTRY}/inclusionProof/treeSize", "7"), "inclusion-proof-invalid"),
        (_set(f"{ENTRY}/inclusionProof/treeSize", "0"), "inclusion-proof-invalid"),
        (_set(f"{ENTRY}/inclusionProof/hashes", []), "inclusion-proof-invalid"),
        (_set(f"{ENTRY}/inclusionProof/hashes", ["AA=="] * 65), "bundle-too-large"),
        (_set(f"{ENTRY}/inclusionProof/rootHash", "AAAA"), "inclusion-proof-invalid"),
        (_set(f"{ENTRY}/logId/keyId", "AAAA"), "log-key-unknown"),
        (_set(f"{ENTRY}/logIndex", "7"), "set-invalid"),
        (_set("verificationMaterial/certificate/rawBytes", "AAAA"), "not-a-certificate"),
    ],
)
def test_changed_fields(change: Callable[[Case], None], code: str) -> None:
    spoiled = case()
    change(spoiled)
    assert spoiled.code() == code


def test_an_entry_of_the_other_content_is_refused() -> None:
    spoiled, other = case(), case(Format.BUNDLE_MESSAGE)
    spoiled.material["tlogEntries"] = other.material["tlogEntries"]
    assert spoiled.code() == "entry-kind-unsupported"


# --- artifacts that are no images ------------------------------------------------------------------------


def verified(changed: Case, artifact: Artifact, method: ir.SigstoreMethod = KEYLESS) -> VerifiedSignature:
    body = json.dumps(changed.bundle).encode()
    return Verifier(lambda: changed.root).verify_artifact(body, artifact, method, ir.Trust())


def test_a_message_by_digest_and_by_file(tmp_path: Any) -> None:
    lab = lab_with(Format.BUNDLE_MESSAGE)
    path = tmp_path / "artifact"
    path.write_bytes(lab.blob(lab.image().digest))
    artifact = Artifact.of_file(path)
    assert artifact.digest == lab.image().digest
    assert verified(Case.of(lab), artifact).image_digest == lab.image().digest
    path.write_bytes(b"another")
    with pytest.raises(VerificationError) as caught:
        verified(Case.of(lab), Artifact.of_file(path))
    assert caught.value.code == "log-entry-mismatch"


def test_a_digest_by_another_algorithm_needs_the_artifact() -> None:
    changed = case(Format.BUNDLE_MESSAGE)
    changed.bundle["messageSignature"]["messageDigest"]["algorithm"] = "SHA2_384"
    assert changed.code() == "artifact-needed"
    changed.bundle["messageSignature"]["messageDigest"] = {"algorithm": "SHA2_256", "digest": "AAAA"}
    assert changed.code() == "digest-mismatch"
    del changed.bundle["messageSignature"]["messageDigest"]
    assert changed.code() == "bundle-malformed"


# --- any bytes -------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(data=st.data(), form=st.sampled_from(FORMATS))
def test_any_changed_byte_is_refused(data: st.DataObject, form: Format) -> None:
    good = case(form, ", timestamp: true")
    text = json.dumps(good.bundle, separators=(",", ":"), ensure_ascii=False).encode()
    place = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != text[place]))
    changed = text[:place] + bytes([byte]) + text[place + 1 :]
    stored = StoredBundle(body=changed, layer=LAYER)
    with pytest.raises(VerificationError):
        Verifier(lambda: good.root).verify(stored, KEYLESS, ir.Trust(), good.digest)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in items for place in _places(child, (*path, key)))]


@settings(max_examples=150, deadline=1000)
@given(data=st.data(), value=JSON)
def test_any_json_anywhere_is_refused_and_nothing_else(data: st.DataObject, value: Any) -> None:
    good = case(more=", timestamp: true")
    place = data.draw(st.sampled_from(_places(good.bundle)))
    changed: Any = {"": copy.deepcopy(good.bundle)}
    holder, last = changed, ""
    for name in place:
        holder, last = holder[last], name
    holder[last] = value
    stored = StoredBundle(body=json.dumps(changed[""]).encode(), layer=LAYER)
    try:
        found = Verifier(lambda: good.root).verify(stored, KEYLESS, ir.Trust(), good.digest)
    except VerificationError:
        return
    assert found.identity
    assert found.signed_at in (1680350402, 1680350405)


@settings(max_examples=150, deadline=1000)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(VerificationError):
        Verifier(lambda: case().root).verify(
            StoredBundle(body=body, layer=LAYER), KEYLESS, ir.Trust(), case().digest
        )


@pytest.mark.parametrize("text", ["[" * 100_000, '{"mediaType":' * 20_000, "1" * 100_000, '"\\ud800"'])
def test_deep_and_odd_json_is_refused(text: str) -> None:
    with pytest.raises(VerificationError):
        Verifier(lambda: case().root).verify(
            StoredBundle(body=text.encode(), layer=LAYER), KEYLESS, ir.Trust(), case().digest
        )
