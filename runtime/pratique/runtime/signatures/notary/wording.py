"""Times, names and quoted texts as notation writes them, so that messages read as Kyverno's do.

References: Go 1.26 `strconv.Quote`, `time.RFC1123Z`, `crypto/x509/pkix.Name.String`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography import x509

from pratique.runtime.signatures.notary.der import encode
from pratique.runtime.signatures.notary.limits import MAX_SHOWN

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
_NAMED: Final = {
    "2.5.4.6": "C",
    "2.5.4.8": "ST",
    "2.5.4.7": "L",
    "2.5.4.9": "STREET",
    "2.5.4.17": "POSTALCODE",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.3": "CN",
    "2.5.4.5": "SERIALNUMBER",
}
"""Attributes that Go knows by name, in the order in which it collects them; it writes them backwards."""
_SINGLE: Final = ("2.5.4.3", "2.5.4.5")
"""Of these Go keeps only the last value, and nothing of an empty one."""
_PRINTABLE_STRING: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"
)


def quoted(text: str) -> str:
    """Return `text` in double quotes, control characters and the like escaped, at most `MAX_SHOWN` long."""
    cut = text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
    return f'"{"".join(_escaped(c) for c in cut)}"'


def rfc1123(moment: datetime) -> str:
    """Return `Mon, 02 Jan 2006 15:04:05 -0700` for an aware time, in whatever locale."""
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment:%d} {month} {moment.year:04} {moment:%H:%M:%S %z}"


def distinguished_name(name: x509.Name) -> str:
    """Return a name as Go writes it: known attributes backwards from the common name to the country.

    Attributes that have no name there follow as `OID=#hex of DER`. The text is linear in the name's size, is
    never parsed again, and no decision rests on it (threat N3).

    Raises:
        ValueError: the name is malformed.
    """
    known: dict[str, list[str]] = {oid: [] for oid in _NAMED}
    unknown: list[str] = []
    for attribute in name:
        oid, value = attribute.oid.dotted_string, attribute.value
        if oid in known and isinstance(value, str):
            known[oid] = [value] if oid in _SINGLE else [*known[oid], value]
        else:
            unknown.append(f"{oid}=#{_der(value).hex()}")
    for oid in _SINGLE:
        known[oid] = [value for value in known[oid] if value]
    groups = [
        "+".join(f"{_NAMED[oid]}={_value(v)}" for v in values) for oid, values in known.items() if values
    ]
    return ",".join(reversed([*unknown, *groups]))


def _value(text: str) -> str:
    last = len(text) - 1
    return "".join(
        f"\\{c}" if c in ',+"\\<>;' or (c == " " and i in (0, last)) or (c == "#" and i == 0) else c
        for i, c in enumerate(text)
    )


def _der(value: str | bytes) -> bytes:
    """Return the string as Go would encode it again."""
    if isinstance(value, bytes):
        tag, content = 0x03, b"\x00" + value
    else:
        tag, content = (0x13 if _PRINTABLE_STRING.issuperset(value) else 0x0C), value.encode()
    return encode(tag, content)


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    number = ord(character)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x1_0000 else f"\\U{number:08x}"
