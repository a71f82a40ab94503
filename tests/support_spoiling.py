"""Inputs that are nearly good: changed in bytes, in JSON, or in what base64 within JSON holds."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any

LARGEST = 256 << 10
"""Bytes of a spoiled input; the parsers' own limits have tests of their own."""
_ODD_BYTES = (
    b"",
    b"\0",
    b"\xff" * 8,
    b"\xed\xa0\x80",
    b'"',
    b"{",
    b"[" * 100,
    b"\n\n",
    b"=",
    b"\x30\x84\xff\xff\xff\xff",
)
_ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, 1 << 63, 1 << 70, "", "\0", "\ud800", "0" * 5000, "A" * 5000,
    [], {}, [[]],
    {"": None}, "1e9999", "-0", [None] * 100,
)  # fmt: skip
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")


def spoil(seed: bytes, others: list[bytes], random: Random) -> bytes:
    """Return `seed` changed in one to five places; `others` are good inputs to splice in."""
    data = seed
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        changed = _spoil_json(data, random, 0) if random.random() < 0.6 else None
        data = _spoil_bytes(data, others, random) if changed is None else changed
    return data[:LARGEST]


def _spoil_bytes(data: bytes, others: list[bytes], random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    size = random.choice((1, 1, 2, 4, 16, 64))
    match random.randrange(7):
        case 0:
            return data[:at] + bytes((random.randrange(256),)) + data[at + 1 :]
        case 1:
            flipped = bytes(byte ^ 1 << random.randrange(8) for byte in data[at : at + 1])
            return data[:at] + flipped + data[at + 1 :]
        case 2:
            return data[:at] + data[at + size :]
        case 3:
            return data[:at] + data[at : at + size] * random.choice((2, 3, 50)) + data[at + size :]
        case 4:
            return data[:at] + random.choice(_ODD_BYTES) + data[at:]
        case 5:
            return data[:at]
        case _:
            other = random.choice(others)
            return data[:at] + other[random.randrange(len(other) + 1) :]


def _spoil_json(data: bytes, random: Random, depth: int) -> bytes | None:
    """Return the JSON with one place changed; None for what is no JSON."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict | list) or not value:
        return None
    holder, key = random.choice(list(_places(value)))
    found = holder[key]
    choice = random.randrange(5)
    if choice == 0 or (choice == 1 and isinstance(holder, list)):
        del holder[key]
    elif choice == 1:
        holder[random.choice(("x", "", "mediaType", key.swapcase()))] = holder.pop(key)
    elif choice == 2 or not isinstance(found, str):
        holder[key] = random.choice(_ODD_VALUES)
    else:
        holder[key] = _spoil_text(found, random, depth)
    try:
        return json.dumps(value, ensure_ascii=random.random() < 0.5).encode(errors="surrogatepass")
    except RecursionError:
        return None


def _spoil_text(text: str, random: Random, depth: int) -> str:
    if depth < 3 and _BASE64.fullmatch(text):
        with contextlib.suppress(binascii.Error):
            return base64.b64encode(_inside(base64.b64decode(text), random, depth)).decode()
    return _inside(text.encode(errors="surrogatepass"), random, depth).decode(errors="replace")


def _inside(data: bytes, random: Random, depth: int) -> bytes:
    changed = _spoil_json(data, random, depth + 1)
    return _spoil_bytes(data, [data], random) if changed is None else changed


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every (container, key) of a JSON value."""
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            yield holder, key
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
