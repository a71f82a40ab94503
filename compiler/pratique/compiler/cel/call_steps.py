"""The steps of calls: arguments are evaluated, an overload is chosen by their types and called.

References: cel-go 0.30 `common/decls/decls.go` (dispatch and type guards), `interpreter/planner.go`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from pratique.compiler.cel.declarations import Overload
from pratique.compiler.cel.errors import no_such_overload
from pratique.compiler.cel.program import Frame, Step
from pratique.compiler.cel.types import Type
from pratique.compiler.cel.values.kinds import accepts, classes_of, type_name

_Test: TypeAlias = Callable[[Any], bool]


def call(name: str, overloads: tuple[Overload, ...], arguments: tuple[Step, ...]) -> Step:
    """Return the step of a call.

    Args:
        name: of the function, for messages.
        overloads: those that the checker leaves over, in the order in which they are tried.
        arguments: the target first where there is one.
    """
    first = overloads[0]
    is_shared = all(o.implementation is first.implementation for o in overloads)
    if not first.takes_run and first.cost is None and is_shared and (not first.is_guarded or not arguments):
        return _plain(first.implementation, arguments)
    if len(overloads) == 1 or (is_shared and not first.is_guarded):
        return _single(name, first, arguments)
    return _dispatched(name, overloads, arguments)


def _plain(implementation: Callable[..., Any], arguments: tuple[Step, ...]) -> Step:
    match arguments:
        case (argument,):
            return lambda frame: implementation(argument(frame))
        case (left, right):
            return lambda frame: implementation(left(frame), right(frame))
        case _:
            return lambda frame: implementation(*[argument(frame) for argument in arguments])


def _single(name: str, overload: Overload, arguments: tuple[Step, ...]) -> Step:
    implementation, cost = overload.implementation, overload.cost
    tests = tuple(map(_test, overload.parameters)) if overload.is_guarded else ()
    takes_run = overload.takes_run
    if not takes_run and cost is None and len(arguments) in (1, 2):
        return _short(name, implementation, tests, arguments)

    def called(frame: Frame) -> Any:
        values = [argument(frame) for argument in arguments]
        for test, value in zip(tests, values):  # noqa: B905 (no tests: the implementation looks itself)
            if not test(value):
                raise no_such_overload(name, *map(type_name, values))
        if cost is not None:
            frame[0].charge(cost(*values))
        return implementation(frame[0], *values) if takes_run else implementation(*values)

    return called


def _short(
    name: str, implementation: Callable[..., Any], tests: tuple[_Test, ...], arguments: tuple[Step, ...]
) -> Step:
    """Return the step of a function of one or two values, which most are."""
    if len(arguments) == 1:
        argument, accepts_first = arguments[0], tests[0]

        def unary(frame: Frame) -> Any:
            value = argument(frame)
            if accepts_first(value):
                return implementation(value)
            raise no_such_overload(name, type_name(value))

        return unary
    left, right = arguments
    accepts_left, accepts_right = tests

    def binary(frame: Frame) -> Any:
        first, second = left(frame), right(frame)
        if accepts_left(first) and accepts_right(second):
            return implementation(first, second)
        raise no_such_overload(name, type_name(first), type_name(second))

    return binary


def _dispatched(name: str, overloads: tuple[Overload, ...], arguments: tuple[Step, ...]) -> Step:
    candidates = tuple((tuple(map(_test, overload.parameters)), overload) for overload in overloads)

    def dispatched(frame: Frame) -> Any:
        values = [argument(frame) for argument in arguments]
        for tests, overload in candidates:
            if all(test(value) for test, value in zip(tests, values, strict=True)):
                if overload.cost is not None:
                    frame[0].charge(overload.cost(*values))
                if overload.takes_run:
                    return overload.implementation(frame[0], *values)
                return overload.implementation(*values)
        raise no_such_overload(name, *map(type_name, values))

    return dispatched


def _test(type_: Type) -> _Test:
    """Return the test whether a value may be given where `type_` is wanted."""
    classes = classes_of(type_)
    if classes is not None and all(p.is_dyn or p.kind.name == "VARIABLE" for p in type_.parameters):
        return lambda value: type(value) in classes
    return lambda value: accepts(type_, value)
