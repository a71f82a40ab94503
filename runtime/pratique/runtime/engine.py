"""Runs a plan over resources: which rules apply, what each demands of each image, what was found.

References: Kyverno 1.19, `pkg/engine/image_verify.go`, `image_verify_validate.go` and
`pkg/engine/internal/imageverifier.go`: the order of stages and the texts follow them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from pratique.compiler import ir
from pratique.compiler.context_loading import place_of
from pratique.compiler.expressions.context import Context
from pratique.compiler.plan import Plan, PlannedRule
from pratique.compiler.rule_expressions import RuleExpressions
from pratique.grammar.errors import EvaluationError, NotFoundError, TransportError
from pratique.runtime.answers import Answers
from pratique.runtime.applicable import Applicable, applicable, includes, skips
from pratique.runtime.attestations import Attestations
from pratique.runtime.context import request_context
from pratique.runtime.context_sources import GivenContext
from pratique.runtime.decision import Check, Reason, RuleResult, Stage, Status, worst
from pratique.runtime.evidence import Evaluation, Evidence
from pratique.runtime.judgement import Finding
from pratique.runtime.outcome import Asked, Outcome, all_of, found_by
from pratique.runtime.ports import Access, Accesses, ContextSource
from pratique.runtime.proof import Marks, asks_proof, check_of, validate
from pratique.runtime.resource import ImageUse, Resource, use


class Engine:
    """Evaluates resources against a plan. Holds no state of its own between resources but `evidence`."""

    def __init__(
        self,
        plan: Plan,
        evidence: Evidence,
        source: ContextSource | None = None,
        accesses: Accesses | None = None,
    ) -> None:
        """Take the plan, what is known of images, and what answers for the rest of the world.

        Args:
            plan: the rules.
            evidence: what is known of images.
            source: answers context entries; None for nothing.
            accesses: the ways to registries; None for one way for all.
        """
        self.plan = plan
        self.evidence = evidence
        self._accesses = accesses
        self._source = source or GivenContext()
        self._compiled: dict[int, RuleExpressions] = {}

    async def evaluate(self, resource: Resource) -> tuple[RuleResult, ...]:
        """Return one result per rule that applies to `resource`, in the order of the plan."""
        return await self.judge(resource, applicable(self.plan, resource))

    async def judge(self, resource: Resource, rules: Sequence[Applicable]) -> tuple[RuleResult, ...]:
        """Return the results of rules already known to apply (see `applicable`)."""
        if not rules:
            return ()
        marks, context = Marks(), request_context(resource)
        evidence = self.evidence.evaluation(fresh_tags=any(map(_asks_anew, rules)))
        answers = Answers(self._source, evidence, self._accesses)
        checks: dict[int, list[Check]] = {}
        pinned: dict[int, dict[str, ImageUse]] = {}
        by_policy = [list(group) for _, group in groupby(rules, key=lambda a: id(a.planned.policy))]
        for order, group in enumerate(by_policy):
            # Every policy starts from the resource as it came; none sees the digests another pinned.
            pins = pinned[order] = {}
            for item in group:
                outcome = checks[item.planned.number] = await self._verify(
                    item, context, order, marks, pins, evidence, answers
                )
                decided = worst(check.status for check in outcome) if outcome else Status.SKIP
                if item.planned.policy.stop_at_first and decided in (Status.PASS, Status.FAIL):
                    break
        for order, group in enumerate(by_policy):
            for item in group:
                found = checks.setdefault(item.planned.number, [])
                if not any(check.stage is Stage.VALIDATE for check in found):
                    found.extend(validate(item, order, marks, pinned[order]))
        return tuple(
            self._result(item.planned, resource, checks[item.planned.number], pinned[order])
            for order, group in enumerate(by_policy)
            for item in group
            if checks.get(item.planned.number)
        )

    async def _verify(
        self,
        item: Applicable,
        context: Context,
        order: int,
        marks: Marks,
        pins: dict[str, ImageUse],
        evidence: Evaluation,
        answers: Answers,
    ) -> list[Check]:
        """Judge every requirement of a rule for every image it looks at, and pin what is to be pinned."""
        if item.problem:
            return [Check(stage=Stage.VERIFY, status=Status.ERROR, message=item.problem.message)]
        expressions = self._expressions(item.planned)
        rule = item.planned.rule
        context = self._with_entries(item.planned, expressions, context, answers)
        if told := await answers.settle(lambda: _precondition(expressions, context)):
            return [told, *([replace(told, stage=Stage.VALIDATE)] if asks_proof(item) else [])]
        try:
            requirements = await answers.settle(lambda: expressions.requirements(rule, context))
        except EvaluationError as error:
            return [_error(error, error.message)]
        checks: list[Check] = []
        for entry, requirement in enumerate(requirements):
            try:
                access = self._access(item, requirement)
            except TransportError as error:
                text = f"failed to fetch secrets: {error.message}"
                failed = Check(stage=Stage.VERIFY, status=Status.ERROR, message=text, transport=True)
                return [replace(failed, reason=_broken(error))]
            way = evidence.through(access, use_cache=requirement.use_cache)
            for original in item.uses:
                image_use = pins.get(original.pointer, original)
                asked = Asked(item.planned, entry, requirement, image_use, expressions, context, way, answers)
                found = await self._requirement(asked)
                if requirement.pin_digest and image_use.image and not image_use.image.digest:
                    image_use = await self._pin(way, image_use, pins, checks, verified=bool(found))
                if found:
                    checks.append(found)
                    marks.record(item.planned, order, image_use.match_string, found.status)
        return checks

    def _access(self, item: Applicable, requirement: ir.ImageRequirement) -> Access | None:
        """Return the way to registries that an entry asks for; None for the usual one."""
        if self._accesses is None:
            return None
        return self._accesses.choose(requirement.credentials, item.pull_secrets, item.namespace)

    def _with_entries(
        self, planned: PlannedRule, expressions: RuleExpressions, context: Context, answers: Answers
    ) -> Context:
        """Return the context of a rule: given values, and the rule's own entries above them."""
        given = self._source.given(planned.policy.name, planned.rule.generated_from or planned.rule.name)
        below = context.merged(given) if given else context
        return expressions.entries.attach(below, answers.ask, mocked=below)

    def _expressions(self, planned: PlannedRule) -> RuleExpressions:
        """Return the compiled expressions of a rule; compiled when it first applies."""
        found = self._compiled.get(planned.number)
        if found is None:
            found = self._compiled[planned.number] = RuleExpressions.of(planned.rule)
        return found

    async def _pin(
        self,
        evidence: Evaluation,
        image_use: ImageUse,
        pins: dict[str, ImageUse],
        checks: list[Check],
        *,
        verified: bool,
    ) -> ImageUse:
        assert image_use.image is not None  # noqa: S101 (narrowed by the caller)
        try:
            digest = await evidence.digest(image_use.image)
        except (NotFoundError, TransportError) as error:
            why = error.detail or error.message
            message = (
                f"failed to update digest: failed to fetch image reference: {image_use.match_string},"
                f" error: {why}"
            )
            gone = isinstance(error, NotFoundError)
            checks.append(
                check_of(image_use, Status.ERROR, message, reason=_broken(error), transport=not gone)
            )
            return image_use
        text = f"{image_use.match_string}@{digest}"
        pinned = use(text, image_use.category, image_use.key, image_use.pointer)
        pins[image_use.pointer] = pinned
        if not verified:
            checks.append(check_of(image_use, Status.PASS, "mutated image digest", digest=digest))
        return pinned

    async def _requirement(self, asked: Asked) -> Check | None:
        """Judge one image by one requirement; None where the requirement asks for no signature at all."""
        planned, requirement, image_use = asked.planned, asked.requirement, asked.image_use
        if not requirement.signatures and not requirement.attestations:
            return None
        name = image_use.match_string
        if not includes(requirement.images, image_use) or skips(requirement.images, image_use):
            text = (
                f"skipping image reference image {name}, policy {planned.policy.name}"
                f" ruleName {planned.rule.name}"
            )
            return check_of(image_use, Status.SKIP, text)
        if image_use.image is None:
            text = f"failed to verify image {name}: {image_use.problem}"
            reason = Reason(code="bad-image-reference", text=image_use.problem, met=False)
            return check_of(image_use, Status.FAIL, text, reason=reason)
        found = await self._judged(asked)
        if found.status is not Status.PASS:
            return found
        return await self._of_platforms(asked, found)

    async def _of_platforms(self, asked: Asked, found: Check) -> Check:
        """Judge the further manifests of an image that passes; the first that does not decides."""
        image_use = asked.image_use
        assert image_use.image is not None  # noqa: S101 (judged before)
        try:
            parts = await asked.evidence.parts(image_use.image)
        except (NotFoundError, TransportError) as error:
            text = f"failed to verify image {image_use.match_string}: {error.detail or error.message}"
            gone = isinstance(error, NotFoundError)
            return check_of(image_use, Status.ERROR, text, reason=_broken(error), transport=not gone)
        reasons = [found.reason] if found.reason else []
        for platform, image in parts:
            part_use = use(image.match_string, image_use.category, image_use.key, image_use.pointer)
            part = await self._judged(replace(asked, image_use=part_use))
            met = part.status is Status.PASS
            children = (part.reason,) if part.reason else ()
            text = f"{platform}: {image.match_string}"
            reasons.append(Reason(code="platform", text=text, met=met, children=children))
            if not met:
                text, reason = f"{platform}: {part.message}", all_of(reasons, met=False)
                return check_of(image_use, part.status, text, reason=reason, transport=part.transport)
        return replace(found, reason=all_of(reasons, met=True)) if parts else found

    async def _judged(self, asked: Asked) -> Check:
        """Judge the signatures and attestations of one manifest."""
        requirement, image_use = asked.requirement, asked.image_use
        name = image_use.match_string
        parts = []
        digest = ""
        for demanded in requirement.signatures:
            outcome = await self._formula(asked, demanded)
            parts.append(outcome.reason)
            if not outcome.met:
                status = Status.ERROR if outcome.broken else Status.FAIL
                text = f"failed to verify image {name}: {'; '.join(outcome.errors)}"
                reason = all_of(parts, met=False)
                return check_of(image_use, status, text, reason=reason, transport=outcome.broken)
            digest = outcome.digest or digest
        if not requirement.attestations:
            text = f"verified image signatures for {name}"
            return check_of(image_use, Status.PASS, text, digest=digest, reason=all_of(parts, met=True))
        return await Attestations(asked).judge(parts, digest)

    async def _formula(self, asked: Asked, formula: ir.Formula) -> Outcome:
        match formula:
            case ir.Leaf():
                return await self._leaf(asked, formula)
            case ir.Threshold():
                return await self._threshold(asked, formula)

    async def _leaf(self, asked: Asked, leaf: ir.Leaf) -> Outcome:
        image = asked.image_use.image
        assert image is not None  # noqa: S101 (judged before)
        finding = await asked.evidence.attested(image, leaf.attestor)
        signers = frozenset(_who(leaf.attestor, finding))
        reason = found_by(leaf, finding)
        return Outcome(
            met=finding.met,
            errors=() if finding.met else (f"{leaf.at.path}: {finding.text}",),
            broken=finding.broken,
            signers=signers,
            digest=finding.signatures[0].image_digest if finding.met else "",
            reason=reason,
        )

    async def _threshold(self, asked: Asked, demanded: ir.Threshold) -> Outcome:
        """Count distinct attestors in declared order and stop as soon as there are enough.

        DEVIATION: entries that name the same signer count once (C16), so one signature never makes two
        (`tests/runtime/test_engine.py::test_c16_the_same_key_twice_counts_once`).
        """
        errors: list[str] = []
        reasons = []
        signers: set[str] = set()
        met, broken, digest = 0, False, ""
        for part in demanded.of:
            outcome = await self._formula(asked, part)
            reasons.append(outcome.reason)
            if outcome.met and outcome.signers - signers:
                met += 1
                signers |= outcome.signers
                digest = outcome.digest
            errors += outcome.errors
            broken = broken or outcome.broken
            if met >= demanded.count:
                break
        enough = met >= demanded.count
        if not enough and not errors:
            errors.append(
                f"{demanded.at.path}: {met} of {demanded.count} required distinct attestors are met"
            )
        text = f"{met} of {demanded.count} required attestors met"
        return Outcome(
            met=enough,
            errors=() if enough else tuple(errors),
            broken=broken and not enough,
            signers=frozenset(signers),
            digest=digest,
            reason=Reason(
                code="threshold",
                text=text,
                met=enough,
                children=tuple(reasons),
                location=demanded.at.location,
            ),
        )

    def _result(
        self,
        planned: PlannedRule,
        resource: Resource,
        checks: Iterable[Check],
        pins: Mapping[str, ImageUse],
    ) -> RuleResult:
        annotations = dict(planned.policy.annotations)
        location = planned.rule.at.location
        return RuleResult(
            policy=planned.policy.key,
            rule=planned.rule.name,
            resource=resource.id,
            action=planned.rule.action,
            checks=tuple(checks),
            scored=annotations.get("policies.kyverno.io/scored") != "false",
            category=annotations.get("policies.kyverno.io/category", ""),
            severity=annotations.get("policies.kyverno.io/severity", ""),
            properties=planned.rule.report_properties,
            location=location,
            pins=tuple((pointer, pinned.text) for pointer, pinned in pins.items()),
        )


def _asks_anew(item: Applicable) -> bool:
    return not all(requirement.use_cache for requirement in item.planned.rule.requirements)


def _precondition(expressions: RuleExpressions, context: Context) -> Check | None:
    """Return why a rule is not judged: its preconditions do not hold, or cannot be evaluated."""
    if expressions.preconditions is None:
        return None
    try:
        holds, message = expressions.preconditions.evaluate(context)
    except EvaluationError as error:
        return _error(error, f"failed to evaluate preconditions: {error.message}")
    if holds:
        return None
    text = f"preconditions not met; {message}" if message else "preconditions not met"
    return Check(stage=Stage.VERIFY, status=Status.SKIP, message=text)


def _error(error: EvaluationError, text: str) -> Check:
    """Return the check of a rule that cannot be judged, with the place of the context entry to blame."""
    reason = Reason(code=error.code, text=error.message, met=False, location=place_of(error))
    return Check(stage=Stage.VERIFY, status=Status.ERROR, message=text, reason=reason)


def _who(attestor: ir.Attestor, finding: Finding) -> Iterable[str]:
    """Name the attestors that a finding satisfies: the key for keys, the demand itself for identities."""
    if not finding.met:
        return
    if isinstance(attestor.signer, ir.IdentitySigner):
        yield repr(attestor.signer)
    else:
        yield from (signature.key for signature in finding.signatures)


def _broken(error: TransportError) -> Reason:
    return Reason(code=error.code, text=error.message, met=False)
