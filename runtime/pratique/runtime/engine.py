"""Runs a plan over resources: which rules apply, in which order they are judged, and what comes out.

Kyverno's order for one resource: rules mutate it, and all others see what is left; then the images of all
policies are verified, then all policies validate, rule by rule; the second question about images (is each
pinned and proved) is part of validation. Policies in CEL follow, see `cel_rules`.

References: Kyverno 1.19, `pkg/engine` (`engine.go`, `validation.go`, `image_verify.go`), and the order of
`cmd/cli/kubectl-kyverno/processor/policy_processor.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelExemption
from pratique.compiler.exemptions import CompiledExemption, Exemptions
from pratique.compiler.plan import Plan, PlannedRule
from pratique.compiler.rule_expressions import RuleExpressions
from pratique.runtime.answers import Answers
from pratique.runtime.applicable import Applicable, applicable
from pratique.runtime.context_sources import GivenContext
from pratique.runtime.decision import RuleResult
from pratique.runtime.ports import Accesses, ContextSource
from pratique.runtime.resource import Resource
from pratique.runtime.stages import Judged, Run

if TYPE_CHECKING:
    from pratique.runtime.cel_rules import CelRules
    from pratique.runtime.evaluation import Evaluation
    from pratique.runtime.evidence import Evidence
    from pratique.runtime.image_rules import ImageRules


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
        judgement = Run(self, resource, rules, evidence, answers, among)
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
        return await Run(self, resource, rules, evidence, answers, among).judged()

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


def _asks_anew(item: Applicable) -> bool:
    return not all(requirement.use_cache for requirement in item.planned.rule.requirements)
