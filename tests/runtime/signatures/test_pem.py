from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.signatures.encodings import EncodingError
from pratique.runtime.signatures.pem import (
    MAX_BLOCKS,
    MAX_CHARACTERS,
    Block,
    armour,
    blocks,
    holds_private_key,
)
from tests.support_signatures import new_key, private_pem, public_pem, spki


@given(
    st.lists(st.tuples(st.sampled_from(["CERTIFICATE", "PUBLIC KEY"]), st.binary(max_size=300)), max_size=5)
)
def test_blocks_reads_what_armour_writes(content: list[tuple[str, bytes]]) -> None:
    text = "".join(armour(label, der) for label, der in content)
    assert blocks(text) == (tuple(Block(label, der) for label, der in content), False)


def test_armour_is_the_form_of_other_tools() -> None:
    key = new_key()
    assert armour("PUBLIC KEY", spki(key)) == public_pem(key)


def test_text_around_blocks() -> None:
    block = armour("X", b"abc")
    assert blocks(f"a comment\n{block}") == ((Block("X", b"abc"),), False)
    assert blocks(f"{block}\n  \n\t") == ((Block("X", b"abc"),), False)
    assert blocks(f"{block}rest") == ((Block("X", b"abc"),), True)
    assert blocks("no block") == ((), True)
    assert blocks("") == ((), False)


def test_line_ends_and_widths_do_not_matter() -> None:
    text = armour("X", bytes(range(200)))
    assert blocks(text.replace("\n", "\r\n"))[0] == blocks(text)[0]
    head, *body, tail = text.splitlines()
    assert blocks(f"{head}\n{''.join(body)}\n{tail}")[0] == blocks(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN X-----\nYWJj\n",
        "-----BEGIN X-----\nYWJj\n-----END Y-----\n",
        "-----BEGIN X-----\n####\n-----END X-----\n",
        "-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\nYWJj\n-----END X-----\n",
        "-----BEGIN X\n-----\nYWJj\n-----END X\n-----\n",
        "-----BEGIN ",
    ],
)
def test_damaged_blocks_are_errors(text: str) -> None:
    with pytest.raises(EncodingError, match=r"^error during PEM decoding$"):
        blocks(text)


def test_there_are_limits() -> None:
    one = armour("X", b"")
    assert len(blocks(one * MAX_BLOCKS)[0]) == MAX_BLOCKS
    with pytest.raises(EncodingError, match="too many"):
        blocks(one * (MAX_BLOCKS + 1))
    with pytest.raises(EncodingError, match="too long"):
        blocks(" " * (MAX_CHARACTERS + 1))


def test_private_keys_are_recognised() -> None:
    key = new_key()
    assert holds_private_key(private_pem(key))
    assert holds_private_key("-----BEGIN OPENSSH PRIVATE KEY-----\nabc")
    assert not holds_private_key(public_pem(key))
