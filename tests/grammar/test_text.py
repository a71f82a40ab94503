import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Source
from pratique.grammar.text import decode, forbidden_character
from pratique.grammar.yaml_tree import plain, read_documents
from tests.support_grammar import place


def refused(data: bytes) -> PolicyError:
    with pytest.raises(PolicyError) as error:
        decode(data, "f.yaml")
    return error.value


def test_utf8_is_kept() -> None:
    source = decode("a: ü 😀\n".encode(), "f.yaml")
    assert (source.name, source.text) == ("f.yaml", "a: ü 😀\n")


def test_b9_bytes_that_are_not_utf8_are_refused_with_their_offset() -> None:
    error = refused(b"a: 1\nb: \xc3\xbc\xff\n")
    assert error.code == "bad-encoding"
    assert "0xff at offset 10" in error.message
    assert place(error) == (2, 5)
    assert "b: ü" in error.render()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_b10_other_encodings_are_named(encoding: str) -> None:
    error = refused("kind: Policy".encode(encoding))
    assert error.code == "bad-encoding"
    assert encoding[:6].upper() in error.message


def test_b11_byte_order_mark_and_crlf_make_no_difference() -> None:
    plain_file = b"a: 1\nb: |\n  x\n  y\nc: 'p\n  q'\n"
    other = b"\xef\xbb\xbf" + plain_file.replace(b"\n", b"\r\n")
    one, two = (read_documents(decode(data, "f.yaml")) for data in (plain_file, other))
    assert [plain(d.root) for d in one.documents] == [plain(d.root) for d in two.documents]
    assert [d.root.span.start for d in one.documents] == [d.root.span.start for d in two.documents]


@pytest.mark.parametrize(
    ("character", "code"),
    [(c, "control-character") for c in "\0\x01\x08\x0b\x0c\x1b\x7f\x80\x85\x9b\u2028\u2029\ufeff\uffff"]
    + [("\ud800", "bad-encoding"), ("\udfff", "bad-encoding")],
)
def test_b12_control_characters_and_lone_surrogates_are_refused(character: str, code: str) -> None:
    for letter in ("x", "é"):
        source = Source("f.yaml", f"a: 1\r\nb: {letter}{character}y\n")
        error = forbidden_character(source)
        assert error is not None
        assert (error.code, place(error)) == (code, (2, 5))
        assert f"U+{ord(character):04X}" in error.message
        assert character not in error.render()


def test_nul_bytes_are_refused() -> None:
    assert refused(b"abc: x\0y").code == "control-character"


@given(st.binary(max_size=60))
def test_any_bytes_give_a_text_without_controls_or_an_error(data: bytes) -> None:
    answer: Source | PolicyError
    try:
        answer = decode(data, "f")
    except PolicyError as error:
        answer = error
    if isinstance(answer, Source):
        assert all(c in "\t\n\r" or ord(c) >= 0x20 for c in answer.text)
    else:
        assert answer.code in ("bad-encoding", "control-character")
        assert re.fullmatch(r"[^\x00-\x08\x1b]*", answer.render())
