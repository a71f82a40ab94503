"""Numbers and how Go reads and prints them.

In expressions every number is a double (Go's float64). A Python `int` in a document is read as one. The few
values that Go keeps as integers (`compare`, `elementIndex`) are `Integer`, which no arithmetic accepts.

References: Go 1.26 `strconv`, `fmt`.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from typing import Any, Final

from pratique.grammar.errors import EvaluationError

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
EXACT: Final = 2**53
"""Whole numbers up to this one are doubles without loss."""

_DECIMAL = re.compile(r"[+-]?(?:[0-9_]+\.?[0-9_]*|\.[0-9_]+)(?:[eE][+-]?[0-9_]+)?")
_HEXADECIMAL = re.compile(r"([+-]?)0[xX]([0-9a-fA-F_]*)\.?([0-9a-fA-F_]*)[pP]([+-]?[0-9_]+)")
_SPECIAL = re.compile(r"[+-]?(?:inf(?:inity)?)|nan", re.IGNORECASE)
_MISPLACED = re.compile(r"_(?![0-9])|(?<![0-9])_")
_MISPLACED_HEXADECIMAL = re.compile(r"_(?![0-9a-fA-F])|(?<![0-9a-fA-FxX])_")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_LONGEST: Final = 1024


class Integer(int):
    """A number that Go holds as an integer; it prints like one and equals no double."""

    __slots__ = ()


NUMBERS: Final[frozenset[Any]] = frozenset({int, float})
"""Classes of the values that are numbers to expressions (neither `bool` nor `Integer`)."""


def as_double(number: float) -> float:
    """Return a number of a document as a double.

    Raises:
        EvaluationError: `number-out-of-range` for an integer that no double can hold.
    """
    try:
        return float(number)
    except OverflowError as error:
        raise EvaluationError("number-out-of-range", "the number is out of range") from error


def parse_float(text: str) -> float | None:
    """Return what `strconv.ParseFloat(text, 64)` reads, or None where it fails or overflows."""
    if len(text) > _LONGEST:
        return None
    match = _HEXADECIMAL.fullmatch(text)
    if match:
        return None if _MISPLACED_HEXADECIMAL.search(text) else _parse_hexadecimal(*match.groups())
    if _SPECIAL.fullmatch(text):
        return float(text)
    if not _DECIMAL.fullmatch(text) or _MISPLACED.search(text):
        return None
    number = float(text.replace("_", ""))
    return number if math.isfinite(number) else None


def _parse_hexadecimal(sign: str, whole: str, fraction: str, exponent: str) -> float | None:
    if not whole and not fraction:
        return None
    text = f"{sign}0x{whole or '0'}.{fraction or '0'}p{exponent}".replace("_", "")
    try:
        return float.fromhex(text)
    except (OverflowError, ValueError):
        return None


def parse_int(text: str) -> int | None:
    """Return what `strconv.ParseInt(text, 10, 64)` reads, or None where it fails."""
    if len(text) > _LONGEST or not text.isascii() or not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if INT_MIN <= number <= INT_MAX else None


def to_int64(number: float) -> int:
    """Return Go's `int64(number)` on amd64: cut off, and the smallest integer where it does not fit."""
    if not math.isfinite(number):
        return INT_MIN
    whole = int(number)
    return whole if INT_MIN <= whole <= INT_MAX else INT_MIN


def shortest(number: float) -> tuple[str, str, int]:
    """Return sign, digits and decimal point position of the shortest text that reads back as `number`.

    The value is `0.digits * 10**point`; digits hold no trailing zero, zero is `("", "0", 1)`.
    """
    mantissa, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    point = len(whole) - leading + int(exponent or 0)
    digits = digits.rstrip("0")
    sign = "-" if math.copysign(1, number) < 0 else ""
    return (sign, digits, point) if digits else (sign, "0", 1)


def _special(number: float) -> str | None:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    return None


def _scientific(sign: str, digits: str, point: int, letter: str = "e") -> str:
    exponent = point - 1
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}{letter}{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _positional(sign: str, digits: str, point: int) -> str:
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if len(digits) <= point:
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"


def print_plain(number: float) -> str:
    """Return `fmt.Sprint` of a double: scientific from 1e+06 on and below 1e-4."""
    special = _special(number)
    if special:
        return special
    sign, digits, point = shortest(number)
    if digits == "0":
        return f"{sign}0"
    if not -4 <= point - 1 < 6:
        return _scientific(sign, digits, point)
    return _positional(sign, digits, point)


def print_scientific(number: float) -> str:
    """Return `strconv.FormatFloat(number, 'E', -1, 64)`, for example `1.5E+00`."""
    special = _special(number)
    if special:
        return special
    return _scientific(*shortest(number), "E")


def print_positional(number: float) -> str:
    """Return `strconv.FormatFloat(number, 'f', -1, 64)`: without exponent."""
    return _special(number) or _positional(*shortest(number))


def print_single(number: float) -> str:
    """Return `strconv.FormatFloat(number, 'f', -1, 32)`: without exponent, shortest as single precision."""
    special = _special(number)
    if special:
        return special
    try:
        single: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return "+Inf" if number > 0 else "-Inf"
    if single == 0:
        return "-0" if math.copysign(1, number) < 0 else "0"
    for precision in range(9):
        text = f"{single:.{precision}e}"
        try:
            if struct.unpack("<f", struct.pack("<f", float(text)))[0] == single:
                break
        except OverflowError:
            continue
    sign, digits, point = shortest(float(text))
    return _positional(sign, digits, point)


def print_json(number: float, *, padded: bool = False) -> str:
    """Return a finite double as JSON: `5`, `1e+21`, and `1e-7`, or `1e-07` where exponents are padded.

    References: `encoding/json` (`to_string`) does not pad, json-iterator (variables inside a text) does.

    Raises:
        EvaluationError: `not-json` for NaN and infinities.
    """
    special = _special(number)
    if special:
        raise EvaluationError("not-json", f"{'' if padded else 'json: '}unsupported value: {special}")
    sign, digits, point = shortest(number)
    if digits == "0":
        return f"{sign}0"
    if not -6 <= point - 1 < 21:
        text = _scientific(sign, digits, point)
        return text[:-2] + text[-1] if not padded and text[-4:-1] == "e-0" else text
    return _positional(sign, digits, point)


def sprint(value: Any, budget: int = 64 * 1024) -> str:
    """Return `fmt.Sprint` of a JSON value: `map[a:1 b:2]`, `[x y]`, `<nil>`, `true`, `1e+21`.

    Args:
        value: JSON data; only an `Integer` prints as one, any other number as a double.
        budget: code points after which the text ends with `…`.
    """
    parts: list[str] = []
    _sprint(value, parts, [budget], 0)
    return "".join(parts)


def _sprint(value: Any, parts: list[str], left: list[int], depth: int) -> None:  # noqa: C901 - one case a type
    if left[0] <= 0 or depth > 100:
        if parts and parts[-1] != "…":
            parts.append("…")
        return
    match value:
        case None:
            text = "<nil>"
        case bool():
            text = "true" if value else "false"
        case Integer():
            text = str(int(value))
        case int() | float():
            text = print_plain(as_double(value))
        case str():
            text = value
        case Mapping():
            parts.append("map[")
            for index, key in enumerate(sorted(value)):
                parts.append(f"{' ' if index else ''}{key}:")
                left[0] -= len(key) + 2
                _sprint(value[key], parts, left, depth + 1)
                if left[0] <= 0:
                    break
            text = "]"
        case _:
            parts.append("[")
            for index, item in enumerate(value):
                if index:
                    parts.append(" ")
                    left[0] -= 1
                _sprint(item, parts, left, depth + 1)
                if left[0] <= 0:
                    break
            text = "]"
    parts.append(text)
    left[0] -= len(text)
