"""Lists compared as sets.

References: cel-go 0.30 `ext/sets.go`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.values.access import is_among

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run


def _contains(run: Run, values: Sequence[Any], some: Sequence[Any]) -> bool:
    return all(is_among(value, values, run.charge) for value in some)


def _equivalent(run: Run, left: Sequence[Any], right: Sequence[Any]) -> bool:
    return _contains(run, left, right) and _contains(run, right, left)


def _intersects(run: Run, left: Sequence[Any], right: Sequence[Any]) -> bool:
    return any(is_among(value, right, run.charge) for value in left)


def _product(left: Sequence[Any], right: Sequence[Any]) -> int:
    return len(left) * len(right)


LIBRARY: Final = Library(
    overloads=tuple(
        overload(f"sets.{name}(list(T), list(T)) -> bool", implementation, cost=_product, takes_run=True)
        for name, implementation in (
            ("contains", _contains),
            ("equivalent", _equivalent),
            ("intersects", _intersects),
        )
    )
)
