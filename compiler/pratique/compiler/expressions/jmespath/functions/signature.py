"""How a function is declared: name, types of its parameters, implementation; and how arguments are checked.

References: kyverno/go-jmespath `functions.go` (`ArgSpec`, `resolveArgs`): types and texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pratique.compiler.expressions.errors import MAX_SHOWN, shorten
from pratique.compiler.expressions.jmespath.run import ITEM, ExpressionReference, Run
from pratique.compiler.expressions.values.numbers import NUMBERS, sprint
from pratique.grammar.errors import EvaluationError

Types: TypeAlias = tuple[str, ...]

STRING: Final[Types] = ("string",)
NUMBER: Final[Types] = ("number",)
ARRAY: Final[Types] = ("array",)
OBJECT: Final[Types] = ("object",)
ANY: Final[Types] = ("any",)
EXPRESSION: Final[Types] = ("expref",)
STRING_OR_NUMBER: Final[Types] = ("string", "number")
OBJECT_OR_ARRAY: Final[Types] = ("object", "array")

_NO_CLASSES: Final[frozenset[type]] = frozenset()
_CLASSES: Final[dict[str, frozenset[type]]] = {
    "string": frozenset({str}),
    "number": NUMBERS,
    "array": frozenset({list}),
    "object": frozenset({dict}),
    "expref": frozenset({ExpressionReference}),
    "any": frozenset({str, int, float, bool, list, dict, type(None)}),
}
_ELEMENTS: Final = {"array[number]": NUMBERS, "array[string]": frozenset({str})}


@dataclass(frozen=True, slots=True)
class Parameter:
    """What one argument may be: names of types, any of which will do."""

    types: Types
    classes: frozenset[type]

    def accepts(self, value: Any) -> bool:
        """Say whether a value is of one of the types."""
        kind = value.__class__
        if kind in self.classes:
            return True
        if "any" in self.types:
            return kind is not ExpressionReference
        if kind is not list:
            return False
        return any(
            all(element.__class__ in _ELEMENTS[name] for element in value)
            for name in self.types
            if name in _ELEMENTS
        )


@dataclass(frozen=True, slots=True)
class Function:
    """A function of expressions.

    Attributes:
        name: as it is called.
        parameters: one for each argument; the last one repeats where `variadic`.
        result: type of the result, for documentation.
        implement: takes the run and the checked arguments.
        variadic: takes one argument or more.
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: str
    implement: Callable[..., Any]
    variadic: bool = False

    def call(self, arguments: list[Any], run: Run) -> Any:
        """Return the result for evaluated arguments.

        Raises:
            EvaluationError: `invalid-argument` for wrong number or types; whatever the function raises.
        """
        if self.variadic:
            if len(arguments) < len(self.parameters):
                raise EvaluationError("invalid-argument", "Invalid arity.")
            parameters = self.parameters * len(arguments)
        elif len(arguments) != len(self.parameters):
            if self.parameters:
                raise EvaluationError("invalid-argument", "incorrect number of args")
            parameters, arguments = (), []
        else:
            parameters = self.parameters
        for argument, parameter in zip(arguments, parameters, strict=False):
            if argument.__class__ not in parameter.classes and not parameter.accepts(argument):
                raise _wrong_type(argument, parameter)
            if argument.__class__ in _SIZED:
                run.charge(ITEM + (len(argument) >> 2))
        return self.implement(run, *arguments)


_SIZED: Final[frozenset[Any]] = frozenset({str, list, dict})


def function(
    name: str,
    parameters: tuple[Types, ...],
    result: str,
    implement: Callable[..., Any],
    *,
    variadic: bool = False,
) -> Function:
    """Return the declaration of a function."""
    return Function(name, tuple(_parameter(types) for types in parameters), result, implement, variadic)


def _parameter(types: Types) -> Parameter:
    # INVARIANT: a class in `classes` needs no further look; lists of one type do.
    return Parameter(types, _NO_CLASSES.union(*(_CLASSES.get(name, _NO_CLASSES) for name in types)))


class NullArgumentError(EvaluationError):
    """A function got null where it needs a value: what a missing key looks like to it."""


def _wrong_type(argument: Any, parameter: Parameter) -> EvaluationError:
    names = ", ".join(f'"{name}"' for name in parameter.types)
    shown = "an expression" if isinstance(argument, ExpressionReference) else sprint(argument, MAX_SHOWN)
    kind = NullArgumentError if argument is None else EvaluationError
    return kind(
        "invalid-argument", f"Invalid type for: {shorten(shown)}, expected: []jmespath.JpType{{{names}}}"
    )


def failure(name: str, message: str) -> EvaluationError:
    """Return the error of a function in Kyverno's wording."""
    return EvaluationError("invalid-argument", f"JMESPath function '{name}': {message}")


def wrong_argument(name: str, number: int, wanted: str) -> EvaluationError:
    """Return the error for argument `number` (from 1) in Kyverno's wording."""
    return failure(name, f"argument #{number} is not of type {wanted}")
