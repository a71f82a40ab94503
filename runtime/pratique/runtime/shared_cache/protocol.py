"""The wire protocol of Valkey and Redis, as much of it as a cache needs, with bounds.

The server is not trusted: what it may make us keep is bounded before it is read (R9), which client libraries
do not do.

References: RESP2, https://valkey.io/topics/protocol/.
"""

from __future__ import annotations

import asyncio
from typing import Final, TypeAlias

MAX_LINE: Final = 4 << 10
MAX_ITEMS: Final = 16
MAX_DEPTH: Final = 2

Command: TypeAlias = tuple[bytes, ...]


class ProtocolError(Exception):
    """The other side does not speak the protocol, or says more than it may."""


class ServerError(Exception):
    """The server refuses a command; the text is its own."""


Reply: TypeAlias = "bytes | int | ServerError | list[Reply] | None"


def encode(command: Command) -> bytes:
    """Return a command as it is sent."""
    parts = [b"*%d\r\n" % len(command)]
    for part in command:
        parts += (b"$%d\r\n" % len(part), part, b"\r\n")
    return b"".join(parts)


async def read_reply(reader: asyncio.StreamReader, max_bytes: int, depth: int = 0) -> Reply:
    """Return the next reply; a refusal is returned, not raised, as others may follow it.

    Args:
        reader: the connection; its own limit bounds a line.
        max_bytes: bound on one text.
        depth: of nesting.

    Raises:
        ProtocolError: it is none, or too large.
        EOFError: the connection ended.
    """
    line = await _line(reader)
    kind, text = line[:1], line[1:]
    if kind == b"+":
        return text
    if kind == b"-":
        return ServerError(text.decode("utf-8", "replace"))
    if kind == b":":
        return _number(text)
    if kind == b"$":
        return await _bulk(reader, _number(text), max_bytes)
    if kind == b"*":
        number = _number(text)
        if number == -1:
            return None
        if not 0 <= number <= MAX_ITEMS or depth >= MAX_DEPTH:
            raise ProtocolError("a list is too long or nested too deep")
        return [await read_reply(reader, max_bytes, depth + 1) for _ in range(number)]
    raise ProtocolError("not a reply")


async def _bulk(reader: asyncio.StreamReader, length: int, max_bytes: int) -> bytes | None:
    if length == -1:
        return None
    if not 0 <= length <= max_bytes:
        raise ProtocolError(f"a text is longer than {max_bytes} bytes")
    body = await reader.readexactly(length + 2)
    if body[-2:] != b"\r\n":
        raise ProtocolError("a text does not end where it should")
    return body[:-2]


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\r\n")
    except asyncio.LimitOverrunError as error:
        raise ProtocolError("a line is too long") from error
    if len(line) > MAX_LINE:
        raise ProtocolError("a line is too long")
    return line[:-2]


def _number(text: bytes) -> int:
    if not text.removeprefix(b"-").isdigit() or len(text) > 20:
        raise ProtocolError("not a number")
    return int(text)
