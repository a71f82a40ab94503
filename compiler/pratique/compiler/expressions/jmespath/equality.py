"""Which values are false, and which are equal.

References: JMESPath specification; kyverno/go-jmespath `util.go` over Go's `reflect.DeepEqual`.
"""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.expressions.jmespath.run import ITEM, Run
from pratique.compiler.expressions.values.numbers import EXACT, NUMBERS, Integer

_SCALARS: Final = frozenset({str, bool, type(None), Integer})


def is_false(value: Any) -> bool:
    """Say whether a value counts as false: false, null and everything empty. Zero is true."""
    return value is None or value is False or (value.__class__ in (str, list, dict) and not value)


def equal(left: Any, right: Any, run: Run) -> bool:
    """Say whether two values are the same. Numbers compare as doubles, an `Integer` with integers only."""
    kind = left.__class__
    if kind in _SCALARS:
        return kind is right.__class__ and bool(left == right)
    if kind in NUMBERS:
        return right.__class__ in NUMBERS and same_number(left, right)
    return _equal_containers(left, right, run)


def same_number(left: float, right: float) -> bool:
    """Say whether two numbers are the same double."""
    if -EXACT < left < EXACT:
        return left == right
    try:
        return float(left) == float(right)
    except OverflowError:
        return left == right


def _equal_containers(left: Any, right: Any, run: Run) -> bool:  # noqa: C901 - one case a type
    # A stack instead of recursion, and a charge for each pair: shared parts make data of exponential size.
    pairs = [(left, right)]
    while pairs:
        left, right = pairs.pop()
        run.charge(ITEM)
        kind = left.__class__
        if kind is list:
            if right.__class__ is not list or len(left) != len(right):
                return False
            run.charge(ITEM * len(left))
            pairs += zip(left, right, strict=True)
        elif kind is dict:
            if right.__class__ is not dict or len(left) != len(right):
                return False
            run.charge(ITEM * len(left))
            for key, value in left.items():
                if key not in right:
                    return False
                pairs.append((value, right[key]))
        elif kind in NUMBERS:
            if right.__class__ not in NUMBERS or not same_number(left, right):
                return False
        elif kind is not right.__class__ or left != right:
            return False
    return True
