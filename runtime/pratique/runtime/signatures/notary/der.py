"""DER reading, as much of it as the signed attributes of a timestamp need.

References: ITU-T X.690, sections 8 and 10.
"""

from __future__ import annotations

from dataclasses import dataclass

SEQUENCE, SET, OID, INTEGER, OCTET_STRING = 0x30, 0x31, 0x06, 0x02, 0x04


class DerError(ValueError):
    """The bytes are not DER of the expected shape."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: identifier octet, content, and the whole of it as it was written."""

    tag: int
    content: bytes
    whole: bytes

    def children(self) -> list[Element]:
        """Return the elements that the content is made of.

        Raises:
            DerError: the content is not a series of elements.
        """
        return elements(self.content)


def elements(data: bytes) -> list[Element]:
    """Return the series of elements that `data` is. One level only; linear in `len(data)`.

    Raises:
        DerError: a length is indefinite, not the shortest, or beyond the end; or a tag has several octets.
    """
    result, at = [], 0
    while at < len(data):
        start, tag = at, data[at]
        if tag & 0x1F == 0x1F:
            raise DerError("a tag of several octets")
        length, at = _length(data, at + 1)
        if length > len(data) - at:
            raise DerError("the bytes end too early")
        at += length
        result.append(Element(tag, data[at - length : at], data[start:at]))
    return result


def encode(tag: int, content: bytes) -> bytes:
    """Return the element with `tag` and `content`."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def only(data: bytes, tag: int) -> Element:
    """Return the single element with `tag` that `data` is.

    Raises:
        DerError: it is not one.
    """
    found = elements(data)
    if len(found) != 1 or found[0].tag != tag:
        raise DerError(f"not exactly one element with tag 0x{tag:02x}")
    return found[0]


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Return the length that starts at `at`, and where the content starts."""
    first = data[at] if at < len(data) else 0x80
    if first < 0x80:
        return first, at + 1
    octets = data[at + 1 : at + 1 + (first & 0x7F)]
    length = int.from_bytes(octets, "big")
    if first == 0x80 or len(octets) != first & 0x7F or not octets[0] or length < 0x80:
        raise DerError("a length that is indefinite, cut off or not the shortest")
    return length, at + 1 + len(octets)
