"""Evaluating CEL in tests, and tables of expressions with what they must come to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pratique.compiler.cel.environment import Environment
from pratique.compiler.cel.environments import (
    admission_environment,
    kyverno_environment,
    with_policy_variables,
)
from pratique.compiler.cel.program import Run, World
from pratique.compiler.cel.types import DYN
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.values.instants import Instant
from pratique.grammar.errors import EvaluationError

DATA = Path(__file__).parent / "compiler" / "cel" / "data"

OBJECT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "tier": "front"}},
    "spec": {
        "replicas": 3,
        "ratio": 0.5,
        "nothing": None,
        "flags": [True, False],
        "containers": [
            {"name": "c0", "image": "nginx:1.25", "ports": [{"port": 80}]},
            {"name": "c1", "image": "ghcr.io/acme/app:v2", "securityContext": {"privileged": True}},
        ],
    },
}
NOW = Instant(1_704_164_645, 123_000_000)
"""2024-01-02T03:04:05.123Z"""


def environment(name: str = "kyverno") -> Environment:
    """Return an environment by its name in tables, with a variable `variables` of no fields."""
    match name:
        case "kyverno":
            found = kyverno_environment("")
        case "namespaced":
            found = kyverno_environment("shop")
        case "generating":
            found = kyverno_environment("", is_generating=True)
        case "admission":
            found = admission_environment(has_params=True)
        case "patches":
            found = admission_environment(has_params=False, has_patches=True)
        case _:
            raise AssertionError(name)
    return with_policy_variables(found, {"seen": DYN})


def world(ask: Callable[[Any], Any] | None = None) -> World:
    """Return a world with a fixed clock and fixed random numbers."""
    return World(now=lambda: NOW, random=random.Random(7), ask=ask)


def evaluate(
    text: str,
    name: str = "kyverno",
    *,
    ask: Callable[[Any], Any] | None = None,
    run: Run | None = None,
    **bindings: Any,
) -> Any:
    """Return the value of an expression."""
    values = {"object": OBJECT, "oldObject": None, "namespaceObject": None, "params": {"limit": 2}}
    return environment(name).compile(text).evaluate(values | bindings, run or Run(world(ask)))


def outcome(text: str, name: str = "kyverno") -> str:
    """Return what goes wrong with an expression: `at OFFSET: MESSAGE`, `error: MESSAGE`, or nothing."""
    try:
        evaluate(text, name)
    except ExpressionError as error:
        return f"at {error.offset}: {error.message}"
    except EvaluationError as error:
        return f"error: {error.message}"
    return ""


class Row(NamedTuple):
    """A line of a table: an expression, and the expression or the failure that it must come to."""

    place: str
    environment: str
    text: str
    expected: str


def rows(table: Path) -> Iterator[Row]:
    """Yield the lines of a table.

    `# environment NAME` sets the environment of the lines below, other comments say nothing. A line is
    `EXPRESSION -> EXPRESSION`, `EXPRESSION -> error: MESSAGE` or `EXPRESSION -> at OFFSET: MESSAGE`.
    """
    name = "kyverno"
    for number, line in enumerate(table.read_text().splitlines(), 1):
        if line.startswith("# environment "):
            name = line.split()[-1]
        elif line and not line.startswith("#"):
            text, arrow, expected = line.rpartition(" -> ")
            assert arrow, f"{table.name}:{number}"
            yield Row(f"{table.stem}:{number}", name, text.strip(), expected.strip())
