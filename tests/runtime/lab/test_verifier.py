"""The lab before pratique's own verifier: every fault of cosign's format is refused for its own reason."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pratique.compiler import ir
from pratique.compiler.graph import Listing
from pratique.grammar.errors import VerificationError
from pratique.runtime.discovery import stored_signatures
from pratique.runtime.lab.faults import CATALOGUE, Fault, Format, Part
from pratique.runtime.ports import Repository
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.signatures.model import VerifiedSignature
from pratique.runtime.signatures.verifier import Verifier
from tests.support_lab import EMAIL, ISSUER, MemoryLab, memory_lab
from tests.support_trust import trusting

CODES = {
    Fault.WRONG_DIGEST: "digest-mismatch",
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
HARMLESS = [Fault.LONG_LIVED, Fault.NO_CHAIN]


def lab_with(fault: str = "", more: str = "") -> MemoryLab:
    return memory_lab(
        f"""
        signers: {{dev: {{issuer: {ISSUER}, subject: {EMAIL}}}}}
        images: [{{image: lab.test/app:v1, signatures: [{{by: dev, fault: [{fault}]{more}}}]}}]
        """
    )


def verified(lab: MemoryLab, folder: Path, trust: ir.Trust) -> VerifiedSignature:
    root = folder / "trusted_root.json"
    root.write_text(lab.trusted_root)
    digest = lab.image().digest
    (stored,) = asyncio.run(
        stored_signatures(
            LayoutStore(lab.files), Repository("lab.test", "app"), digest, Listing(ir.SignatureFormat.COSIGN)
        )
    )
    return Verifier.of(trusting(root)).verify(stored, ir.AnyIdentity(), trust, digest)


def trust_for(lab: MemoryLab, *, roots: bool, stamps: bool) -> ir.Trust:
    return ir.Trust(
        roots=lab.lab.trust["trust/root.pem"] if roots else None,
        timestamp_chain=lab.lab.trust["trust/tsa-chain.pem"] if stamps else None,
    )


@pytest.mark.parametrize("roots", [False, True], ids=["trust-root", "policy-roots"])
def test_good_signature(roots: bool, tmp_path: Path) -> None:
    lab = lab_with(more=", timestamp: true")
    found = verified(lab, tmp_path, trust_for(lab, roots=roots, stamps=True))
    assert found.identity is not None
    assert (found.identity.subjects, found.identity.issuer) == ((EMAIL,), ISSUER)
    assert found.log_index == lab.image().signatures[0].log_index


@pytest.mark.parametrize("roots", [False, True], ids=["trust-root", "policy-roots"])
@pytest.mark.parametrize("fault", CODES)
def test_faults(fault: Fault, roots: bool, tmp_path: Path) -> None:
    lab = lab_with(fault)
    trust = trust_for(lab, roots=roots, stamps=CATALOGUE[fault].part is Part.TIMESTAMP)
    with pytest.raises(VerificationError) as caught:
        verified(lab, tmp_path, trust)
    assert caught.value.code == CODES[fault]


@pytest.mark.parametrize("fault", HARMLESS)
def test_harmless_faults(fault: Fault, tmp_path: Path) -> None:
    lab = lab_with(fault)
    assert verified(lab, tmp_path, trust_for(lab, roots=False, stamps=False)).identity


def test_chain_is_needed_where_the_policy_gives_roots_only(tmp_path: Path) -> None:
    lab = lab_with("no-chain")
    with pytest.raises(VerificationError) as caught:
        verified(lab, tmp_path, trust_for(lab, roots=True, stamps=False))
    assert caught.value.code == "chain-untrusted"


def test_table_is_complete() -> None:
    here = {f for f, info in CATALOGUE.items() if Format.COSIGN in info.formats and not info.statement}
    assert here == set(CODES) | set(HARMLESS)
