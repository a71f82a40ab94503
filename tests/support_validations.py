"""One validation over one object: what the rule says, without files and without an engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pratique.compiler import bodies
from pratique.compiler.context_questions import Ask, Question
from pratique.compiler.expressions.context import Context
from pratique.compiler.validations import CompiledValidation, Scene
from pratique.compiler.validations.evaluation import Simple
from pratique.grammar.errors import EvaluationError

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "pod"},
    "spec": {
        "hostNetwork": True,
        "containers": [
            {"name": "one", "image": "good:1", "ports": [{"port": 80}, {"port": 443}]},
            {"name": "two", "image": "bad:1", "ports": []},
        ],
    },
}


def nothing(question: Question) -> Any:
    raise EvaluationError("registry-unreachable", "nobody is there")


def said(
    check: Simple,
    resource: Mapping[str, Any] = POD,
    *,
    message: str = "",
    operation: str = "CREATE",
    ask: Ask = nothing,
) -> tuple[str, str] | None:
    """Return status and message of a rule called `r`; None where it says nothing."""
    deleted = operation == "DELETE"
    side = "oldObject" if deleted else "object"
    context = Context({"request": {side: resource, "operation": operation}})
    validation = CompiledValidation("r", bodies.Validation(check=check, message=message), check, None)
    scene = Scene(
        None if deleted else resource, lambda: context, lambda entries, below: entries.attach(below, ask)
    )
    outcome = validation.evaluate(scene)
    return (str(outcome.status), outcome.message) if outcome else None
