"""Events about requests that policies had something against.

References: Kyverno 1.19 `pkg/event/events.go` (`NewPolicyFailEvent`), whose texts these are.
"""

from __future__ import annotations

from typing import Any

from pratique.runtime.admission.review import Review
from pratique.runtime.admission.verdict import Outcome, Verdict
from pratique.runtime.decision import Status
from pratique.runtime.kubernetes.events import EventRecorder
from pratique.runtime.kubernetes.types import POLICIES, POLICY_TYPES


def tell(events: EventRecorder, review: Review, verdict: Verdict) -> None:
    """Have an event written for each rule that is not met; none for a dry run (W15)."""
    if review.dry_run:
        return
    for outcome in verdict.outcomes:
        if outcome.status in (Status.FAIL, Status.ERROR):
            events.add(
                _policy(outcome),
                reason="PolicyViolation" if outcome.status is Status.FAIL else "PolicyError",
                action="Resource Passed" if verdict.allowed else "Resource Blocked",
                note=_note(review, outcome, blocked=not verdict.allowed),
                related=_object(review),
                controller="pratique-admission",
            )


def _policy(outcome: Outcome) -> dict[str, Any]:
    policy = outcome.policy
    type = POLICY_TYPES.get(policy.kind, POLICIES)
    found = {"apiVersion": type.api_version, "kind": policy.kind, "name": policy.name}
    return found | ({"namespace": policy.namespace} if policy.namespace else {})


def _object(review: Review) -> dict[str, Any]:
    kind, name = review.kind, _name(review)
    version = f"{kind.group}/{kind.version}" if kind.group else kind.version
    found = {"apiVersion": version, "kind": kind.kind, "namespace": review.namespace, "name": name}
    return {key: value for key, value in found.items() if value}


def _note(review: Review, outcome: Outcome, *, blocked: bool) -> str:
    name = "/".join(part for part in (review.namespace, _name(review)) if part)
    mark = " (blocked)" if blocked else ""
    return f"{review.kind.kind} {name}: [{outcome.rule.name}] {outcome.status}{mark}; {outcome.message}"


def _name(review: Review) -> str:
    metadata = (review.object or review.old_object or {}).get("metadata") or {}
    return review.name or str(metadata.get("name") or metadata.get("generateName") or "")
