"""Runs a plan over resources: which rules apply, what each demands of each image, what was found.

References: Kyverno 1.19, `pkg/engine/image_verify.go`, `image_verify_validate.go` and
`pkg/engine/internal/imageverifier.go`: the order of stages and the texts follow them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from pratique.compiler import ir
from pratique.compiler.plan import Plan, PlannedRule
from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.applicable import Applicable, applicable, includes, skips
from pratique.runtime.decision import Check, Reason, RuleResult, Stage, Status, worst
from pratique.runtime.evidence import Evidence, Finding
from pratique.runtime.proof import Marks, check_of, validate
from pratique.runtime.resource import ImageUse, Resource, use


class Engine:
    """Evaluates resources against a plan. Holds no state of its own between resources but `evidence`."""

    def __init__(self, plan: Plan, evidence: Evidence) -> None:
        self.plan = plan
        self.evidence = evidence

    async def evaluate(self, resource: Resource) -> tuple[RuleResult, ...]:
        """Return one result per rule that applies to `resource`, in the order of the plan."""
        return await self.judge(resource, applicable(self.plan, resource))

    async def judge(self, resource: Resource, rules: Sequence[Applicable]) -> tuple[RuleResult, ...]:
        """Return the results of rules already known to apply (see `applicable`)."""
        if not rules:
            return ()
        marks = Marks()
        checks: dict[int, list[Check]] = {}
        pinned: dict[int, dict[str, ImageUse]] = {}
        by_policy = [list(group) for _, group in groupby(rules, key=lambda a: id(a.planned.policy))]
        for order, group in enumerate(by_policy):
            # Every policy starts from the resource as it came; none sees the digests another pinned.
            pins = pinned[order] = {}
            for item in group:
                outcome = checks[item.planned.number] = await self._verify(item, order, marks, pins)
                decided = worst(check.status for check in outcome) if outcome else Status.SKIP
                if item.planned.policy.stop_at_first and decided in (Status.PASS, Status.FAIL):
                    break
        for order, group in enumerate(by_policy):
            for item in group:
                checks.setdefault(item.planned.number, []).extend(validate(item, order, marks, pinned[order]))
        return tuple(
            self._result(item.planned, resource, checks[item.planned.number])
            for item in rules
            if checks.get(item.planned.number)
        )

    async def _verify(
        self, item: Applicable, order: int, marks: Marks, pins: dict[str, ImageUse]
    ) -> list[Check]:
        """Judge every requirement of a rule for every image it looks at, and pin what is to be pinned."""
        if item.problem:
            return [Check(stage=Stage.VERIFY, status=Status.ERROR, message=item.problem.message)]
        checks: list[Check] = []
        for requirement in item.planned.rule.requirements:
            for original in item.uses:
                image_use = pins.get(original.pointer, original)
                found = await self._requirement(item.planned, requirement, image_use)
                if requirement.pin_digest and image_use.image and not image_use.image.digest:
                    image_use = await self._pin(image_use, pins, checks, verified=bool(found))
                if found:
                    checks.append(found)
                    marks.record(item.planned, order, image_use.match_string, found.status)
        return checks

    async def _pin(
        self, image_use: ImageUse, pins: dict[str, ImageUse], checks: list[Check], *, verified: bool
    ) -> ImageUse:
        assert image_use.image is not None  # noqa: S101 (narrowed by the caller)
        try:
            digest = await self.evidence.digest(image_use.image)
        except (NotFoundError, TransportError) as error:
            message = f"failed to update digest: {error.message}"
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

    async def _requirement(
        self, planned: PlannedRule, requirement: ir.ImageRequirement, image_use: ImageUse
    ) -> Check | None:
        """Judge one image by one requirement; None where the requirement asks for no signature at all."""
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
        parts = []
        digest = ""
        for demanded in requirement.signatures:
            outcome = await self._formula(image_use, demanded)
            parts.append(outcome.reason)
            if not outcome.met:
                status = Status.ERROR if outcome.broken else Status.FAIL
                text = f"failed to verify image {name}: {'; '.join(outcome.errors)}"
                reason = _all(parts, met=False)
                return check_of(image_use, status, text, reason=reason, transport=outcome.broken)
            digest = outcome.digest or digest
        if not requirement.attestations:
            text = f"verified image signatures for {name}"
            return check_of(image_use, Status.PASS, text, digest=digest, reason=_all(parts, met=True))
        return await self._attestations(image_use, requirement, parts, digest)

    async def _attestations(
        self, image_use: ImageUse, requirement: ir.ImageRequirement, parts: list[Reason], digest: str
    ) -> Check:
        """Judge the attestations of an image whose signatures are met, in declared order."""
        for number, demanded in enumerate(requirement.attestations):
            outcome = await self._attestation(image_use, demanded, number)
            parts.append(outcome.reason)
            if not outcome.met:
                status = Status.ERROR if outcome.broken else Status.FAIL
                reason, text = _all(parts, met=False), outcome.errors[0]
                return check_of(image_use, status, text, reason=reason, transport=outcome.broken)
        image = image_use.image
        pinned = image is not None and digest and not image.digest
        name = f"{image.registry}/{image.path}@{digest}" if image and pinned else image_use.match_string
        text = f"verified image attestations for {name}"
        return check_of(image_use, Status.PASS, text, digest=digest, reason=_all(parts, met=True))

    async def _attestation(self, image_use: ImageUse, demanded: ir.Attestation, number: int) -> Outcome:
        """Judge one attestation: each of its sets must find enough attestors that vouch for statements."""
        assert image_use.image is not None  # noqa: S101 (judged before)
        reasons: list[Reason] = []
        errors: list[str] = []  # shared by the sets, as in Kyverno
        problem, broken = "", False
        if not demanded.type:
            problem = f"{demanded.at.path}: missing type"
        for set_number, wanted in enumerate(demanded.by if not problem else ()):
            # The attestation's number stands where the entry's should: Kyverno's text, kept as it is.
            path = f".attestations[{number}].attestors[{set_number}].entries[{number}].keyless"
            count = 0
            for leaf in leaves(wanted):
                finding = await self.evidence.stated(image_use.image, leaf.attestor, demanded.type)
                broken = broken or finding.broken
                reasons.append(_found(leaf, finding))
                if finding.met:
                    count += 1
                elif finding.code == "attestation-missing":
                    errors.append(f"{path}: {finding.text}")
                else:
                    errors.append(finding.text)
                if count >= wanted.count:
                    break
            if count < wanted.count:
                problem = (
                    f"image attestations verification failed, verifiedCount: {count}, requiredCount:"
                    f" {wanted.count}, error: {'; '.join(errors) or 'attestations verification failed'}"
                )
                break
        reason = Reason(
            code="attestation",
            text=problem or f"attested: {demanded.type}",
            met=not problem,
            details=(("type", demanded.type),),
            children=tuple(reasons),
            location=demanded.at.location,
        )
        return Outcome(
            met=not problem,
            errors=(problem,) if problem else (),
            broken=broken and bool(problem),
            signers=frozenset(),
            digest="",
            reason=reason,
        )

    async def _formula(self, image_use: ImageUse, formula: ir.Formula) -> Outcome:
        match formula:
            case ir.Leaf():
                return await self._leaf(image_use, formula)
            case ir.Threshold():
                return await self._threshold(image_use, formula)

    async def _leaf(self, image_use: ImageUse, leaf: ir.Leaf) -> Outcome:
        assert image_use.image is not None  # noqa: S101 (judged before)
        finding = await self.evidence.attested(image_use.image, leaf.attestor)
        signers = frozenset(_who(leaf.attestor, finding))
        reason = _found(leaf, finding)
        return Outcome(
            met=finding.met,
            errors=() if finding.met else (f"{leaf.at.path}: {finding.text}",),
            broken=finding.broken,
            signers=signers,
            digest=finding.signatures[0].image_digest if finding.met else "",
            reason=reason,
        )

    async def _threshold(self, image_use: ImageUse, demanded: ir.Threshold) -> Outcome:
        """Count distinct attestors in declared order and stop as soon as there are enough.

        DEVIATION: entries that name the same signer count once (C16), so one signature never makes two
        (`tests/runtime/test_engine.py::test_the_same_key_twice_counts_once`).
        """
        errors: list[str] = []
        reasons = []
        signers: set[str] = set()
        met, broken, digest = 0, False, ""
        for part in demanded.of:
            outcome = await self._formula(image_use, part)
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

    def _result(self, planned: PlannedRule, resource: Resource, checks: Iterable[Check]) -> RuleResult:
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
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The value of a formula for one image.

    Attributes:
        errors: texts of the parts that are not met, each with its path; empty where the whole is met.
        broken: not met, and some part could not even be asked.
        signers: who met it, so that a threshold counts each once.
    """

    met: bool
    errors: tuple[str, ...]
    broken: bool
    signers: frozenset[str]
    digest: str
    reason: Reason


def _who(attestor: ir.Attestor, finding: Finding) -> Iterable[str]:
    """Name the attestors that a finding satisfies: the key for keys, the demand itself for identities."""
    if not finding.met:
        return
    if isinstance(attestor.signer, ir.IdentitySigner):
        yield repr(attestor.signer)
    else:
        yield from (signature.key for signature in finding.signatures)


def leaves(formula: ir.Formula) -> Iterator[ir.Leaf]:
    """Yield the attestors of a formula in declared order."""
    match formula:
        case ir.Leaf():
            yield formula
        case ir.Threshold(of=of):
            for part in of:
                yield from leaves(part)


def _found(leaf: ir.Leaf, finding: Finding) -> Reason:
    return Reason(
        code=finding.code,
        text=finding.text or f"{len(finding.signatures)} signature(s) meet {leaf.attestor.kind}",
        met=finding.met,
        children=finding.reasons,
        location=leaf.at.location,
    )


def _all(parts: Sequence[Reason], *, met: bool) -> Reason:
    if len(parts) == 1:
        return parts[0]
    return Reason(
        code="all",
        text=f"{sum(p.met for p in parts)} of {len(parts)} sets met",
        met=met,
        children=tuple(parts),
    )


def _broken(error: TransportError) -> Reason:
    return Reason(code=error.code, text=error.message, met=False)
