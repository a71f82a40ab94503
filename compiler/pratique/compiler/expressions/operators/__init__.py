"""The operators of conditions by name.

References: Kyverno 1.19 `pkg/engine/variables/operator`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from pratique.compiler.expressions.jmespath.run import Run
from pratique.compiler.expressions.operators.comparison import (
    GREATER,
    GREATER_OR_EQUAL,
    LESS,
    LESS_OR_EQUAL,
    equals,
    not_equals,
    ordered,
    ordered_durations,
)
from pratique.compiler.expressions.operators.membership import (
    all_in,
    all_not_in,
    any_in,
    any_not_in,
    membership,
    old_in,
    old_not_in,
)

Operator: TypeAlias = Callable[[Any, Any, Run], bool]
"""Key, value and budget to verdict. Never fails for a wrong type: that is false."""

OPERATORS: Final[dict[str, Operator]] = {
    "Equal": equals,
    "Equals": equals,
    "NotEqual": not_equals,
    "NotEquals": not_equals,
    "In": old_in,
    "AnyIn": membership(any_in),
    "AllIn": membership(all_in),
    "NotIn": old_not_in,
    "AnyNotIn": membership(any_not_in),
    "AllNotIn": membership(all_not_in),
    "GreaterThanOrEquals": ordered(GREATER_OR_EQUAL),
    "GreaterThan": ordered(GREATER),
    "LessThanOrEquals": ordered(LESS_OR_EQUAL),
    "LessThan": ordered(LESS),
    "DurationGreaterThanOrEquals": ordered_durations(GREATER_OR_EQUAL),
    "DurationGreaterThan": ordered_durations(GREATER),
    "DurationLessThanOrEquals": ordered_durations(LESS_OR_EQUAL),
    "DurationLessThan": ordered_durations(LESS),
}

REPLACEMENTS: Final[dict[str, tuple[str, ...]]] = {
    "Equal": ("Equals",),
    "NotEqual": ("NotEquals",),
    "In": ("AllIn", "AnyIn"),
    "NotIn": ("AllNotIn", "AnyNotIn"),
    "DurationGreaterThanOrEquals": ("GreaterThanOrEquals",),
    "DurationGreaterThan": ("GreaterThan",),
    "DurationLessThanOrEquals": ("LessThanOrEquals",),
    "DurationLessThan": ("LessThan",),
}
"""What to write instead of a deprecated operator."""
