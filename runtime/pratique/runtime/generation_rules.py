"""Rules that generate: what they would make of a resource.

References: Kyverno 1.19 `pkg/engine/background.go`, `cmd/cli/kubectl-kyverno/processor/generate.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pratique.compiler.generations import CompiledGeneration, GenerationError
from pratique.runtime.answers import Answers
from pratique.runtime.decision import Check, Stage, Status
from pratique.runtime.prepared import Prepared, error_of


async def generate(
    prepared: Prepared, answers: Answers, sources: Sequence[Mapping[str, Any]], *, as_in_suites: bool
) -> Check | None:
    """Return what a rule that generates says of a resource; None where it is deleted.

    Args:
        prepared: the rule and the resource.
        answers: settles evaluations that ask the world for something.
        sources: objects that can be copied, besides the resource.
        as_in_suites: a rule that cannot make its objects passes without any, as in Kyverno's command line.
    """
    generation, resource = prepared.expressions.generation, prepared.item.resource
    assert generation is not None  # noqa: S101 (the rule generates)
    if resource.target.operation == "DELETE":
        return None
    if prepared.told:
        return prepared.told
    try:
        made = await answers.settle(lambda: _made(generation, prepared, sources))
    except GenerationError as error:
        if not as_in_suites:
            return error_of(error, f"failed to generate: {error.message}", Stage.GENERATE, error.location)
        made = ()
    return Check(stage=Stage.GENERATE, status=Status.PASS, message=_message(made), made=made)


def _made(
    generation: CompiledGeneration, prepared: Prepared, sources: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], ...]:
    trigger = prepared.item.resource.data
    return generation.evaluate(trigger, prepared.context, prepared.attach, [trigger, *sources])


def _message(made: Sequence[Mapping[str, Any]]) -> str:
    names = [f"{each.get('kind')}/{each['metadata'].get('name')}" for each in made]
    return f"generated {', '.join(names)}" if names else ""
