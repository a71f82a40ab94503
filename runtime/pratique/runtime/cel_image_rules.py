"""Policies in CEL about the images of one resource: digests first, then expressions, then what is unproved.

References: Kyverno 1.19 `pkg/cel/policies/ivpol/engine/engine.go`,
`cmd/cli/kubectl-kyverno/commands/test/test.go` (`applyImageValidatingPolicies`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any, Final

from pratique.compiler.cel.program import World
from pratique.compiler.cel_bodies import CelImageValidation
from pratique.compiler.cel_policies.evaluation import Outcome
from pratique.compiler.cel_policies.image_run import VerifiedImages
from pratique.compiler.cel_policies.image_validating import FAILED, CompiledImages
from pratique.compiler.cel_policies.request import Request
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.plan import PlannedRule
from pratique.compiler.validations.model import Status as Verdict
from pratique.grammar.errors import EvaluationError
from pratique.runtime.answers import Answers
from pratique.runtime.applicable import Applicable
from pratique.runtime.cel_requests import request_of
from pratique.runtime.decision import Check, Stage, Status
from pratique.runtime.resource import ImageUse, Resource

Compiled = Callable[[PlannedRule], CompiledImages]
"""Returns a compiled policy; raises `ExpressionError` if a form of it does not compile."""

_UPDATE_FAILED: Final = "failed to update digest: failed to resolve digest for image"


class ImagePolicies:
    """Evaluates the policies about images that apply to one resource; they share what they learn."""

    def __init__(self, compiled: Compiled, answers: Answers, world: World, *, pins: bool) -> None:
        """Take what they need.

        Args:
            compiled: compiles policies.
            answers: settles evaluations that ask the world for something.
            world: what expressions may ask.
            pins: digests are written into the resource before anything is verified, as in a cluster.
        """
        self._compiled = compiled
        self._answers = answers
        self._world = world
        self._pins = pins
        self._verified = VerifiedImages()
        self._passed: list[tuple[int, CompiledImages, Outcome]] = []

    async def judge(self, items: Sequence[tuple[Applicable, Mapping[str, Any]]]) -> dict[int, Check]:
        """Return what policies say of a resource, by the numbers of their rules; where they say anything.

        Args:
            items: rules that are about the resource, and the object as each sees it.
        """
        checks: dict[int, Check] = {}
        pinned: dict[int, tuple[tuple[str, str], ...]] = {}
        if self._pins:
            for item, data in items:
                found, problem = await self._pinned(item, data)
                pinned[item.planned.number] = found
                if problem:
                    checks[item.planned.number] = problem
        written = dict(pair for found in pinned.values() for pair in found)
        for item, data in items:
            number = item.planned.number
            if number in checks:
                continue
            data = _with(data, written) if written else data
            request = request_of(item.resource, data)
            check = await self._check(item.planned, request)
            if check is not None:
                checks[number] = _pinning(check, pinned.get(number, ()))
        for number, proved in self._proved():
            checks[number] = _pinning(_told(proved), pinned.get(number, ()))
        return checks

    async def judge_payload(self, rules: Sequence[PlannedRule], data: Mapping[str, Any]) -> dict[int, Check]:
        """Return what policies say of JSON that is no request, by the numbers of their rules."""

        def evaluate(compiled: CompiledImages) -> Outcome | None:
            return compiled.evaluate({"object": data}, self._world, self._verified)

        found = {planned.number: await self._settled(planned, evaluate) for planned in rules}
        checks = {number: check for number, check in found.items() if check is not None}
        return checks | {number: _told(proved) for number, proved in self._proved()}

    def _proved(self) -> Iterator[tuple[int, Outcome]]:
        """Yield the policies that passed and whose images turned out to be unproved."""
        for number, compiled, outcome in self._passed:
            proved = compiled.proved(outcome, self._verified)
            if proved is not outcome:
                yield number, proved

    async def _check(self, planned: PlannedRule, request: Request) -> Check | None:
        def evaluate(compiled: CompiledImages) -> Outcome | None:
            bindings = request.bindings(compiled.body.scope.dialect)
            return compiled.evaluate(bindings, self._world, self._verified, request.resource)

        return await self._settled(planned, evaluate)

    async def _settled(
        self, planned: PlannedRule, evaluate: Callable[[CompiledImages], Outcome | None]
    ) -> Check | None:
        try:
            compiled = self._compiled(planned)
            outcome = await self._answers.settle(lambda: evaluate(compiled))
        except ExpressionError as error:
            text = f"failed to compile policy: {error.message}"
            return Check(stage=Stage.VERIFY, status=Status.ERROR, message=text)
        except EvaluationError as error:
            return Check(stage=Stage.VERIFY, status=Status.ERROR, message=f"{FAILED}{error.message}")
        if outcome is None:
            return None
        if outcome.status is Verdict.PASS:
            self._passed.append((planned.number, compiled, outcome))
        return _told(outcome)

    # --- digests ---------------------------------------------------------------------------------------

    async def _pinned(
        self, item: Applicable, data: Mapping[str, Any]
    ) -> tuple[tuple[tuple[str, str], ...], Check | None]:
        """Return the images that a policy pins, by JSON pointer, and what kept it from pinning others."""
        body = item.planned.rule.body
        assert isinstance(body, CelImageValidation)  # noqa: S101 (selected by the caller)
        if not body.pin_digest:
            return (), None
        request = request_of(item.resource, data)
        found, problems = [], []
        try:
            compiled = self._compiled(item.planned)
            applies = await self._answers.settle(
                lambda: compiled.applies(request.bindings(body.scope.dialect), self._world)
            )
            for use in _unpinned(item.resource, data) if applies else ():
                name = use.match_string
                if not await self._answers.settle(partial(compiled.is_about, name, self._world)):
                    continue
                try:
                    digest = await self._answers.digest(name, body.credentials)
                except EvaluationError as error:
                    problems.append(f"{_UPDATE_FAILED} {name}: {error.message}")
                else:
                    found.append((use.pointer, f"{name}@{digest}"))
        except (EvaluationError, ExpressionError):
            return (), None  # told when the policy is evaluated
        if not problems:
            return tuple(found), None
        text = "; ".join(problems)
        return tuple(found), Check(stage=Stage.VERIFY, status=Status.ERROR, message=text, transport=True)


def _unpinned(resource: Resource, data: Mapping[str, Any]) -> list[ImageUse]:
    seen = resource if data is resource.data else resource.changed(data)
    return [use for use in seen.images if use.image is not None and not use.image.digest]


def _with(data: Mapping[str, Any], written: Mapping[str, str]) -> Mapping[str, Any]:
    """Return an object with texts at JSON pointers, where it has texts there."""
    changed: Any = deepcopy(data)
    for pointer, text in written.items():
        *steps, last = pointer.split("/")[1:]
        holder = changed
        for step in steps:
            holder = holder[int(step)] if isinstance(holder, list) else holder[step]
        holder[last] = text
    found: Mapping[str, Any] = changed
    return found


def _told(outcome: Outcome) -> Check:
    return Check(
        stage=Stage.VERIFY,
        status=Status(outcome.status),
        message=outcome.message,
        properties=outcome.properties,
    )


def _pinning(check: Check, pins: tuple[tuple[str, str], ...]) -> Check:
    return replace(check, pins=pins) if pins else check
