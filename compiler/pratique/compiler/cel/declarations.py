"""How variables, functions and types with fields are declared.

A signature is written as CEL would: `size(list(T)) -> int` is a function,
`.startsWith(string, string) -> bool` is called on its first argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pratique.compiler.cel.types import Kind, Type, parse_type

Cost: TypeAlias = Callable[..., int]
"""Takes the arguments and returns the cost of a call before it is made."""

Planner: TypeAlias = Callable[[tuple[Callable[[list[Any]], Any], ...]], Callable[[list[Any]], Any]]
"""Takes the steps of the arguments and returns the step of the call; see `program.Step`."""

_SIGNATURE: Final = re.compile(r"(?P<dot>\.?)(?P<name>[^(]+)\((?P<parameters>.*)\) -> (?P<result>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """One of the functions of a name.

    Attributes:
        is_member: it is called on its first argument.
        implementation: takes the values of the arguments; raises `CelError` only.
        takes_run: the implementation takes the `program.Run` before the arguments.
        cost: of a call, on top of the constant one that every node has; None for functions of constant time.
        is_guarded: values are checked against the types of the parameters before the call; where not, the
            implementation does that.
        type_variables: names of the variables in parameters and result.
        check_constant: takes the last argument where it is a constant, when the expression is compiled;
            raises `CelError` if no call can succeed with it.
        plan: returns the step of a call for the steps of its arguments, for functions that do not evaluate
            all of them; takes the place of the implementation.
    """

    function: str
    is_member: bool
    parameters: tuple[Type, ...]
    result: Type
    implementation: Callable[..., Any]
    takes_run: bool = False
    cost: Cost | None = None
    is_guarded: bool = True
    type_variables: tuple[str, ...] = ()
    check_constant: Callable[[Any], object] | None = None
    plan: Planner | None = None


def overload(
    signature: str,
    implementation: Callable[..., Any],
    *,
    takes_run: bool = False,
    cost: Cost | None = None,
    is_guarded: bool = True,
    check_constant: Callable[[Any], object] | None = None,
    plan: Planner | None = None,
) -> Overload:
    """Return the overload that a signature describes (see the module)."""
    match = _SIGNATURE.fullmatch(signature)
    if match is None:
        raise ValueError(f"not a signature: {signature}")
    parameters = parse_type(f"function({match['parameters']})").parameters if match["parameters"] else ()
    result = parse_type(match["result"])
    return Overload(
        function=match["name"],
        is_member=bool(match["dot"]),
        parameters=parameters,
        result=result,
        implementation=implementation,
        takes_run=takes_run,
        cost=cost,
        is_guarded=is_guarded,
        type_variables=tuple(sorted(set(_variables(*parameters, result)))),
        check_constant=check_constant,
        plan=plan,
    )


def _variables(*types: Type) -> Iterator[str]:
    for type_ in types:
        if type_.kind is Kind.VARIABLE:
            yield type_.name
        yield from _variables(*type_.parameters)


Fields: TypeAlias = Mapping[str, Type]
"""The fields of a struct type by name."""
