"""DER writing, as much of it as certificates' extensions and RFC 3161 tokens need.

References: ITU-T X.690.
"""

from __future__ import annotations

from datetime import UTC, datetime


def element(tag: int, content: bytes) -> bytes:
    """Return one element: identifier octet `tag`, definite length, `content`."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*items: bytes) -> bytes:
    """Return a SEQUENCE of encoded elements."""
    return element(0x30, b"".join(items))


def set_of(*items: bytes) -> bytes:
    """Return a SET OF encoded elements, in the order DER asks for."""
    return element(0x31, b"".join(sorted(items)))


def context(number: int, *items: bytes) -> bytes:
    """Return the constructed element `[number]` around encoded elements."""
    return element(0xA0 | number, b"".join(items))


def integer(value: int) -> bytes:
    """Return an INTEGER."""
    return element(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def boolean(value: bool) -> bytes:
    """Return a BOOLEAN."""
    return element(0x01, b"\xff" if value else b"\x00")


def octet_string(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return element(0x04, value)


def utf8_string(text: str) -> bytes:
    """Return a UTF8String."""
    return element(0x0C, text.encode())


def generalized_time(moment: datetime) -> bytes:
    """Return a GeneralizedTime in UTC, to the second."""
    return element(0x18, moment.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())


def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER written as numbers and dots."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return element(0x06, b"".join(_base128(arc) for arc in (first * 40 + second, *rest)))


def _base128(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(0x80 | value & 0x7F)
    return bytes(reversed(octets))
