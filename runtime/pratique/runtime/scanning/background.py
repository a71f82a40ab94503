"""What a background scan asks: which rules take part, and what of their results it reports.

References: Kyverno 1.19 `pkg/controllers/report/background` and `pkg/background/...`: rules that validate or
verify images; the second question about images, whether each is pinned and proved, is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pratique.compiler import ir
from pratique.compiler.purposes import Purpose, purpose
from pratique.runtime.applicable import Applicable
from pratique.runtime.decision import RuleResult, Stage


def is_scanned(policy: ir.Policy, rule: ir.Rule) -> bool:
    """Say whether a rule judges what exists: one that would change it or make others of it does not."""
    return policy.background and purpose(rule) is Purpose.JUDGE


def reported(rules: Sequence[Applicable], results: Iterable[RuleResult]) -> list[RuleResult]:
    """Return the results of rules as reports have them; those with nothing to say are left out."""
    about_images = {each.planned.number for each in rules if each.planned.rule.body is None}
    signed = (_signatures(each) if each.number in about_images else each for each in results)
    return [each for each in signed if each.checks]


def _signatures(result: RuleResult) -> RuleResult:
    """Return what a rule about images says of signatures, without whether images are pinned and proved."""
    return replace(result, checks=tuple(c for c in result.checks if c.stage is not Stage.VALIDATE))
