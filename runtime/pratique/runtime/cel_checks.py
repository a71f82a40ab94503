"""`validate.cel` of classic rules over a resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pratique.compiler.cel.program import World
from pratique.compiler.cel.questions import ParameterQuestion
from pratique.compiler.cel_bodies import Dialect
from pratique.compiler.cel_policies.request import Request
from pratique.compiler.validations import Outcome
from pratique.compiler.validations.cel import CompiledCelRule
from pratique.grammar.errors import EvaluationError
from pratique.runtime.answers import Answers
from pratique.runtime.cel_requests import request_of
from pratique.runtime.context import ENVIRONMENT
from pratique.runtime.decision import Check, Stage, Status
from pratique.runtime.resource import Resource


async def check_in_cel(rule: CompiledCelRule, resource: Resource, answers: Answers) -> Check:
    """Return what the expressions of a rule say of a resource."""
    request = request_of(resource)
    world = World(now=ENVIRONMENT.now, random=ENVIRONMENT.random, ask=answers.ask)

    def evaluate() -> Outcome:
        found = _parameters(rule, request, answers)
        return rule.evaluate(request.bindings(Dialect.KUBERNETES), found, world)

    try:
        outcome = await answers.settle(evaluate)
    except EvaluationError as error:
        text = f"error in parameterized resource: {error.message}"
        return Check(stage=Stage.VALIDATE, status=Status.ERROR, message=text)
    return Check(stage=Stage.VALIDATE, status=Status(outcome.status), message=outcome.message)


def _parameters(rule: CompiledCelRule, request: Request, answers: Answers) -> list[Mapping[str, Any] | None]:
    wanted = rule.parameters
    if wanted is None:
        return [None]
    found: list[Mapping[str, Any] | None] = answers.ask(
        ParameterQuestion(
            api_version=wanted.api_version,
            kind=wanted.kind,
            namespace=wanted.namespace or request.namespace,
            name=wanted.name,
            selector=wanted.selector,
        )
    )
    if not found and wanted.not_found != "Allow":
        text = "no params found for policy binding with `Deny` parameterNotFoundAction"
        raise EvaluationError("no-parameters", text)
    return found
