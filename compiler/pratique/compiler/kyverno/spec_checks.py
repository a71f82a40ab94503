"""What Kyverno refuses in the specification of a policy besides its rules.

References: Kyverno 1.19 `Spec.validateDeprecatedFields`, `pkg/validation/policy` (`Validate`,
`validateNamespaces`), whose texts are repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pratique.compiler.kyverno.selection_checks import Problem, Route
from pratique.grammar import wildcard
from pratique.grammar.documents.kyverno import PolicyModel, Spec, ValidationFailureActionOverride
from pratique.grammar.nodes import show_path


def cannot_be_honoured(what: str, route: Route) -> Problem:
    """Return the problem of a policy that asks for what is not built."""
    return Problem(
        f"{what} cannot be honoured by this version",
        route,
        "unsupported-field",
        "a condition that is not enforced would be worse than none, so the policy is refused",
    )


def spec_problems(model: PolicyModel) -> Iterator[Problem]:
    """Yield what is wrong with a policy as a whole; the routes start at the policy."""
    if model.kind == "ClusterPolicy" and model.metadata.namespace:
        yield Problem("A clusterpolicy should not have the namespace defined", ("metadata", "namespace"))
    yield from _written_twice(model.spec)
    if model.kind == "ClusterPolicy":
        for number, rule in enumerate(model.spec.rules):
            if rule.validation:
                route: Route = ("spec", "rules", number, "validate", "failureActionOverrides")
                yield from _conflicts(rule.validation.failure_action_overrides, route)
        route = ("spec", "validationFailureActionOverrides")
        yield from _conflicts(model.spec.validation_failure_action_overrides, route)


def _written_twice(spec: Spec) -> Iterator[Problem]:
    webhook, before = spec.webhook_configuration, ("spec",)
    told = []
    if webhook and webhook.timeout_seconds is not None and spec.webhook_timeout_seconds is not None:
        told.append(("webhookTimeoutSeconds", "spec.webhookConfiguration.timeoutSeconds"))
    if webhook and webhook.failure_policy and spec.failure_policy:
        told.append(("failurePolicy", "spec.webhookConfiguration.failurePolicy"))
    if spec.generate_existing_on_policy_update is not None:
        told.append(("generateExistingOnPolicyUpdate", "spec.generate[*].generateExisting"))
    for field, instead in told:
        text = f"remove the deprecated field and use {instead} instead"
        yield Problem(text, (*before, field), "deprecated-field", f"remove `{field}`")


def _conflicts(overrides: Iterable[ValidationFailureActionOverride], place: Route) -> Iterator[Problem]:
    """Yield the first override that names a namespace for one action which another names for the other."""
    names: dict[str, set[str]] = {"audit": set(), "enforce": set()}
    patterns: dict[str, set[str]] = {"audit": set(), "enforce": set()}
    for number, override in enumerate(overrides):
        route = (*place, number)
        if override.action is None:
            yield Problem("invalid action", route)
            return
        action = override.action.lower()
        other = "audit" if action == "enforce" else "enforce"
        path = f"{show_path(place)}[{number}].namespaces"
        given = [n for n in override.namespaces if not _is_pattern(n)]
        if both := sorted(names[other].intersection(given)):
            text = f"conflicting namespaces found in path: {path}: {', '.join(both)}"
            yield Problem(text, (*route, "namespaces"))
            return
        names[action].update(given)
        patterns[action].update(n for n in override.namespaces if _is_pattern(n))
        if told := _overlap(names, patterns):
            yield Problem(f"path: {path}: {told}", (*route, "namespaces"))
            return


def _overlap(names: dict[str, set[str]], patterns: dict[str, set[str]]) -> str:
    for one, other in (("audit", "enforce"), ("enforce", "audit")):
        for pattern, name in _pairs(patterns[one], names[other]):
            return f"wildcard pattern '{pattern}' matches with namespace '{name}'"
    for one, other in (("audit", "enforce"), ("enforce", "audit")):
        for pattern, name in _pairs(patterns[one], patterns[other]):
            return f"wildcard pattern '{pattern}' conflicts with the pattern '{name}'"
    return ""


def _pairs(patterns: set[str], names: set[str]) -> Iterator[tuple[str, str]]:
    return (
        (pattern, name)
        for name in sorted(names)
        for pattern in sorted(patterns)
        if wildcard.matches(pattern, name)
    )


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text
