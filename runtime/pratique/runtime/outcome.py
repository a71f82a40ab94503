"""Values that the parts of the engine hand to each other while an image is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pratique.compiler import ir
from pratique.compiler.plan import PlannedRule
from pratique.runtime.decision import Reason
from pratique.runtime.judgement import Finding
from pratique.runtime.resource import ImageUse

if TYPE_CHECKING:
    from pratique.compiler.expressions.context import Context
    from pratique.compiler.rule_expressions import RuleExpressions
    from pratique.runtime.answers import Answers
    from pratique.runtime.evaluation import Evaluation
    from pratique.runtime.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Asked:
    """One requirement of a rule (its number and value), asked of one image.

    Attributes:
        prepared: the rule, whose preconditions have been looked at.
        evidence: what is known of images, by the way that the requirement asks for.
        answers: settles evaluations that ask the world for something.
    """

    planned: PlannedRule
    entry: int
    requirement: ir.ImageRequirement
    image_use: ImageUse
    prepared: Prepared
    evidence: Evaluation
    answers: Answers

    @property
    def expressions(self) -> RuleExpressions:
        """What the rule evaluates besides signatures."""
        return self.prepared.expressions

    @property
    def context(self) -> Context:
        """What these read; made when one first does."""
        return self.prepared.context


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
    reason: Reason
    signers: frozenset[str | ir.IdentitySigner] = frozenset()
    digest: str = ""


def found_by(leaf: ir.Leaf, finding: Finding) -> Reason:
    """Return the reason of an attestor: what it found, and where the policy asks for it."""
    return Reason(
        code=finding.code,
        text=finding.text or f"{len(finding.signatures)} signature(s) meet {leaf.attestor.kind}",
        met=finding.met,
        children=finding.reasons,
        location=leaf.at.location,
    )


def all_of(parts: Sequence[Reason], *, met: bool) -> Reason:
    """Return the reason of parts that must all hold; a single part stands for itself."""
    if len(parts) == 1:
        return parts[0]
    text = f"{sum(part.met for part in parts)} of {len(parts)} sets met"
    return Reason(code="all", text=text, met=met, children=tuple(parts))
