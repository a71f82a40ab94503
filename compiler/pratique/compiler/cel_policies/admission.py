"""Policies of Kubernetes where they are bound: which bindings count for a request, with which parameters.

Without any binding a policy counts as bound everywhere, without parameters, as on Kyverno's command line.

References: Kubernetes 1.36 `apiserver/pkg/admission/plugin/policy/generic` (`policy_dispatcher.go`,
`CollectParams`); Kyverno 1.19 `pkg/admissionpolicy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, auto
from typing import Any, Final

from pratique.compiler.bodies import CelParameters
from pratique.compiler.cel.program import World
from pratique.compiler.cel.questions import ParameterQuestion
from pratique.compiler.cel_bodies import Binding, Dialect, Scope
from pratique.compiler.cel_policies.constraints import is_about
from pratique.compiler.cel_policies.evaluation import Outcome
from pratique.compiler.cel_policies.mutating import CompiledMutating
from pratique.compiler.cel_policies.request import Request
from pratique.compiler.cel_policies.validating import CompiledValidating
from pratique.compiler.structured_merge import Shape
from pratique.compiler.validations.model import Status
from pratique.grammar.errors import EvaluationError


class Way(Enum):
    """How bindings are honoured.

    `CLUSTER`: as a cluster does: a bound policy is about the requests that its own constraints and those of
    the binding allow, each parameter is one evaluation, and the worst outcome of all counts.
    `COMMAND_LINE`: as Kyverno 1.19 does without a cluster: only the constraints of the binding count, what a
    selector selects is one list, missing parameters are null, and the last binding counts.
    """

    CLUSTER = auto()
    COMMAND_LINE = auto()


_WORST_FIRST: Final = (Status.ERROR, Status.FAIL, Status.PASS, Status.SKIP)


def validated(
    policy: CompiledValidating, request: Request, world: World, way: Way = Way.CLUSTER
) -> Outcome | None:
    """Return what a validating policy says where it is bound; None where it is bound nowhere.

    Raises:
        EvaluationError: the answer depends on labels of a namespace that nobody knows.
    """
    outcomes = [
        found if isinstance(found, Outcome) else policy.evaluate(found, world)
        for found in _bindings(policy.scope.scope, request, world, way)
    ]
    if way is Way.COMMAND_LINE:
        return outcomes[-1] if outcomes else None
    return min(outcomes, key=lambda each: _WORST_FIRST.index(each.status), default=None)


def mutated(
    policy: CompiledMutating, request: Request, world: World, shape: Shape, way: Way = Way.CLUSTER
) -> Outcome | None:
    """Return what a mutating policy makes of an object where it is bound, binding by binding.

    Raises:
        EvaluationError: as `validated`.
    """
    last: Outcome | None = None
    for found in _bindings(policy.scope.scope, request, world, way):
        if isinstance(found, Outcome):
            return found
        if last is not None and last.patched is not None:
            found["object"] = last.patched
        outcome = policy.evaluate(found, world, shape)
        if outcome.status is Status.ERROR:
            return outcome
        if last is None or outcome.status is Status.PASS:
            last = outcome
    return last


def _bindings(scope: Scope, request: Request, world: World, way: Way) -> Iterator[dict[str, Any] | Outcome]:
    """Yield the values of variables for each evaluation, or what is said where there can be none."""
    if (scope.bindings is None or way is Way.CLUSTER) and not is_about(
        scope.constraints, request, Dialect.KUBERNETES
    ):
        return
    values = request.bindings(Dialect.KUBERNETES)
    if scope.bindings is None:
        yield {**values, "params": None}
        return
    for binding in scope.bindings:
        if binding.constraints and not is_about(binding.constraints, request, Dialect.KUBERNETES):
            continue
        try:
            found = _parameters(binding, request, world, way)
        except EvaluationError as error:
            text = f"failed to configure binding: {error.message}"
            yield Outcome(status=Status.ERROR, message=text)
            continue
        for each in found:
            yield {**values, "params": each}


def _parameters(binding: Binding, request: Request, world: World, way: Way) -> list[Mapping[str, Any] | None]:
    wanted = binding.parameters
    if wanted is None:
        return [None]
    if world.ask is None:
        raise EvaluationError("not-given", "nobody can be asked for parameters")
    found: list[Mapping[str, Any] | None] = list(world.ask(_question(wanted, request)))
    if way is Way.COMMAND_LINE:
        return [{"items": found} if found and wanted.selector else next(iter(found), None)]
    if not found and wanted.not_found != "Allow":
        text = "no params found for policy binding with `Deny` parameterNotFoundAction"
        raise EvaluationError("no-parameters", text)
    return found


def _question(wanted: CelParameters, request: Request) -> ParameterQuestion:
    return ParameterQuestion(
        api_version=wanted.api_version,
        kind=wanted.kind,
        namespace=wanted.namespace or request.namespace,
        name=wanted.name,
        selector=wanted.selector,
    )
