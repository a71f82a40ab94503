"""Durations as Go's `time` package reads and prints them: `1h30m`, `-1.5s`. All values in nanoseconds.

References: Go 1.26 `time.ParseDuration`, `time.Duration.String`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pratique.compiler.expressions.values.numbers import INT_MAX, INT_MIN

_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,  # micro sign
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
SECOND: Final = 10**9
_PART = re.compile(r"([0-9]*)(?:(\.)([0-9]*))?([^.0-9]+)")
_LONGEST: Final = 512


def parse_duration(text: str) -> int | None:
    """Return the nanoseconds of a Go duration, or None where the text is none or overflows 64 bits."""
    return _parse(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=1024)
def _parse(text: str) -> int | None:
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        return None
    total, position = 0, 0
    while position < len(rest):
        match = _PART.match(rest, position)
        if match is None or not (match[1] or match[3]) or match[4] not in _UNITS:
            return None
        unit = _UNITS[match[4]]
        whole = int(match[1] or 0)
        if whole > 2**63:
            return None
        nanoseconds = whole * unit
        if match[3]:
            fraction, scale = _leading_fraction(match[3])
            nanoseconds += int(float(fraction) * (unit / scale))
        total += nanoseconds
        if total > 2**63:
            return None
        position = match.end()
    if negative:
        return -total
    return None if total > INT_MAX else total


def _leading_fraction(digits: str) -> tuple[int, float]:
    """Return the digits as an integer and their scale; digits that overflow 64 bits are ignored as in Go."""
    value, scale = 0, 1.0
    for digit in digits:
        following = value * 10 + int(digit)
        if following > 2**63 or value > INT_MAX // 10:
            break
        value, scale = following, scale * 10
    return value, scale


def print_duration(nanoseconds: int) -> str:
    """Return `Duration.String()`: `1h30m0s`, `1.5s`, `0s`."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest < SECOND:
        for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
            if rest < size * 1000:
                return f"{sign}{_decimal(rest, size)}{unit}"
    minutes, rest = divmod(rest, 60 * SECOND)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, SECOND)}s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    if not fraction:
        return str(whole)
    digits = str(fraction).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}"


def in_seconds(nanoseconds: int) -> float:
    """Return `Duration.Seconds()`."""
    whole = abs(nanoseconds) // SECOND
    rest = abs(nanoseconds) % SECOND
    seconds = float(whole) + float(rest) / 1e9
    return -seconds if nanoseconds < 0 else seconds


def wrap(nanoseconds: int) -> int:
    """Return what 64 bits with sign keep of a number, as Go's integer arithmetic does."""
    return (nanoseconds - INT_MIN) % 2**64 + INT_MIN


def saturate(nanoseconds: int) -> int:
    """Return the nearest number that 64 bits with sign can hold, as `Time.Sub` does."""
    return max(INT_MIN, min(INT_MAX, nanoseconds))
