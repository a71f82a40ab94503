from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from rfc3161_client import decode_timestamp_response

from pratique.runtime.signatures.cms import sort_certificates
from tests.support_signatures import TimestampSigner, der, der_integer

SIGNER = TimestampSigner()
CERTIFICATES = [SIGNER.signer.certificate, SIGNER.root.certificate, TimestampSigner().root.certificate]


@pytest.mark.parametrize("order", list(itertools.permutations(CERTIFICATES)))
def test_any_order_becomes_the_one_of_der(order: tuple[object, ...]) -> None:
    token = SIGNER.token(b"signed", embedded=order)  # type: ignore[arg-type]
    repaired = sort_certificates(token)
    assert len(repaired) == len(token)
    found = decode_timestamp_response(repaired).signed_data.certificates
    assert found == {c.public_bytes(Encoding.DER) for c in CERTIFICATES}


@pytest.mark.parametrize("embedded", [[], CERTIFICATES[:1]])
def test_what_is_in_order_is_left_alone(embedded: list[object]) -> None:
    token = SIGNER.token(b"signed", embedded=embedded)  # type: ignore[arg-type]
    assert sort_certificates(token) == token


def test_a_refusal_has_no_certificates() -> None:
    refusal = der(0x30, der(0x30, der_integer(2)))
    assert sort_certificates(refusal) == refusal


@pytest.mark.parametrize(
    "data",
    [b"", b"\x30", b"\x30\x05\x30", b"\x30\x80\x00\x00", b"\x30\x85\x01\x01\x01\x01\x01", b"\x30\x82\x01"],
)
def test_what_is_no_der_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="DER"):
        sort_certificates(data)


@given(st.binary(max_size=300))
def test_garbage_never_raises_anything_else(data: bytes) -> None:
    with suppress(ValueError):
        assert len(sort_certificates(data)) == len(data)


@given(st.integers(min_value=0), st.integers(0, 255))
def test_damaged_tokens_never_raise_anything_else(place: int, value: int) -> None:
    token = bytearray(SIGNER.token(b"signed"))
    token[place % len(token)] = value
    with suppress(ValueError):
        assert len(sort_certificates(bytes(token))) == len(token)
