"""Which kinds hold images that a rule can see, and which kind was meant by a name that is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pratique.compiler import ir
from pratique.compiler.analysis.attributes import BEARERS
from pratique.compiler.selection import Target, kind_matches
from pratique.grammar import wildcard

WITHOUT_IMAGES: Final = frozenset(
    {
        "APIService",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ConfigMap",
        "CustomResourceDefinition",
        "CSIDriver",
        "CSINode",
        "EndpointSlice",
        "Endpoints",
        "Event",
        "FlowSchema",
        "Gateway",
        "GatewayClass",
        "HTTPRoute",
        "HorizontalPodAutoscaler",
        "Ingress",
        "IngressClass",
        "Lease",
        "LimitRange",
        "MutatingWebhookConfiguration",
        "Namespace",
        "NetworkPolicy",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "RuntimeClass",
        "Secret",
        "Service",
        "ServiceAccount",
        "StorageClass",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)
"""Kinds of Kubernetes itself that run no images."""

CLUSTER_WIDE: Final = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "FlowSchema",
        "GatewayClass",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)
"""Kinds of Kubernetes itself that live in no namespace."""

_SHORT: Final = {
    "po": "Pod",
    "deploy": "Deployment",
    "ds": "DaemonSet",
    "sts": "StatefulSet",
    "rs": "ReplicaSet",
    "rc": "ReplicationController",
    "cj": "CronJob",
}
"""Short names of `kubectl` that are no kinds."""

_NAMES: Final = tuple(dict.fromkeys(kind for _, _, kind, _ in BEARERS))
_TARGETS: Final = tuple(
    Target(group=group, version=version, kind=kind, subresource=subresource)
    for group, version, kind, subresource in BEARERS
)


def is_in_namespaces(selector: ir.KindSelector) -> bool:
    """Say whether a selector is known to name what lives in namespaces."""
    return selector.kind in _NAMES or selector.kind in WITHOUT_IMAGES - CLUSTER_WIDE


def sees_images(selector: ir.KindSelector, rule: ir.Rule) -> bool:
    """Say whether a selector reaches a kind whose images are known: built in, or by the rule's extractors."""
    return any(kind_matches(selector, target) for target in _TARGETS) or any(
        wildcard.matches(selector.kind, kind) for kind, _ in rule.extractors
    )


def is_out_of_reach(rule: ir.Rule) -> bool:
    """Say whether no image is seen of any resource that the rule selects, as its kinds alone tell."""
    parts = [part for part in rule.resources.match.filters if part.kinds]
    blind = [not any(sees_images(selector, rule) for selector in part.kinds) for part in parts]
    return bool(blind) and (any(blind) if rule.resources.match.every else all(blind))


def meant(selector: ir.KindSelector, rule: ir.Rule) -> str:
    """Return the kind that was probably meant, with group and version where they matter."""
    known = (*_NAMES, *(kind for kind, _ in rule.extractors))
    by_letters = {each.lower(): each for each in known}
    name = selector.kind.lower()
    near = (
        by_letters.get(name)
        or by_letters.get(name.removesuffix("s"))
        or _SHORT.get(name)
        or _similar(selector.kind, known)
    )
    if not near or wildcard.matches(near, selector.kind):
        return _placed(near) if near else ""
    return near


def _similar(kind: str, known: tuple[str, ...]) -> str:
    if kind in WITHOUT_IMAGES or not wildcard.is_literal(kind):
        return ""
    from difflib import get_close_matches

    return next(iter(get_close_matches(kind, known, n=1, cutoff=0.88)), "")


def _placed(kind: str) -> str:
    """Return a kind with its group and version."""
    for group, version, name, _ in BEARERS:
        if name == kind:
            return "/".join(part for part in (group, version, name) if part)
    return kind


def unused_extractors(rule: ir.Rule) -> Iterator[str]:
    """Yield the kinds of extractors that the rule selects no resource of."""
    selectors = [selector for part in rule.resources.match.filters for selector in part.kinds]
    for kind, _ in rule.extractors:
        if selectors and not any(wildcard.matches(selector.kind, kind) for selector in selectors):
            yield kind
