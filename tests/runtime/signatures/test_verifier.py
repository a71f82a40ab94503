from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pratique.compiler import ir
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.ports import SignatureVerifier
from pratique.runtime.signatures.root_sources import read_root, utc_now
from pratique.runtime.signatures.trust_root import MAX_BYTES, TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from pratique.runtime.trust_options import TrustOptions
from tests.support_signatures import DATA, DIGEST, T0, Instance, genuine_records, public_good
from tests.support_trust import trusting

ACME = Instance()


def no_root() -> TrustRoot:
    raise AssertionError("the trust root is not needed")


def test_it_is_what_the_engine_asks_for() -> None:
    verifier: SignatureVerifier = Verifier(public_good)
    record = genuine_records("verified")[0]
    verifier.prepare(record.method, ir.Trust())
    found = verifier.verify(record.stored, record.method, ir.Trust(), record.digest)
    assert found.image_digest == record.digest


def test_no_trust_root_is_read_for_a_policy_that_brings_its_own() -> None:
    verifier = Verifier(no_root)
    verifier.prepare(ir.AnyIdentity(), ACME.trust())
    assert verifier.verify(ACME.signature(), ir.AnyIdentity(), ACME.trust(), DIGEST).identity
    with pytest.raises(AssertionError, match="not needed"):
        verifier.prepare(ir.AnyIdentity(), ir.Trust())


def test_the_trust_root_is_read_once() -> None:
    reads = []

    def load() -> TrustRoot:
        reads.append(1)
        return public_good()

    verifier = Verifier(load)
    for _ in range(3):
        verifier.prepare(ir.AnyIdentity(), ir.Trust())
    assert len(reads) == 1


def test_a_trust_root_that_cannot_be_had_is_no_verdict(tmp_path: Path) -> None:
    verifier = Verifier.of(trusting(tmp_path / "absent.json"))
    for _ in range(2):
        with pytest.raises(TransportError, match=r"absent\.json cannot be read: No such file") as caught:
            verifier.prepare(ir.AnyIdentity(), ir.Trust())
        assert caught.value.code == "trust-unavailable"


def test_keys_that_cannot_be_used_are_found_out_before_anything_is_fetched() -> None:
    verifier = Verifier(no_root)
    with pytest.raises(VerificationError, match="failed to load public key"):
        verifier.prepare(ir.KeySigner(key="x"), ACME.trust())


def test_trust_roots_from_files(tmp_path: Path) -> None:
    assert read_root(DATA / "trusted_root.json").version == public_good().version
    (root,) = Verifier.of(trusting(DATA / "trusted_root.json")).roots
    assert root.name == str(DATA / "trusted_root.json")
    assert Verifier.of(TrustOptions(offline=True)).roots == (TrustRoot.production(),)
    for name, data in {"empty": b"", "large": b" " * (MAX_BYTES + 1), "other": b"{}"}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(TransportError) as caught:
            read_root(tmp_path / name)
        assert caught.value.code == "trust-invalid"


def test_the_clock() -> None:
    leaf = ACME.leaf(life=timedelta(days=1))
    stored = ACME.signature(leaf, logged=False)
    for at, holds in [(T0, True), (T0 + timedelta(days=2), False), (T0 - timedelta(days=700), False)]:
        verifier = Verifier(no_root, lambda at=at: at)  # type: ignore[misc]
        if holds:
            found = verifier.verify(stored, ir.AnyIdentity(), ACME.unlogged(), DIGEST)
            assert found.signed_at is None
        else:
            with pytest.raises(VerificationError, match="expected a signed timestamp"):
                verifier.verify(stored, ir.AnyIdentity(), ACME.unlogged(), DIGEST)
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(minutes=1)
