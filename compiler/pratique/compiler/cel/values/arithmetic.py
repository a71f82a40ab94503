"""What operators do with values of any type.

References: cel-go 0.30 `common/stdlib/standard.go` and the methods of `common/types` that it calls.
"""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.cel.errors import CelError, no_such_overload
from pratique.compiler.cel.values import numbers
from pratique.compiler.cel.values.kinds import LISTS
from pratique.compiler.cel.values.numbers import NUMERIC, Uint, to_int, to_uint
from pratique.compiler.cel.values.times import Duration, Timestamp, duration_of, timestamp_of

_RECEIVERS: Final[frozenset[Any]] = frozenset({str, Duration, Timestamp})
"""Types with methods of their own; cel-go's message for them names no operator."""


def _unsupported(name: str, left: Any, supporting: frozenset[Any]) -> CelError:
    kind = type(left)
    if kind in supporting or kind in _RECEIVERS:
        return no_such_overload()
    return CelError(f"no such overload: {name}")


_ADDERS: Final[frozenset[Any]] = frozenset({int, Uint, float, str, bytes, list, tuple, Duration, Timestamp})
_SUBTRACTORS: Final[frozenset[Any]] = frozenset({int, Uint, float, Duration, Timestamp})
_ORDERED: Final[frozenset[Any]] = frozenset({bool, int, Uint, float, str, bytes, Duration, Timestamp})


def add(left: Any, right: Any) -> Any:
    """Return `left + right`."""
    kind, other = type(left), type(right)
    if kind is other:
        if kind is int:
            return to_int(left + right)
        if kind is str or kind is bytes or kind is float:
            return left + right
        if kind is Uint:
            return to_uint(int(left) + int(right))
        if kind is Duration:
            return duration_of(left.nanoseconds + right.nanoseconds)
    if kind in LISTS and other in LISTS:
        return [*left, *right]
    if kind is Timestamp and other is Duration:
        return _moved(left, right.nanoseconds)
    if kind is Duration and other is Timestamp:
        return _moved(right, left.nanoseconds)
    raise _unsupported("_+_", left, _ADDERS)


def subtract(left: Any, right: Any) -> Any:
    """Return `left - right`."""
    kind, other = type(left), type(right)
    if kind is other:
        if kind is int:
            return to_int(left - right)
        if kind is float:
            return left - right
        if kind is Uint:
            return to_uint(int(left) - int(right))
        if kind is Duration:
            return duration_of(left.nanoseconds - right.nanoseconds)
        if kind is Timestamp:
            return duration_of(left.nanoseconds - right.nanoseconds)
    if kind is Timestamp and other is Duration:
        return _moved(left, -right.nanoseconds)
    raise _unsupported("_-_", left, _SUBTRACTORS)


def _moved(timestamp: Timestamp, nanoseconds: int) -> Timestamp:
    return timestamp_of(timestamp.instant.plus(nanoseconds))


def multiply(left: Any, right: Any) -> Any:
    """Return `left * right`."""
    kind = type(left)
    if kind is type(right):
        if kind is int:
            return to_int(left * right)
        if kind is float:
            return left * right
        if kind is Uint:
            return to_uint(int(left) * int(right))
    raise _unsupported("_*_", left, NUMERIC)


def divide(left: Any, right: Any) -> Any:
    """Return `left / right`; integers are cut off towards zero."""
    kind = type(left)
    if kind is type(right):
        if kind is int:
            return to_int(numbers.divide(left, right))
        if kind is float:
            return numbers.divide_doubles(left, right)
        if kind is Uint:
            return to_uint(numbers.divide(left, right))
    raise _unsupported("_/_", left, NUMERIC)


def modulo(left: Any, right: Any) -> Any:
    """Return `left % right`."""
    kind = type(left)
    if kind is type(right):
        if kind is int:
            return numbers.modulo(left, right)
        if kind is Uint:
            return to_uint(numbers.modulo(left, right))
    raise _unsupported("_%_", left, frozenset({int, Uint}))


def negate(value: Any) -> Any:
    """Return `-value`."""
    kind = type(value)
    if kind is int:
        return to_int(-value)
    if kind is float:
        return -value
    if kind is Duration:
        return duration_of(-value.nanoseconds)
    raise _unsupported("-_", value, frozenset({bool}))


def invert(value: Any) -> bool:
    """Return `!value`."""
    if type(value) is bool:
        return not value
    raise no_such_overload()


def order(name: str, left: Any, right: Any) -> int:
    """Return -1, 0 or 1.

    Args:
        name: of the operator, for messages.
        left: the first operand.
        right: the second one.
    """
    kind, other = type(left), type(right)
    if kind in NUMERIC and other in NUMERIC:
        return numbers.compare(left, right)
    if kind is other and kind in _ORDERED:
        if kind is Timestamp:
            left, right = left.nanoseconds, right.nanoseconds
        return int(left > right) - int(left < right)
    raise _unsupported(name, left, _ORDERED)
