"""The type of a value, as functions are chosen by and messages name it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final

from pratique.compiler.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Kind,
    Type,
    list_of,
    map_of,
    optional_of,
    runtime_name,
)
from pratique.compiler.cel.values.maps import Map
from pratique.compiler.cel.values.numbers import Uint
from pratique.compiler.cel.values.optionals import Optional
from pratique.compiler.cel.values.times import Duration, Timestamp

LISTS: Final[frozenset[Any]] = frozenset({list, tuple})
"""Classes of the values that are lists."""


class Opaque(ABC):
    """A value of a type that a library adds; equal if Python says so."""

    __slots__ = ()

    @property
    @abstractmethod
    def cel_type(self) -> Type:
        """Return its type."""


_TYPES: Final[dict[type, Type]] = {
    type(None): NULL,
    bool: BOOL,
    int: INT,
    Uint: UINT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    list: list_of(DYN),
    tuple: list_of(DYN),
    dict: map_of(DYN, DYN),
    Map: map_of(DYN, DYN),
    Timestamp: TIMESTAMP,
    Duration: DURATION,
    Type: TYPE,
    Optional: optional_of(DYN),
}


def type_of_value(value: Any) -> Type:
    """Return the type of a value; what lists and maps hold is dyn."""
    found = _TYPES.get(type(value))
    if found is not None:
        return found
    if isinstance(value, Opaque):
        return value.cel_type
    raise TypeError(f"not a CEL value: {type(value).__name__}")


def type_name(value: Any) -> str:
    """Return the name of a value's type as run time messages have it: `int`, `null_type`, `list`."""
    return runtime_name(type_of_value(value))


def classes_of(type_: Type) -> frozenset[Any] | None:
    """Return the classes of the values of a type; None where that does not tell (dyn, opaque types)."""
    if type_.kind in (Kind.DYN, Kind.VARIABLE, Kind.STRUCT):
        return None
    found = frozenset(c for c, t in _TYPES.items() if t.name == type_.name)
    return found or None


def accepts(type_: Type, value: Any) -> bool:
    """Say whether a value may be given where `type_` is wanted; lists are judged by their first element.

    References: cel-go 0.30 `types.Type.IsAssignableRuntimeType`.
    """
    if type_.kind in (Kind.DYN, Kind.VARIABLE, Kind.STRUCT):
        return True
    own = type_of_value(value)
    if own.name != type_.name:
        return False
    if type_.kind is Kind.LIST:
        return not value or accepts(type_.parameters[0], value[0])
    if type_.kind is Kind.MAP and len(value):
        key, first = next(iter(value.items()))
        return accepts(type_.parameters[0], key) and accepts(type_.parameters[1], first)
    return True
