"""The stages in which the rules that apply to one resource are judged; see `engine` for their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from pratique.compiler import bodies, ir
from pratique.compiler.cel_bodies import CEL_BODIES
from pratique.compiler.expressions.context import Context
from pratique.compiler.plan import PlannedRule
from pratique.runtime.answers import Answers
from pratique.runtime.applicable import Applicable, applicable
from pratique.runtime.body_rules import validate
from pratique.runtime.context import cleanup_context, request_context
from pratique.runtime.decision import Check, RuleResult, Stage, Status, worst
from pratique.runtime.prepared import Prepared, prepare
from pratique.runtime.resource import Resource
from pratique.runtime.together import together

if TYPE_CHECKING:
    from pratique.runtime.engine import Engine
    from pratique.runtime.evaluation import Evaluation
    from pratique.runtime.image_rules import Verified


class Judged(NamedTuple):
    """What became of a resource.

    Attributes:
        results: of its rules, in the order of the plan.
        resource: as the rules that change it left it.
    """

    results: tuple[RuleResult, ...]
    resource: Resource


class Run:
    """The evaluation of one resource by the rules that apply to it."""

    def __init__(
        self,
        engine: Engine,
        resource: Resource,
        rules: Sequence[Applicable],
        evidence: Evaluation | None,
        answers: Answers,
        among: Callable[[PlannedRule], bool] | None,
    ) -> None:
        self._engine = engine
        self._resource = self._left = resource
        self._among = among
        self._evidence = evidence
        self._answers = answers
        self._contexts: dict[int, tuple[Resource, Context]] = {}
        self._checks: dict[int, list[Check]] = {}
        self._by_policy = _by_policy(rules)
        self._mutated: list[RuleResult] = []
        self._properties: dict[int, tuple[tuple[str, str], ...]] = {}
        self._verified: Verified | None = None

    async def judged(self) -> Judged:
        """Judge the rules stage by stage."""
        await self._mutate()
        about_images = [
            (order, group)
            for order, group in enumerate(self._by_policy)
            if any(item.planned.rule.body is None for item in group)
        ]
        if about_images:
            evidence = self._evidence
            if evidence is None:
                from pratique.runtime.now import NotYetError

                raise NotYetError
            await together([self._verify(order, group, evidence) for order, group in about_images])
        for order, group in enumerate(self._by_policy):
            await self._validate(order, group)
        await self._judge_cel()
        await self._clean()
        await self._generate()
        judged = [
            self._result(item.planned, order)
            for order, group in enumerate(self._by_policy)
            for item in group
            if self._checks.get(item.planned.number)
        ]
        results = sorted([*self._mutated, *judged], key=lambda result: result.number)
        return Judged(tuple(results), self._left)

    async def _mutate(self) -> None:
        """Let rules change the resource; all others see what is left."""
        rules = [item for group in self._by_policy for item in group]
        if not any(isinstance(item.planned.rule.body, bodies.Mutation) for item in rules):
            return
        from pratique.runtime.mutation_rules import Mutations

        mutations = Mutations(self._again, self._prepare, self._answers, self._engine.targets)
        self._left, left, told = await mutations.run(self._resource, rules)
        for item, checks in told:
            self._checks[item.planned.number] = checks
            self._mutated.append(self._result(item.planned, -1))
            del self._checks[item.planned.number]
        self._by_policy = _by_policy(
            [item for item in left if not isinstance(item.planned.rule.body, bodies.Mutation)]
        )

    def _again(self, resource: Resource) -> Sequence[Applicable]:
        """Return the rules that apply to the resource as others left it."""
        found = applicable(self._engine.plan, resource)
        return found if self._among is None else [item for item in found if self._among(item.planned)]

    async def _verify(self, order: int, group: list[Applicable], evidence: Evaluation) -> None:
        """Ask whether the images of a policy's rules are signed."""
        for item in group:
            if item.planned.rule.body is not None:
                continue
            images = self._engine.image_rules()
            verified = self._proofs()
            prepared = await self._prepare(item)
            checks = await images.verify(prepared, order, verified, evidence, self._answers)
            self._checks[item.planned.number] = checks
            if item.planned.policy.stop_at_first and _applied(checks):
                return

    async def _validate(self, order: int, group: list[Applicable]) -> None:
        """Ask whether a policy's rules hold of the resource, and whether its images are pinned and proved."""
        for item in group:
            if isinstance(item.planned.rule.body, CEL_BODIES):
                return
            found = self._checks.setdefault(item.planned.number, [])
            if item.planned.rule.body is None:
                if not any(check.stage is Stage.VALIDATE for check in found):
                    found.extend(self._engine.image_rules().prove(item, order, self._proofs()))
                continue
            if not isinstance(item.planned.rule.body, bodies.Validation):
                continue
            check = await self._validated(item, item.planned.rule.body)
            if check is not None:
                found.append(check)
                if item.planned.policy.stop_at_first and _applied(found):
                    return

    async def _validated(self, item: Applicable, body: bodies.Validation) -> Check | None:
        prepared = await self._prepare(item)
        if not isinstance(body.check, bodies.SignedManifest) or prepared.told:
            return await validate(prepared, self._prepare, self._answers)
        if item.resource.target.operation == "DELETE":
            return None
        if self._evidence is None:
            from pratique.runtime.now import NotYetError

            raise NotYetError
        from pratique.runtime.manifest_rules import verify_manifest

        return await verify_manifest(prepared, body.check, self._evidence)

    async def _judge_cel(self) -> None:
        """Evaluate policies in CEL, which come after all others."""
        items = [
            item
            for group in self._by_policy
            for item in group
            if isinstance(item.planned.rule.body, CEL_BODIES)
        ]
        if items:
            checks = await self._engine.cel_rules().judge(items, self._answers)
            self._checks.update((number, [check]) for number, check in checks.items())
            # They are in the order of evaluation, each having seen what those before it left.
            if changed := [check.patched for check in checks.values() if check.patched is not None]:
                self._left = self._left.changed(changed[-1])

    async def _clean(self) -> None:
        """Say what cleanup policies would delete."""
        for item in (item for group in self._by_policy for item in group):
            if isinstance(item.planned.rule.body, bodies.Cleanup):
                from pratique.runtime.cleanup_rules import clean

                self._checks[item.planned.number] = [await clean(await self._prepare(item), self._answers)]

    async def _generate(self) -> None:
        """Let rules say what they make of the resource."""
        for group in self._by_policy:
            for item in group:
                if not isinstance(item.planned.rule.body, bodies.Generation):
                    continue
                from pratique.runtime.generation_rules import generate

                planned, engine = item.planned, self._engine
                sources = engine.sources.get((planned.policy.key, planned.rule.name), ())
                check = await generate(
                    await self._prepare(item), self._answers, sources, as_in_suites=engine.as_in_suites
                )
                self._checks[planned.number] = [check] if check else []
                if check and planned.policy.stop_at_first and check.status is not Status.SKIP:
                    break

    def _proofs(self) -> Verified:
        if self._verified is None:
            from pratique.runtime.image_rules import Verified

            self._verified = Verified()
        return self._verified

    async def _prepare(self, item: Applicable) -> Prepared:
        engine = self._engine
        expressions = engine.expressions(item.planned)
        stage = _stage(item.planned.rule)
        cleans = stage is Stage.DELETE
        prepared = await prepare(
            item,
            expressions,
            lambda: cleanup_context(item.resource) if cleans else self._context(item.resource),
            engine.source,
            self._answers,
            stage,
            () if cleans else engine.exemptions(item.planned),
        )
        if prepared.properties:
            # What is prepared first is the resource itself; an old object comes after it.
            self._properties.setdefault(item.planned.number, prepared.properties)
        return prepared

    def _context(self, resource: Resource) -> Context:
        """Return the values of a resource, as one policy or another sees it."""
        found = self._contexts.get(id(resource))
        if found is None:
            # The resource is kept as well: its id must not become that of another.
            found = self._contexts[id(resource)] = resource, request_context(resource)
        return found[1]

    def _result(self, planned: PlannedRule, order: int) -> RuleResult:
        scored, category, severity = self._engine.facts(planned.policy)
        checks = tuple(self._checks[planned.number])
        named = self._properties.get(planned.number, planned.rule.report_properties)
        pins = self._verified.of(order).items() if self._verified else ()
        return RuleResult(
            policy=planned.policy.key,
            kind=planned.policy.kind,
            rule=planned.rule.name,
            number=planned.number,
            resource=self._resource.id,
            action=planned.rule.action,
            checks=checks,
            scored=scored,
            category=category,
            severity=severity,
            properties=_joined(named, checks),
            location=planned.rule.at.location,
            pins=(
                *((pointer, pinned.text) for pointer, pinned in pins),
                *(pin for check in checks for pin in check.pins),
            ),
        )


def _joined(named: tuple[tuple[str, str], ...], checks: Sequence[Check]) -> tuple[tuple[str, str], ...]:
    """Return the facts for reports: those that the rule names, and those that its checks found."""
    found = [pair for check in checks for pair in check.properties]
    return tuple(sorted({**dict(named), **dict(found)}.items())) if found else named


def _by_policy(rules: Sequence[Applicable]) -> list[list[Applicable]]:
    return [list(group) for _, group in groupby(rules, key=lambda item: id(item.planned.policy))]


def _stage(rule: ir.Rule) -> Stage:
    match rule.body:
        case None:
            return Stage.VERIFY
        case bodies.Mutation():
            return Stage.MUTATE
        case bodies.Generation():
            return Stage.GENERATE
        case bodies.Cleanup():
            return Stage.DELETE
        case _:
            return Stage.VALIDATE


def _applied(checks: list[Check]) -> bool:
    """Say whether a rule counts as applied, which ends a policy with `applyRules: One`."""
    return bool(checks) and worst(check.status for check in checks) in (Status.PASS, Status.FAIL)
