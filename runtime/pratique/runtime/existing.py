"""Violations that were there before: an update may keep them, unless the rule says otherwise.

References: Kyverno 1.19 `pkg/engine/handlers/validation` (`validateOldObject`, `matchResource`).
"""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler import bodies, ir
from pratique.compiler.selection import Requester, selects
from pratique.grammar.errors import EvaluationError
from pratique.runtime.applicable import Applicable
from pratique.runtime.resource import Resource

SKIPPED: Final = "skipping the rule evaluation as pre-existing violations are allowed"

_NOBODY: Final = Requester(
    username="kyverno:kyverno-invalid-controller",
    groups=("kyverno:invalidgroup",),
    roles=("kyverno:invalidrole",),
    cluster_roles=("kyverno:invalidrole",),
)
"""Who sent the request that made the old object is not known, and matches nobody."""


def old_object(item: Applicable) -> Resource | None:
    """Return the object before an update as if it were created now.

    None where its violations do not count: no update, a rule that only audits or that allows none, or a rule
    that is not about the old object.
    """
    rule, resource = item.planned.rule, item.resource
    if not isinstance(rule.body, bodies.Validation) or not rule.body.allow_existing:
        return None
    if rule.action is not ir.Action.ENFORCE or resource.target.operation != "UPDATE":
        return None
    old = _request(resource).get("oldObject")
    if not isinstance(old, dict):
        return None
    request = {**_request(resource), "object": old, "oldObject": None, "operation": "CREATE"}
    values = {**(resource.values or {}), "request": request}
    made = resource.of_request(old, operation="CREATE", values=values, requester=_NOBODY)
    try:
        return made if selects(rule.resources, made.target) else None
    except EvaluationError:
        return None  # not known to have been violated


def _request(resource: Resource) -> dict[str, Any]:
    request = (resource.values or {}).get("request")
    return request if isinstance(request, dict) else {}
