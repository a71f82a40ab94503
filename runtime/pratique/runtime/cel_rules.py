"""Policies in CEL over one resource, in Kyverno's order: those that change it come first.

What an expression asks the world for is settled by `answers`, and the policy evaluated again.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/processor/policy_processor.go` (`ApplyPoliciesOnResource`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from pratique.compiler.cel.program import World
from pratique.compiler.cel_bodies import (
    CEL_BODIES,
    CelBody,
    CelDeletion,
    CelExemption,
    CelGeneration,
    CelImageValidation,
    CelMutation,
    CelValidation,
    Dialect,
)
from pratique.compiler.cel_policies.admission import Way, mutated, validated
from pratique.compiler.cel_policies.compiled import CompiledCel, exemptions_of, ready
from pratique.compiler.cel_policies.constraints import is_about, of_any
from pratique.compiler.cel_policies.evaluation import Outcome
from pratique.compiler.cel_policies.image_validating import CompiledImages
from pratique.compiler.cel_policies.mutating import CompiledMutating
from pratique.compiler.cel_policies.request import Request
from pratique.compiler.cel_policies.validating import CompiledValidating
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.plan import PlannedRule
from pratique.compiler.structured_merge import DEDUCED, Shape, shape_of
from pratique.grammar.errors import EvaluationError
from pratique.runtime.answers import Answers
from pratique.runtime.applicable import Applicable
from pratique.runtime.cel_requests import request_of
from pratique.runtime.context import ENVIRONMENT
from pratique.runtime.decision import Check, Stage, Status
from pratique.runtime.resource import Resource

if TYPE_CHECKING:
    from pratique.runtime.cel_image_rules import ImagePolicies

_ORDER: Final = (
    "MutatingAdmissionPolicy",
    "MutatingPolicy",
    "ValidatingAdmissionPolicy",
    "ValidatingPolicy",
    "GeneratingPolicy",
    "ImageValidatingPolicy",
    "DeletingPolicy",
)
"""Kinds in the order in which they are evaluated."""


class CelRules:
    """Evaluates policies in CEL; compiled ones are kept."""

    def __init__(self, exemptions: Sequence[CelExemption] = (), *, as_in_suites: bool = False) -> None:
        """Take what is exempted.

        Args:
            exemptions: policy exceptions that count.
            as_in_suites: do as the command line of Kyverno 1.19 does: policies of Kubernetes merge objects
                without regard to types and are bound as `Way.COMMAND_LINE` says, and policies that change
                other objects change the one at hand, too.
        """
        self._exemptions = tuple(exemptions)
        self._as_in_suites = as_in_suites
        self._way = Way.COMMAND_LINE if as_in_suites else Way.CLUSTER
        self._compiled: dict[int, CompiledCel] = {}

    async def judge(self, items: Sequence[Applicable], answers: Answers) -> dict[int, Check]:
        """Return what policies say of a resource, by the numbers of their rules; where they say anything.

        Args:
            items: rules with bodies in CEL, and the resource as each sees it.
            answers: settles evaluations that ask the world for something.
        """
        checks: dict[int, Check] = {}
        current: dict[int, Mapping[str, Any]] = {}
        about_images = []
        for item in sorted(items, key=_place):
            data = current.get(id(item.resource), item.resource.data)
            if isinstance(item.planned.rule.body, CelImageValidation) and self._as_in_suites:
                data = item.resource.data
            check = self._unasked(item, data)
            if check is None and isinstance(item.planned.rule.body, CelImageValidation):
                about_images.append((item, data))
                continue
            if check is None:
                check = await self._check(item, data, answers)
            if not isinstance(check, Check):
                continue
            checks[item.planned.number] = check
            if check.patched is not None:
                current[id(item.resource)] = check.patched
        if about_images:
            checks.update(await self._images(answers).judge(about_images))
        return checks

    def _images(self, answers: Answers) -> ImagePolicies:
        from pratique.runtime.cel_image_rules import ImagePolicies

        return ImagePolicies(self._about_images, answers, _world(answers), pins=not self._as_in_suites)

    def _about_images(self, planned: PlannedRule) -> CompiledImages:
        compiled = self._of(planned, _body(planned))
        assert isinstance(compiled, CompiledImages)  # noqa: S101 (as its body)
        return compiled

    def _unasked(self, item: Applicable, data: Mapping[str, Any]) -> Check | Literal[False] | None:
        """Return what keeps a policy from being evaluated, False where it is not about the resource."""
        body = _body(item.planned)
        if item.problem:
            return Check(stage=_stage(body), status=Status.ERROR, message=item.problem.message)
        try:
            return None if self._is_about(body, request_of(item.resource, data)) else False
        except EvaluationError as error:
            return Check(stage=_stage(body), status=Status.ERROR, message=error.message)

    async def _check(self, item: Applicable, data: Mapping[str, Any], answers: Answers) -> Check | None:
        request = request_of(item.resource, data)
        return await self._settled(
            item.planned, answers, lambda compiled, world: self._evaluated(compiled, request, world)
        )

    async def judge_payload_images(
        self, rules: Sequence[PlannedRule], data: Mapping[str, Any], answers: Answers
    ) -> dict[int, Check]:
        """Return what policies about images say of any JSON, by the numbers of their rules."""
        about = [each for each in rules if isinstance(each.rule.body, CelImageValidation)]
        raw = [each for each in about if _body(each).scope.raw]
        return await self._images(answers).judge_payload(raw, data) if raw else {}

    async def judge_payload(
        self, planned: PlannedRule, data: Mapping[str, Any], answers: Answers
    ) -> Check | None:
        """Return what a policy says of any JSON; None where it is about requests.

        Policies that delete are about JSON that names no kind.
        """
        body = _body(planned)
        if isinstance(body, CelDeletion) and not (data.get("apiVersion") and data.get("kind")):
            return await self._settled(planned, answers, partial(_over_data, {"object": data}))
        if not body.scope.raw or isinstance(body, CelImageValidation):
            return None
        return await self._settled(planned, answers, partial(_over_data, {"object": data}))

    async def change_target(
        self, planned: PlannedRule, target: Mapping[str, Any], trigger: Request, answers: Answers
    ) -> Check | None:
        """Return what a policy makes of an existing object; None where it leaves it alone.

        Args:
            planned: the policy.
            target: the object.
            trigger: the request that is the reason to change it.
            answers: settles evaluations that ask the world for something.
        """
        body = _body(planned)
        if not isinstance(body, CelMutation) or body.targets is None or not body.targets.enabled:
            return None
        request = request_of(Resource(target, operation=""), target)
        try:
            if not await self._is_target(planned, body, request, trigger, answers):
                return None
        except EvaluationError as error:
            return Check(stage=Stage.MUTATE, status=Status.ERROR, message=error.message)
        bindings = {
            **trigger.bindings(Dialect.KYVERNO),
            "object": target,
            "oldObject": None,
            "namespaceObject": None,
        }
        shape = shape_of(request.kind.group, request.kind.name)

        def change(compiled: CompiledCel, world: World) -> Outcome | None:
            assert isinstance(compiled, CompiledMutating)  # noqa: S101 (as its body)
            return compiled.evaluate(bindings, world, shape, is_target=True)

        return await self._settled(planned, answers, change)

    async def _is_target(
        self, planned: PlannedRule, body: CelMutation, target: Request, trigger: Request, answers: Answers
    ) -> bool:
        """Say whether a policy chooses an object: by an expression, or by constraints."""
        assert body.targets is not None  # noqa: S101 (asked by the caller)
        compiled = self._of(planned, body)
        assert isinstance(compiled, CompiledMutating)  # noqa: S101 (as its body)
        if compiled.targets is None:
            constraints = body.targets.constraints or body.scope.constraints
            return is_about(of_any(constraints), target, Dialect.KYVERNO)
        seen = trigger.bindings(Dialect.KYVERNO)
        found = await answers.settle(lambda: compiled.chosen({"object": seen["object"]}, _world(answers)))
        return (target.namespace, target.name) in found

    async def _settled(
        self,
        planned: PlannedRule,
        answers: Answers,
        evaluate: Callable[[CompiledCel, World], Outcome | None],
    ) -> Check | None:
        """Return what an evaluation comes to once all that it asks is answered."""
        body = _body(planned)
        try:
            compiled = self._of(planned, body)
            outcome = await answers.settle(lambda: evaluate(compiled, _world(answers)))
        except (EvaluationError, ExpressionError) as error:
            return Check(stage=_stage(body), status=Status.ERROR, message=error.message)
        return None if outcome is None else _told(body, outcome)

    def _of(self, planned: PlannedRule, body: CelBody) -> CompiledCel:
        found = self._compiled.get(planned.number)
        if found is None:
            lifting = exemptions_of(planned.policy, self._exemptions)
            if self._as_in_suites and planned.rule.generated_from and isinstance(body, CelImageValidation):
                lifting = ()
            found = ready(body, lifting, fails_open=planned.policy.fail_open)
            self._compiled[planned.number] = found
        return found

    def _evaluated(self, compiled: CompiledCel, request: Request, world: World) -> Outcome | None:
        scope = compiled.scope.scope
        is_bound = scope.dialect is Dialect.KUBERNETES
        match compiled:
            case CompiledValidating() if is_bound:
                return validated(compiled, request, world, self._way)
            case CompiledMutating() if is_bound:
                shape = self._shape(request, is_bound=True)
                return mutated(compiled, request, world, shape, self._way)
            case CompiledMutating():
                shape = self._shape(request, is_bound=False)
                return compiled.evaluate(request.bindings(scope.dialect), world, shape)
            case _ if scope.raw:
                data = request.old_object if request.object is None else request.object
                return _over_data({"object": data}, compiled, world)
            case _:
                return _over_data(request.bindings(scope.dialect), compiled, world)

    def _is_about(self, body: CelBody, request: Request) -> bool:
        if body.scope.raw:
            return not isinstance(body, CelImageValidation)
        if isinstance(body, CelDeletion):
            return is_about(of_any(body.scope.constraints), request, body.scope.dialect)
        if isinstance(body, CelMutation) and body.targets is not None and not self._as_in_suites:
            elsewhere = body.targets.constraints is not None or body.targets.expression is not None
            if elsewhere:
                return False
        if body.scope.dialect is Dialect.KUBERNETES:
            return True  # where it is bound is a question of its own
        return is_about(body.scope.constraints, request, body.scope.dialect)

    def _shape(self, request: Request, *, is_bound: bool) -> Shape:
        if is_bound and self._as_in_suites:
            return DEDUCED
        return shape_of(request.kind.group, request.kind.name)


def _place(item: Applicable) -> tuple[int, bool, int]:
    body = item.planned.rule.body
    kind = item.planned.policy.kind.removeprefix("Namespaced")
    return _ORDER.index(kind), isinstance(body, CEL_BODIES) and body.scope.raw, item.planned.number


def _body(planned: PlannedRule) -> CelBody:
    body = planned.rule.body
    assert isinstance(body, CEL_BODIES)  # noqa: S101 (selected by the caller)
    return body


def _world(answers: Answers) -> World:
    return World(now=ENVIRONMENT.now, random=ENVIRONMENT.random, ask=answers.ask)


def _over_data(bindings: Mapping[str, Any], compiled: CompiledCel, world: World) -> Outcome | None:
    assert not isinstance(compiled, CompiledMutating | CompiledImages)  # noqa: S101 (need more)
    return compiled.evaluate(bindings, world)


def _stage(body: CelBody) -> Stage:
    match body:
        case CelMutation():
            return Stage.MUTATE
        case CelImageValidation():
            return Stage.VERIFY
        case CelDeletion():
            return Stage.DELETE
        case CelGeneration():
            return Stage.GENERATE
        case CelValidation():
            return Stage.VALIDATE


def _told(body: CelBody, outcome: Outcome) -> Check:
    return Check(
        stage=_stage(body),
        status=Status(outcome.status),
        message=outcome.message,
        properties=outcome.properties,
        patched=outcome.patched,
        made=outcome.made,
    )
