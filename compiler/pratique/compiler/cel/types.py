"""The types of CEL: what the checker reasons about, and what `type(x)` returns.

References: CEL language definition, "Gradual Type Checking"; cel-go 0.30 `common/types/types.go`,
`checker/format.go` (how types are printed).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Final


class Kind(Enum):
    """What sort of type a type is."""

    DYN = auto()
    ERROR = auto()
    NULL = auto()
    SCALAR = auto()
    LIST = auto()
    MAP = auto()
    TYPE = auto()
    STRUCT = auto()
    OPAQUE = auto()
    VARIABLE = auto()


@dataclass(frozen=True, slots=True)
class Type:
    """A type.

    Attributes:
        name: as expressions and messages call it: `int`, `list`, `kubernetes.Quantity`, `T`.
        parameters: element of a list, key and value of a map, content of an optional.
    """

    kind: Kind
    name: str
    parameters: tuple[Type, ...] = ()

    def __str__(self) -> str:
        """Return the type as messages print it: `map(string, list(int))`."""
        if not self.parameters:
            return self.name
        return f"{self.name}({', '.join(map(str, self.parameters))})"

    @property
    def takes_null(self) -> bool:
        """Say whether null may be given where this type is wanted."""
        return self.kind in (Kind.STRUCT, Kind.OPAQUE, Kind.NULL) or self in (TIMESTAMP, DURATION)

    @property
    def is_dyn(self) -> bool:
        """Say whether anything goes: `dyn`, or the type of an expression that has been reported already."""
        return self.kind is Kind.DYN or self.kind is Kind.ERROR


DYN: Final = Type(Kind.DYN, "dyn")
ERROR: Final = Type(Kind.ERROR, "!error!")
NULL: Final = Type(Kind.NULL, "null")
BOOL: Final = Type(Kind.SCALAR, "bool")
INT: Final = Type(Kind.SCALAR, "int")
UINT: Final = Type(Kind.SCALAR, "uint")
DOUBLE: Final = Type(Kind.SCALAR, "double")
STRING: Final = Type(Kind.SCALAR, "string")
BYTES: Final = Type(Kind.SCALAR, "bytes")
TIMESTAMP: Final = Type(Kind.SCALAR, "timestamp")
DURATION: Final = Type(Kind.SCALAR, "duration")
TYPE: Final = Type(Kind.TYPE, "type")

_NAMED: Final = {
    t.name: t for t in (DYN, NULL, BOOL, INT, UINT, DOUBLE, STRING, BYTES, TIMESTAMP, DURATION, TYPE)
}


def list_of(element: Type) -> Type:
    """Return the type of lists of `element`."""
    return Type(Kind.LIST, "list", (element,))


def map_of(key: Type, value: Type) -> Type:
    """Return the type of maps from `key` to `value`."""
    return Type(Kind.MAP, "map", (key, value))


def optional_of(content: Type) -> Type:
    """Return the type of optional values of `content`."""
    return Type(Kind.OPAQUE, "optional_type", (content,))


def type_of(type_: Type) -> Type:
    """Return the type of a type."""
    return Type(Kind.TYPE, "type", (type_,))


def opaque(name: str) -> Type:
    """Return a type whose values only functions understand."""
    return Type(Kind.OPAQUE, name)


def struct(name: str) -> Type:
    """Return a type with named fields, which an environment declares."""
    return Type(Kind.STRUCT, name)


def content_of_optional(type_: Type) -> Type | None:
    """Return the type of what an optional type holds; None for other types."""
    return type_.parameters[0] if type_.kind is Kind.OPAQUE and type_.name == "optional_type" else None


RUNTIME_NAMES: Final = {
    "null": "null_type",
    "timestamp": "google.protobuf.Timestamp",
    "duration": "google.protobuf.Duration",
}
"""Names of types in expressions and run time messages, where they differ from those in the checker's."""


def runtime_name(type_: Type) -> str:
    """Return the name of a type at run time, without parameters."""
    return RUNTIME_NAMES.get(type_.name, type_.name)


_PART = re.compile(r"\s*([\w.@]+|[(),])")


@lru_cache(maxsize=1024)
def parse_type(text: str) -> Type:
    """Return the type that a signature of ours writes: `map(string, list(T))`, `optional(dyn)`.

    A single capital letter is a type variable; names that CEL does not define are opaque types.
    """
    parts = [match[1] for match in _PART.finditer(text)]
    type_, end = _parse(parts, 0)
    if end != len(parts):
        raise ValueError(f"not a type: {text}")
    return type_


def _parse(parts: list[str], position: int) -> tuple[Type, int]:
    name = parts[position]
    position += 1
    parameters: list[Type] = []
    if position < len(parts) and parts[position] == "(":
        while parts[position] != ")":
            parameter, position = _parse(parts, position + 1)
            parameters.append(parameter)
        position += 1
    match name:
        case "list":
            return list_of(parameters[0] if parameters else DYN), position
        case "map":
            return map_of(*parameters) if parameters else map_of(DYN, DYN), position
        case "optional":
            return optional_of(parameters[0]), position
        case "type" if parameters:
            return type_of(parameters[0]), position
    if name in _NAMED:
        return _NAMED[name], position
    if len(name) == 1 and name.isupper():
        return Type(Kind.VARIABLE, name), position
    return Type(Kind.OPAQUE, name, tuple(parameters)), position
