"""Arithmetic on numbers, quantities and durations.

A text is read as a quantity first, then as a duration; two operands must be of kinds that go together.

References: Kyverno 1.19 `pkg/engine/jmespath/arithmetic.go`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pratique.compiler.expressions.jmespath.functions.signature import (
    ANY,
    ARRAY,
    NUMBER,
    Function,
    failure,
    function,
)
from pratique.compiler.expressions.jmespath.run import Run
from pratique.compiler.expressions.values.durations import (
    in_seconds,
    parse_duration,
    print_duration,
    wrap,
)
from pratique.compiler.expressions.values.numbers import NUMBERS, as_double, print_plain, to_int64
from pratique.compiler.expressions.values.quantities import Quantity, parse_quantity
from pratique.grammar.errors import EvaluationError

_BAD_QUANTITY: Final = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration in nanoseconds."""

    nanoseconds: int


Operand: TypeAlias = float | Quantity | Duration


def _operand(value: Any, name: str) -> Operand:
    if value.__class__ in NUMBERS:
        return as_double(value)
    if value.__class__ is str:
        quantity = parse_quantity(value)
        if quantity is not None:
            return quantity
        nanoseconds = parse_duration(value)
        if nanoseconds is not None:
            return Duration(nanoseconds)
    raise failure(name, "invalid operand")


def _mismatch(name: str) -> EvaluationError:
    return failure(name, "Types mismatch")


def _zero_divisor(name: str) -> EvaluationError:
    return failure(name, "Zero divisor passed")


def _as_quantity(number: float) -> Quantity:
    quantity = parse_quantity(print_plain(number))
    if quantity is None:
        raise EvaluationError("invalid-argument", _BAD_QUANTITY)
    return quantity


def _add_as(name: str, left: Any, right: Any) -> Any:
    match _operand(left, name), _operand(right, name):
        case float(first), float(second):
            return first + second
        case Quantity() as first, Quantity() as second:
            return str(first + second)
        case Duration(first), Duration(second):
            return print_duration(wrap(first + second))
        case _:
            raise _mismatch(name)


def _add(run: Run, left: Any, right: Any) -> Any:
    return _add_as("add", left, right)


def _sum(run: Run, values: list[Any]) -> Any:
    if not values:
        raise failure("sum", "at least one element in the array is required")
    total = values[0]
    for value in values[1:]:
        total = _add_as("sum", total, value)
    return total


def _subtract(run: Run, left: Any, right: Any) -> Any:
    match _operand(left, "subtract"), _operand(right, "subtract"):
        case float(first), float(second):
            return first - second
        case Quantity() as first, Quantity() as second:
            return str(first - second)
        case Duration(first), Duration(second):
            return print_duration(wrap(first - second))
        case _:
            raise _mismatch("subtract")


def _multiply(run: Run, left: Any, right: Any) -> Any:
    match _operand(left, "multiply"), _operand(right, "multiply"):
        case float(first), float(second):
            return first * second
        case (Quantity() as quantity, float(factor)) | (float(factor), Quantity() as quantity):
            return str(quantity.times(_as_quantity(factor)))
        case (Duration(nanoseconds), float(factor)) | (float(factor), Duration(nanoseconds)):
            return print_duration(to_int64(in_seconds(nanoseconds) * factor * 1e9))
        case _:
            raise _mismatch("multiply")


def _divide(run: Run, left: Any, right: Any) -> Any:
    match _operand(left, "divide"), _operand(right, "divide"):
        case float(first), float(second):
            return first / _divisor(second)
        case Quantity() as first, Quantity() as second:
            return first.as_float() / _divisor(second.as_float())
        case Quantity() as first, float(second):
            return str(first.divided(_as_quantity(_divisor(second))))
        case Duration(first), Duration(second):
            return in_seconds(first) / _divisor(in_seconds(second))
        case Duration(first), float(second):
            return print_duration(to_int64(in_seconds(first) / _divisor(second) * 1e9))
        case _:
            raise _mismatch("divide")


def _divisor(number: float) -> float:
    if number == 0:
        raise _zero_divisor("divide")
    return number


def _modulo(run: Run, left: Any, right: Any) -> Any:
    match _operand(left, "modulo"), _operand(right, "modulo"):
        case float(first), float(second):
            return float(_remainder(_whole(first), _whole(second)))
        case Quantity() as first, Quantity() as second:
            dividend, divisor = _whole(first.as_float()), _whole(second.as_float())
            return str(Quantity(_remainder(dividend, divisor), 0, first.format))
        case Duration(first), Duration(second):
            return print_duration(_remainder(first, second))
        case _:
            raise _mismatch("modulo")


def _whole(number: float) -> int:
    whole = to_int64(number)
    if whole != number:
        raise failure("modulo", "Non-integer argument(s) passed for modulo")
    return whole


def _remainder(dividend: int, divisor: int) -> int:
    """Return the remainder with the sign of the dividend, as Go has it."""
    if divisor == 0:
        raise _zero_divisor("modulo")
    rest = abs(dividend) % abs(divisor)
    return -rest if dividend < 0 else rest


def _round(run: Run, number: float, places: float) -> float:
    value, length = as_double(number), as_double(places)
    if not length.is_integer() or abs(length) >= 2**63:
        raise failure("round", "Non-integer argument(s) passed for round off")
    if length < 0:
        raise failure("round", "%!d(MISSING) argument is out of bounds (%!d(MISSING))")
    shift = 10.0 ** int(length) if length <= 308 else math.inf
    return _half_away_from_zero(value * shift) / shift


def _half_away_from_zero(number: float) -> float:
    if not math.isfinite(number) or abs(number) >= 2**52:
        return number
    whole = math.floor(abs(number))
    return math.copysign(whole + (abs(number) - whole >= 0.5), number)


FUNCTIONS: Final[tuple[Function, ...]] = (
    function("add", (ANY, ANY), "any", _add),
    function("sum", (ARRAY,), "any", _sum),
    function("subtract", (ANY, ANY), "any", _subtract),
    function("multiply", (ANY, ANY), "any", _multiply),
    function("divide", (ANY, ANY), "any", _divide),
    function("modulo", (ANY, ANY), "any", _modulo),
    function("round", (NUMBER, NUMBER), "number", _round),
)
