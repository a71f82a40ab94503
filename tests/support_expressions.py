"""Helpers of the tests of expressions: evaluate in one line, recorded answers, a fixed clock and chance."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.expression import Expression
from pratique.compiler.expressions.jmespath.run import Environment
from pratique.compiler.expressions.values.instants import Instant
from pratique.compiler.expressions.values.numbers import Integer
from pratique.grammar.errors import EvaluationError

DATA = Path(__file__).parent / "compiler" / "expressions" / "data"

NOW = Instant(1_700_000_000, 0, 3600)
"""2023-11-14T23:13:20+01:00"""
WORLD = Environment(now=lambda: NOW, random=random.Random(1))


def recorded(name: str) -> Any:
    """Return one file of recorded answers of Kyverno's own code."""
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def evaluate(text: str, value: Any = None, environment: Environment = WORLD) -> Any:
    """Compile and evaluate one expression."""
    return Expression(text).evaluate(value, environment)


def failure_of(action: Callable[[], object]) -> ExpressionError | EvaluationError | None:
    """Return the error that an action raises: one of the two that may leave the package, or None."""
    try:
        action()
    except (ExpressionError, EvaluationError) as error:
        return error
    return None


def normal(value: Any) -> Any:
    """Return a value as recorded answers have it: numbers as floats, an `Integer` as `{"int": n}`."""
    match value:
        case Integer():
            return {"int": int(value)}
        case bool() | None | str():
            return value
        case int() | float():
            return float(value) if math.isfinite(value) else repr(value)
        case list():
            return [normal(item) for item in value]
        case dict():
            return {key: item if key == "int" else normal(item) for key, item in value.items()}
        case _:
            raise AssertionError(f"no JSON: {value!r}")
