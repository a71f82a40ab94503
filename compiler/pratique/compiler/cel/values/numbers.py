"""The three sorts of numbers, which compare with each other but do not add up.

References: cel-go 0.30 `common/types/int.go`, `uint.go`, `double.go`, `overflow.go`, `compare.go`.
"""

from __future__ import annotations

import math
from typing import Any, Final, SupportsInt

from pratique.compiler.cel.errors import CelError
from pratique.compiler.expressions.values.numbers import INT_MAX, INT_MIN

UINT_MAX: Final = 2**64 - 1


class Uint(int):
    """An unsigned 64-bit integer."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{int(self)}u"

    __str__ = int.__repr__


NUMERIC: Final[frozenset[Any]] = frozenset({int, Uint, float})


def to_int(value: int) -> int:
    """Return the value of an int computation.

    Raises:
        CelError: it does not fit into 64 bits.
    """
    if INT_MIN <= value <= INT_MAX:
        return value
    raise CelError("integer overflow")


def to_uint(value: SupportsInt) -> Uint:
    """Return the value of a uint computation.

    Raises:
        CelError: it is negative, or does not fit into 64 bits.
    """
    whole = int(value)
    if 0 <= whole <= UINT_MAX:
        return Uint(whole)
    raise CelError("unsigned integer overflow")


def double_to_int(value: float) -> int:
    """Return a double without its fraction.

    Raises:
        CelError: no int is near it.
    """
    # Go's converted bounds are exclusive: the nearest double to the greatest int is too great itself.
    if not math.isfinite(value) or value <= float(INT_MIN) or value >= float(INT_MAX):
        raise CelError("integer overflow")
    return int(value)


def double_to_uint(value: float) -> Uint:
    """Return a double without its fraction.

    Raises:
        CelError: no uint is near it.
    """
    if not math.isfinite(value) or value < 0 or value >= float(UINT_MAX):
        raise CelError("unsigned integer overflow")
    return Uint(int(value))


def compare(left: float, right: float) -> int:
    """Return -1, 0 or 1 for two numbers of any sort.

    Raises:
        CelError: one of them is not a number.
    """
    if left != left or right != right:
        raise CelError("NaN values cannot be ordered")
    if type(left) is float and type(right) is not float:
        left, right = _doubles(left, right)
    elif type(right) is float and type(left) is not float:
        right, left = _doubles(right, left)
    return (left > right) - (left < right)


def _doubles(double: float, whole: float) -> tuple[float, float]:
    """Bring a double and an integer together as Go does: in range, the integer is rounded to a double."""
    low, high = (0, UINT_MAX) if type(whole) is Uint else (INT_MIN, INT_MAX)
    if double < float(low) or double > float(high):
        return double, whole
    return double, float(whole)


def equal(left: float, right: float) -> bool:
    """Say whether two numbers of any sort are equal; what is not a number equals nothing."""
    return left == left and right == right and compare(left, right) == 0


def divide(dividend: int, divisor: int) -> int:
    """Return the quotient of two integers, cut off towards zero.

    Raises:
        CelError: division by zero.
    """
    if divisor == 0:
        raise CelError("division by zero")
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def modulo(dividend: int, divisor: int) -> int:
    """Return the rest of `divide`, with the sign of the dividend.

    Raises:
        CelError: modulus by zero, or the quotient does not fit into 64 bits.
    """
    if divisor == 0:
        raise CelError("modulus by zero")
    if dividend == INT_MIN and divisor == -1:
        raise CelError("integer overflow")
    rest = abs(dividend) % abs(divisor)
    return -rest if dividend < 0 else rest


def divide_doubles(dividend: float, divisor: float) -> float:
    """Return the quotient as IEEE 754 has it: division by zero gives infinity or no number."""
    if divisor != 0.0:
        try:
            return dividend / divisor
        except OverflowError:
            return math.inf
    if dividend == 0.0 or dividend != dividend:
        return math.nan
    return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)
