"""Kinds of the Kubernetes API and the names of their resources, such as `networkpolicies`.

Policies in CEL name resources, everything else names kinds. The plural follows from the kind by the rule of
English spelling that Kubernetes' own tools guess with; it holds for every kind that comes with Kubernetes.

References: Kubernetes 1.36 API reference; `k8s.io/apimachinery` 0.36 `meta.UnsafeGuessKindToResource`.
"""

from __future__ import annotations

from functools import cache
from typing import Final

BUILT_IN: Final[dict[str, tuple[str, ...]]] = {
    "": (
        "Binding",
        "ComponentStatus",
        "ConfigMap",
        "Endpoints",
        "Event",
        "LimitRange",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "PodTemplate",
        "ReplicationController",
        "ResourceQuota",
        "Secret",
        "Service",
        "ServiceAccount",
    ),
    "admissionregistration.k8s.io": (
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    ),
    "apiextensions.k8s.io": ("CustomResourceDefinition",),
    "apiregistration.k8s.io": ("APIService",),
    "apps": ("ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"),
    "authentication.k8s.io": ("SelfSubjectReview", "TokenReview"),
    "authorization.k8s.io": (
        "LocalSubjectAccessReview",
        "SelfSubjectAccessReview",
        "SelfSubjectRulesReview",
        "SubjectAccessReview",
    ),
    "autoscaling": ("HorizontalPodAutoscaler",),
    "batch": ("CronJob", "Job"),
    "certificates.k8s.io": ("CertificateSigningRequest",),
    "coordination.k8s.io": ("Lease",),
    "discovery.k8s.io": ("EndpointSlice",),
    "events.k8s.io": ("Event",),
    "flowcontrol.apiserver.k8s.io": ("FlowSchema", "PriorityLevelConfiguration"),
    "networking.k8s.io": ("IPAddress", "Ingress", "IngressClass", "NetworkPolicy", "ServiceCIDR"),
    "node.k8s.io": ("RuntimeClass",),
    "policy": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "resource.k8s.io": ("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"),
    "scheduling.k8s.io": ("PriorityClass",),
    "storage.k8s.io": (
        "CSIDriver",
        "CSINode",
        "CSIStorageCapacity",
        "StorageClass",
        "VolumeAttachment",
        "VolumeAttributesClass",
    ),
}
"""API group -> kinds that come with Kubernetes."""

_CLUSTER_WIDE: Final[dict[str, frozenset[str]]] = {
    "": frozenset({"ComponentStatus", "Namespace", "Node", "PersistentVolume"}),
    "admissionregistration.k8s.io": frozenset(BUILT_IN["admissionregistration.k8s.io"]),
    "apiextensions.k8s.io": frozenset({"CustomResourceDefinition"}),
    "apiregistration.k8s.io": frozenset({"APIService"}),
    "authentication.k8s.io": frozenset(BUILT_IN["authentication.k8s.io"]),
    "authorization.k8s.io": frozenset(BUILT_IN["authorization.k8s.io"]) - {"LocalSubjectAccessReview"},
    "certificates.k8s.io": frozenset({"CertificateSigningRequest"}),
    "flowcontrol.apiserver.k8s.io": frozenset(BUILT_IN["flowcontrol.apiserver.k8s.io"]),
    "kyverno.io": frozenset({"ClusterCleanupPolicy", "ClusterPolicy", "GlobalContextEntry"}),
    "networking.k8s.io": frozenset({"IPAddress", "IngressClass", "ServiceCIDR"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "policies.kyverno.io": frozenset(
        {
            "DeletingPolicy",
            "GeneratingPolicy",
            "ImageValidatingPolicy",
            "MutatingPolicy",
            "ValidatingPolicy",
        }
    ),
    "rbac.authorization.k8s.io": frozenset({"ClusterRole", "ClusterRoleBinding"}),
    "resource.k8s.io": frozenset({"DeviceClass", "ResourceSlice"}),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset(BUILT_IN["storage.k8s.io"]) - {"CSIStorageCapacity"},
}
"""API group -> kinds that are in no namespace, of Kubernetes and Kyverno."""


def is_cluster_wide(group: str, kind: str) -> bool:
    """Say whether objects of a kind are in no namespace; those of unknown kinds are in one."""
    return kind in _CLUSTER_WIDE.get(group, ())


@cache
def plural(kind: str) -> str:
    """Return the name of the resource of a kind.

    DEVIATION: `y` behind a vowel becomes `ys`, as the authors of custom resources spell it; Kyverno 1.19
    without a cluster guesses `gatewaies` for `Gateway`, so that policies about `gateways` pass it by
    (`tests/compiler/test_api_kinds.py::test_a_vowel_before_y`).
    """
    name = kind.lower()
    if name.endswith("endpoints"):
        return name
    if name.endswith("s"):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in tuple("aeiou"):
        return f"{name[:-1]}ies"
    return f"{name}s"


@cache
def kind_of(group: str, resource: str) -> str | None:
    """Return the kind of a resource that comes with Kubernetes; None for any other."""
    return next((kind for kind in BUILT_IN.get(group, ()) if plural(kind) == resource), None)
