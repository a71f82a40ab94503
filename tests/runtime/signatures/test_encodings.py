from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.signatures.encodings import EncodingError, der_text, from_base64, from_json
from tests.support_signatures import der, der_utf8


@given(st.binary(max_size=200))
def test_base64_reads_what_was_written(data: bytes) -> None:
    assert from_base64(base64.b64encode(data).decode()) == data
    assert from_base64(base64.encodebytes(data).decode()) == data


@pytest.mark.parametrize(
    ("text", "place"),
    [("####", 0), ("QUJ-", 3), ("QUJ_", 3), ("QUI", 3), ("Q", 1), ("QU I=", 2), ("QUI=QUI=", 8), ("é===", 0)],
)
def test_bad_base64_is_refused_as_go_says_it(text: str, place: int) -> None:
    with pytest.raises(EncodingError, match=f"^illegal base64 data at input byte {place}$"):
        from_base64(text)


@pytest.mark.parametrize("value", [{}, [], "a", 1, None, {"a": [{"b": 1}, "c"]}])
def test_json_reads_plain_values(value: object) -> None:
    assert from_json(json.dumps(value), max_bytes=100) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a":1}x',
        '{"a":1,"a":1}',
        '{"x":{"a":1,"a":2}}',
        "[NaN]",
        "[Infinity]",
        "[-Infinity]",
        "'a'",
        "[" * 100_000,
        b"\xff\xfe\xfd",
        "1" * 5000,
    ],
)
def test_json_is_strict(text: str | bytes) -> None:
    with pytest.raises(EncodingError):
        from_json(text, max_bytes=1 << 20)


def test_json_is_bounded() -> None:
    assert from_json('"aaaa"', max_bytes=6) == "aaaa"
    with pytest.raises(EncodingError, match="more than 5 bytes"):
        from_json('"aaaa"', max_bytes=5)


def test_errors_do_not_quote_the_input() -> None:
    with pytest.raises(EncodingError) as caught:
        from_json('{"secret": hunter2}', max_bytes=100)
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=400))
def test_der_text_reads_what_was_written(text: str) -> None:
    assert der_text(der_utf8(text)) == text


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x0c",
        b"plain",
        der(0x16, b"ia5"),
        der_utf8("abc")[:-1],
        der_utf8("abc") + b"x",
        b"\x0c\x81\x03abc",  # a short length in the long form
        b"\x0c\x82\x00\x80" + b"a" * 128,
        b"\x0c\x80abc\x00\x00",  # indefinite length
        b"\x0c\x84\x00\x00\x00\x03abc",
        b"\x0c\x85\x00\x00\x00\x00\x03abc",
        b"\x0c\x02\xff\xfe",  # no UTF-8
    ],
)
def test_anything_else_is_no_der_text(value: bytes) -> None:
    assert der_text(value) is None
