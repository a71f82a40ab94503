"""`generator.Apply(namespace, objects)`: what a GeneratingPolicy wants to exist.

Nothing is created: what is asked for is kept in the run, for whoever evaluates.

References: github.com/kyverno/sdk `extensions/cel/libs/generator`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from pratique.compiler.cel.declarations import overload
from pratique.compiler.cel.environment import Library
from pratique.compiler.cel.errors import CelError
from pratique.compiler.cel.libraries.kyverno.contexts import Context
from pratique.compiler.cel.types import opaque
from pratique.compiler.cel.values.json_values import plain_value

if TYPE_CHECKING:
    from pratique.compiler.cel.program import Run

_CONTEXT: Final = "generator.Context"


def library(namespace: str) -> Library:
    """Return the function for policies of a namespace, which generate nothing elsewhere, or for all."""

    def apply(run: Run, _: Context, target: str, objects: Sequence[Any]) -> bool:
        if namespace and target != namespace:
            raise CelError(
                f"failed to generate resources: namespace {target!a:.200} is different from"
                f" the policy namespace {namespace}"
            )
        made = [plain_value(run, value) for value in objects]
        if not all(isinstance(value, dict) for value in made):
            raise CelError("failed to generate resources: an object must be a map")
        run.generated.append((target, made))
        return True

    return Library(
        overloads=tuple(
            overload(
                f".{name}({_CONTEXT}, string, list(map(string, dyn))) -> bool",
                apply,
                takes_run=True,
            )
            for name in ("Apply", "apply")
        ),
        constants={"generator": (opaque(_CONTEXT), Context(_CONTEXT))},
    )
