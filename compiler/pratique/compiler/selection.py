"""Whether a rule speaks about a resource: match and exclude, judged in full.

References: Kyverno 1.19, `MatchesResourceDescription` and the helpers below it (`pkg/engine/utils/match.go`,
`pkg/utils/match`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pratique.compiler import ir
from pratique.grammar.errors import EvaluationError
from pratique.grammar.wildcard import matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who sent an admission request, with the roles that the cluster grants."""

    username: str
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    cluster_roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What match and exclude can see of a resource and its request.

    Attributes:
        name: `metadata.name`, or `metadata.generateName` where the name is empty.
        namespace_labels: labels of the namespace; None where they could not be learned, which is an error
            for a rule that asks (K11: an unknown namespace is never "not matched").
        requester: None in background scans and on the command line: tests on users are then dropped from
            `match` filters.
    """

    group: str
    version: str
    kind: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] | None = None
    operation: str = "CREATE"
    requester: Requester | None = None


def selects(region: ir.ResourceRegion, target: Target) -> bool:
    """Say whether `target` lies in `region`.

    Raises:
        EvaluationError: `namespace-unknown`, when the answer depends on labels of a namespace nobody knows.
    """
    if region.namespace is not None and target.namespace != region.namespace:
        return False
    return _any_or_all(region.match, target, _matches) and not (
        region.exclude is not None and _any_or_all(region.exclude, target, _excludes)
    )


def failure_action(rule: ir.Rule, target: Target) -> ir.Action:
    """Return what a failure of `rule` does in the namespace of `target`: the first override for it decides.

    References: Kyverno 1.19 `pkg/engine/api/engineresponse.go`, `GetValidationFailureAction`.
    """
    for override in rule.overrides:
        selector = override.namespace_selector
        if not override.namespaces and selector is None:
            continue  # it names no namespace, which is not all of them
        if override.namespaces and not any(matches(n, target.namespace) for n in override.namespaces):
            continue
        if selector is not None and target.namespace_labels is None:
            if override.action is not ir.Action.ENFORCE:
                continue  # nobody knows whether it is meant: the stricter reading
        elif selector is not None and not label_selector_matches(selector, target.namespace_labels or {}):
            continue
        return override.action
    return rule.action


def exempts(selection: ir.Selection, target: Target) -> bool:
    """Say whether `target` lies in the selection of an exemption.

    Operations are not looked at, and who sent the request is never left out; for a Namespace labels of
    namespaces are.

    Raises:
        EvaluationError: as `selects`.
    """
    return _any_or_all(selection, target, _exempts)


def _exempts(resource_filter: ir.ResourceFilter, target: Target) -> bool:
    if resource_filter.is_empty:
        return False
    lasting = replace(resource_filter, operations=())
    if target.kind == "Namespace":
        lasting = replace(lasting, namespace_selector=None)
    return _attributes(lasting, target) and is_sent_by(lasting, target.requester)


def _any_or_all(
    selection: ir.Selection, target: Target, test: Callable[[ir.ResourceFilter, Target], bool]
) -> bool:
    if not selection.filters:
        return False
    decide = all if selection.every else any
    return decide(test(f, target) for f in selection.filters)


def _matches(resource_filter: ir.ResourceFilter, target: Target) -> bool:
    if resource_filter.is_empty:
        return False
    if target.requester is None:
        return resource_filter.has_attributes and _attributes(resource_filter, target)
    return _attributes(resource_filter, target) and is_sent_by(resource_filter, target.requester)


def _excludes(resource_filter: ir.ResourceFilter, target: Target) -> bool:
    return (
        not resource_filter.is_empty
        and _attributes(resource_filter, target)
        and is_sent_by(resource_filter, target.requester)
    )


def _attributes(wanted: ir.ResourceFilter, target: Target) -> bool:
    """Test everything but who asked; the cheapest and most telling first."""
    if wanted.operations and target.operation not in wanted.operations:
        return False
    if wanted.kinds and not any(kind_matches(selector, target) for selector in wanted.kinds):
        return False
    if wanted.names and not any(matches(pattern, target.name) for pattern in wanted.names):
        return False
    if wanted.namespaces:
        namespace = target.name if target.kind == "Namespace" else target.namespace
        if not any(matches(pattern, namespace) for pattern in wanted.namespaces):
            return False
    if not all(has_pair(pair, target.annotations) for pair in wanted.annotations):
        return False
    if wanted.selector and not label_selector_matches(wanted.selector, target.labels):
        return False
    if wanted.namespace_selector:
        return _namespace_selector(wanted.namespace_selector, target)
    return True


def kind_matches(selector: ir.KindSelector, target: Target) -> bool:
    """Say whether a selector names the kind and subresource of `target`."""
    if not (
        matches(selector.kind, target.kind)
        and matches(selector.group, target.group)
        and matches(selector.version, target.version)
    ):
        return False
    if matches(selector.subresource, target.subresource):
        return True
    return target.kind == "Pod" and target.subresource == "ephemeralcontainers" and not selector.subresource


def has_pair(pair: tuple[str, str], actual: Mapping[str, str]) -> bool:
    """Say whether some key and value fit a pair, both of which may hold wildcards."""
    key, value = pair
    return any(matches(key, k) and matches(value, v) for k, v in actual.items())


def label_selector_matches(selector: ir.LabelSelector, labels: Mapping[str, str]) -> bool:
    """Say whether `labels` satisfy `selector`, wildcards in `match_labels` included."""
    return all(has_pair(pair, labels) for pair in selector.match_labels) and all(
        _requirement(requirement, labels) for requirement in selector.requirements
    )


def _requirement(requirement: ir.LabelRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case operator:
            raise EvaluationError("bad-selector", f"unknown label selector operator {operator!r}")


def _namespace_selector(selector: ir.LabelSelector, target: Target) -> bool:
    if target.kind == "Namespace":
        return False
    if not target.namespace:
        return label_selector_matches(selector, {})
    if target.namespace_labels is None:
        raise EvaluationError(
            "namespace-unknown",
            f"the labels of namespace {target.namespace!r} are not known, so its namespaceSelector cannot be"
            " judged",
        )
    return label_selector_matches(selector, target.namespace_labels)


def is_sent_by(wanted: ir.ResourceFilter, requester: Requester | None) -> bool:
    """Say whether the requester is among those that a filter names; of unknown ones none is."""
    if not wanted.has_user_info:
        return True
    if requester is None:
        return False
    if wanted.roles and not _some(wanted.roles, requester.roles):
        return False
    if wanted.cluster_roles and not _some(wanted.cluster_roles, requester.cluster_roles):
        return False
    return not wanted.subjects or any(_subject(subject, requester) for subject in wanted.subjects)


def _some(patterns: Sequence[str], texts: Sequence[str]) -> bool:
    return any(matches(pattern, text) for pattern in patterns for text in texts)


def _subject(subject: ir.Subject, requester: Requester) -> bool:
    match subject.kind:
        case "ServiceAccount":
            return matches(f"system:serviceaccount:{subject.namespace}:{subject.name}", requester.username)
        case "User":
            return matches(subject.name, requester.username)
        case "Group":
            return any(matches(subject.name, group) for group in requester.groups)
        case kind:
            raise EvaluationError("bad-subject", f"unknown subject kind {kind!r}")
