"""Functions of `math`.

References: cel-go 0.30 `ext/math.go` (all versions).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from pratique.compiler.cel import macros
from pratique.compiler.cel.declarations import Overload, overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.values.numbers import NUMERIC, UINT_MAX, Uint, compare, to_int
from pratique.compiler.expressions.values.numbers import INT_MAX

_TYPES: Final = ("int", "uint", "double")


def _chosen(name: str, wanted: int) -> Callable[..., Any]:
    def choose(*values: Any) -> Any:
        candidates: Sequence[Any] = values
        if len(values) == 1 and type(values[0]) not in NUMERIC:
            candidates = values[0]
            if not candidates:
                raise CelError(f"math.{name}(list) argument must not be empty")
        if any(type(value) not in NUMERIC for value in candidates):
            raise CelError(f"no such overload: math.{name}")
        result = candidates[0]
        for value in candidates[1:]:
            if compare(value, result) == wanted:
                result = value
        return result

    return choose


def _extremes() -> Iterator[Overload]:
    for name, wanted in (("@max", 1), ("@min", -1)):
        choose = _chosen(name, wanted)
        for t in _TYPES:
            yield overload(f"math.{name}({t}) -> {t}", choose)
            yield overload(f"math.{name}(list({t})) -> {t}", choose, cost=len)
            for other in _TYPES:
                result = t if t == other else "dyn"
                yield overload(f"math.{name}({t}, {other}) -> {result}", choose)


def _round(value: float) -> float:
    """Return the nearest whole double, halves away from zero."""
    if not math.isfinite(value):
        return value
    fraction, whole = math.modf(abs(value))
    return math.copysign(whole + (fraction >= 0.5), value)


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    """Return a rounding that leaves infinities and the sign of zero as they are."""
    return lambda value: math.copysign(float(function(value)), value) if math.isfinite(value) else value


def _sign(value: float) -> float:
    if value != value or value == 0:
        return value
    return type(value)(1 if value > 0 else -1)


def _abs_int(value: int) -> int:
    return to_int(abs(value))


def _sqrt(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def _wrapped(value: int) -> int:
    """Return the lowest 64 bits as an int."""
    value &= UINT_MAX
    return value - 2**64 if value > INT_MAX else value


def _shift(name: str, shift: Callable[[int, int], int]) -> Callable[[int, int], int]:
    def shifted(value: int, bits: int) -> int:
        if bits < 0:
            raise CelError(f"math.{name}() negative offset: {bits}")
        made = shift(int(value) & UINT_MAX, min(bits, 64)) & UINT_MAX
        return Uint(made) if type(value) is Uint else _wrapped(made)

    return shifted


_LEFT: Final = _shift("bitShiftLeft", lambda value, bits: value << bits)
_RIGHT: Final = _shift("bitShiftRight", lambda value, bits: value >> bits)

LIBRARY: Final = Library(
    overloads=(
        *_extremes(),
        overload("math.ceil(double) -> double", _whole(math.ceil)),
        overload("math.floor(double) -> double", _whole(math.floor)),
        overload("math.round(double) -> double", _round),
        overload("math.trunc(double) -> double", _whole(math.trunc)),
        overload("math.isInf(double) -> bool", math.isinf),
        overload("math.isNaN(double) -> bool", math.isnan),
        overload("math.isFinite(double) -> bool", math.isfinite),
        overload("math.abs(double) -> double", abs),
        overload("math.abs(int) -> int", _abs_int),
        overload("math.abs(uint) -> uint", lambda value: value),
        *(overload(f"math.sign({t}) -> {t}", _sign) for t in _TYPES),
        *(overload(f"math.sqrt({t}) -> double", _sqrt) for t in _TYPES),
        overload("math.bitAnd(int, int) -> int", lambda left, right: left & right),
        overload("math.bitAnd(uint, uint) -> uint", lambda left, right: Uint(left & right)),
        overload("math.bitOr(int, int) -> int", lambda left, right: left | right),
        overload("math.bitOr(uint, uint) -> uint", lambda left, right: Uint(left | right)),
        overload("math.bitXor(int, int) -> int", lambda left, right: left ^ right),
        overload("math.bitXor(uint, uint) -> uint", lambda left, right: Uint(left ^ right)),
        overload("math.bitNot(int) -> int", lambda value: ~value),
        overload("math.bitNot(uint) -> uint", lambda value: Uint(int(value) ^ UINT_MAX)),
        overload("math.bitShiftLeft(int, int) -> int", _LEFT),
        overload("math.bitShiftLeft(uint, int) -> uint", _LEFT),
        overload("math.bitShiftRight(int, int) -> int", _RIGHT),
        overload("math.bitShiftRight(uint, int) -> uint", _RIGHT),
    ),
    macros=macros.MATH,
)
