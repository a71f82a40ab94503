"""Envelopes in JSON: flattened JWS with the certificates in the unprotected header.

References: Notary Project JWS envelope specification 1.1; RFC 7515, sections 4, 5.2 and 7.2.2; RFC 3339.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from pratique.runtime.signatures.notary import attributes
from pratique.runtime.signatures.notary.algorithms import BY_NAME
from pratique.runtime.signatures.notary.limits import MAX_CERTIFICATES, MAX_DEPTH
from pratique.runtime.signatures.notary.model import Check, Envelope, EnvelopeFormat, NotaryRefusal
from pratique.runtime.signatures.notary.wording import quoted
from pratique.runtime.strict_json import StrictJsonError, parse

_MEMBERS: Final = frozenset({"payload", "protected", "header", "signature"})
_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)


def read_jws(data: bytes) -> Envelope:
    """Return the envelope that `data` is, with every rule on its headers checked, but no signature.

    Raises:
        NotaryRefusal: `ENVELOPE` or `HEADERS`.
    """
    document = _object(data, "jws envelope")
    # Unprotected members beside these four could only confuse: the specification has no others.
    if document.keys() != _MEMBERS:
        raise _malformed("jws envelope must have payload, protected, header and signature, and nothing else")
    header = document["header"]
    texts = {name: document[name] for name in ("payload", "protected", "signature")}
    if not isinstance(header, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise _malformed("jws envelope has members of a wrong type")
    protected = _object(_decode(texts["protected"], "protected header"), "jws envelope protected header")
    if protected.keys() & header.keys():
        raise _malformed("a header is both protected and unprotected")
    return Envelope(
        format=EnvelopeFormat.JWS,
        algorithm=_algorithm(protected),
        content_type=_text(protected, "cty"),
        attributes=attributes.signed_attributes(_header(protected)),
        certificates=_certificates(header),
        payload=_decode(texts["payload"], "payload"),
        signed=f"{texts['protected']}.{texts['payload']}".encode("ascii"),
        signature=_decode(texts["signature"], "signature"),
        token=_token(header),
        agent=agent if isinstance(agent := header.get(attributes.AGENT), str) else "",
    )


def _header(protected: dict[str, Any]) -> attributes.Header:
    critical = protected.get("crit", [])
    if not isinstance(critical, list) or not all(isinstance(name, str) for name in critical):
        raise _wrong('"crit" header is no list of texts')
    return attributes.Header(
        scheme=_text(protected, attributes.SCHEME),
        times={name: _time(protected[name], name) for name in attributes.TIMES if name in protected},
        plugin=protected.get(attributes.PLUGIN),
        critical=critical,
        present=protected.keys(),
    )


def _algorithm(protected: dict[str, Any]) -> str:
    name = _text(protected, "alg")
    if name not in BY_NAME:
        text = f"signature is invalid. Error: signing method {quoted(name)} is invalid"
        raise NotaryRefusal(Check.SIGNATURE, text)
    return name


def _certificates(header: dict[str, Any]) -> tuple[bytes, ...]:
    chain = header.get("x5c")
    if not isinstance(chain, list) or not chain:
        raise NotaryRefusal(Check.ENVELOPE, "certificate chain is not present")
    if len(chain) > MAX_CERTIFICATES:
        raise _malformed(f"certificate chain of more than {MAX_CERTIFICATES} certificates")
    return tuple(_standard(item, "certificate") for item in chain)


def _token(header: dict[str, Any]) -> bytes:
    token = header.get(attributes.TOKEN)
    return b"" if token is None else _standard(token, "timestamp countersignature")


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = parse(data, MAX_DEPTH)
    except StrictJsonError as error:
        raise _malformed(f"{what} can't be decoded: {error}") from error
    if not isinstance(value, dict):
        raise _malformed(f"{what} is no JSON object")
    return value


def _text(protected: dict[str, Any], name: str) -> str:
    value = protected.get(name)
    if not isinstance(value, str):
        raise _wrong(f'"{name}" header is missing or no text')
    return value


def _time(value: Any, name: str) -> datetime:
    """Return a time of RFC 3339; fractions of a second beyond microseconds are dropped."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise _wrong(f'"{name}" header is no time of RFC 3339')
    *parts, fraction, sign, hours, minutes = match.groups()
    zone: timezone = UTC
    try:
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            zone = timezone(offset if sign == "+" else -offset)
        micros = int((fraction or "").ljust(6, "0")[:6])
        year, month, day, hour, minute, second = map(int, parts)
        # In UTC at once: a comparison at the edge of what datetime can hold must not fail later.
        return datetime(year, month, day, hour, minute, second, micros, zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _wrong(f'"{name}" header is no time of RFC 3339') from error


def _decode(text: str, what: str) -> bytes:
    """Return base64url without padding, in its one canonical form (RFC 7515, 2)."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed(f"jws envelope {what} can't be decoded") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise _malformed(f"jws envelope {what} can't be decoded")
    return data


def _standard(text: Any, what: str) -> bytes:
    """Return base64 with padding, in its one canonical form (RFC 7515, 4.1.6)."""
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError) as error:
        raise _malformed(f"{what} can't be decoded") from error
    if not data or base64.b64encode(data).decode() != text:
        raise _malformed(f"{what} can't be decoded")
    return data


def _malformed(text: str) -> NotaryRefusal:
    return NotaryRefusal(Check.ENVELOPE, f"unable to parse the digital signature, error : {text}")


def _wrong(text: str) -> NotaryRefusal:
    return NotaryRefusal(Check.HEADERS, text)
