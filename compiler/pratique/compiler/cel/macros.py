"""Macros: calls that the parser turns into nodes of their own.

A macro is known by the name of its function, the number of its arguments and whether it has a target. One
that does not want a call (`cel.bind` without the target `cel`) returns None, and the call stays a call.

References: cel-go 0.30 `parser/macro.go`, `ext/comprehensions.go`, `ext/bindings.go`, `cel/library.go`
(optionals), `ext/math.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from pratique.compiler.cel.syntax import (
    Bind,
    Call,
    Comprehension,
    Element,
    Expression,
    Identifier,
    ListLiteral,
    Literal,
    MapLiteral,
    OptionalMap,
    Presence,
    Select,
    StructLiteral,
)
from pratique.compiler.cel.tokens import syntax_error


class MacroCall(NamedTuple):
    """A call as it was read.

    Attributes:
        number: of the node that takes its place.
        offset: of the name of the function.
        fresh: gives numbers for further nodes.
    """

    number: int
    offset: int
    function: str
    target: Expression | None
    arguments: tuple[Expression, ...]
    fresh: Callable[[], int]


Macro: TypeAlias = Callable[[MacroCall], Expression | None]
Macros: TypeAlias = Mapping[tuple[str, int, bool], Macro]
"""By name, number of arguments (-1 for any number), and whether there is a target."""


def _has(call: MacroCall) -> Expression:
    argument = call.arguments[0]
    if not isinstance(argument, Select) or argument.is_optional:
        raise syntax_error("invalid argument to has() macro", argument.offset)
    return Presence(call.number, argument.offset, argument.operand, argument.field)


def _test(macro: str, variables: int = 1) -> Macro:
    """Return the macro of a test, or of `filter`: a condition on every element."""

    def expand(call: MacroCall) -> Expression:
        names = _variables(call, variables)
        assert call.target is not None  # noqa: S101 (the key of the macro says so)
        return Comprehension(call.number, call.offset, macro, call.target, names, call.arguments[-1], None)

    return expand


def _transformation(macro: str, variables: int = 1) -> Macro:
    """Return a macro whose last argument is what becomes of an element; a condition may stand before it."""

    def expand(call: MacroCall) -> Expression:
        names = _variables(call, variables)
        condition = call.arguments[variables] if len(call.arguments) == variables + 2 else None
        assert call.target is not None  # noqa: S101
        return Comprehension(
            call.number, call.offset, macro, call.target, names, condition, call.arguments[-1]
        )

    return expand


def _variables(call: MacroCall, count: int) -> tuple[str, ...]:
    names = tuple(_simple_name(argument) for argument in call.arguments[:count])
    if len(set(names)) < count:
        raise syntax_error(f"duplicate variable name: {names[0]}", call.arguments[1].offset)
    return names


def _simple_name(argument: Expression) -> str:
    if not isinstance(argument, Identifier) or argument.name.startswith("."):
        raise syntax_error("argument must be a simple name", argument.offset)
    return argument.name


def _bind(call: MacroCall) -> Expression | None:
    if not isinstance(call.target, Identifier) or call.target.name != "cel":
        return None
    variable, value, body = call.arguments
    return Bind(call.number, call.offset, _simple_name(variable), value, body)


def _optional_map(call: MacroCall) -> Expression:
    variable, body = call.arguments
    if not isinstance(variable, Identifier) or variable.name.startswith("."):
        problem = f"{call.function}() variable name must be a simple identifier"
        raise syntax_error(problem, variable.offset)
    assert call.target is not None  # noqa: S101
    is_flat = call.function == "optFlatMap"
    return OptionalMap(call.number, call.offset, call.target, variable.name, body, is_flat)


def _extreme(function: str) -> Macro:
    """Return the macro of `math.greatest` or `math.least`: a call, with a list for three and more."""

    def expand(call: MacroCall) -> Expression | None:
        if not isinstance(call.target, Identifier) or call.target.name != "math":
            return None
        name, arguments = f"math.{call.function}()", call.arguments
        if not arguments:
            raise syntax_error(f"{name} requires at least one argument", call.offset)
        if len(arguments) == 1:
            if not _may_be_extreme(arguments[0]):
                raise syntax_error(f"{name} invalid single argument value", arguments[0].offset)
            return Call(call.number, call.offset, function, None, arguments)
        for argument in arguments:
            if not _may_be_number(argument):
                problem = f"{name} simple literal arguments must be numeric"
                raise syntax_error(problem, argument.offset)
        if len(arguments) > 2:
            arguments = (ListLiteral(call.fresh(), call.offset, tuple(map(Element, arguments))),)
        return Call(call.number, call.offset, function, None, arguments)

    return expand


def _may_be_extreme(argument: Expression) -> bool:
    if isinstance(argument, ListLiteral):
        return bool(argument.elements) and all(_may_be_number(element.value) for element in argument.elements)
    return _may_be_number(argument)


def _may_be_number(argument: Expression) -> bool:
    if isinstance(argument, Literal):
        return isinstance(argument.value, int | float) and not isinstance(argument.value, bool)
    return not isinstance(argument, ListLiteral | MapLiteral | StructLiteral)


STANDARD: Final[Macros] = {
    ("has", 1, False): _has,
    ("all", 2, True): _test("all"),
    ("exists", 2, True): _test("exists"),
    ("exists_one", 2, True): _test("existsOne"),
    ("existsOne", 2, True): _test("existsOne"),
    ("filter", 2, True): _test("filter"),
    ("map", 2, True): _transformation("map"),
    ("map", 3, True): _transformation("map"),
}
TWO_VARIABLES: Final[Macros] = {
    ("all", 3, True): _test("all", 2),
    ("exists", 3, True): _test("exists", 2),
    ("exists_one", 3, True): _test("existsOne", 2),
    ("existsOne", 3, True): _test("existsOne", 2),
} | {
    (name, count, True): _transformation(name, 2)
    for name in ("transformList", "transformMap", "transformMapEntry")
    for count in (3, 4)
}
BINDINGS: Final[Macros] = {("bind", 3, True): _bind}
OPTIONALS: Final[Macros] = {
    ("optMap", 2, True): _optional_map,
    ("optFlatMap", 2, True): _optional_map,
}
MATH: Final[Macros] = {
    ("greatest", -1, True): _extreme("math.@max"),
    ("least", -1, True): _extreme("math.@min"),
}
