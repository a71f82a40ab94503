"""CBOR of strangers, as much of it as COSE headers need: one reading only, bounded in depth and items.

Refused, though RFC 8949 knows them: indefinite lengths, lengths and integers not in their shortest form, keys
that are neither integers nor text, duplicate keys, `undefined` and unassigned simple values, trailing bytes.
A general reader takes all of these, keeps one of two equal keys, and makes objects for tags nobody asked for.

References: RFC 8949, sections 3 and 4.2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from pratique.runtime.signatures.notary.limits import MAX_DEPTH, MAX_ITEMS

Label: TypeAlias = int | str
"""A key of a map, and by that the name of a header."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged value, left as it is: the reader knows no tag."""

    number: int
    value: Value


Value: TypeAlias = "int | bytes | str | list[Value] | dict[Label, Value] | Tag | bool | float | None"

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_SHORTEST: Final = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}
"""Additional information -> smallest argument that may be written with it."""
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}


class CborError(ValueError):
    """The bytes are not CBOR with exactly one reading; the text quotes nothing of them."""


def decode(data: bytes, *, max_depth: int = MAX_DEPTH, max_items: int = MAX_ITEMS) -> Value:
    """Return the one data item that `data` is.

    Linear in `len(data)`, which the caller has bounded. A stated length or count is compared with the bytes
    that are left before anything is made of it.

    Raises:
        CborError: the bytes are not that, or exceed a bound.
    """
    reader = _Reader(data, max_items)
    value = reader.item(max_depth)
    if reader.left:
        raise CborError("bytes after the end of the item")
    return value


def encode(value: Value) -> bytes:
    """Return the deterministic encoding of a value (RFC 8949, 4.2.1): shortest forms, sorted keys.

    Floats are written with 64 bits. `decode` gives the value back.
    """
    match value:
        case bool():
            return b"\xf5" if value else b"\xf4"
        case None:
            return b"\xf6"
        case int():
            return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case bytes():
            return _head(_BYTES, len(value)) + value
        case str():
            text = value.encode()
            return _head(_TEXT, len(text)) + text
        case list():
            return _head(_ARRAY, len(value)) + b"".join(encode(item) for item in value)
        case dict():
            pairs = sorted((encode(key), encode(item)) for key, item in value.items())
            return _head(_MAP, len(value)) + b"".join(key + item for key, item in pairs)
        case Tag():
            return _head(_TAG, value.number) + encode(value.value)


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes((major << 5 | argument,))
    size = next(size for size in (1, 2, 4, 8) if argument < 1 << 8 * size)
    return bytes((major << 5 | 23 + size.bit_length(),)) + argument.to_bytes(size, "big")


class _Reader:
    def __init__(self, data: bytes, max_items: int) -> None:
        self._data = data
        self._at = 0
        self._items = max_items

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def item(self, depth: int) -> Value:
        if depth <= 0:
            raise CborError("nested too deeply")
        if self._items <= 0:
            raise CborError("too many items")
        self._items -= 1
        initial = self._take(1)[0]
        major, info = initial >> 5, initial & 0x1F
        if major == _SIMPLE:
            return self._simple(info)
        argument = self._argument(info)
        match major:
            case 0:
                return argument
            case 1:
                return -1 - argument
            case 2:
                return self._take(argument)
            case 3:
                return self._text(argument)
            case 4:
                self._expect(argument)
                return [self.item(depth - 1) for _ in range(argument)]
            case 5:
                self._expect(2 * argument)
                return self._map(argument, depth - 1)
            case _:
                return Tag(argument, self.item(depth - 1))

    def _take(self, size: int) -> bytes:
        if size > self.left:
            raise CborError("the bytes end too early")
        start, self._at = self._at, self._at + size
        return self._data[start : self._at]

    def _expect(self, items: int) -> None:
        """Refuse a count of which each item would need a byte that is not there."""
        if items > self.left:
            raise CborError("the bytes end too early")
        if items > self._items:
            raise CborError("too many items")

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        if info not in _SHORTEST:
            raise CborError("indefinite or reserved length")
        argument = int.from_bytes(self._take(1 << info - 24), "big")
        if argument < _SHORTEST[info]:
            raise CborError("an integer or length is not in its shortest form")
        return argument

    def _text(self, size: int) -> str:
        try:
            return self._take(size).decode()
        except UnicodeDecodeError as error:
            raise CborError("text that is not UTF-8") from error

    def _map(self, count: int, depth: int) -> dict[Label, Value]:
        result: dict[Label, Value] = {}
        for _ in range(count):
            key = self.item(depth)
            # bool is an int in Python, and True would be taken for the label 1.
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise CborError("a key that is neither integer nor text")
            if key in result:
                raise CborError("a key occurs twice in one map")
            result[key] = self.item(depth)
        return result

    def _simple(self, info: int) -> bool | float | None:
        match info:
            case 20 | 21:
                return info == 21
            case 22:
                return None
            case 25 | 26 | 27:
                number: float = struct.unpack(_FLOATS[info], self._take(1 << info - 24))[0]
                return number
            case _:
                raise CborError("an unassigned simple value")
