"""Scalars of patterns: numbers, booleans, null, and texts with operators, ranges and wildcards.

In a text `|` separates alternatives, and inside them `&` conditions. A condition compares durations where
both sides are durations, else quantities where both are, else texts.

A Python `int` is Go's int64, a `float` its float64.

References: Kyverno 1.19 `pkg/engine/pattern`, `pkg/engine/operator`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeAlias

from pratique.compiler.expressions.operators.ranges import (
    IN_RANGE,
    NOT_IN_RANGE,
    pattern_operator,
    range_ends,
)
from pratique.compiler.expressions.values.durations import parse_duration
from pratique.compiler.expressions.values.numbers import parse_float, parse_int, print_scientific
from pratique.compiler.expressions.values.quantities import parse_quantity
from pratique.grammar.wildcard import Wildcard

Leaf: TypeAlias = Callable[[Any], bool]
"""Says whether a value, not a list, is accepted."""

_LONGEST_KEPT: Final = 512
"""Characters. Longer texts come from data rather than from policies, and are not kept compiled."""


def compile_leaf(pattern: Any) -> Leaf:
    """Return the test that a scalar pattern is: str, bool, int, float or None."""
    match pattern:
        case None:
            return _is_nothing
        case bool():
            return lambda value: value is pattern
        case int():
            return _whole(int(pattern))
        case float():
            return _double(pattern)
        case _:
            return _text(pattern) if len(pattern) <= _LONGEST_KEPT else _compiled_text(pattern)


# --- numbers, booleans, null ---------------------------------------------------------------------------


def _is_nothing(value: Any) -> bool:
    """Null accepts what is absent, and what is zero, false or empty; but no list or map."""
    return value.__class__ not in (list, dict) and not value


def _whole(pattern: int) -> Leaf:
    def accepts(value: Any) -> bool:
        kind = value.__class__
        if kind is str:
            return parse_int(value) == pattern
        if kind is float:
            return bool(value.is_integer()) and value == pattern
        return isinstance(value, int) and kind is not bool and value == pattern

    return accepts


def _double(pattern: float) -> Leaf:
    def accepts(value: Any) -> bool:
        kind = value.__class__
        if kind is str:
            return parse_float(value) == pattern
        return isinstance(value, int | float) and kind is not bool and value == pattern

    return accepts


# --- texts ---------------------------------------------------------------------------------------------


def _compiled_text(pattern: str) -> Leaf:
    alternatives = [
        [_condition(part.strip(" ")) for part in alternative.strip(" ").split("&")]
        for alternative in pattern.split("|")
    ]
    if len(alternatives) == 1 and len(alternatives[0]) == 1:
        (condition,) = alternatives[0]
        return lambda value: value == pattern or condition(value)

    def accepts(value: Any) -> bool:
        if value == pattern:
            return True
        return any(all(condition(value) for condition in alternative) for alternative in alternatives)

    return accepts


_text = lru_cache(maxsize=4096)(_compiled_text)


def _condition(pattern: str) -> Leaf:
    operator = pattern_operator(pattern)
    if operator in (IN_RANGE, NOT_IN_RANGE):
        first, last = range_ends(pattern, operator)
        if operator == IN_RANGE:
            low, high = _comparison(">=", first), _comparison("<=", last)
            return lambda value: low(value) and high(value)
        below, above = _comparison("<", first), _comparison(">", last)
        return lambda value: below(value) or above(value)
    return _comparison(operator, pattern[len(operator) :].strip())


_ORDERS: Final[dict[str, frozenset[int]]] = {
    "": frozenset({0}),
    "!": frozenset({-1, 1}),
    ">": frozenset({1}),
    "<": frozenset({-1}),
    ">=": frozenset({0, 1}),
    "<=": frozenset({-1, 0}),
}


def _comparison(operator: str, operand: str) -> Leaf:
    """Return one comparison; of a text with an order as operator nothing holds."""
    duration, quantity = parse_duration(operand), parse_quantity(operand)
    orders = _ORDERS[operator]
    glob = Wildcard(operand)
    negated, on_text = operator == "!", operator in ("", "!")

    def text_accepts(value: Any) -> bool:
        if not on_text:
            return False
        text = _as_text(value)
        return text is not None and glob.matches(text) is not negated

    if duration is None and quantity is None:
        return text_accepts

    def accepts(value: Any) -> bool:
        number = _as_number(value)
        if number is not None:
            if duration is not None and (own := parse_duration(number)) is not None:
                return (own > duration) - (own < duration) in orders
            if quantity is not None and (amount := parse_quantity(number)) is not None:
                return amount.compare(quantity) in orders
        return text_accepts(value)

    return accepts


def _as_number(value: Any) -> str | None:
    """Return a value as the text that is read as duration or quantity; what is absent counts as zero."""
    kind = value.__class__
    if kind is str:
        return str(value)
    if value is None:
        return "0"
    if kind is float:
        return f"{value:f}"
    return str(int(value)) if isinstance(value, int) and kind is not bool else None


def _as_text(value: Any) -> str | None:
    """Return a value as the text that wildcards see; None for null, lists and maps, which no text accepts."""
    kind = value.__class__
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return print_scientific(value)
    return str(int(value)) if isinstance(value, int) else None
