"""The steps of macros: tests, filters and transformations of lists and maps.

`all` and `exists` swallow errors like `&&` and `||`: an element that decides the answer hides the errors of
others, before or after it. All others stop at the first error.

References: cel-go 0.30 `interpreter/interpretable.go` (`evalFold`), `parser/macro.go`,
`ext/comprehensions.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from pratique.compiler.cel.errors import CelError, CostLimitError, no_such_overload
from pratique.compiler.cel.program import Frame, Step
from pratique.compiler.cel.values import access
from pratique.compiler.cel.values.kinds import type_name
from pratique.compiler.cel.values.maps import Map, make_map
from pratique.compiler.cel.values.optionals import NONE, Optional
from pratique.compiler.cel.values.texts import show

Loop: TypeAlias = Callable[[Frame], Iterator[None]]
"""Fills the variables of a macro with one element after the other."""


def loop(range_: Step, places: tuple[int, ...], cost: int) -> Loop:
    """Return the loop over a range; every turn is charged before it is taken."""
    if len(places) == 1:
        place = places[0]

        def over_one(frame: Frame) -> Iterator[None]:
            run = frame[0]
            for element in access.iterate(range_(frame)):
                frame[place] = element
                run.left -= cost
                if run.left < 0:
                    raise CostLimitError
                yield

        return over_one
    first, second = places

    def over_two(frame: Frame) -> Iterator[None]:
        run = frame[0]
        for key, value in access.iterate_pairs(range_(frame)):
            frame[first], frame[second] = key, value
            run.left -= cost
            if run.left < 0:
                raise CostLimitError
            yield

    return over_two


def quantifier(turns: Loop, condition: Step, deciding: bool) -> Step:
    """Return `all` (decided by false) or `exists` (decided by true)."""

    def test(frame: Frame) -> Any:
        problem: CelError | None = None
        for _ in turns(frame):
            try:
                outcome = condition(frame)
            except CelError as error:
                problem = problem or error
                continue
            if outcome is deciding:
                return deciding
            if type(outcome) is not bool:
                problem = problem or no_such_overload()
        if problem is not None:
            raise problem
        return not deciding

    return test


def exists_one(turns: Loop, condition: Step) -> Step:
    """Return `exists_one`."""

    def test(frame: Frame) -> bool:
        return sum(1 for _ in turns(frame) if _holds(condition(frame))) == 1

    return test


def collected(turns: Loop, condition: Step | None, result: Step) -> Step:
    """Return `map`, `filter` or `transformList`: what `result` makes of the elements that are taken."""
    if condition is None:

        def transformed(frame: Frame) -> list[Any]:
            return [result(frame) for _ in turns(frame)]

        return transformed

    def taken(frame: Frame) -> list[Any]:
        return [result(frame) for _ in turns(frame) if _holds(condition(frame))]

    return taken


def transformed_map(turns: Loop, condition: Step | None, key: Step, value: Step) -> Step:
    """Return `transformMap`."""

    def transformed(frame: Frame) -> Any:
        return _unique(
            (key(frame), value(frame)) for _ in turns(frame) if condition is None or _holds(condition(frame))
        )

    return transformed


def transformed_entries(turns: Loop, condition: Step | None, result: Step) -> Step:
    """Return `transformMapEntry`: the entries of all maps that `result` makes."""

    def transformed(frame: Frame) -> Any:
        return _unique(_entries(turns, condition, result, frame))

    return transformed


def _entries(turns: Loop, condition: Step | None, result: Step, frame: Frame) -> Iterator[tuple[Any, Any]]:
    for _ in turns(frame):
        if condition is None or _holds(condition(frame)):
            made = result(frame)
            if type(made) is not dict and type(made) is not Map:
                raise no_such_overload("cel.@mapInsert", "map", type_name(made))
            yield from made.items()


def _unique(entries: Iterable[tuple[Any, Any]]) -> Any:
    made = list(entries)
    mapping = make_map(made)
    if len(mapping) < len(made):
        seen: list[Any] = []
        for key, _ in made:
            if any(access.contains(key, [other]) for other in seen):
                raise CelError(f"insert failed: key {show(key)} already exists")
            seen.append(key)
    return mapping


def _holds(outcome: Any) -> bool:
    if outcome is True:
        return True
    if outcome is False:
        return False
    raise no_such_overload()


def mapped_optional(target: Step, place: int, body: Step, *, is_flat: bool) -> Step:
    """Return `optMap` or `optFlatMap`."""

    def mapped(frame: Frame) -> Any:
        value = target(frame)
        if type(value) is not Optional:
            raise no_such_overload("hasValue", type_name(value))
        if value is NONE:
            return NONE
        frame[place] = value.value
        made = body(frame)
        return made if is_flat else Optional(made)

    return mapped
