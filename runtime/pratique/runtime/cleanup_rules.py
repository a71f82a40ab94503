"""Cleanup policies: whether an object would be deleted. Nothing is deleted here.

As in Kyverno's command line, each says something of every object: pass where it would be deleted, fail where
it stays.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/commands/apply/command.go` (`applyCleanupPolicies`), whose
texts are kept.
"""

from __future__ import annotations

from pratique.compiler.selection import selects
from pratique.grammar.errors import EvaluationError
from pratique.runtime.answers import Answers
from pratique.runtime.decision import Check, Stage, Status
from pratique.runtime.prepared import Prepared, error_of


async def clean(prepared: Prepared, answers: Answers) -> Check:
    """Return what a cleanup policy says of an object.

    Args:
        prepared: the policy and the object, with the context that `context.cleanup_context` makes.
        answers: settles evaluations that ask the world for something.
    """
    try:
        goes = await answers.settle(lambda: _goes(prepared))
    except EvaluationError as error:
        return error_of(error, error.message, Stage.DELETE, prepared.item.planned.rule.at.location)
    if goes:
        return Check(stage=Stage.DELETE, status=Status.PASS, message="resource matched")
    return Check(stage=Stage.DELETE, status=Status.FAIL, message="resource did not match")


def _goes(prepared: Prepared) -> bool:
    resource, conditions = prepared.item.resource, prepared.expressions.cleanup
    if not selects(prepared.item.planned.rule.resources, resource.target):
        return False
    return conditions is None or conditions.evaluate(prepared.context)[0]
