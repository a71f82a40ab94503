"""One repair of timestamps: the certificates in a CMS message in the order that DER asks for.

CMS allows any order, and OpenSSL's timestamp authorities keep the one they were given, but the parser at hand
takes DER only. The certificates are not signed (the signature covers the content and the signed attributes),
so their order carries no meaning, and sorting them changes no length.

References: RFC 5652, sections 5.1 and 10.2.3; RFC 3161, section 2.4.2; X.690, section 11.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

_SEQUENCE: Final = 0x30
_CONTEXT_0: Final = 0xA0


class _Element(NamedTuple):
    """A DER element: its tag, where it starts, where its content starts, where it ends."""

    tag: int
    start: int
    content: int
    end: int


def sort_certificates(response: bytes) -> bytes:
    """Return a `TimeStampResp` with its certificates sorted; as it is where it holds no sets of them.

    Raises:
        ValueError: the outer structure is not DER.
    """
    whole = _element(response, 0, len(response))
    parts = list(_children(response, whole))
    if len(parts) < 2:
        return response  # a refusal, without a token
    content = _child(response, parts[1], _CONTEXT_0)
    signed_data = content and _child(response, content, _SEQUENCE)
    certificates = signed_data and _child(response, signed_data, _CONTEXT_0)
    if not certificates:
        return response
    found = sorted(response[c.start : c.end] for c in _children(response, certificates))
    return response[: certificates.content] + b"".join(found) + response[certificates.end :]


def _child(data: bytes, parent: _Element, tag: int) -> _Element | None:
    return next((child for child in _children(data, parent) if child.tag == tag), None)


def _children(data: bytes, parent: _Element) -> Iterator[_Element]:
    position = parent.content
    while position < parent.end:
        child = _element(data, position, parent.end)
        yield child
        position = child.end


def _element(data: bytes, start: int, limit: int) -> _Element:
    if limit - start < 2:
        raise ValueError("DER element cut short")
    length, content = data[start + 1], start + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or limit - content < count:
            raise ValueError("DER length out of range")
        length = int.from_bytes(data[content : content + count], "big")
        content += count
    if content + length > limit:
        raise ValueError("DER element cut short")
    return _Element(data[start], start, content, content + length)
