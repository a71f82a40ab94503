"""What is wrong with the outside of key material: PEM, and the outline of the DER within. No cryptography.

References: RFC 7468 (PEM), RFC 5280 section 4.1 (SubjectPublicKeyInfo, Certificate), X.690 section 8.1.
No message ever quotes the material, since it may be a private key.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Final

MIN_RSA_BITS: Final = 2048

_BLOCK = re.compile(r"-----BEGIN ([^-\n]{1,64})-----(.*?)-----END \1-----", re.DOTALL)
_REFERENCE = re.compile(r"[a-z0-9+.-]+://\S+")

_RSA = bytes.fromhex("2a864886f70d010101")
_EC = bytes.fromhex("2a8648ce3d0201")
_ED25519 = bytes.fromhex("2b6570")
_CURVES: Final = {
    bytes.fromhex("2a8648ce3d030107"),  # P-256
    bytes.fromhex("2b81040022"),  # P-384
    bytes.fromhex("2b81040023"),  # P-521
}

_SEQUENCE, _INTEGER, _BITS, _OBJECT = 0x30, 0x02, 0x03, 0x06


class _OutlineError(Exception):
    """The material cannot be used; the message is the end of a sentence."""


def holds_private_key(text: str) -> bool:
    """Say whether a private key stands in `text`."""
    return "PRIVATE KEY-----" in text


def is_reference(text: str) -> bool:
    """Say whether `text` names a key that is kept elsewhere, such as `k8s://…` or `awskms://…`."""
    return bool(_REFERENCE.fullmatch(text.strip()))


def key_problem(text: str) -> str:
    """Return why `text` is not one public key, as the end of a sentence; an empty text where it is."""
    blocks = _blocks(text)
    if len(blocks) > 1:
        return f"holds {len(blocks)} PEM blocks where one public key is expected"
    return _problem(blocks, {"PUBLIC KEY": _read_info, "RSA PUBLIC KEY": _read_rsa})


def key_identity(text: str) -> bytes | None:
    """Return what is the same for all forms of one public key, its outline at least; None for what is none.

    An RSA key is the same in a SubjectPublicKeyInfo and by itself (RFC 8017, appendix A.1.1).
    """
    blocks = _blocks(text)
    if len(blocks) != 1 or key_problem(text):
        return None
    label, body = blocks[0]
    der = base64.b64decode(body)
    if label == "RSA PUBLIC KEY":
        return der
    algorithm, key = _parts(_content(der, _SEQUENCE), _SEQUENCE, _BITS)
    return key[1:] if _element(algorithm, _OBJECT)[0] == _RSA else der


def log_keys_problem(text: str) -> str:
    """Return why `text` does not hold public keys of logs, as the end of a sentence."""
    return _problem(_blocks(text), {"PUBLIC KEY": _read_info, "RSA PUBLIC KEY": _read_rsa})


def certificates_problem(text: str) -> str:
    """Return why `text` does not hold certificates, as PEM or as base64 of PEM, as the end of a sentence."""
    blocks = _blocks(text)
    if not blocks:
        try:
            blocks = _blocks(base64.b64decode("".join(text.split()), validate=True).decode("ascii"))
        except ValueError:  # no base64, or no text in it
            return "is no PEM"
    return _problem(blocks, {"CERTIFICATE": _read_certificate})


def fingerprints(text: str) -> frozenset[str]:
    """Return the SHA-256, in hexadecimal, of what each PEM block holds; damaged ones are left out."""
    import hashlib

    found = set()
    for _, body in _blocks(text):
        try:
            found.add(hashlib.sha256(base64.b64decode(body, validate=True)).hexdigest())
        except ValueError:
            continue
    return frozenset(found)


def _blocks(text: str) -> list[tuple[str, str]]:
    return [(label, "".join(body.split())) for label, body in _BLOCK.findall(text)]


def _problem(blocks: list[tuple[str, str]], readers: Mapping[str, Callable[[bytes], None]]) -> str:
    if not blocks:
        return "is no PEM"
    for label, body in blocks:
        if label not in readers:
            return f"is a PEM block `{label}` where `{next(iter(readers))}` is expected"
        try:
            readers[label](base64.b64decode(body, validate=True))
        except _OutlineError as error:
            return str(error)
        except (ValueError, IndexError):
            return f"is no `{label}`: its content is damaged"
    return ""


def _read_info(der: bytes) -> None:
    """Check a SubjectPublicKeyInfo: a known algorithm, and a strong enough RSA key."""
    algorithm, key = _parts(_content(der, _SEQUENCE), _SEQUENCE, _BITS)
    kind, rest = _element(algorithm, _OBJECT)
    if kind == _RSA:
        _read_rsa(key[1:])
    elif kind == _EC:
        curve, _ = _element(rest, _OBJECT)
        if curve not in _CURVES:
            raise _OutlineError("is a key on a curve that signatures are not accepted from")
    elif kind != _ED25519:
        raise _OutlineError("is a key of an algorithm that signatures are not accepted from")


def _read_rsa(der: bytes) -> None:
    modulus, _ = _parts(_content(der, _SEQUENCE), _INTEGER, _INTEGER)
    bits = int.from_bytes(modulus).bit_length()
    if bits < MIN_RSA_BITS:
        raise _OutlineError(f"is an RSA key of {bits} bits, and {MIN_RSA_BITS} are the least")


def _read_certificate(der: bytes) -> None:
    _parts(_content(der, _SEQUENCE), _SEQUENCE, _SEQUENCE, _BITS)


def _content(der: bytes, tag: int) -> bytes:
    content, rest = _element(der, tag)
    if rest:
        raise ValueError
    return content


def _parts(content: bytes, *tags: int) -> list[bytes]:
    """Return the contents of consecutive elements that fill `content`."""
    found = []
    for tag in tags:
        part, content = _element(content, tag)
        found.append(part)
    if content:
        raise ValueError
    return found


def _element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the first element of `data`, and what follows it."""
    if data[0] != tag:
        raise ValueError
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start])
    if len(data) < start + length:
        raise ValueError
    return data[start : start + length], data[start + length :]
