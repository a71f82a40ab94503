"""Functions on lists: those of cel-go (version 3) and those that Kubernetes adds.

References: cel-go 0.30 `ext/lists.go`; Kubernetes 1.36 `apiserver/pkg/cel/library/lists.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cmp_to_key
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.declarations import Overload, overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.macros import MacroCall
from pratique.compiler.cel.syntax import (
    Bind,
    Call,
    Comprehension,
    Expression,
    Identifier,
    Literal,
    MapLiteral,
)
from pratique.compiler.cel.tokens import syntax_error
from pratique.compiler.cel.values import arithmetic
from pratique.compiler.cel.values.access import is_among
from pratique.compiler.cel.values.equality import equal
from pratique.compiler.cel.values.kinds import LISTS, type_name
from pratique.compiler.cel.values.numbers import Uint
from pratique.compiler.cel.values.times import Duration

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run

_COMPARABLE: Final = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
_ZEROS: Final[dict[str, Any]] = {"int": 0, "uint": Uint(0), "double": 0.0, "duration": Duration(0)}


def _length(values: Sequence[Any], *_: Any) -> int:
    return len(values)


def _slice(values: Sequence[Any], start: int, end: int) -> Sequence[Any]:
    if start < 0 or end < 0:
        raise CelError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        problem = "start index must be less than or equal to end index"
        raise CelError(f"cannot slice({start}, {end}), {problem}")
    if end > len(values):
        raise CelError(f"cannot slice({start}, {end}), list is length {len(values)}")
    return values[start:end]


def _flatten(run: Run, values: Sequence[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise CelError("level must be non-negative")
    run.charge(len(values))
    flat: list[Any] = []
    for value in values:
        if type(value) in LISTS and depth > 0:
            flat += _flatten(run, value, depth - 1)
        else:
            flat.append(value)
    return flat


def _sort(values: Sequence[Any]) -> list[Any]:
    return _sort_by(values, values)


def _sort_by(values: Sequence[Any], keys: Sequence[Any]) -> list[Any]:
    if keys and type_name(keys[0]) not in _ORDERED_NAMES:
        raise CelError("list elements must be comparable")
    if any(type(key) is not type(keys[0]) for key in keys):
        raise CelError("list elements must have the same type")
    order = cmp_to_key(lambda left, right: arithmetic.order("_<_", left, right))
    return [values[i] for i in sorted(range(len(values)), key=lambda i: order(keys[i]))]


_ORDERED_NAMES: Final = frozenset(
    (
        "int",
        "uint",
        "double",
        "bool",
        "string",
        "bytes",
        "google.protobuf.Duration",
        "google.protobuf.Timestamp",
    )
)


def _sort_cost(values: Sequence[Any], *_: Any) -> int:
    return len(values) * max(1, len(values).bit_length())


def _range(length: int) -> list[int]:
    return list(range(length))


def _distinct(run: Run, values: Sequence[Any]) -> list[Any]:
    seen: list[Any] = []
    for value in values:
        run.charge(len(seen))
        if not is_among(value, seen, run.charge):
            seen.append(value)
    return seen


def _sort_by_macro(call: MacroCall) -> Expression:
    """`list.sortBy(x, key)`: the keys are computed once, in the order of the list."""
    assert call.target is not None  # noqa: S101 (the key of the macro says so)
    if isinstance(call.target, Literal | MapLiteral):
        problem = "sortBy can only be applied to a list, identifier, comprehension, call or select expression"
        raise syntax_error(problem, call.target.offset)
    variable, key = call.arguments
    if not isinstance(variable, Identifier) or variable.name.startswith("."):
        raise syntax_error("argument must be a simple name", variable.offset)

    def input_() -> Identifier:
        return Identifier(call.fresh(), call.offset, "@sortBy")

    keys = Comprehension(call.fresh(), call.offset, "map", input_(), (variable.name,), None, key)
    sort = Call(call.fresh(), call.offset, "@sortByAssociatedKeys", input_(), (keys,))
    return Bind(call.number, call.offset, "@sortBy", call.target, sort)


# --- Kubernetes ----------------------------------------------------------------------------------------


def _is_sorted(values: Sequence[Any]) -> bool:
    return all(arithmetic.order("_<_", left, right) <= 0 for left, right in pairwise(values))


def _sum_from(zero: Any) -> Callable[[Sequence[Any]], Any]:
    def total(values: Sequence[Any]) -> Any:
        result = zero
        for value in values:
            result = arithmetic.add(result, value)
        return result

    return total


def _extreme(name: str, wanted: int) -> Callable[[Sequence[Any]], Any]:
    def choose(values: Sequence[Any]) -> Any:
        if not values:
            raise CelError(f"{name} called on empty list")
        result = values[0]
        for value in values[1:]:
            if arithmetic.order("_<_", value, result) == wanted:
                result = value
        return result

    return choose


_MAX: Final = _extreme("max", 1)
_MIN: Final = _extreme("min", -1)


def _index_of(run: Run, values: Sequence[Any], item: Any) -> int:
    return next((i for i, value in enumerate(values) if equal(value, item, run.charge)), -1)


def _last_index_of(run: Run, values: Sequence[Any], item: Any) -> int:
    return next((i for i in range(len(values) - 1, -1, -1) if equal(values[i], item, run.charge)), -1)


def _of_each_type() -> Iterator[Overload]:
    for t in _COMPARABLE:
        yield overload(f".sort(list({t})) -> list({t})", _sort, cost=_sort_cost)
        yield overload(f".@sortByAssociatedKeys(list(T), list({t})) -> list(T)", _sort_by, cost=_sort_cost)
        yield overload(f".isSorted(list({t})) -> bool", _is_sorted, cost=_length)
        yield overload(f".max(list({t})) -> {t}", _MAX, cost=_length)
        yield overload(f".min(list({t})) -> {t}", _MIN, cost=_length)
    for t, zero in _ZEROS.items():
        yield overload(f".sum(list({t})) -> {t}", _sum_from(zero), cost=_length)


LIBRARY: Final = Library(
    overloads=(
        overload(".slice(list(T), int, int) -> list(T)", _slice, cost=_length),
        overload(".flatten(list(list(T))) -> list(T)", _flatten, takes_run=True),
        overload(".flatten(list(dyn), int) -> list(dyn)", _flatten, takes_run=True),
        overload("lists.range(int) -> list(int)", _range, cost=lambda length: max(0, length)),
        overload(".reverse(list(T)) -> list(T)", lambda values: values[::-1], cost=_length),
        overload(".distinct(list(T)) -> list(T)", _distinct, cost=_length, takes_run=True),
        overload(".indexOf(list(A), A) -> int", _index_of, cost=_length, takes_run=True),
        overload(".lastIndexOf(list(A), A) -> int", _last_index_of, cost=_length, takes_run=True),
        *_of_each_type(),
    ),
    macros={("sortBy", 2, True): _sort_by_macro},
)
