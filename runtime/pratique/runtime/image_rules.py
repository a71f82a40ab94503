"""What rules demand of images: signatures, attestations, digests.

References: Kyverno 1.19, `pkg/engine/image_verify.go`, `image_verify_validate.go` and
`pkg/engine/internal/imageverifier.go`: the order of stages and the texts follow them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pratique.compiler import ir
from pratique.grammar.errors import EvaluationError, NotFoundError, TransportError
from pratique.runtime.answers import Answers
from pratique.runtime.applicable import Applicable, includes, skips
from pratique.runtime.attestations import Attestations
from pratique.runtime.decision import Check, Reason, Stage, Status
from pratique.runtime.evaluation import Evaluation
from pratique.runtime.judgement import Finding
from pratique.runtime.outcome import Asked, Outcome, all_of, found_by
from pratique.runtime.ports import Access, Accesses
from pratique.runtime.prepared import Prepared, error_of
from pratique.runtime.proof import Marks, asks_proof, check_of, validate
from pratique.runtime.resource import ImageUse, use
from pratique.runtime.together import together


@dataclass(slots=True)
class Verified:
    """What was verified for the rules of one resource.

    Attributes:
        marks: which images were proved.
        pins: images as they were pinned, by order of the policy and JSON pointer.
    """

    marks: Marks = field(default_factory=Marks)
    pins: dict[int, dict[str, ImageUse]] = field(default_factory=dict)

    def of(self, order: int) -> dict[str, ImageUse]:
        """Return the pins of a policy."""
        return self.pins.setdefault(order, {})


class ImageRules:
    """Judges rules about images. Holds no state of its own between resources."""

    def __init__(self, accesses: Accesses | None) -> None:
        """Take the ways to registries; None for one way for all."""
        self._accesses = accesses

    async def verify(
        self,
        prepared: Prepared,
        order: int,
        verified: Verified,
        evidence: Evaluation,
        answers: Answers,
    ) -> list[Check]:
        """Judge every requirement of a rule for every image it looks at, and pin what is to be pinned.

        Every policy starts from the resource as it came; none sees the digests another pinned.

        Args:
            prepared: the rule, whose preconditions have been looked at.
            order: number of its policy within the evaluation.
            verified: what was verified so far; this rule's part is added.
            evidence: what is known of images.
            answers: settles evaluations that ask the world for something.
        """
        item, expressions = prepared.item, prepared.expressions
        rule, pins = item.planned.rule, verified.of(order)
        if told := prepared.told:
            return [told, *([replace(told, stage=Stage.VALIDATE)] if asks_proof(item) else [])]
        try:
            requirements = (
                await answers.settle(lambda: expressions.requirements(rule, prepared.context))
                if expressions.template
                else rule.requirements
            )
        except EvaluationError as error:
            return [error_of(error, error.message, Stage.VERIFY)]
        checks: list[Check] = []
        for entry, requirement in enumerate(requirements):
            try:
                access = await self._access(item, requirement)
            except TransportError as error:
                text = f"failed to fetch secrets: {error.message}"
                failed = Check(stage=Stage.VERIFY, status=Status.ERROR, message=text, transport=True)
                return [replace(failed, reason=_broken(error))]
            way = evidence.through(access, use_cache=requirement.use_cache)
            uses = [pins.get(original.pointer, original) for original in item.uses]
            asked = [
                Asked(item.planned, entry, requirement, image_use, prepared, way, answers)
                for image_use in uses
            ]
            for image_use, told_of_it, found in await together([self._image(each) for each in asked]):
                if image_use not in uses:
                    pins[image_use.pointer] = image_use
                checks += told_of_it
                if found:
                    verified.marks.record(item.planned, order, image_use.match_string, found.status)
        return checks

    def prove(self, item: Applicable, order: int, verified: Verified) -> list[Check]:
        """Return whether every image of a rule is pinned and proved, as far as the rule demands it."""
        return validate(item, order, verified.marks, verified.of(order))

    async def _access(self, item: Applicable, requirement: ir.ImageRequirement) -> Access | None:
        """Return the way to registries that an entry asks for; None for the usual one."""
        if self._accesses is None:
            return None
        return await self._accesses.choose(requirement.credentials, item.pull_secrets, item.namespace)

    async def _image(self, asked: Asked) -> tuple[ImageUse, list[Check], Check | None]:
        """Judge one image by one requirement.

        Returns:
            The image, pinned where that is demanded, all checks, and the one among them that proves it.
        """
        image_use, checks = asked.image_use, []
        found = await self._requirement(asked)
        if asked.requirement.pin_digest and image_use.image and not image_use.image.digest:
            image_use, told = await self._pin(asked.evidence, image_use, verified=bool(found))
            if told:
                checks.append(told)
        if found:
            checks.append(found)
        return image_use, checks, found

    async def _pin(
        self, evidence: Evaluation, image_use: ImageUse, *, verified: bool
    ) -> tuple[ImageUse, Check | None]:
        """Return the image with its digest, and what is to be said about it besides."""
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
            return image_use, check_of(
                image_use, Status.ERROR, message, reason=_broken(error), transport=not gone
            )
        text = f"{image_use.match_string}@{digest}"
        pinned = use(text, image_use.category, image_use.key, image_use.pointer)
        if verified:
            return pinned, None
        return pinned, check_of(image_use, Status.PASS, "mutated image digest", digest=digest)

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
        signers: set[str | ir.IdentitySigner] = set()
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


def _who(attestor: ir.Attestor, finding: Finding) -> Iterable[str | ir.IdentitySigner]:
    """Name the attestors that a finding satisfies: the key for keys, the demand itself for identities."""
    if not finding.met:
        return
    if isinstance(attestor.signer, ir.IdentitySigner):
        yield attestor.signer
    else:
        yield from (signature.key for signature in finding.signatures)


def _broken(error: TransportError) -> Reason:
    return Reason(code=error.code, text=error.message, met=False)
