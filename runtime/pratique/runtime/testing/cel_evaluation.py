"""Policies in CEL over what is no resource of a suite: JSON payloads, and existing objects.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/commands/test/test.go` (`runTest`),
`processor/policy_processor.go` (`ApplyPoliciesOnResource`, `targetMatchPredicate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pratique.compiler.cel_bodies import CelMutation
from pratique.runtime.answers import Answers
from pratique.runtime.cel_requests import request_of
from pratique.runtime.decision import Check, Status
from pratique.runtime.engine import Engine
from pratique.runtime.now import run_now
from pratique.runtime.resource import Resource
from pratique.runtime.testing.cel_responses import KINDS, in_cel
from pratique.runtime.testing.model import Response, RuleOutcome

if TYPE_CHECKING:
    from pratique.runtime.evaluation import Evaluation


async def payload_responses(
    engine: Engine, data: Mapping[str, Any], evidence: Evaluation | None
) -> list[Response]:
    """Return what policies in CEL answer about a JSON object that is no resource."""
    answers = Answers(engine.source, evidence)
    rules = [planned for planned in engine.plan.rules if in_cel(planned.policy)]
    checks = await engine.cel_rules().judge_payload_images(rules, data, answers)
    for planned in rules:
        check = await engine.cel_rules().judge_payload(planned, data, answers)
        if check is not None:
            checks[planned.number] = check
    return [
        _response(planned.policy.name, _outcome(checks[planned.number]), data, data)
        for planned in rules
        if planned.number in checks
    ]


def target_responses(
    engine: Engine, targets: Sequence[Mapping[str, Any]], resources: Iterable[Resource]
) -> list[tuple[Mapping[str, Any], Response]]:
    """Return what policies make of existing objects, with these, for each resource that is a reason to.

    Args:
        engine: has the policies.
        targets: the existing objects.
        resources: as they were before any policy.
    """
    changing = [rule for rule in engine.plan.rules if isinstance(rule.rule.body, CelMutation)]
    found = []
    for resource in resources if changing and targets else ():
        answers = Answers(engine.source, None)
        trigger = request_of(resource)
        for target in targets:
            current = target
            for planned in changing:
                check = run_now(engine.cel_rules().change_target(planned, current, trigger, answers))
                if check is None:
                    continue
                current = check.patched or current
                passed = current if check.status is Status.PASS else None
                response = _response(planned.policy.name, _outcome(check, passed), resource.data, current)
                found.append((target, response))
    return found


def _outcome(check: Check, target: Mapping[str, Any] | None = None) -> RuleOutcome:
    return RuleOutcome(
        rule="", kind=KINDS[check.stage], status=check.status, message=check.message, target=target
    )


def _response(
    policy: str, outcome: RuleOutcome, data: Mapping[str, Any], patched: Mapping[str, Any]
) -> Response:
    return Response(policy=policy, outcomes=(outcome,), resource=data, patched=patched, has_rules=False)
