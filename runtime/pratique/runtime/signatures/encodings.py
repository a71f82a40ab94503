"""Strict readers of the small encodings that signatures are wrapped in: base64, JSON, DER text.

All of them take untrusted input, so each is bounded, and none of their errors quotes what was read.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from pratique.runtime.strict_json import StrictJsonError, parse

_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_UTF8_STRING = 0x0C


class EncodingError(ValueError):
    """What was read is not what it should be; the message goes into reports."""


def from_base64(text: str) -> bytes:
    """Return the bytes of standard base64 with padding; line ends are skipped, nothing else is.

    Raises:
        EncodingError: in the wording of Go's `encoding/base64`.
    """
    compact = text.replace("\r", "").replace("\n", "")
    try:
        return base64.b64decode(compact, validate=True)
    except (binascii.Error, ValueError) as error:
        place = next((i for i, c in enumerate(text) if c not in _ALPHABET and c not in "\r\n"), len(text))
        raise EncodingError(f"illegal base64 data at input byte {place}") from error


def from_json(text: str | bytes, *, max_bytes: int) -> Any:
    """Return the value of a JSON text.

    At most `max_bytes`, and strict: two readers of one signed text must never see two different things.

    Raises:
        EncodingError: always for bad input, never another exception.
    """
    if len(text) > max_bytes:
        raise EncodingError(f"more than {max_bytes} bytes of JSON")
    try:
        return parse(text if isinstance(text, bytes) else text.encode())
    except StrictJsonError as error:
        raise EncodingError(str(error)) from error
    except UnicodeEncodeError as error:
        raise EncodingError("not valid JSON") from error


def der_text(value: bytes) -> str | None:
    """Return the text of a DER UTF8String, or None where `value` is not exactly one."""
    if len(value) < 2 or value[0] != _UTF8_STRING:
        return None
    length, start = value[1], 2
    if length & 0x80:
        start += length & 0x7F
        if not 3 <= start <= 5 or len(value) < start:
            return None
        length = int.from_bytes(value[2:start], "big")
        if length < 0x80 or value[2] == 0:
            return None  # DER takes the shortest form
    if len(value) != start + length:
        return None
    try:
        return value[start:].decode()
    except UnicodeDecodeError:
        return None
