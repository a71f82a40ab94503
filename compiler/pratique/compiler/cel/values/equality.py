"""When two values are equal: numbers across their sorts, nothing else across types.

References: cel-go 0.30 `common/types/util.go` (`Equal`) and the `Equal` methods beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from pratique.compiler.cel.types import Type, runtime_name
from pratique.compiler.cel.values import numbers
from pratique.compiler.cel.values.kinds import LISTS
from pratique.compiler.cel.values.maps import Map
from pratique.compiler.cel.values.numbers import NUMERIC
from pratique.compiler.cel.values.optionals import NONE, Optional

Charge: TypeAlias = Callable[[int], None]

PLAIN: Final[frozenset[Any]] = frozenset({str, bool, int, bytes, type(None)})
"""Classes whose values are equal as Python has it, if both are of the same class."""


def equal(left: Any, right: Any, charge: Charge | None = None) -> bool:
    """Say whether two values are equal.

    Args:
        left: a value.
        right: another one.
        charge: is told how many elements are about to be compared.
    """
    kind, other = type(left), type(right)
    if kind is other and kind in PLAIN:
        return bool(left == right)
    if kind in NUMERIC:
        return other in NUMERIC and numbers.equal(left, right)
    if kind in LISTS:
        if other not in LISTS or len(left) != len(right):
            return False
        if charge is not None:
            charge(len(left))
        return all(equal(first, second, charge) for first, second in zip(left, right, strict=True))
    if kind is dict or kind is Map:
        return (other is dict or other is Map) and _equal_maps(left, right, charge)
    if kind is Optional:
        if other is not Optional or left is NONE or right is NONE:
            return left is right
        return equal(left.value, right.value, charge)
    if kind is Type:
        return other is Type and runtime_name(left) == runtime_name(right)
    return kind is other and bool(left == right)


def _equal_maps(left: Any, right: Any, charge: Charge | None) -> bool:
    if len(left) != len(right):
        return False
    if charge is not None:
        charge(len(left))
    for key, value in left.items():
        entry = _entry(right, key)
        if entry is None or not equal(value, entry[1], charge):
            return False
    return True


def _entry(mapping: Any, key: Any) -> tuple[Any, Any] | None:
    if type(mapping) is Map:
        return mapping.find(key)
    return (key, mapping[key]) if type(key) is str and key in mapping else None
