from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.chains import MAX_INTERMEDIATES
from pratique.runtime.signatures.timestamps import (
    MAX_TOKEN_BYTES,
    TimestampAuthority,
    load_authority,
    read_token,
    verify_token,
)
from pratique.runtime.signatures.validity import Window
from tests.support_signatures import (
    CODE_SIGNING,
    T0,
    Leaf,
    TimestampSigner,
    b64,
    der,
    der_integer,
    make_ca,
    new_key,
    pem,
    public_pem,
)

STAMP = TimestampSigner()
AT = T0 + timedelta(seconds=3)
SIGNED = b"raw signature bytes"
TOKEN = STAMP.token(SIGNED)


def authority(stamp: TimestampSigner = STAMP, **changes: Any) -> TimestampAuthority:
    options: dict[str, Any] = {
        "signer": stamp.signer.certificate,
        "roots": (stamp.root.certificate,),
        **changes,
    }
    return TimestampAuthority(**options)


def refusal(token: bytes, *authorities: TimestampAuthority, signed: bytes = SIGNED) -> tuple[str, str]:
    with pytest.raises(VerificationError) as caught:
        verify_token(token, signed, authorities)
    return caught.value.code, caught.value.message


# --- tokens that hold ------------------------------------------------------------------------------------


@pytest.mark.parametrize("signer", [STAMP.signer.certificate, None])
def test_the_time_of_a_trusted_authority(signer: x509.Certificate | None) -> None:
    assert verify_token(TOKEN, SIGNED, [authority(signer=signer)]) == AT


@pytest.mark.parametrize("at", [T0 - timedelta(days=30), T0 + timedelta(days=30, seconds=-1)])
def test_the_signer_need_only_be_valid_at_that_time(at: datetime) -> None:
    # Long over by the clock of whoever runs this test.
    assert verify_token(STAMP.token(SIGNED, at=at), SIGNED, [authority()]) == at


def test_the_certificate_need_not_be_in_the_token() -> None:
    assert verify_token(STAMP.token(SIGNED, embedded=[]), SIGNED, [authority()]) == AT
    assert refusal(STAMP.token(SIGNED, embedded=[]), authority(signer=None))[0] == "timestamp-invalid"


@pytest.mark.parametrize("reverse", [False, True])
def test_certificates_in_any_order(reverse: bool) -> None:
    embedded = [STAMP.signer.certificate, STAMP.root.certificate]
    token = STAMP.token(SIGNED, embedded=embedded[::-1] if reverse else embedded)
    assert verify_token(token, SIGNED, [authority()]) == AT


def test_each_authority_is_tried() -> None:
    assert verify_token(TOKEN, SIGNED, [authority(TimestampSigner()), authority()]) == AT


def test_an_intermediate_authority() -> None:
    middle = make_ca("stamp middle", STAMP.root, purposes=[ExtendedKeyUsageOID.TIME_STAMPING])
    below = TimestampSigner()
    object.__setattr__(below, "root", middle)  # what signs the signer
    for embedded in ([below.signer.certificate], [below.signer.certificate, middle.certificate]):
        token = below.token(SIGNED, embedded=embedded)
        known = authority(below, roots=(STAMP.root.certificate,), intermediates=(middle.certificate,))
        assert verify_token(token, SIGNED, [known]) == AT


# --- tokens that do not ----------------------------------------------------------------------------------


def test_of_something_else() -> None:
    expected = ("timestamp-invalid", "hashed messages don't match")
    assert refusal(TOKEN, authority(), signed=SIGNED + b"x") == expected


def test_of_a_stranger() -> None:
    stranger = TimestampSigner()
    assert refusal(stranger.token(SIGNED), authority())[0] == "timestamp-invalid"
    assert refusal(stranger.token(SIGNED), authority(signer=None))[0] == "timestamp-invalid"
    both = [*STAMP.root.chain, stranger.signer.certificate]
    assert refusal(stranger.token(SIGNED, embedded=both), authority(signer=None))[0] == "timestamp-invalid"


def test_c14_the_signature_of_the_token_itself_is_checked() -> None:
    # C14: a good chain around a signature by somebody else.
    for signer in (STAMP.signer.certificate, None):
        forged = STAMP.token(SIGNED, key=new_key())
        expected = ("timestamp-invalid", "error while verifying signature")
        assert refusal(forged, authority(signer=signer)) == expected


def test_c20_the_trusted_certificate_must_be_the_one_that_signed() -> None:
    # C20: the trusted certificate lies in the token, but another one signed.
    stranger = TimestampSigner()
    embedded = [STAMP.signer.certificate, stranger.signer.certificate]
    for signer in (STAMP.signer.certificate, None):
        token = stranger.token(SIGNED, embedded=embedded)
        assert refusal(token, authority(signer=signer))[0] == "timestamp-invalid"


@pytest.mark.parametrize("part", range(100))
def test_a_damaged_token_never_gives_another_time(part: int) -> None:
    damaged = bytearray(TOKEN)
    damaged[len(TOKEN) * part // 100] ^= 0x41
    assert outcome(bytes(damaged)) in ("timestamp-invalid", "timestamp-malformed", AT)


def test_most_of_a_token_is_signed() -> None:
    # The rest is what CMS leaves open: names of algorithms, and the embedded copy of the certificate.
    outcomes = [outcome(TOKEN[:n] + bytes([TOKEN[n] ^ 0x41]) + TOKEN[n + 1 :]) for n in range(len(TOKEN))]
    assert outcomes.count(AT) < 30


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(TOKEN) - 1), st.binary(min_size=1, max_size=8), st.booleans())
def test_hostile_tokens_never_raise_anything_else(place: int, noise: bytes, pinned: bool) -> None:
    data = bytearray(TOKEN)
    data[place : place + len(noise)] = noise
    known = authority() if pinned else authority(signer=None)
    with suppress(VerificationError):
        assert verify_token(bytes(data), SIGNED, [known]) == AT


def outcome(token: bytes) -> str | datetime:
    try:
        return verify_token(token, SIGNED, [authority()])
    except VerificationError as error:
        return error.code


@pytest.mark.parametrize(
    ("stamp", "text"),
    [
        (
            TimestampSigner(critical=False),
            "error while verifying signer certificate chain: unsuitable certificate purpose",
        ),
        (
            TimestampSigner(purposes=[CODE_SIGNING]),
            "error while verifying signer certificate chain: unsuitable certificate purpose",
        ),
        (
            TimestampSigner(start=T0 + timedelta(days=1)),
            "error while verifying signer certificate chain: certificate is not yet valid",
        ),
        (
            TimestampSigner(end=T0 - timedelta(days=1)),
            "error while verifying signer certificate chain: certificate has expired",
        ),
    ],
    ids=["purpose not critical", "another purpose", "not yet valid", "expired"],
)
def test_the_signer_must_be_fit_for_it(stamp: TimestampSigner, text: str) -> None:
    for signer in (stamp.signer.certificate, None):
        code, got = refusal(stamp.token(SIGNED), authority(stamp, signer=signer))
        assert (code, got[: len(text)]) == ("timestamp-invalid", text)


@pytest.mark.parametrize(
    ("window", "holds"),
    [
        (Window(AT, AT), True),
        (Window(None, AT - timedelta(seconds=1)), False),
        (Window(AT + timedelta(seconds=1), None), False),
    ],
)
def test_an_authority_counts_in_its_window_only(window: Window, holds: bool) -> None:
    if holds:
        assert verify_token(TOKEN, SIGNED, [authority(window=window)]) == AT
    else:
        assert refusal(TOKEN, authority(window=window)) == (
            "timestamp-invalid",
            "the timestamp lies outside the time its authority was in use",
        )


def test_weak_hashes() -> None:
    token = STAMP.token(SIGNED, hash_oid="1.3.14.3.2.26")
    assert refusal(token, authority()) == (
        "timestamp-invalid",
        "timestamp with an unsupported hash algorithm",
    )


def test_the_wrong_hash_is_a_mismatch() -> None:
    token = STAMP.token(SIGNED, hash_oid="2.16.840.1.101.3.4.2.2")
    assert refusal(token, authority()) == ("timestamp-invalid", "hashed messages don't match")


@pytest.mark.parametrize("status", [1, 2, 5])
def test_a_response_that_was_not_granted(status: int) -> None:
    assert refusal(STAMP.token(SIGNED, status=status), authority())[0] == "timestamp-invalid"


@pytest.mark.parametrize(
    "token", [b"", b"garbage", der(0x30, der(0x30, der_integer(2))), TOKEN[:-1], TOKEN + b"x"]
)
def test_what_is_no_token(token: bytes) -> None:
    assert refusal(token, authority()) == (
        "timestamp-malformed",
        "error parsing response into Timestamp",
    )


def test_tokens_are_bounded() -> None:
    assert refusal(b"x" * (MAX_TOKEN_BYTES + 1), authority())[0] == "timestamp-malformed"


@pytest.mark.parametrize("known", [(), (authority(roots=()),)])
def test_no_root_at_all(known: Sequence[TimestampAuthority]) -> None:
    assert refusal(TOKEN, *known) == (
        "timestamp-invalid",
        "no TSA root certificate(s) provided to verify timestamp",
    )


# --- texts -----------------------------------------------------------------------------------------------


def test_the_annotation() -> None:
    assert read_token(json.dumps({"SignedRFC3161Timestamp": b64(TOKEN)})) == TOKEN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"SignedRFC3161Timestamp": 1}',
        '{"SignedRFC3161Timestamp": "#"}',
        "{" * 200_000,
    ],
)
def test_what_is_no_annotation(text: str) -> None:
    with pytest.raises(VerificationError, match=r"^unmarshaling RFC3161 timestamp bundle: ") as caught:
        read_token(text)
    assert caught.value.code == "timestamp-malformed"


def test_a_chain_of_a_policy() -> None:
    found = load_authority(STAMP.chain)
    assert found == TimestampAuthority(
        signer=STAMP.signer.certificate, roots=(STAMP.root.certificate,), intermediates=()
    )
    middle = make_ca("middle", STAMP.root)
    found = load_authority(pem(STAMP.root.certificate, middle.certificate))
    assert (found.signer, found.intermediates, found.roots) == (
        None,
        (middle.certificate,),
        (STAMP.root.certificate,),
    )


def many_intermediates() -> str:
    return pem(*(make_ca(f"i{n}", STAMP.root).certificate for n in range(MAX_INTERMEDIATES + 1)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no pem", "error splitting tsa certificates: error during PEM decoding"),
        (public_pem(new_key()), "error splitting tsa certificates: a PUBLIC KEY stands where"),
        (STAMP.chain * 2, "certificate chain must contain at most one TSA certificate"),
        (
            many_intermediates(),
            "TSA certificate chain contains too many intermediate certificates (11), maximum allowed is 10",
        ),
    ],
)
def test_what_is_no_chain(text: str, problem: str) -> None:
    with pytest.raises(VerificationError) as caught:
        load_authority(text)
    assert caught.value.code == "bad-timestamp-chain"
    assert caught.value.message.startswith(problem)


def test_a_leaf_is_a_signer() -> None:
    leaf: Leaf = STAMP.signer
    assert load_authority(pem(leaf.certificate)).roots == ()
