"""What each rule of a policy is to be asked about, in the words of webhook configurations.

References: Kubernetes `admissionregistration.k8s.io/v1` (`rules`); Kyverno 1.19 `pkg/controllers/webhook`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Final, NamedTuple

from pratique.compiler import ir
from pratique.compiler.bodies import (
    AnyPattern,
    Check,
    ForEach,
    Pattern,
    PodSecurity,
    SignedManifest,
    Validation,
)
from pratique.compiler.cel_bodies import CEL_BODIES, CelBody
from pratique.grammar.wildcard import is_literal, matches
from pratique.runtime.kubernetes.discovery import Discovery, Served
from pratique.runtime.resource import POD_SPECS

_OPERATIONS: Final = ("CREATE", "UPDATE", "DELETE", "CONNECT")


class WebhookRule(NamedTuple):
    """One thing that is sent to a webhook."""

    group: str
    version: str
    scope: str
    resource: str
    operation: str


def unserved(policy: ir.Policy, discovery: Discovery) -> tuple[str, ...]:
    """Return the kinds that a policy names and the cluster does not serve."""
    declared = (rule for rule in policy.rules if not rule.generated_from)
    selectors = (kind for rule in declared for wanted in _filters(rule) for kind in wanted.kinds)
    missing = [s.kind for s in selectors if is_literal(s.kind) and not any(discovery.selected(s))]
    return tuple(dict.fromkeys(missing))


def rules_of(rule: ir.Rule, discovery: Discovery) -> Iterator[WebhookRule]:
    """Yield the objects and operations that a rule speaks about."""
    if isinstance(rule.body, CEL_BODIES):
        yield from _named_rules(rule.body)
        return
    for wanted in _filters(rule):
        for selector in wanted.kinds or (ir.KindSelector(kind="*"),):
            possible = _operations(rule, selector)
            operations = [op for op in possible if not wanted.operations or op in wanted.operations]
            for group_name, version, scope, resource in _resources(rule, selector, discovery):
                for operation in operations:
                    yield WebhookRule(group_name, version, scope, resource, operation)


def _operations(rule: ir.Rule, selector: ir.KindSelector) -> Sequence[str]:
    """Return the operations of which a rule can say anything."""
    if rule.body is None:
        return ("CREATE", "UPDATE")  # of what is deleted or connected to no image is started
    found = ["CREATE", "UPDATE"]
    if isinstance(rule.body, Validation) and _asks_of_deleted(rule.body.check):
        found.append("DELETE")
    if selector.subresource:
        found.append("CONNECT")
    return found


def _named_rules(body: CelBody) -> Iterator[WebhookRule]:
    """Yield what a policy in CEL names, in the words of webhooks; without constraints that is nothing."""
    scope = body.scope
    for rule in scope.constraints.rules if scope.constraints else ():
        operations = [each for each in _OPERATIONS if each in rule.operations or "*" in rule.operations]
        where = "Namespaced" if scope.namespace and rule.scope == "*" else rule.scope
        for named in product(rule.groups, rule.versions, rule.resources, operations):
            group_name, version, resource, operation = named
            yield WebhookRule(group_name, version, where, resource, operation)


def _asks_of_deleted(check: Check | ForEach) -> bool:
    match check:
        case Pattern() | AnyPattern() | PodSecurity() | SignedManifest():
            return False
        case ForEach():
            return any(_asks_of_deleted(loop.check) for loop in check.loops)
        case _:
            return True


def _resources(
    rule: ir.Rule, selector: ir.KindSelector, discovery: Discovery
) -> Iterator[tuple[str, str, str, str]]:
    """Yield group, version, scope and resource of the types that a selector names."""
    if selector.kind == "*" and rule.body is not None:
        scope = "Namespaced" if rule.resources.namespace is not None else "*"
        below = f"*/{selector.subresource}" if selector.subresource else "*"
        yield _or_all(selector.group), _or_all(selector.version), scope, below
        return
    runs_images = {*POD_SPECS, *(kind for kind, _ in rule.extractors)}
    for served in discovery.selected(selector):
        of = served.type
        # Another kind holds no image: there is nothing to ask.
        if rule.body is not None or of.kind in runs_images:
            scope = "Namespaced" if of.namespaced else "Cluster"
            for resource in _plurals(selector, served):
                yield of.group, of.version, scope, resource


def _or_all(pattern: str) -> str:
    return pattern if is_literal(pattern) else "*"


def _filters(rule: ir.Rule) -> Sequence[ir.ResourceFilter]:
    filters = rule.resources.match.filters
    if not rule.resources.match.every:
        return filters
    # All filters must hold: the kinds of any one that names some are enough.
    return [f for f in filters if f.kinds][:1] or filters[:1]


def _plurals(selector: ir.KindSelector, served: Served) -> Iterator[str]:
    plural = served.type.plural
    if matches(selector.subresource, ""):
        yield plural
    for name in sorted(served.subresources):
        ephemeral = served.type.kind == "Pod" and name == "ephemeralcontainers" and not selector.subresource
        if ephemeral or (selector.subresource and matches(selector.subresource, name)):
            yield f"{plural}/{name}"
