"""The steps of operators: the frequent cases first, the rest through `values.arithmetic`.

References: cel-go 0.30 `common/stdlib/standard.go`, `interpreter/interpretable.go`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from pratique.compiler.cel.errors import CelError, no_such_overload
from pratique.compiler.cel.program import Frame, Step
from pratique.compiler.cel.values import access, arithmetic
from pratique.compiler.cel.values.equality import PLAIN, equal
from pratique.compiler.cel.values.kinds import LISTS

_ORDERED: Final[frozenset[Any]] = frozenset({int, str, bytes})
_UNITS_A_STEP: Final = 10
"""Characters or elements that are copied or compared for the cost of one step."""


def logical(terms: tuple[Step, ...], *, deciding: bool) -> Step:
    """Return `&&` (decided by false) or `||` (decided by true); a deciding term hides errors of others."""

    def decide(frame: Frame) -> Any:
        problem: CelError | None = None
        for term in terms:
            try:
                value = term(frame)
            except CelError as error:
                problem = problem or error
                continue
            if value is deciding:
                return deciding
            if type(value) is not bool:
                problem = problem or no_such_overload()
        if problem is not None:
            raise problem
        return not deciding

    return decide


def conditional(condition: Step, positive: Step, negative: Step) -> Step:
    """Return `condition ? positive : negative`."""

    def choose(frame: Frame) -> Any:
        value = condition(frame)
        if value is True:
            return positive(frame)
        if value is False:
            return negative(frame)
        raise no_such_overload()

    return choose


def _equality(left: Step, right: Step) -> Step:
    def same(frame: Frame) -> bool:
        first, second = left(frame), right(frame)
        kind = type(first)
        if kind is type(second) and kind in PLAIN:
            return bool(first == second)
        return equal(first, second, frame[0].charge)

    return same


def _inequality(left: Step, right: Step) -> Step:
    same = _equality(left, right)
    return lambda frame: not same(frame)


def _comparison(name: str, compare: Callable[[Any, Any], bool]) -> Callable[[Step, Step], Step]:
    def planned(left: Step, right: Step) -> Step:
        def ordered(frame: Frame) -> bool:
            first, second = left(frame), right(frame)
            kind = type(first)
            if kind is type(second) and kind in _ORDERED:
                return compare(first, second)
            return compare(arithmetic.order(name, first, second), 0)

        return ordered

    return planned


def _computation(compute: Callable[[Any, Any], Any]) -> Callable[[Step, Step], Step]:
    return lambda left, right: lambda frame: compute(left(frame), right(frame))


def _addition(left: Step, right: Step) -> Step:
    def add(frame: Frame) -> Any:
        first, second = left(frame), right(frame)
        kind = type(first)
        if kind is str or kind in LISTS or kind is bytes:
            _charge_both(frame, first, second)
        return arithmetic.add(first, second)

    return add


def _charge_both(frame: Frame, first: Any, second: Any) -> None:
    size = access.size(first) + access.size(second)
    if size >= _UNITS_A_STEP:
        frame[0].charge(size // _UNITS_A_STEP)


def _containment(left: Step, right: Step) -> Step:
    def within(frame: Frame) -> bool:
        needle, haystack = left(frame), right(frame)
        if type(haystack) in LISTS:
            frame[0].charge(len(haystack))
            return access.is_among(needle, haystack, frame[0].charge)
        return access.contains(needle, haystack)

    return within


def membership(needle: Step, members: frozenset[str]) -> Step:
    """Return `needle in [...]` for a list of constant texts."""

    def within(frame: Frame) -> bool:
        value = needle(frame)
        return type(value) is str and value in members

    return within


BINARY: Final[Mapping[str, Callable[[Step, Step], Step]]] = {
    "_==_": _equality,
    "_!=_": _inequality,
    "_<_": _comparison("_<_", operator.lt),
    "_<=_": _comparison("_<=_", operator.le),
    "_>_": _comparison("_>_", operator.gt),
    "_>=_": _comparison("_>=_", operator.ge),
    "_+_": _addition,
    "_-_": _computation(arithmetic.subtract),
    "_*_": _computation(arithmetic.multiply),
    "_/_": _computation(arithmetic.divide),
    "_%_": _computation(arithmetic.modulo),
    "@in": _containment,
}
"""Operators that are not called like functions."""
