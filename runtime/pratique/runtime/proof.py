"""The second question about images: is each pinned and proved (`verifyDigest`, `required`).

References: Kyverno 1.19 `pkg/engine/handlers/validation/validate_image.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pratique.compiler.plan import PlannedRule
from pratique.runtime.applicable import Applicable, includes
from pratique.runtime.decision import Check, Reason, Stage, Status
from pratique.runtime.resource import ImageUse


@dataclass(slots=True)
class Marks:
    """Which images of one resource have been proved, per rule: what Kyverno keeps in an annotation.

    Evidence of the current evaluation only; nothing is ever read from the resource (rule R4).
    """

    by_rule: dict[tuple[int, str], Status] = field(default_factory=dict)
    failed_by: dict[str, int] = field(default_factory=dict)

    def record(self, planned: PlannedRule, policy: int, image: str, status: Status) -> None:
        """Note the status of `image` for a rule.

        DEVIATION: a failure is never overwritten by a later skip or pass of the same rule
        (`tests/runtime/test_engine.py::test_a_skip_never_overwrites_a_failure`).
        """
        status = Status.FAIL if status is Status.ERROR else status
        key = (planned.number, image)
        if self.by_rule.get(key) is not Status.FAIL:
            self.by_rule[key] = status
        if status is Status.FAIL:
            # Policies are judged side by side: the latest in order counts, not the last to answer.
            self.failed_by[image] = max(policy, self.failed_by.get(image, -1))

    def proved(self, planned: PlannedRule, policy: int, image: str) -> Status | None:
        """Return pass or skip where the rule proved or skipped `image`; None where it did not.

        A failure found by a later policy takes the proof away: Kyverno keeps one mark per resource, and the
        later policy writes it.
        """
        if self.failed_by.get(image, -1) > policy:
            return None
        status = self.by_rule.get((planned.number, image))
        return status if status in (Status.PASS, Status.SKIP) else None


def validate(item: Applicable, order: int, marks: Marks, pins: Mapping[str, ImageUse]) -> list[Check]:
    """Return the one check of this stage for a rule, or none where the rule asks nothing here.

    Args:
        item: the rule with its images as they came.
        order: number of its policy within the evaluation.
        marks: what the first stage proved.
        pins: images as the first stage pinned them, by JSON pointer.
    """
    requirements = item.planned.rule.requirements
    if item.problem or not asks_proof(item):
        return []
    uses = [pins.get(u.pointer, u) for u in item.uses]
    demanded = [(r, u) for r in requirements for u in uses if includes(r.images, u)]
    if not demanded:
        return []  # pinned images may have left the patterns, as with `repo:*`
    statuses: dict[str, Status] = {}
    for requirement, image_use in demanded:
        name = image_use.match_string
        if requirement.demand_digest and not (image_use.image and image_use.image.digest):
            return [check_of(image_use, Status.FAIL, f"missing digest for {name}", Stage.VALIDATE)]
        if requirement.demand_proof:
            status = marks.proved(item.planned, order, name)
            if status is None:
                return [check_of(image_use, Status.FAIL, f"unverified image {name}", Stage.VALIDATE)]
            statuses[name] = status
    return [_summary(statuses)]


def asks_proof(item: Applicable) -> bool:
    """Say whether some entry of the rule demands a digest or a proof."""
    return any(r.demand_digest or r.demand_proof for r in item.planned.rule.requirements)


def _summary(statuses: Mapping[str, Status]) -> Check:
    skipped = " ".join(name for name, status in statuses.items() if status is Status.SKIP)
    if skipped and Status.PASS not in statuses.values():
        text = f"image skipped, skipped images: {skipped}"
        return Check(stage=Stage.VALIDATE, status=Status.SKIP, message=text)
    text = f"image verified, skipped images: {skipped}" if skipped else "image verified"
    return Check(stage=Stage.VALIDATE, status=Status.PASS, message=text)


def check_of(
    image_use: ImageUse,
    status: Status,
    message: str,
    stage: Stage = Stage.VERIFY,
    *,
    digest: str = "",
    reason: Reason | None = None,
    transport: bool = False,
) -> Check:
    """Return a check about one image."""
    image = image_use.image
    return Check(
        stage=stage,
        status=status,
        message=message,
        image=image_use.match_string,
        container=image_use.key,
        pointer=image_use.pointer,
        digest=digest or (image.digest or "" if image else ""),
        reason=reason,
        transport=transport,
    )
