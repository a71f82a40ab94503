"""Envelopes in CBOR: COSE_Sign1_Tagged with the certificates in the unprotected header.

References: Notary Project COSE envelope specification 1.1; RFC 9052, sections 3, 4.2 and 4.4; RFC 9360;
go-cose 1.3.0 for what notation takes.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from pratique.runtime.signatures.notary import attributes
from pratique.runtime.signatures.notary.algorithms import BY_LABEL
from pratique.runtime.signatures.notary.cbor import CborError, Label, Tag, Value, decode, encode
from pratique.runtime.signatures.notary.limits import MAX_CERTIFICATES
from pratique.runtime.signatures.notary.model import Check, Envelope, EnvelopeFormat, NotaryRefusal

SIGN1_TAG: Final = 18
EPOCH_TAG: Final = 1
ALGORITHM, CRITICAL, CONTENT_TYPE, CHAIN = 1, 2, 3, 33
_REGISTERED: Final = frozenset({ALGORITHM, CRITICAL, CONTENT_TYPE})


def read_cose(data: bytes) -> Envelope:
    """Return the envelope that `data` is, with every rule on its headers checked, but no signature.

    Raises:
        NotaryRefusal: `ENVELOPE` or `HEADERS`.
    """
    message = _item(data, "message")
    if not isinstance(message, Tag) or message.number != SIGN1_TAG:
        raise _malformed("cbor: invalid COSE_Sign1_Tagged object")
    match message.value:
        case [bytes() as raw, dict() as unprotected, bytes() as payload, bytes() as signature] if signature:
            pass
        case _:
            raise _malformed("cbor: invalid COSE_Sign1_Tagged object")
    protected = _item(raw, "protected header")
    if not isinstance(protected, dict):
        raise _malformed("cbor: protected header: require map type")
    if protected.keys() & unprotected.keys():
        raise _malformed("a header is both protected and unprotected")
    if CRITICAL in unprotected or any(_holds_tag(value) for value in unprotected.values()):
        raise _malformed("unprotected header: crit and tags are not allowed")
    return Envelope(
        format=EnvelopeFormat.COSE,
        algorithm=_algorithm(protected),
        content_type=_text(protected, CONTENT_TYPE),
        attributes=attributes.signed_attributes(_header(protected)),
        certificates=_certificates(unprotected),
        payload=payload,
        signed=to_be_signed(raw, payload),
        signature=signature,
        token=_token(unprotected),
        agent=agent if isinstance(agent := unprotected.get(attributes.AGENT), str) else "",
    )


def to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """Return the encoded `Sig_structure` over a protected header, as received, and a payload."""
    return encode(["Signature1", protected, b"", payload])


def _header(protected: dict[Label, Value]) -> attributes.Header:
    critical = protected.get(CRITICAL, [])
    names: list[Label] = []
    if isinstance(critical, list):
        names = [n for n in critical if isinstance(n, int | str) and not isinstance(n, bool)]
    if not isinstance(critical, list) or len(names) != len(critical):
        raise _wrong("invalid crit header")
    return attributes.Header(
        scheme=_text(protected, attributes.SCHEME),
        times={name: _time(protected[name], name) for name in attributes.TIMES if name in protected},
        plugin=protected.get(attributes.PLUGIN),
        critical=names,
        present=protected.keys(),
        registered=_REGISTERED,
    )


def _algorithm(protected: dict[Label, Value]) -> str:
    label = protected.get(ALGORITHM)
    if isinstance(label, bool) or not isinstance(label, int) or label not in BY_LABEL:
        raise NotaryRefusal(Check.SIGNATURE, "signature algorithm not supported")
    return BY_LABEL[label].name


def _certificates(unprotected: dict[Label, Value]) -> tuple[bytes, ...]:
    # RFC 9360 lets a single certificate stand alone; notation does not take it.
    chain = unprotected.get(CHAIN)
    if not isinstance(chain, list) or not chain:
        raise NotaryRefusal(Check.ENVELOPE, "certificate chain is not present")
    if len(chain) > MAX_CERTIFICATES:
        raise _malformed(f"certificate chain of more than {MAX_CERTIFICATES} certificates")
    certificates = tuple(item for item in chain if isinstance(item, bytes) and item)
    if len(certificates) != len(chain):
        raise NotaryRefusal(Check.ENVELOPE, "certificate chain is not present")
    return certificates


def _token(unprotected: dict[Label, Value]) -> bytes:
    token = unprotected.get(attributes.TOKEN, b"")
    if not isinstance(token, bytes):
        raise _malformed("timestamp countersignature is no byte string")
    return token


def _text(protected: dict[Label, Value], name: Label) -> str:
    value = protected.get(name)
    if not isinstance(value, str):
        raise _wrong(f"protected header {name} is missing or no text")
    return value


def _time(value: Value, name: str) -> datetime:
    """Return an epoch-based time (RFC 8949, 3.4.2); to the microsecond."""
    match value:
        case Tag(number=1, value=int() | float() as seconds) if not isinstance(
            seconds, bool
        ) and math.isfinite(seconds):
            pass
        case _:
            raise _wrong(f'header "{name}" is no time with tag {EPOCH_TAG}')
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _wrong(f'header "{name}" is no time with tag {EPOCH_TAG}') from error


def _holds_tag(value: Value) -> bool:
    match value:
        case Tag():
            return True
        case list():
            return any(_holds_tag(item) for item in value)
        case dict():
            return any(_holds_tag(item) for item in value.values())
        case _:
            return False


def _item(data: bytes, what: str) -> Value:
    try:
        return decode(data)
    except CborError as error:
        raise _malformed(f"cbor: {what}: {error}") from error


def _malformed(text: str) -> NotaryRefusal:
    return NotaryRefusal(Check.ENVELOPE, f"unable to parse the digital signature, error : {text}")


def _wrong(text: str) -> NotaryRefusal:
    return NotaryRefusal(Check.HEADERS, text)
