"""Every fault spoils what it says and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.runtime.lab.faults import CATALOGUE, MANY_ENTRIES, NOTARY, Fault, Format
from tests.support_lab import MemoryLab, memory_lab
from tests.support_lab_health import Health, Trust, from_bundle, from_layer, health

THIRTY_YEARS = 30 * 365 * 24 * 60

CHANGES: dict[Fault, dict[str, Any]] = {
    Fault.WRONG_DIGEST: {"claim": "wrong"},
    Fault.NOT_A_STATEMENT: {"claim": "garbage"},
    Fault.NO_SUBJECT: {"claim": "none"},
    Fault.MANY_SUBJECTS: {"claim": "1025 of 1025"},
    Fault.FOREIGN_ROOT: {"chains_to_root": False},
    Fault.EXPIRED_INTERMEDIATE: {"issuer_alive": False},
    Fault.LONG_LIVED: {"life_minutes": THIRTY_YEARS},
    Fault.WRONG_USAGE: {"code_signing": False},
    Fault.NO_CHAIN: {"has_chain": False},
    Fault.TWO_CERTIFICATES: {"certificates": 2},
    Fault.KEY_AS_CERTIFICATE: {"certificates": 0, "entry_is_of_signer": False},
    Fault.NO_SCT: {"sct": "absent"},
    Fault.TAMPERED_SCT: {"sct": "bad"},
    Fault.FOREIGN_SCT: {"sct": "foreign"},
    Fault.TAMPERED_SIGNATURE: {"signature_holds": False},
    Fault.TAMPERED_PAYLOAD: {"signature_holds": False, "entry_is_of_payload": False},
    Fault.FOREIGN_KEY: {"signature_holds": False},
    Fault.NO_TLOG: {"entries": 0},
    Fault.NO_SET: {"promise": "absent"},
    Fault.TAMPERED_SET: {"promise": "bad"},
    Fault.FOREIGN_SET: {"log": "foreign"},
    Fault.RETIRED_LOG: {"log": "retired"},
    Fault.EDITED_LOG_TIME: {"promise": "bad"},
    Fault.EXPIRED: {"logged_in_life": False},
    Fault.EARLY_LOG: {"logged_in_life": False},
    Fault.SWAPPED_BUNDLE: {"entry_is_of_signature": False, "entry_is_of_payload": False},
    Fault.WRONG_PAYLOAD_DIGEST: {"entry_is_of_payload": False},
    Fault.NO_INCLUSION_PROOF: {"proof": "absent", "checkpoint": "absent"},
    Fault.BAD_INCLUSION_PROOF: {"proof": "bad"},
    Fault.BAD_CHECKPOINT: {"checkpoint": "bad"},
    Fault.MANY_LOG_ENTRIES: {"entries": MANY_ENTRIES},
    Fault.TAMPERED_TIMESTAMP: {"timestamps_hold": False},
    Fault.FOREIGN_TIMESTAMP: {"timestamps_hold": False},
    Fault.IMPOSTOR_TIMESTAMP: {"timestamps_hold": False},
    Fault.LATE_TIMESTAMP: {"stamped_in_life": False},
    Fault.WRONG_TIMESTAMP: {"timestamps_hold": False},
    Fault.MANY_TIMESTAMPS: {"timestamps": MANY_ENTRIES},
}
"""What each fault changes in the health of a good signature."""

SIGNERS = """
signers:
  dev: {issuer: https://accounts.google.com, subject: dev@acme.example}
  team: {key: ecdsa-p256}
"""


def placed(fault: Fault) -> list[tuple[Fault, Format, bool]]:
    """Return where a fault can be: format, and whether as an attestation."""
    info = CATALOGUE[fault]
    places = [(fault, form, False) for form in Format if form in info.formats - NOTARY and not info.statement]
    if info.statement:
        places.append((fault, Format.BUNDLE, False))
    return places + [(fault, form, True) for form in (Format.COSIGN, Format.BUNDLE) if form in info.formats]


EVERYWHERE = [place for fault in Fault for place in placed(fault)]


def lab_with(form: Format, attestation: bool, fault: str = "", by: str = "dev", more: str = "") -> MemoryLab:
    wish = f"by: {by}, format: {form}, fault: [{fault}]{more}"
    line = (
        f"attestations: [{{{wish}, type: https://example/type, predicate: {{a: 1}}}}]"
        if attestation
        else f"signatures: [{{{wish}}}]"
    )
    return memory_lab(f"{SIGNERS}\nimages:\n  - image: lab.test/app:v1\n    {line}\n")


def health_in(lab: MemoryLab, form: Format, attestation: bool) -> dict[str, Any]:
    trust = Trust(json.loads(lab.trusted_root))
    image = lab.image()
    if form is Format.COSIGN:
        (layer,) = lab.layers(suffix="att" if attestation else "sig")
        stored = from_layer(layer, lab.blob(layer["digest"]))
    elif form is Format.COSIGN_REFERRER:
        (layer,) = lab.json(image.signatures[0].stored)["layers"]
        stored = from_layer(layer, lab.blob(layer["digest"]))
    else:
        (bundle,) = lab.bundles()
        stored = from_bundle(bundle, _message(lab, bundle, image.digest))
    return health(stored, trust, image.digest)


def _message(lab: MemoryLab, bundle: dict[str, Any], digest: str) -> bytes:
    """Return the bytes whose digest a message bundle states: the manifest, or those of the fault."""
    if "dsseEnvelope" in bundle:
        return b""
    manifest = lab.blob(digest)
    return manifest if _states(bundle, manifest) else b"Not the manifest."


def _states(bundle: dict[str, Any], content: bytes) -> bool:
    import base64
    import hashlib

    stated = base64.b64decode(bundle["messageSignature"]["messageDigest"]["digest"])
    return stated == hashlib.sha256(content).digest()


def expected(form: Format, **changes: Any) -> dict[str, Any]:
    good = {"has_chain": False} if form.is_bundle else {"proof": "absent", "checkpoint": "absent"}
    return Health().__dict__ | good | changes


def test_every_fault_is_described_once() -> None:
    assert list(CATALOGUE) == list(Fault)
    # What a fault of Notary signatures alone does is tested in tests/runtime/test_notary.py.
    assert set(CHANGES) == {fault for fault in Fault if CATALOGUE[fault].formats - NOTARY}
    summaries = [info.summary for info in CATALOGUE.values()]
    assert len(set(summaries)) == len(summaries)
    assert all(text.endswith(".") and len(text) < 90 for text in summaries)


@pytest.mark.parametrize(
    ("form", "attestation"),
    [(form, False) for form in Format if not form.is_notary] + [(Format.COSIGN, True), (Format.BUNDLE, True)],
)
def test_good_signature_is_good_in_every_part(form: Format, attestation: bool) -> None:
    assert health_in(lab_with(form, attestation), form, attestation) == expected(form)
    stamped = lab_with(form, attestation, more=", timestamp: true")
    assert health_in(stamped, form, attestation) == expected(form, timestamps=1)


@pytest.mark.parametrize(("fault", "form", "attestation"), EVERYWHERE)
def test_fault_changes_what_it_says_and_nothing_else(fault: Fault, form: Format, attestation: bool) -> None:
    found = health_in(lab_with(form, attestation, fault), form, attestation)
    changes = dict(CHANGES[fault])
    if fault.endswith(("timestamp", "timestamps")):
        changes.setdefault("timestamps", 1)
    if form is Format.BUNDLE_MESSAGE and fault is Fault.WRONG_DIGEST:
        changes["claim"] = "garbage"  # a message is no claim but the manifest itself
    if fault is Fault.NO_TLOG:
        changes |= {"proof": "good", "checkpoint": "good"}
    assert found == expected(form, **changes)


BY_KEY = [f for f in CHANGES if not CATALOGUE[f].keyless and f is not Fault.NO_TLOG]


@pytest.mark.parametrize("fault", BY_KEY)
def test_fault_of_a_signature_by_key(fault: Fault) -> None:
    form = Format.COSIGN if Format.COSIGN in CATALOGUE[fault].formats else Format.BUNDLE
    attestation = CATALOGUE[fault].statement
    found = health_in(lab_with(form, attestation, fault, by="team"), form, attestation)
    good = health_in(lab_with(form, attestation, by="team"), form, attestation)
    changes = dict(CHANGES[fault])
    if fault.endswith(("timestamp", "timestamps")):
        changes.setdefault("timestamps", 1)
    assert found == good | changes


def test_edited_time_is_a_minute_off() -> None:
    times = []
    for fault in ("", "edited-log-time"):
        lab = lab_with(Format.COSIGN, False, fault)
        (layer,) = lab.layers()
        times.append(from_layer(layer, b"").entries[0].time)
    assert times[1] - times[0] == 60


def test_bystander_follows_the_signer() -> None:
    from cryptography import x509

    lab = lab_with(Format.COSIGN, False, "two-certificates")
    field = lab.layers()[0]["annotations"]["dev.sigstore.cosign/certificate"]
    names = [
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
            x509.RFC822Name
        )
        for certificate in x509.load_pem_x509_certificates(field.encode())
    ]
    assert names == [["dev@acme.example"], ["bystander@lab.test"]]


def test_several_faults_together() -> None:
    lab = lab_with(Format.BUNDLE, False, "no-set, tampered-timestamp, foreign-sct")
    changes = {"promise": "absent", "timestamps": 1, "timestamps_hold": False, "sct": "foreign"}
    assert health_in(lab, Format.BUNDLE, False) == expected(Format.BUNDLE, **changes)
