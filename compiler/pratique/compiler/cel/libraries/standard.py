"""What every CEL has: operators, sizes, texts, and the parts of times.

References: CEL language definition, "Standard Definitions"; cel-go 0.30 `common/stdlib/standard.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from pratique.compiler.cel import macros
from pratique.compiler.cel.declarations import Overload, overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError, no_such_overload
from pratique.compiler.cel.libraries import conversions
from pratique.compiler.cel.libraries.patterns import compiled, search_cost
from pratique.compiler.cel.values import arithmetic
from pratique.compiler.cel.values.kinds import LISTS, type_name
from pratique.compiler.cel.values.maps import Map
from pratique.compiler.cel.values.times import Duration, Timestamp, day_of_year, in_zone
from pratique.compiler.expressions.values.instants import Instant

_NUMBERS: Final = ("int", "uint", "double")
_COMPARABLE: Final = ("bool", "string", "bytes", "timestamp", "duration", *_NUMBERS)


def _unused(*_: Any) -> Any:
    """Operators have steps of their own (`operator_steps`); their overloads are for the checker."""
    raise AssertionError


def _operators() -> Iterator[Overload]:
    for signature in (
        "_?_:_(bool, A, A) -> A",
        "_==_(A, A) -> bool",
        "_!=_(A, A) -> bool",
        "_[_](list(A), int) -> A",
        "_[_](map(A, B), A) -> B",
        "@in(A, list(A)) -> bool",
        "@in(A, map(A, B)) -> bool",
        "_+_(bytes, bytes) -> bytes",
        "_+_(double, double) -> double",
        "_+_(duration, duration) -> duration",
        "_+_(duration, timestamp) -> timestamp",
        "_+_(timestamp, duration) -> timestamp",
        "_+_(int, int) -> int",
        "_+_(list(A), list(A)) -> list(A)",
        "_+_(string, string) -> string",
        "_+_(uint, uint) -> uint",
        "_-_(double, double) -> double",
        "_-_(duration, duration) -> duration",
        "_-_(int, int) -> int",
        "_-_(timestamp, duration) -> timestamp",
        "_-_(timestamp, timestamp) -> duration",
        "_-_(uint, uint) -> uint",
        "_%_(int, int) -> int",
        "_%_(uint, uint) -> uint",
        *(f"_{operator}_({t}, {t}) -> {t}" for operator in "*/" for t in _NUMBERS),
        *(f"_{operator}_({t}, {t}) -> bool" for operator in _ORDERS for t in _COMPARABLE),
        *(
            f"_{operator}_({left}, {right}) -> bool"
            for operator in _ORDERS
            for left in _NUMBERS
            for right in _NUMBERS
            if left != right
        ),
    ):
        yield overload(signature, _unused)
    yield overload("!_(bool) -> bool", arithmetic.invert, is_guarded=False)
    for t in ("double", "int"):
        yield overload(f"-_({t}) -> {t}", arithmetic.negate, is_guarded=False)


_ORDERS: Final = ("<", "<=", ">", ">=")


# --- sizes and texts -----------------------------------------------------------------------------------


def _size(value: Any) -> int:
    kind = type(value)
    if kind is str or kind in LISTS or kind is dict or kind is bytes or kind is Map:
        return len(value)
    raise no_such_overload("size", type_name(value))


def _text_test(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def judge(text: Any, part: Any) -> bool:
        if type(text) is str and type(part) is str:
            return test(text, part)
        raise no_such_overload()

    return judge


def _matches(text: Any, pattern: Any) -> bool:
    if type(text) is not str or type(pattern) is not str:
        raise no_such_overload() if type(text) is str else CelError("no such overload: matches")
    return compiled(pattern).search(text) is not None


def _texts() -> Iterator[Overload]:
    for t in ("bytes", "list(A)", "map(A, B)", "string"):
        yield overload(f"size({t}) -> int", _size, is_guarded=False)
        yield overload(f".size({t}) -> int", _size, is_guarded=False)
    for name, test in (
        ("contains", str.__contains__),
        ("endsWith", str.endswith),
        ("startsWith", str.startswith),
    ):
        yield overload(f".{name}(string, string) -> bool", _text_test(test), is_guarded=False)
    for dot in ("", "."):
        yield overload(
            f"{dot}matches(string, string) -> bool",
            _matches,
            is_guarded=False,
            cost=search_cost,
            check_constant=compiled,
        )


# --- times ---------------------------------------------------------------------------------------------

_PARTS: Final[dict[str, Callable[[Instant], int]]] = {
    "getFullYear": lambda instant: instant.fields[0],
    "getMonth": lambda instant: instant.fields[1] - 1,
    "getDayOfYear": day_of_year,
    "getDayOfMonth": lambda instant: instant.fields[2] - 1,
    "getDate": lambda instant: instant.fields[2],
    "getDayOfWeek": lambda instant: instant.fields[6],
    "getHours": lambda instant: instant.fields[3],
    "getMinutes": lambda instant: instant.fields[4],
    "getSeconds": lambda instant: instant.fields[5],
    "getMilliseconds": lambda instant: instant.nanosecond // 10**6,
}
_UNITS: Final = {
    "getHours": 3600 * 10**9,
    "getMinutes": 60 * 10**9,
    "getSeconds": 10**9,
    "getMilliseconds": 10**6,
}


def _times() -> Iterator[Overload]:
    for name, part in _PARTS.items():
        yield overload(f".{name}(timestamp) -> int", _part_in_utc(part))
        yield overload(f".{name}(timestamp, string) -> int", _part_in_zone(part))
    for name, unit in _UNITS.items():
        yield overload(f".{name}(duration) -> int", _count_of(unit))


def _part_in_utc(part: Callable[[Instant], int]) -> Callable[[Timestamp], int]:
    return lambda timestamp: part(timestamp.instant.in_utc())


def _part_in_zone(part: Callable[[Instant], int]) -> Callable[[Timestamp, str], int]:
    return lambda timestamp, zone: part(in_zone(timestamp, zone))


def _count_of(unit: int) -> Callable[[Duration], int]:
    return lambda duration: duration.whole(unit)


LIBRARY: Final = Library(
    overloads=(*_operators(), *_texts(), *_times(), *conversions.OVERLOADS), macros=macros.STANDARD
)
