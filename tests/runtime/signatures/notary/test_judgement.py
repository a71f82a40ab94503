from dataclasses import replace

import pytest

from pratique.compiler.evidence_limits import MAX_NOTARY_SIGNATURES
from pratique.grammar.errors import TransportError
from pratique.runtime.lab.notary import NotaryFault
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.notary.model import (
    Check,
    NotaryRefusal,
    NotaryVerdict,
    StoredNotarySignature,
)
from tests.support_notary import JWS, TARGET, signer, verdict_of

REFERENCE = f"registry.example/app@{TARGET.digest}"


def stored(number: int, *faults: NotaryFault) -> StoredNotarySignature:
    envelope = signer(faults=frozenset(faults)).sign(TARGET)
    return StoredNotarySignature(
        manifest=Digest(f"sha256:{number:064x}"), target=TARGET, media_type=JWS, envelope=envelope
    )


GOOD = stored(1)
FORGED = stored(2, NotaryFault.TAMPERED_SIGNATURE)
FOREIGN = stored(3, NotaryFault.WRONG_DIGEST)


def judge(*signatures: StoredNotarySignature) -> NotaryVerdict:
    return verdict_of(signatures, reference=REFERENCE)


def test_first_that_holds() -> None:
    verdict = judge(FORGED, FOREIGN, GOOD, stored(4))
    assert verdict.accepted is GOOD
    assert [r.stored for r in verdict.rejections] == [FORGED, FOREIGN]
    assert [r.refusal and r.refusal.code for r in verdict.rejections] == [Check.SIGNATURE, Check.TARGET]
    assert (verdict.code, verdict.text) == ("", "")


def test_none_holds() -> None:
    verdict = judge(FORGED, FOREIGN)
    assert verdict.accepted is None
    assert verdict.code == Check.SIGNATURE
    assert verdict.text == (
        "signature verification failed\n"
        f"failed to verify signature with digest {FORGED.manifest}, signature is invalid."
        " Error: crypto/ecdsa: verification error\n"
        f"failed to verify signature with digest {FOREIGN.manifest}, content descriptor mismatch"
    )


def test_no_signature_at_all() -> None:
    """Rule R5: an empty set never passes."""
    verdict = judge()
    assert verdict.accepted is None
    assert verdict.code == Check.MISSING
    assert verdict.text == (
        f'no signature is associated with "{REFERENCE}", make sure the artifact was signed successfully'
    )


def test_n2_attempts_are_bounded() -> None:
    """Threats N1, N2: those behind the limit are not even looked at."""
    many = [FORGED] * MAX_NOTARY_SIGNATURES
    verdict = judge(*many, GOOD)
    assert verdict.accepted is None
    assert verdict.code == Check.ATTEMPTS
    assert verdict.text == (
        "signature evaluation stopped. The configured limit of 10 signatures to verify per artifact exceeded"
    )
    assert judge(*many[1:], GOOD).accepted


def test_a_fault_counts_when_its_turn_comes() -> None:
    unreachable = replace(GOOD, fault=TransportError("registry-unreachable", "down"), envelope=b"")
    assert judge(GOOD, unreachable).accepted
    for signatures in ((unreachable, GOOD), (FORGED, unreachable)):
        with pytest.raises(TransportError, match="down"):
            judge(*signatures)


def test_a_signature_that_cannot_be_read_ends_the_search() -> None:
    """As in notation: what cannot be retrieved is not passed over in favour of a later one."""
    fault = NotaryRefusal(Check.ENVELOPE, "manifest requires exactly one layer, got 2")
    verdict = judge(FORGED, replace(GOOD, fault=fault, envelope=b""), GOOD)
    assert verdict.accepted is None
    assert verdict.code == Check.ENVELOPE
    assert [r.stored.manifest for r in verdict.rejections] == [FORGED.manifest]
    assert verdict.text == (
        f'unable to retrieve digital signature with digest "{GOOD.manifest}" associated with "{REFERENCE}"'
        " from the Repository, error : manifest requires exactly one layer, got 2"
    )
