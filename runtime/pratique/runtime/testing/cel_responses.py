"""What policies in CEL answer in a suite, as the Kyverno CLI tells it.

The forms of a policy for controllers answer as one. Where the CLI drops an empty answer, there is none.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/processor/policy_processor.go`
(`ApplyPoliciesOnResource`, `hasSelector`), `commands/test/test.go` (`applyDeletingPolicies`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CEL_BODIES
from pratique.compiler.cel_policies.constraints import is_simple
from pratique.runtime.decision import RuleResult, Stage, Status
from pratique.runtime.testing.model import Response, RuleKind, RuleOutcome

KINDS: Final = {
    Stage.MUTATE: RuleKind.MUTATION,
    Stage.VALIDATE: RuleKind.VALIDATION,
    Stage.GENERATE: RuleKind.GENERATION,
    Stage.DELETE: RuleKind.DELETION,
    Stage.VERIFY: RuleKind.IMAGE_VERIFY,
}
"""What the results of a stage are about."""


def cel_responses(
    policies: Sequence[ir.Policy], results: Sequence[RuleResult], data: Mapping[str, Any]
) -> Iterator[Response]:
    """Yield the responses of policies in CEL about one resource.

    Args:
        policies: all policies of the suite.
        results: what the engine found.
        data: the resource.
    """
    final = _final(results, data)
    for policy in policies:
        if not in_cel(policy):
            continue
        own = [each for each in results if (each.kind, each.policy) == (policy.kind, policy.key)]
        outcomes = tuple(outcome for each in own for outcome in _outcomes(each))
        if not outcomes and not _answers_anyhow(policy):
            continue
        patched = final if policy.kind.endswith("MutatingPolicy") else _patched(own, data)
        resource = final if "Validating" in policy.kind else data
        yield Response(
            policy=policy.name, outcomes=outcomes, resource=resource, patched=patched, has_rules=False
        )


def in_cel(policy: ir.Policy) -> bool:
    """Say whether a policy is one in CEL."""
    return any(isinstance(rule.body, CEL_BODIES) for rule in policy.rules)


def _final(results: Sequence[RuleResult], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the resource after all changes."""
    changes = [each for each in results if each.kind.endswith("MutatingPolicy")]
    bound = [each for each in results if each.kind == "MutatingAdmissionPolicy"]
    return _patched(changes, _patched(bound, data))


def _patched(results: Sequence[RuleResult], data: Mapping[str, Any]) -> Mapping[str, Any]:
    for result in results:
        for check in result.checks:
            if check.patched is not None:
                data = check.patched
    return data


def _answers_anyhow(policy: ir.Policy) -> bool:
    """Say whether a policy answers without having anything to say of a resource."""
    match policy.kind.removeprefix("Namespaced"):
        case "ValidatingAdmissionPolicy":
            return True
        case "ValidatingPolicy" | "MutatingPolicy":
            bodies = [rule.body for rule in policy.rules if isinstance(rule.body, CEL_BODIES)]
            return any(not body.scope.raw and not is_simple(body.scope.constraints) for body in bodies)
        case _:
            return False


def _outcomes(result: RuleResult) -> Iterator[RuleOutcome]:
    for check in result.checks:
        status = check.status
        if status is Status.FAIL and not result.scored:
            status = Status.WARN
        yield RuleOutcome(
            rule=result.rule,
            kind=KINDS[check.stage],
            status=status,
            message=check.message,
            made=check.made,
        )
