"""Runs a plan over resources: which rules apply, in which order they are judged, and what comes out.

Kyverno's order for one resource: rules mutate it, and all others see what is left; then the images of all
policies are verified, then all policies validate, rule by rule; the second question about images (is each
pinned and proved) is part of validation. Policies in CEL follow, see `cel_rules`.

References: Kyverno 1.19, `pkg/engine` (`engine.go`, `validation.go`, `image_verify.go`), and the order of
`cmd/cli/kubectl-kyverno/processor/policy_processor.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from pratique.compiler import bodies, ir
from pratique.compiler.cel_bodies import CEL_BODIES, CelExemption
from pratique.compiler.exemptions import CompiledExemption, Exemptions
from pratique.compiler.expressions.context import Context
from pratique.compiler.plan import Plan, PlannedRule
from pratique.compiler.rule_expressions import RuleExpressions
from pratique.runtime.answers import Answers
from pratique.runtime.applicable import Applicable, applicable
from pratique.runtime.body_rules import validate
from pratique.runtime.context import cleanup_context, request_context
from pratique.runtime.context_sources import GivenContext
from pratique.runtime.decision import Check, RuleResult, Stage, Status, worst
from pratique.runtime.ports import Accesses, ContextSource
from pratique.runtime.prepared import Prepared, prepare
from pratique.runtime.resource import Resource
from pratique.runtime.together import together

if TYPE_CHECKING:
    from pratique.runtime.cel_rules import CelRules
    from pratique.runtime.evidence import Evaluation, Evidence
    from pratique.runtime.image_rules import ImageRules, Verified


class Judged(NamedTuple):
    """What became of a resource.

    Attributes:
        results: of its rules, in the order of the plan.
        resource: as the rules that change it left it.
    """

    results: tuple[RuleResult, ...]
    resource: Resource


class Engine:
    """Evaluates resources against a plan. Holds no state of its own between resources but `evidence`."""

    def __init__(
        self,
        plan: Plan,
        evidence: Evidence | None = None,
        source: ContextSource | None = None,
        accesses: Accesses | None = None,
        exemptions: Sequence[ir.Exemption | CelExemption] = (),
        *,
        as_in_suites: bool = False,
        targets: Sequence[Mapping[str, Any]] | None = None,
        sources: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]] | None = None,
    ) -> None:
        """Take the plan, what is known of images, and what answers for the rest of the world.

        Args:
            plan: the rules.
            evidence: what is known of images; None where nobody is to be asked, see `now.run_now`.
            source: answers context entries; None for nothing.
            accesses: the ways to registries; None for one way for all.
            exemptions: policy exceptions that count.
            as_in_suites: see `CelRules`.
            targets: existing objects that rules may change; None where none can be looked up.
            sources: objects that rules may copy, by key of the policy and name of the rule.
        """
        self.plan = plan
        self.evidence = evidence
        classic = [each for each in exemptions if isinstance(each, ir.Exemption)]
        self.exempted = tuple(exemptions)
        self._exemptions = Exemptions(classic) if classic else None
        self._cel_exemptions = [each for each in exemptions if isinstance(each, CelExemption)]
        self.as_in_suites = as_in_suites
        self.sources = sources or {}
        self.targets = targets
        self._exempting: dict[int, tuple[CompiledExemption, ...]] = {}
        self._accesses = accesses
        self._source = source or GivenContext()
        self._compiled: dict[int, RuleExpressions] = {}
        self._facts: dict[int, tuple[bool, str, str]] = {}
        self._image_rules: ImageRules | None = None
        self._cel_rules: CelRules | None = None

    async def evaluate(self, resource: Resource) -> tuple[RuleResult, ...]:
        """Return one result per rule that applies to `resource`, in the order of the plan."""
        return await self.judge(resource, applicable(self.plan, resource))

    async def judge(
        self, resource: Resource, rules: Sequence[Applicable], *, seconds: float | None = None
    ) -> tuple[RuleResult, ...]:
        """Return the results of rules already known to apply (see `applicable`).

        Args:
            resource: what is judged.
            rules: those that apply to it.
            seconds: after which there is a verdict on what is known until then: every question that has no
                answer yet is then an error that names it, and everything else stays as it was found. None for
                as long as it takes.

        Raises:
            NotYetError: some rule has to ask for something, and there is no evidence to ask.
        """
        return (await self.follow(resource, rules, seconds=seconds)).results

    async def follow(
        self,
        resource: Resource,
        rules: Sequence[Applicable],
        *,
        seconds: float | None = None,
        among: Callable[[PlannedRule], bool] | None = None,
    ) -> Judged:
        """Return what `judge` does, and what the rules make of the resource.

        Args:
            resource: what is judged.
            rules: those that apply to it.
            seconds: as for `judge`.
            among: says which rules count once others have changed the resource; None for all.

        Raises:
            NotYetError: as `judge`.
        """
        if not rules:
            return Judged((), resource)
        evidence: Evaluation | None = None
        if self.evidence is not None:
            evidence = self.evidence.evaluation(fresh_tags=any(map(_asks_anew, rules)))
        answers = Answers(self._source, evidence, self._accesses)
        judgement = _Judgement(self, resource, rules, evidence, answers, among)
        if seconds is None:
            return await judgement.judged()
        import asyncio

        try:
            async with asyncio.timeout(seconds):
                return await judgement.judged()
        except TimeoutError:
            answers.close()
            if evidence is not None:
                evidence.close()
        return await _Judgement(self, resource, rules, evidence, answers, among).judged()

    def expressions(self, planned: PlannedRule) -> RuleExpressions:
        """Return the compiled expressions of a rule; compiled when it first applies."""
        found = self._compiled.get(planned.number)
        if found is None:
            found = self._compiled[planned.number] = RuleExpressions.of(planned.rule, planned.policy.name)
        return found

    def exemptions(self, planned: PlannedRule) -> tuple[CompiledExemption, ...]:
        """Return the exemptions that name a rule."""
        if self._exemptions is None:
            return ()
        found = self._exempting.get(planned.number)
        if found is None:
            found = self._exemptions.of(planned.policy, planned.rule)
            self._exempting[planned.number] = found
        return found

    def facts(self, policy: ir.Policy) -> tuple[bool, str, str]:
        """Return what reports say of a policy: whether it is scored, its category and its severity."""
        found = self._facts.get(id(policy))
        if found is None:
            annotations = dict(policy.annotations)
            found = self._facts[id(policy)] = (
                annotations.get("policies.kyverno.io/scored") != "false",
                annotations.get("policies.kyverno.io/category", ""),
                annotations.get("policies.kyverno.io/severity", ""),
            )
        return found

    def image_rules(self) -> ImageRules:
        """Return what judges images; loaded when a rule about images first applies."""
        if self._image_rules is None:
            from pratique.runtime.image_rules import ImageRules

            self._image_rules = ImageRules(self._accesses)
        return self._image_rules

    def cel_rules(self) -> CelRules:
        """Return what judges policies in CEL; loaded when one first applies."""
        if self._cel_rules is None:
            from pratique.runtime.cel_rules import CelRules

            self._cel_rules = CelRules(self._cel_exemptions, as_in_suites=self.as_in_suites)
        return self._cel_rules

    @property
    def source(self) -> ContextSource:
        """What answers context entries."""
        return self._source


class _Judgement:
    """The evaluation of one resource."""

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


def _asks_anew(item: Applicable) -> bool:
    return not all(requirement.use_cache for requirement in item.planned.rule.requirements)
