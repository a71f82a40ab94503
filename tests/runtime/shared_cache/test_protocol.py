from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.shared_cache.protocol import (
    MAX_ITEMS,
    MAX_LINE,
    ProtocolError,
    Reply,
    ServerError,
    encode,
    read_reply,
)


def reply(data: bytes, max_bytes: int = 100) -> Reply:
    async def run() -> Reply:
        reader = asyncio.StreamReader(limit=2 * MAX_LINE)
        reader.feed_data(data)
        reader.feed_eof()
        return await read_reply(reader, max_bytes)

    return asyncio.run(run())


def test_commands_are_lists_of_texts() -> None:
    assert encode((b"SET", b"k", b"\r\n")) == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "meant"),
    [
        (b"+OK\r\n", b"OK"),
        (b":-7\r\n", -7),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"$4\r\na\r\nb\r\n", b"a\r\nb"),
        (b"$0\r\n\r\n", b""),
        (b"*3\r\n$1\r\na\r\n$-1\r\n*1\r\n:1\r\n", [b"a", None, [1]]),
    ],
)
def test_replies(data: bytes, meant: Reply) -> None:
    assert reply(data) == meant


def test_a_refusal_is_a_value() -> None:
    found = reply(b"-OOM command not allowed\r\n")
    assert isinstance(found, ServerError)
    assert str(found) == "OOM command not allowed"


@pytest.mark.parametrize(
    "data",
    [
        b"?\r\n",
        b"\r\n",
        b"$101\r\n",
        b"$9999999999999999999999\r\n",
        b"$-2\r\n",
        b"$1x\r\n",
        b"$1\r\nab\r\n",
        b"$" + "१".encode() + b"\r\n",
        b"*%d\r\n" % (MAX_ITEMS + 1),
        b"*1\r\n*1\r\n*1\r\n:1\r\n",
        b"+" + b"x" * MAX_LINE + b"\r\n",
        b"+" + b"x" * 3 * MAX_LINE + b"\r\n",
    ],
)
def test_r9_what_is_no_reply_or_too_large_is_refused_before_it_is_read(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        reply(data)


@pytest.mark.parametrize("data", [b"", b"+OK", b"$4\r\nab", b"*2\r\n:1\r\n"])
def test_an_end_is_an_end(data: bytes) -> None:
    with pytest.raises(EOFError):
        reply(data)


@given(st.binary(max_size=200))
def test_anything_else_is_a_reply_or_one_of_two_errors(data: bytes) -> None:
    with contextlib.suppress(ProtocolError, EOFError):
        reply(data)
