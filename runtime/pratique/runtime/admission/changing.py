"""Rules that change what is admitted, before anybody asks about its images: what they leave is judged.

References: Kyverno 1.19 `pkg/webhooks/resource` (`handlers.go`, `mutation/mutation.go`, `mpol/handler.go`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pratique.compiler.plan import PlannedRule
from pratique.compiler.purposes import Purpose, purpose
from pratique.runtime.admission.verdict import Outcome
from pratique.runtime.applicable import Applicable
from pratique.runtime.engine import Engine
from pratique.runtime.resource import Resource


class Changed(NamedTuple):
    """What the rules that change an object made of it, and what is said of each."""

    resource: Resource
    outcomes: tuple[Outcome, ...] = ()


def changes(planned: PlannedRule) -> bool:
    """Say whether a rule changes the object at hand."""
    return purpose(planned.rule) is Purpose.CHANGE


async def change(
    engine: Engine,
    resource: Resource,
    rules: Sequence[Applicable],
    is_meant: Callable[[PlannedRule], bool],
    seconds: float,
) -> Changed:
    """Let rules change an object, each seeing what those before it left.

    DEVIATION: Kyverno 1.19 throws away all that a policy changed if one of its rules cannot be evaluated and
    the policy fails open, and shows it to the policies that follow; here the other rules of the policy count
    (`tests/runtime/admission/test_changing.py`). And generated rules leave what a controller made alone, of
    whatever kind (Kyverno filters ReplicaSets unless told otherwise): the controller would make it again, and
    rules about Pods change its Pods.

    Args:
        engine: carries them out.
        resource: as it was sent.
        rules: those that apply to it.
        is_meant: says which rules count once others have changed it.
        seconds: after which a rule that still has to ask something is an error.
    """
    made = resource.has_controller

    def counts(planned: PlannedRule) -> bool:
        return changes(planned) and is_meant(planned) and not (made and planned.rule.generated_from)

    found = [item for item in rules if counts(item.planned)]
    results, left = await engine.follow(resource, found, seconds=seconds, among=counts)
    planned = engine.plan.rules
    told = (
        Outcome(
            policy=planned[result.number].policy,
            rule=planned[result.number].rule,
            status=result.status,
            message=result.message,
        )
        for result in results
    )
    return Changed(left, tuple(told))
