"""Types of objects and their paths under the API server's URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pratique.grammar.errors import UsageError

_SEGMENT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?")
"""Names that Kubernetes gives to objects, namespaces and roles; nothing that a path could be cut at (K24)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A type of objects as the API serves it.

    Attributes:
        group: empty for the core API.
        plural: the word of its path, such as `pods`.
    """

    group: str = ""
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return `group/version` as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of an object, or of all in a namespace or everywhere.

        Raises:
            UsageError: a name is none that Kubernetes gives.
        """
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if namespace and self.namespaced:
            parts += ["namespaces", segment(namespace)]
        parts.append(self.plural)
        parts += [segment(part) for part in (name, subresource) if part]
        return "/".join(parts)


def segment(name: str) -> str:
    """Return a name that may stand in a path.

    Raises:
        UsageError: it may not.
    """
    if not _SEGMENT.fullmatch(name):
        raise UsageError(f"{name[:100]!r} is no name of a Kubernetes object")
    return name


NAMESPACES: Final = ResourceType(version="v1", plural="namespaces", kind="Namespace", namespaced=False)
PODS: Final = ResourceType(version="v1", plural="pods", kind="Pod")
SECRETS: Final = ResourceType(version="v1", plural="secrets", kind="Secret")
CONFIG_MAPS: Final = ResourceType(version="v1", plural="configmaps", kind="ConfigMap")
EVENTS: Final = ResourceType(group="events.k8s.io", version="v1", plural="events", kind="Event")
LEASES: Final = ResourceType(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease")
POLICIES: Final = ResourceType(group="kyverno.io", version="v1", plural="policies", kind="Policy")
CLUSTER_POLICIES: Final = ResourceType(
    group="kyverno.io", version="v1", plural="clusterpolicies", kind="ClusterPolicy", namespaced=False
)
EXCEPTIONS: Final = ResourceType(
    group="kyverno.io", version="v2", plural="policyexceptions", kind="PolicyException"
)
CEL_GROUP: Final = "policies.kyverno.io"
CEL_OTHER_VERSIONS: Final = ("v1beta1", "v1alpha1")
"""Of policies and exceptions, whose fields are the same; older releases of Kyverno serve these alone."""
CEL_POLICIES: Final = tuple(
    ResourceType(
        group=CEL_GROUP,
        version="v1",
        plural=f"{kind.lower().removesuffix('policy')}policies",
        kind=kind,
        namespaced=kind.startswith("Namespaced"),
    )
    for name in ("ImageValidatingPolicy", "MutatingPolicy", "ValidatingPolicy")
    for kind in (name, f"Namespaced{name}")
)
"""Of policies in CEL, those that are served."""
CEL_EXCEPTIONS: Final = ResourceType(
    group=CEL_GROUP, version="v1", plural="policyexceptions", kind="PolicyException"
)
POLICY_TYPES: Final = {each.kind: each for each in (CLUSTER_POLICIES, POLICIES, *CEL_POLICIES)}
"""By their kinds, which are never the same."""
ACCESS_REVIEWS: Final = ResourceType(
    group="authorization.k8s.io",
    version="v1",
    plural="subjectaccessreviews",
    kind="SubjectAccessReview",
    namespaced=False,
)
DEFINITIONS: Final = ResourceType(
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    namespaced=False,
)
VALIDATING_WEBHOOKS: Final = ResourceType(
    group="admissionregistration.k8s.io",
    version="v1",
    plural="validatingwebhookconfigurations",
    kind="ValidatingWebhookConfiguration",
    namespaced=False,
)
MUTATING_WEBHOOKS: Final = ResourceType(
    group="admissionregistration.k8s.io",
    version="v1",
    plural="mutatingwebhookconfigurations",
    kind="MutatingWebhookConfiguration",
    namespaced=False,
)
CLUSTER_ROLES: Final = ResourceType(
    group="rbac.authorization.k8s.io",
    version="v1",
    plural="clusterroles",
    kind="ClusterRole",
    namespaced=False,
)
POLICY_REPORTS: Final = ResourceType(
    group="wgpolicyk8s.io", version="v1alpha2", plural="policyreports", kind="PolicyReport"
)
CLUSTER_POLICY_REPORTS: Final = ResourceType(
    group="wgpolicyk8s.io",
    version="v1alpha2",
    plural="clusterpolicyreports",
    kind="ClusterPolicyReport",
    namespaced=False,
)
REPORTS: Final = ResourceType(group="openreports.io", version="v1alpha1", plural="reports", kind="Report")
CLUSTER_REPORTS: Final = ResourceType(
    group="openreports.io",
    version="v1alpha1",
    plural="clusterreports",
    kind="ClusterReport",
    namespaced=False,
)
ROLE_BINDINGS: Final = ResourceType(
    group="rbac.authorization.k8s.io", version="v1", plural="rolebindings", kind="RoleBinding"
)
CLUSTER_ROLE_BINDINGS: Final = ResourceType(
    group="rbac.authorization.k8s.io",
    version="v1",
    plural="clusterrolebindings",
    kind="ClusterRoleBinding",
    namespaced=False,
)
