"""Rules with a body: what each kind of body says of a resource.

A body that is evaluated without asking anybody is compiled (`compiler/.../rule_expressions.py`) and run here;
what it asks the world for is settled by `answers`, and the evaluation done again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeAlias

from pratique.compiler.validations import Outcome, Scene
from pratique.compiler.validations import Status as Verdict
from pratique.runtime.answers import Answers
from pratique.runtime.applicable import Applicable
from pratique.runtime.decision import Check, Reason, Stage, Status
from pratique.runtime.existing import SKIPPED, old_object
from pratique.runtime.prepared import Prepared

Again: TypeAlias = Callable[[Applicable], Awaitable[Prepared]]


async def validate(prepared: Prepared, again: Again, answers: Answers) -> Check | None:
    """Return what the validation of a rule says; None where it says nothing of the resource, or is none.

    Args:
        prepared: the rule and the resource.
        again: prepares the same rule for another object.
        answers: settles evaluations that ask the world for something.
    """
    if prepared.told:
        return prepared.told
    if prepared.expressions.validation is None and prepared.expressions.in_cel is None:
        return None
    if prepared.expressions.in_cel is not None:
        from pratique.runtime.cel_checks import check_in_cel

        return await check_in_cel(prepared.expressions.in_cel, prepared.item.resource, answers)
    outcome = await _evaluated(prepared, answers)
    if outcome is None:
        return None
    if outcome.status is Verdict.FAIL and (old := old_object(prepared.item)):
        before = await again(replace(prepared.item, resource=old))
        if not before.told:
            violated = await _evaluated(before, answers)
            if violated and violated.status is Verdict.FAIL:
                return Check(stage=Stage.VALIDATE, status=Status.SKIP, message=SKIPPED)
    reason: Reason | None = None
    if outcome.code:
        reason = Reason(code=outcome.code, text=outcome.message, met=False, location=outcome.location)
    return Check(stage=Stage.VALIDATE, status=Status(outcome.status), message=outcome.message, reason=reason)


async def _evaluated(prepared: Prepared, answers: Answers) -> Outcome | None:
    validation, resource = prepared.expressions.validation, prepared.item.resource
    assert validation is not None  # noqa: S101 (asked for by the caller)
    deleted = resource.target.operation == "DELETE"
    scene = Scene(
        None if deleted else resource.data, lambda: prepared.context, prepared.attach, prepared.lifting
    )
    return await answers.settle(lambda: validation.evaluate(scene))
