"""What an unquoted YAML scalar means to Kubernetes: strings, numbers, booleans, null.

Kubernetes reads YAML 1.1 through Go and passes it on as JSON. So `no` is a boolean, `017` is fifteen,
`1_000` a thousand, while dates and `12:30` stay texts. A whole number is an integer however it is written
(`1.0`, `1e3`): JSON does not keep the difference.

References: sigs.k8s.io/yaml 1.6 over go.yaml.in/yaml/v2 (`resolve`), encoding/json for what follows.
"""

from __future__ import annotations

import re
import struct
from math import copysign, inf, isinf
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
"""A JSON scalar. Integers fit in 64 bits with sign; floats are finite."""

INT_MIN = -(2**63)
INT_MAX = 2**63 - 1

STR_TAG = "tag:yaml.org,2002:str"
MERGE_TAG = "tag:yaml.org,2002:merge"

_LONGEST_INTEGER = len("-0b") + 64
_LONGEST_FLOAT = 512
_LONGEST_SHOWN = 60

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NOT_FINITE = frozenset(
    sign + word for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF") if sign or word
) | {".nan", ".NaN", ".NAN"}
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DOT_FLOAT = re.compile(r"\.[0-9]+(?:[eE][-+]?[0-9]+)?")


class ScalarError(ValueError):
    """A scalar that JSON cannot carry; `code` is that of the later `PolicyError`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def resolve_plain(text: str) -> Scalar:
    """Return the value of an unquoted scalar.

    Raises:
        ScalarError: `bad-number` for NaN, infinities and integers that do not fit in 64 bits.
    """
    value = _resolve(text)
    return _whole(value) if isinstance(value, float) else value


def resolve_tagged(tag: str, text: str) -> Scalar:
    """Return the value of a scalar with an explicit tag.

    Raises:
        ScalarError: `tag-not-allowed`, `bad-scalar` for a text that the tag does not fit, `bad-number`.
    """
    if tag in ("!", STR_TAG):
        return text
    value = _resolve(text)
    match tag:
        case "tag:yaml.org,2002:null":
            fits = value is None
        case "tag:yaml.org,2002:bool":
            fits = isinstance(value, bool)
        case "tag:yaml.org,2002:int":
            fits = isinstance(value, int) and not isinstance(value, bool)
        case "tag:yaml.org,2002:float":
            fits = isinstance(value, int | float) and not isinstance(value, bool)
        case _:
            raise ScalarError("tag-not-allowed", f"the tag {show_tag(tag)} is not allowed")
    if not fits:
        raise ScalarError("bad-scalar", f"`{text[:40]}` does not fit its tag {show_tag(tag)}")
    return _whole(value) if isinstance(value, float) else value


def key_text(text: str) -> str:
    """Return the JSON key that an unquoted mapping key becomes.

    Raises:
        ScalarError: `bad-key` for null, `bad-number` as in `resolve_plain`.
    """
    match _resolve(text):
        case None:
            raise ScalarError("bad-key", "a key cannot be null")
        case bool(value):
            return "true" if value else "false"
        case float(value):
            return _go_float32(value)
        case value:
            return str(value)


def json_integer(text: str) -> int:
    """Return the integer that a JSON number without fraction and exponent stands for.

    Raises:
        ScalarError: `bad-number` when it does not fit in 64 bits.
    """
    return _checked_int(text, 10)


def json_float(text: str) -> int | float:
    """Return the number that a JSON number with fraction or exponent stands for.

    Raises:
        ScalarError: `bad-number` when it is too large for a double.
    """
    return _whole(_checked_float(text))


def show_tag(tag: str) -> str:
    """Return a tag as people write it, shortened for a message."""
    prefix = "tag:yaml.org,2002:"
    text = f"!!{tag[len(prefix) :]}" if tag.startswith(prefix) else tag
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _resolve(text: str) -> Scalar:
    """Return the value as the Go reader has it, floats not yet turned into integers."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "0123456789+-.":
        return text
    if text in _NOT_FINITE:
        raise ScalarError("bad-number", f"`{text}` has no JSON form; only finite numbers are allowed")
    if text[0] == ".":
        return _checked_float(text) if _DOT_FLOAT.fullmatch(text) else text
    plain = text.replace("_", "")
    if _INTEGER.fullmatch(plain):
        return _checked_int(plain, _base(plain))
    return _checked_float(plain) if _FLOAT.fullmatch(plain) else text


def _base(plain: str) -> int:
    digits = plain.lstrip("+-")
    if digits[0] != "0":
        return 10
    return {"x": 16, "X": 16, "b": 2, "B": 2}.get(digits[1:2], 8)


def _checked_int(plain: str, base: int) -> int:
    if len(plain) <= _LONGEST_INTEGER and INT_MIN <= (value := int(plain, base)) <= INT_MAX:
        return value
    raise ScalarError("bad-number", "the integer does not fit in 64 bits")


def _checked_float(plain: str) -> float:
    value = float(plain) if len(plain) <= _LONGEST_FLOAT else inf
    if isinf(value):
        raise ScalarError("bad-number", "the number is too large")
    return value


def _whole(number: float) -> int | float:
    if number.is_integer() and INT_MIN <= number <= INT_MAX:
        return int(number)
    return number


def _go_float32(value: float) -> str:
    """Return `strconv.FormatFloat(value, 'g', -1, 32)`: how a number that is a key becomes a text."""
    single = _single(value)
    if isinf(single):
        raise ScalarError("bad-key", "a number that is a key must fit a single-precision float")
    if single == 0:
        return "-0" if copysign(1, single) < 0 else "0"
    for precision in range(9):
        mantissa, exponent = f"{single:.{precision}e}".split("e")
        if _single(float(f"{mantissa}e{exponent}")) == single:
            break
    power = int(exponent)
    if not -4 <= power < 6:
        sign = "-" if power < 0 else "+"
        return f"{mantissa}e{sign}{abs(power):02d}"
    return f"{float(f'{mantissa}e{exponent}'):.{max(0, precision - power)}f}"


def _single(value: float) -> float:
    """Return the nearest single-precision number; infinite beyond their range."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return inf
