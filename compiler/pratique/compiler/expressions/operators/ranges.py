"""Texts against string patterns: ranges `1-10`, `10Mi!-1Gi`, comparisons `>= 5`, negations, wildcards.

References: Kyverno 1.19 `pkg/engine/pattern`, `pkg/engine/operator`.
"""

from __future__ import annotations

import re
from typing import Final

from pratique.compiler.expressions.values.durations import parse_duration
from pratique.compiler.expressions.values.quantities import parse_quantity
from pratique.grammar import wildcard

_END = r"([-|+]?[0-9]+(?:\.[0-9]+)?[A-Za-z]*)"
_IN_RANGE = re.compile(f"{_END}-{_END}")
_NOT_IN_RANGE = re.compile(f"{_END}!-{_END}")
_PREFIXES: Final = (">=", "<=", ">", "<", "!")
IN_RANGE: Final = "-"
NOT_IN_RANGE: Final = "!-"


def pattern_operator(pattern: str) -> str:
    """Return the operator that a pattern starts with or is: `>=`, `<=`, `>`, `<`, `!`, `!-`, `-` or empty."""
    if len(pattern) < 2:
        return ""
    for prefix in _PREFIXES:
        if pattern.startswith(prefix):
            return prefix
    if _NOT_IN_RANGE.fullmatch(pattern):
        return NOT_IN_RANGE
    return IN_RANGE if _IN_RANGE.fullmatch(pattern) else ""


def range_ends(pattern: str, operator: str) -> tuple[str, str]:
    """Return both ends of a pattern that `pattern_operator` calls a range."""
    match = (_IN_RANGE if operator == IN_RANGE else _NOT_IN_RANGE).fullmatch(pattern)
    return (match[1], match[2]) if match else ("", "")


def matches_pattern(text: str, pattern: str) -> bool:
    """Say whether a text satisfies a pattern: alternatives joined by `|`, conjunctions by `&`."""
    if text == pattern:
        return True
    return any(
        all(_matches_condition(text, condition.strip(" ")) for condition in alternative.strip(" ").split("&"))
        for alternative in pattern.split("|")
    )


def _matches_condition(text: str, pattern: str) -> bool:
    operator = pattern_operator(pattern)
    match operator:
        case "-":
            ends = _IN_RANGE.fullmatch(pattern)
            return ends is not None and _compares(text, ">=", ends[1]) and _compares(text, "<=", ends[2])
        case "!-":
            ends = _NOT_IN_RANGE.fullmatch(pattern)
            return ends is not None and (_compares(text, "<", ends[1]) or _compares(text, ">", ends[2]))
        case _:
            return _compares(text, operator, pattern[len(operator) :].strip())


def _compares(text: str, operator: str, operand: str) -> bool:
    """Compare as durations if both are, else as quantities if both are, else as text with wildcards."""
    left, right = parse_duration(text), parse_duration(operand)
    if left is not None and right is not None:
        return _decide((left > right) - (left < right), operator)
    first, second = parse_quantity(text), parse_quantity(operand)
    if first is not None and second is not None:
        return _decide(first.compare(second), operator)
    if operator == "!":
        return not wildcard.matches(operand, text)
    return not operator and wildcard.matches(operand, text)


def _decide(order: int, operator: str) -> bool:
    match operator:
        case ">=":
            return order >= 0
        case "<=":
            return order <= 0
        case ">":
            return order > 0
        case "<":
            return order < 0
        case "!":
            return order != 0
        case _:
            return order == 0
