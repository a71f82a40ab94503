from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.signatures.anchors import anchors
from tests.support_signatures import (
    DIGEST,
    Instance,
    TimestampSigner,
    new_key,
    pem,
    private_pem,
    public_good,
    public_pem,
    verify,
)

ACME = Instance()
STAMP = TimestampSigner()
KEY = new_key()


def test_everything_from_the_trust_root() -> None:
    found = anchors(ir.Trust(), public_good())
    assert found.authorities is public_good().authorities
    assert found.logs is public_good().logs
    assert found.ct_logs is public_good().ct_logs
    assert found.timestamps == ()
    assert found.version == public_good().version


def test_everything_from_the_policy() -> None:
    found = anchors(ACME.trust(timestamp_chain=STAMP.chain), None)
    assert [a.anchor for a in found.authorities.all] == [ACME.root.certificate]
    assert [log.id for log in found.logs.keys] == [ACME.log_id]
    assert found.ct_logs.keys[0].key.public == ACME.ct_key.public_key()
    assert found.timestamps[0].signer == STAMP.signer.certificate
    assert found.version == ""


@pytest.mark.parametrize("part", ["roots", "log", "sct"])
def test_each_part_takes_the_place_of_the_same_part_only(part: str) -> None:
    trust = replace(ir.Trust(), **{part: getattr(ACME.trust(), part)})
    own, root = anchors(trust, public_good()), public_good()
    assert (own.authorities is root.authorities) is (part != "roots")
    assert (own.logs is root.logs) is (part != "log")
    assert (own.ct_logs is root.ct_logs) is (part != "sct")


def test_what_nobody_has_is_found_out_when_it_is_needed() -> None:
    found = anchors(ir.Trust(), None)
    for part, text in [
        ("authorities", "failed to get roots from fulcio"),
        ("logs", "failed to load Rekor public keys"),
        ("ct_logs", "failed to load CTLogs public keys"),
    ]:
        with pytest.raises(TransportError, match=text) as caught:
            getattr(found, part)
        assert caught.value.code == "trust-unavailable"


def test_they_are_remembered() -> None:
    assert anchors(ACME.trust(), None) is anchors(ACME.trust(), None)
    assert anchors(ACME.trust(), None) is not anchors(ACME.trust(), public_good())


def test_roots_may_be_many_and_may_carry_other_blocks() -> None:
    text = f"first\n{public_pem(KEY)}{ACME.chain}\nlast"
    found = anchors(ir.Trust(roots=text), None).authorities
    assert [a.anchor for a in found.all] == list(ACME.intermediate.chain)


def log(text: str, required: bool = True) -> ir.Trust:
    return ir.Trust(log=ir.LogPolicy(required=required, public_keys=text))


def sct(text: str, required: bool = True) -> ir.Trust:
    return ir.Trust(sct=ir.SctPolicy(required=required, public_keys=text))


NO_KEY = "PEM decoding failed"
PRIVATE = "a private key stands where a public key is expected"
REKOR = "failed to load Rekor public keys: failed to get rekor public keys: "
CT = "failed to load CTLogs public keys: failed to get transparency log public keys: "
ROOTS = "failed to load Root certificates: "


@pytest.mark.parametrize(
    ("trust", "code", "text"),
    [
        (ir.Trust(roots=""), "bad-roots", f"{ROOTS}error creating root cert pool"),
        (ir.Trust(roots="no pem"), "bad-roots", f"{ROOTS}error creating root cert pool"),
        (ir.Trust(roots=public_pem(KEY)), "bad-roots", f"{ROOTS}error creating root cert pool"),
        (
            ir.Trust(roots=ACME.chain + private_pem(KEY)),
            "bad-roots",
            f"{ROOTS}a private key stands where certificates are expected",
        ),
        (ir.Trust(roots=ACME.chain.replace("M", "#", 3)), "bad-roots", f"{ROOTS}error during PEM decoding"),
        (log(""), "bad-log-key", REKOR + NO_KEY),
        (log("no pem"), "bad-log-key", REKOR + NO_KEY),
        (log(private_pem(KEY)), "bad-log-key", REKOR + PRIVATE),
        (log(pem(ACME.root.certificate)), "bad-log-key", f"{REKOR}unknown Public key PEM file type: CERTI"),
        (sct("no pem"), "bad-ct-log-key", CT + NO_KEY),
        (sct(private_pem(KEY)), "bad-ct-log-key", CT + PRIVATE),
        (ir.Trust(timestamp_chain="no pem"), "bad-timestamp-chain", "error splitting tsa certificates: "),
    ],
)
def test_b28_texts_that_cannot_be_used(trust: ir.Trust, code: str, text: str) -> None:
    with pytest.raises(VerificationError) as caught:
        anchors(trust, public_good())
    assert (caught.value.code, caught.value.message[: len(text)]) == (code, text)
    assert private_pem(KEY).splitlines()[1] not in caught.value.message


@pytest.mark.parametrize("make", [log, sct])
def test_keys_that_are_not_asked_for_are_not_read(make: Any) -> None:
    found = anchors(make("no pem", required=False), public_good())
    assert (found.logs, found.ct_logs) == (public_good().logs, public_good().ct_logs)


def test_only_the_first_key_of_a_log_counts() -> None:
    found = anchors(log(public_pem(ACME.log_key) + public_pem(KEY)), None)
    assert [k.id for k in found.logs.keys] == [ACME.log_id]


def test_b28_a_leaf_as_root_vouches_for_nothing_but_is_no_accident() -> None:
    """A policy may trust any certificate; one that is no authority issues nothing, so nothing is signed."""
    leaf = ACME.leaf()
    trust = ACME.trust(roots=pem(leaf.certificate))
    with pytest.raises(VerificationError) as caught:
        verify(ACME.signature(leaf), DIGEST, trust=trust)
    assert caught.value.code == "chain-untrusted"
    with pytest.raises(VerificationError) as caught:
        verify(ACME.signature(), DIGEST, trust=trust)
    assert caught.value.code == "chain-untrusted"


@pytest.mark.parametrize("count", [65, 1_000])
def test_b28_r9_thousands_of_roots_are_refused_before_they_are_read(count: int) -> None:
    trust = ACME.trust(roots=pem(ACME.root.certificate) * count)
    start = time.perf_counter()
    with pytest.raises(VerificationError) as caught:
        anchors(trust, None)
    assert time.perf_counter() - start < 1
    assert caught.value.code == "bad-roots"
