"""Optional values: `optional.of(x)`, `x.?y.orValue(z)`.

References: cel-go 0.30 `cel/library.go` (`OptionalTypes`, all versions); Kyverno 1.19
`pkg/cel/compiler/env.go` (`OrValueCompatEnvOptions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pratique.compiler.cel import macros
from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError, no_such_overload
from pratique.compiler.cel.macros import MacroCall
from pratique.compiler.cel.program import Frame, Step
from pratique.compiler.cel.syntax import Call, Expression
from pratique.compiler.cel.types import DYN, optional_of
from pratique.compiler.cel.values.kinds import type_name
from pratique.compiler.cel.values.maps import Map
from pratique.compiler.cel.values.optionals import NONE, Optional
from pratique.compiler.cel.values.structs import Struct
from pratique.compiler.cel.values.times import MIN_SECONDS, Duration, Timestamp


def _is_zero(value: Any) -> bool:
    match value:
        case None:
            return True
        case Duration():
            return value.nanoseconds == 0
        case Timestamp():
            return value.instant.seconds == MIN_SECONDS and value.instant.nanosecond == 0
        case Struct():
            return not value.fields
        case bool() | int() | float() | str() | bytes() | list() | tuple() | dict() | Map():
            return not value
        case _:
            return False


def _of_non_zero(value: Any) -> Optional:
    return NONE if _is_zero(value) else Optional(value)


def _or(steps: tuple[Step, ...]) -> Step:
    first, other = steps

    def choose(frame: Frame) -> Any:
        value = first(frame)
        if type(value) is not Optional:
            raise no_such_overload()
        if value is not NONE:
            return value
        alternative = other(frame)
        if type(alternative) is not Optional:
            raise no_such_overload()
        return alternative

    return choose


def _or_value(steps: tuple[Step, ...]) -> Step:
    first, other = steps

    def choose(frame: Frame) -> Any:
        value = first(frame)
        if type(value) is not Optional:
            raise no_such_overload()
        return other(frame) if value is NONE else value.value

    return choose


def _unwrap(values: Sequence[Any]) -> list[Any]:
    for value in values:
        if type(value) is not Optional:
            raise CelError(f"value {type_name(value)} is not optional")
    return [value.value for value in values if value is not NONE]


def _unused(*_: Any) -> Any:
    """Steps of their own take the place of these."""
    raise AssertionError


LIBRARY: Final = Library(
    overloads=(
        overload("optional.of(V) -> optional(V)", Optional, is_guarded=False),
        overload("optional.ofNonZeroValue(V) -> optional(V)", _of_non_zero, is_guarded=False),
        overload("optional.none() -> optional(V)", lambda: NONE),
        overload(".value(optional(V)) -> V", lambda value: value.value),
        overload(".hasValue(optional(V)) -> bool", lambda value: value is not NONE),
        overload(".or(optional(V), optional(V)) -> optional(V)", _unused, plan=_or),
        overload(".orValue(optional(V), V) -> V", _unused, plan=_or_value),
        overload("optional.unwrap(list(optional(V))) -> list(V)", _unwrap),
        overload(".unwrapOpt(list(optional(V))) -> list(V)", _unwrap),
        overload(".first(list(V)) -> optional(V)", lambda values: Optional(values[0]) if values else NONE),
        overload(".last(list(V)) -> optional(V)", lambda values: Optional(values[-1]) if values else NONE),
        overload("_[?_](list(V), int) -> optional(V)", _unused),
        overload("_[?_](optional(list(V)), int) -> optional(V)", _unused),
        overload("_[?_](map(K, V), K) -> optional(V)", _unused),
        overload("_[?_](optional(map(K, V)), K) -> optional(V)", _unused),
        overload("_[_](optional(list(V)), int) -> optional(V)", _unused),
        overload("_[_](optional(map(K, V)), K) -> optional(V)", _unused),
    ),
    macros=macros.OPTIONALS,
    types={"optional_type": optional_of(DYN)},
)


def _lenient_or_value(call: MacroCall) -> Expression | None:
    assert call.target is not None  # noqa: S101 (the key of the macro says so)
    return Call(call.number, call.offset, "@orValue", None, (call.target, *call.arguments))


def _value_or(value: Any, other: Any) -> Any:
    if type(value) is Optional:
        return other if value is NONE else value.value
    return value


LENIENT_OR_VALUE: Final = Library(
    overloads=(overload("@orValue(dyn, dyn) -> dyn", _value_or, is_guarded=False),),
    macros={("orValue", 1, True): _lenient_or_value},
)
"""Kyverno's `orValue`, which returns what is no optional value as it is; both sides are evaluated."""
