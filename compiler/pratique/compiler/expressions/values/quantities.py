"""Quantities of resources as Kubernetes reads and prints them: `500m`, `1.5Gi`, `1e3`. Exact arithmetic.

A quantity is `mantissa * 10**-scale`. The scale belongs to the value: Kyverno's division rounds to it.

References: k8s.io/apimachinery 0.36 `pkg/api/resource`; gopkg.in/inf.v0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from pratique.compiler.expressions.values.numbers import INT_MAX

_FORMAT = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)")
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]+)")
_DECIMAL_SUFFIXES: Final = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_BINARY_SUFFIXES: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_NAMES: Final = {exponent: name for name, exponent in _DECIMAL_SUFFIXES.items()}
_BINARY_NAMES: Final = {exponent: name for name, exponent in _BINARY_SUFFIXES.items()} | {0: ""}
_SMALLEST: Final = -9
"""Power of ten of the smallest amount that Kubernetes keeps."""
_LONGEST: Final = 256
_MAX_EXPONENT: Final = 1000


class Format(Enum):
    """Which family of suffixes a quantity was written with, and is printed with."""

    DECIMAL = auto()
    BINARY = auto()
    EXPONENT = auto()


@dataclass(frozen=True, slots=True)
class Quantity:
    """`mantissa * 10**-scale`, printed in `format`."""

    mantissa: int
    scale: int
    format: Format

    def __add__(self, other: Quantity) -> Quantity:
        return self._combined(other, 1)

    def __sub__(self, other: Quantity) -> Quantity:
        return self._combined(other, -1)

    def _combined(self, other: Quantity, sign: int) -> Quantity:
        scale = max(self.scale, other.scale)
        total = self._at(scale) + sign * other._at(scale)
        return Quantity(total, scale, self.format if self.mantissa else other.format)

    def _at(self, scale: int) -> int:
        """Return the mantissa at a scale not smaller than the own one."""
        factor: int = 10 ** (scale - self.scale)
        return self.mantissa * factor

    def times(self, other: Quantity) -> Quantity:
        """Return the exact product in the own format."""
        return Quantity(self.mantissa * other.mantissa, self.scale + other.scale, self.format)

    def divided(self, other: Quantity) -> Quantity:
        """Return the quotient, cut off behind as many decimal places as the finer operand has.

        Raises:
            ZeroDivisionError: the divisor is zero.
        """
        scale = max(self.scale, other.scale)
        shift = scale - self.scale + other.scale
        dividend = abs(self.mantissa) * 10 ** max(shift, 0)
        divisor = abs(other.mantissa) * 10 ** max(-shift, 0)
        negative = (self.mantissa < 0) != (other.mantissa < 0)
        return Quantity((-1 if negative else 1) * (dividend // divisor), scale, self.format)

    def compare(self, other: Quantity) -> int:
        """Return -1, 0 or 1."""
        scale = max(self.scale, other.scale)
        left, right = self._at(scale), other._at(scale)
        return (left > right) - (left < right)

    def as_float(self) -> float:
        """Return Kubernetes' approximate double: mantissa and power of ten are rounded on their own."""
        try:
            base = float(self.mantissa)
            if self.scale == 0:
                return base
            return base * (float(f"1e{-self.scale}") if -self.scale <= 308 else float("inf"))
        except OverflowError:
            return float("inf") if self.mantissa > 0 else float("-inf")

    def __str__(self) -> str:
        if self.mantissa == 0:
            return "0"
        if self.format is Format.BINARY:
            whole = self._whole()
            if whole is not None and abs(whole) >= 1024:
                exponent = 0
                while abs(whole) >= 1024 and whole % 1024 == 0:
                    whole //= 1024
                    exponent += 10
                return f"{whole}{_BINARY_NAMES.get(exponent, '')}"
        mantissa, exponent = self.mantissa, -self.scale
        while mantissa % 10 == 0:
            mantissa //= 10
            exponent += 1
        while exponent % 3:
            mantissa *= 10
            exponent -= 1
        if self.format is Format.EXPONENT:
            return f"{mantissa}e{exponent}" if exponent else str(mantissa)
        return f"{mantissa}{_DECIMAL_NAMES.get(exponent, '')}"

    def _whole(self) -> int | None:
        """Return the value as an integer, or None if it has a fraction."""
        if self.scale <= 0:
            factor: int = 10**-self.scale
            return self.mantissa * factor
        whole, rest = divmod(self.mantissa, 10**self.scale)
        return None if rest else whole


def parse_quantity(text: str) -> Quantity | None:
    """Return the quantity that `resource.ParseQuantity` reads, or None where it fails.

    A text without digits (`M`, `.`, `+`) is a zero, unless its suffix is `Pi`, `Ei` or an exponent below -9.

    DEVIATION: exponents beyond 1000 and texts beyond 256 characters are refused; Kubernetes computes with
    them, at a cost that grows with the exponent. Test: test_quantity_exponents_are_bounded.
    """
    return _parse(text) if 0 < len(text) <= _LONGEST and text.isascii() else None


@lru_cache(maxsize=1024)
def _parse(text: str) -> Quantity | None:
    match = _FORMAT.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, suffix = match.groups()
    read = _read_suffix(suffix)
    if read is None:
        return None
    exponent, format_ = read
    if not whole and not fraction and (exponent < _SMALLEST or suffix in ("Pi", "Ei")):
        return None
    fraction = fraction or ""
    mantissa = int((whole or "0") + fraction)
    scale = len(fraction)
    digits = max(1, len(whole.lstrip("0"))) + len(fraction)
    if format_ is Format.BINARY:
        mantissa <<= exponent
        is_plain = not fraction and digits <= 14 - exponent * 3 // 10
    else:
        scale -= exponent
        is_plain = digits <= 18 and scale <= -_SMALLEST
    if not is_plain:
        mantissa, scale, format_ = _bounded(mantissa, scale, format_)
    return Quantity(-mantissa if sign == "-" else mantissa, scale, format_)


def _read_suffix(suffix: str) -> tuple[int, Format] | None:
    if suffix in _DECIMAL_SUFFIXES:
        return _DECIMAL_SUFFIXES[suffix], Format.DECIMAL
    if suffix in _BINARY_SUFFIXES:
        return _BINARY_SUFFIXES[suffix], Format.BINARY
    match = _EXPONENT.fullmatch(suffix)
    if match is None:
        return None
    exponent = int(match[1])
    return (exponent, Format.EXPONENT) if abs(exponent) <= _MAX_EXPONENT else None


def _bounded(mantissa: int, scale: int, format_: Format) -> tuple[int, int, Format]:
    """Bring an amount of many digits to nanos, rounded up, and cap binary ones, as Kubernetes does."""
    if mantissa and scale > -_SMALLEST:
        quotient, rest = divmod(mantissa, 10 ** (scale + _SMALLEST))
        mantissa, scale = quotient + bool(rest), -_SMALLEST
    elif mantissa:
        mantissa, scale = mantissa * 10 ** (-_SMALLEST - scale), -_SMALLEST
    if format_ is Format.BINARY:
        one = 10**scale
        if mantissa > INT_MAX * one:
            return INT_MAX, 0, format_
        if 0 < mantissa < one:
            return mantissa, scale, Format.DECIMAL
    return mantissa, scale, format_
