"""Which lists of Kubernetes' own kinds a strategic merge patch merges, and by which fields of their elements.

Lists that are not named here, and all lists of other kinds, are replaced as a whole.

References: Kubernetes API types (`patchStrategy`, `patchMergeKey`, `listMapKey`), in the version that
kustomize's `kyaml/openapi` embeds, which Kyverno 1.19 merges by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a value is merged.

    Attributes:
        fields: of a map, those that are not merged by default.
        keys: of a merged list, the fields that tell its elements apart; `("",)` for a list of scalars.
        element: of such a list, how two elements are merged.
    """

    fields: Mapping[str, Strategy] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    element: Strategy | None = None

    def of(self, name: str) -> Strategy:
        """Return how the field of a map is merged."""
        return self.fields.get(name, DEFAULT)


DEFAULT: Final = Strategy()
"""Maps are merged field by field, lists are replaced."""


def _by(*keys: str, element: Strategy = DEFAULT) -> Strategy:
    return Strategy(keys=keys, element=element)


_SCALARS: Final = _by("")
_CONTAINERS: Final = _by(
    "name",
    element=Strategy(
        {
            "env": _by("name"),
            "ports": _by("containerPort", "protocol"),
            "volumeMounts": _by("mountPath"),
            "volumeDevices": _by("devicePath"),
        }
    ),
)
_METADATA: Final = Strategy({"finalizers": _SCALARS, "ownerReferences": _by("uid")})
_POD_SPEC: Final = Strategy(
    {
        "containers": _CONTAINERS,
        "initContainers": _CONTAINERS,
        "ephemeralContainers": _CONTAINERS,
        "hostAliases": _by("ip"),
        "imagePullSecrets": _by("name"),
        "resourceClaims": _by("name"),
        "schedulingGates": _by("name"),
        "topologySpreadConstraints": _by("topologyKey", "whenUnsatisfiable"),
        "volumes": _by("name"),
    }
)
_CONDITIONS: Final = Strategy({"conditions": _by("type")})
_TEMPLATE: Final = Strategy({"metadata": _METADATA, "spec": _POD_SPEC})
_WITH_TEMPLATE: Final = Strategy({"template": _TEMPLATE})
_JOB_TEMPLATE: Final = Strategy({"metadata": _METADATA, "spec": _WITH_TEMPLATE})
_WEBHOOKS: Final = Strategy({"metadata": _METADATA, "webhooks": _by("name")})


def _kind(spec: Strategy = DEFAULT, **fields: Strategy) -> Strategy:
    return Strategy({"metadata": _METADATA, "spec": spec, "status": _CONDITIONS, **fields})


_WORKLOAD: Final = _kind(_WITH_TEMPLATE)

_KINDS: Final[Mapping[tuple[str, str], Strategy]] = {
    ("", "Pod"): _kind(_POD_SPEC, status=Strategy({"conditions": _by("type"), "podIPs": _by("ip")})),
    ("", "PodTemplate"): _kind(template=_TEMPLATE),
    ("", "ReplicationController"): _WORKLOAD,
    ("", "Service"): _kind(Strategy({"ports": _by("port", "protocol")})),
    ("", "ServiceAccount"): _kind(secrets=_by("name")),
    ("", "Node"): _kind(
        Strategy({"podCIDRs": _SCALARS}),
        status=Strategy({"conditions": _by("type"), "addresses": _by("type")}),
    ),
    ("apps", "DaemonSet"): _WORKLOAD,
    ("apps", "Deployment"): _WORKLOAD,
    ("apps", "ReplicaSet"): _WORKLOAD,
    ("apps", "StatefulSet"): _WORKLOAD,
    ("batch", "Job"): _WORKLOAD,
    ("batch", "CronJob"): _kind(Strategy({"jobTemplate": _JOB_TEMPLATE})),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _WEBHOOKS,
}

_OTHER_BUILT_IN: Final = _kind()

_GROUPS: Final = frozenset(
    {
        "",
        "apps",
        "autoscaling",
        "batch",
        "policy",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    }
)
"""Groups of Kubernetes itself."""


def strategy_of(resource: Mapping[str, Any]) -> Strategy:
    """Return how patches are merged into a resource, by its `apiVersion` and `kind`."""
    version, kind = resource.get("apiVersion"), resource.get("kind")
    if not isinstance(version, str) or not isinstance(kind, str):
        return DEFAULT
    group = version.rpartition("/")[0]
    return _KINDS.get((group, kind), _OTHER_BUILT_IN if group in _GROUPS else DEFAULT)
