"""Operators that compare: `Equals` and `NotEquals`, the orders, and the deprecated orders of durations.

An `Integer` is Go's int64 (a whole number inside a list or map of the policy), any other number a float64.

References: Kyverno 1.19 `pkg/engine/variables/operator` (`equal.go`, `notequal.go`, `numeric.go`,
`duration.go`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pratique.compiler.expressions.jmespath.equality import equal
from pratique.compiler.expressions.jmespath.run import Run
from pratique.compiler.expressions.values.durations import SECOND, in_seconds, parse_duration, wrap
from pratique.compiler.expressions.values.numbers import (
    NUMBERS,
    Integer,
    as_double,
    parse_float,
    parse_int,
    to_int64,
)
from pratique.compiler.expressions.values.quantities import parse_quantity
from pratique.compiler.expressions.values.versions import parse_version
from pratique.compiler.expressions.wildcards import matches_wildcard

Order = Callable[[Any, Any], bool]

GREATER: Final[Order] = lambda left, right: left > right  # noqa: E731 - a table of orders
GREATER_OR_EQUAL: Final[Order] = lambda left, right: left >= right  # noqa: E731
LESS: Final[Order] = lambda left, right: left < right  # noqa: E731
LESS_OR_EQUAL: Final[Order] = lambda left, right: left <= right  # noqa: E731


def equals(key: Any, value: Any, run: Run) -> bool:
    """Say whether key and value are equal, after the coercions that the key's type allows."""
    kind = key.__class__
    if kind is str:
        return _equals_text(key, value, run)
    if kind is bool:
        return value.__class__ is bool and key is value
    if kind is Integer:
        return _equals_integer(int(key), value)
    if kind in NUMBERS:
        return _equals_double(as_double(key), value)
    if kind in (dict, list):
        return value.__class__ is kind and equal(key, value, run)
    return False


def not_equals(key: Any, value: Any, run: Run) -> bool:
    """Say whether key and value differ. A null key differs from nothing."""
    return key is not None and not equals(key, value, run)


def _equals_text(key: str, value: Any, run: Run) -> bool:
    durations = _durations(key, value)
    if durations:
        return in_seconds(durations[0]) == in_seconds(durations[1])
    if value.__class__ is not str:
        return False
    quantity = parse_quantity(key)
    if quantity is not None:
        other = parse_quantity(value)
        return other is not None and quantity.compare(other) == 0
    return matches_wildcard(value, key, run)


def _equals_integer(key: int, value: Any) -> bool:
    if value.__class__ is Integer:
        return key == int(value)
    if value.__class__ in NUMBERS:
        number = as_double(value)
        return number.is_integer() and to_int64(number) == key
    return value.__class__ is str and parse_int(value) == key


def _equals_double(key: float, value: Any) -> bool:
    if value.__class__ is Integer:
        return key.is_integer() and to_int64(key) == int(value)
    if value.__class__ in NUMBERS:
        return as_double(value) == key
    return value.__class__ is str and parse_float(value) == key


def _durations(key: Any, value: Any) -> tuple[int, int] | None:
    """Return both operands in nanoseconds if one is a duration and the other one a duration or a number.

    A number counts as whole seconds. The text `0` is no duration here.
    """
    first = parse_duration(key) if key.__class__ is str and key != "0" else None
    second = parse_duration(value) if value.__class__ is str and value != "0" else None
    if first is None and second is None:
        return None
    first = _seconds(key) if first is None else first
    second = _seconds(value) if second is None else second
    return None if first is None or second is None else (first, second)


def _seconds(number: Any) -> int | None:
    """Return a number of seconds in nanoseconds, its fraction cut off; None for anything but a number."""
    if number.__class__ is Integer:
        return wrap(int(number) * SECOND)
    if number.__class__ in NUMBERS:
        return wrap(to_int64(as_double(number)) * SECOND)
    return None


# --- orders --------------------------------------------------------------------------------------------


def ordered(order: Order) -> Callable[[Any, Any, Run], bool]:
    """Return the operator that compares durations, quantities, numbers or versions by an order."""

    def compare(key: Any, value: Any, run: Run) -> bool:
        if key.__class__ is str:
            return _compare_text(key, value, order)
        if key.__class__ is Integer or key.__class__ in NUMBERS:
            return _compare_number(key, value, order)
        return False

    return compare


def _compare_number(key: Any, value: Any, order: Order) -> bool:
    if value.__class__ is Integer or value.__class__ in NUMBERS:
        return order(as_double(key), as_double(value))
    if value.__class__ is not str:
        return False
    durations = _durations(key, value)
    if durations:
        return order(in_seconds(durations[0]), in_seconds(durations[1]))
    number = parse_float(value)
    return number is not None and order(as_double(key), number)


def _compare_text(key: str, value: Any, order: Order) -> bool:
    durations = _durations(key, value)
    if durations:
        return order(in_seconds(durations[0]), in_seconds(durations[1]))
    if value.__class__ is str:
        first, second = parse_quantity(key), parse_quantity(value)
        if first is not None and second is not None:
            return order(first.compare(second), 0)
    number = parse_float(key)
    if number is not None:
        return _compare_number(number, value, order)
    version = parse_version(key)
    other = parse_version(value) if value.__class__ is str else None
    return version is not None and other is not None and order(version.key, other.key)


def ordered_durations(order: Order) -> Callable[[Any, Any, Run], bool]:
    """Return the deprecated operator that compares durations and numbers of seconds by an order."""

    def compare(key: Any, value: Any, run: Run) -> bool:
        first = parse_duration(key) if key.__class__ is str else _seconds(key)
        second = parse_duration(value) if value.__class__ is str else _seconds(value)
        return first is not None and second is not None and order(first, second)

    return compare
