"""How the parts of objects are merged: which lists have keys, and what is written as a whole.

What is not in the table is merged as Kubernetes merges by default: maps and objects entry by entry, lists as
a whole. So are custom resources, whose definitions are not asked.

DEVIATION: fields that a kind does not have are merged, too; Kyverno 1.19 refuses them
(`tests/compiler/structured_merge/test_merge.py::test_unknown_fields_are_merged`).

References: Kubernetes 1.36 API types (`listType`, `listMapKey`, `structType`, `mapType`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from pratique.compiler.api_kinds import BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a value is merged.

    Attributes:
        is_atomic: a map or object is written as a whole.
        keys: fields that tell the elements of a list apart; none for a list that is written as a whole.
        is_set: a list of values, each of which is there once.
        element: of a list with keys.
        fields: of an object, where they are not merged by default.
        defaults: of keys that elements may leave out.
    """

    is_atomic: bool = False
    keys: tuple[str, ...] = ()
    is_set: bool = False
    element: Shape | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> Shape:
        """Return the shape of a field."""
        written = self.fields.get(name)
        return DEDUCED if written is None else _read(written)


DEDUCED: Final = Shape()
"""Maps entry by entry, lists as a whole."""
_ATOMIC: Final = Shape(is_atomic=True)
_SET: Final = Shape(is_set=True)

_METADATA: Final = "metadata=ObjectMeta"
_CONDITIONS: Final = "conditions[type]"
_CONTAINER: Final = (
    "ports[containerPort,protocol] env[name]=EnvVar envFrom volumeMounts[mountPath]=VolumeMount"
    " volumeDevices[devicePath] resources=ResourceRequirements"
)
_TEMPLATE: Final = "template=PodTemplate selector!"

_TYPES: Final[dict[str, str]] = {
    "ObjectMeta": "finalizers{} ownerReferences[uid]=OwnerReference",
    "OwnerReference": "!",
    # Pods
    "PodTemplate": f"{_METADATA} spec=PodSpec",
    "PodSpec": (
        "volumes[name]=Volume initContainers[name]=Container containers[name]=Container"
        " ephemeralContainers[name]=Container nodeSelector! imagePullSecrets[name]=Reference"
        " hostAliases[ip] topologySpreadConstraints[topologyKey,whenUnsatisfiable]=Spread"
        " schedulingGates[name] resourceClaims[name] affinity=Affinity resources=ResourceRequirements"
        " evictionResponders[name]=Reference"
    ),
    "PodStatus": (
        f"{_CONDITIONS} podIPs[ip] resourceClaimStatuses[name] volumeHealth[name]"
        " nodeAllocatableResourceClaimStatuses[resourceClaimName]"
    ),
    "Container": _CONTAINER,
    "EnvVar": "valueFrom=EnvSource",
    "EnvSource": "fieldRef! resourceFieldRef! configMapKeyRef! secretKeyRef! fileKeyRef!",
    "VolumeMount": "bindMountOptions{}",
    "ResourceRequirements": "claims[name]",
    "Reference": "!",
    "Spread": "labelSelector!",
    "Affinity": "nodeAffinity=NodeAffinity",
    "NodeAffinity": "requiredDuringSchedulingIgnoredDuringExecution!",
    "Volume": (
        "azureFile=- cephfs=SecretHolder cinder=SecretHolder csi=NodeSecretHolder flexVolume=SecretHolder"
        " iscsi=SecretHolder rbd=SecretHolder scaleIO=SecretHolder storageos=SecretHolder"
        " ephemeral=EphemeralVolume"
    ),
    "SecretHolder": "secretRef!",
    "NodeSecretHolder": "nodePublishSecretRef!",
    "EphemeralVolume": "volumeClaimTemplate=Claim",
    # workloads
    "DeploymentLike": _TEMPLATE,
    "StatefulSetSpec": _TEMPLATE,
    "JobSpec": f"{_TEMPLATE} podFailurePolicy=-",
    "CronJobSpec": "jobTemplate=JobTemplate",
    "JobTemplate": f"{_METADATA} spec=JobSpec",
    "WorkloadStatus": _CONDITIONS,
    "ReplicationControllerSpec": "template=PodTemplate selector!",
    # services and networks
    "ServiceSpec": "ports[port,protocol] selector!",
    "IngressSpec": "defaultBackend=Backend",
    "Backend": "resource! service=ServiceBackend",
    "ServiceBackend": "port!",
    "IngressClassSpec": "parameters=-",
    "NetworkPolicySpec": "podSelector!",
    "EndpointSlice": f"{_METADATA}",
    # storage
    "ClaimSpec": "selector! dataSource! resources=-",
    "Claim": f"{_METADATA} spec=ClaimSpec",
    "VolumeSpec": ("claimRef=- nodeAffinity=VolumeNodeAffinity csi=PersistentCsi"),
    "VolumeNodeAffinity": "required!",
    "PersistentCsi": (
        "controllerPublishSecretRef! nodeStageSecretRef! nodePublishSecretRef! controllerExpandSecretRef!"
        " nodeExpandSecretRef!"
    ),
    "CsiNodeSpec": "drivers[name]",
    "CsiDriverSpec": "volumeLifecycleModes{}",
    # the rest
    "NodeSpec": "podCIDRs{} configSource=-",
    "NodeStatus": f"{_CONDITIONS} addresses[type]",
    "QuotaSpec": "scopeSelector!",
    "BudgetSpec": "selector!",
    "AutoscalerSpec": "scaleTargetRef=-",
    "AutoscalerV1Spec": "scaleTargetRef!",
    "WebhookLike": "clientConfig=- namespaceSelector! objectSelector! matchConditions[name]",
    "AdmissionSpec": ("paramKind! matchConstraints! matchConditions[name] variables[name]=Reference"),
    "AdmissionBindingSpec": "paramRef! matchResources! validationActions{}",
    "NodeScheduling": "nodeSelector!",
}
"""Type -> its fields. `f=T` has type T; `f[a,b]=T` is a list whose elements (of type T) have the keys a and
b; `f{}` is a set; `f!` is written as a whole; `!` alone says so of the type itself."""

_KINDS: Final[dict[str, str]] = {
    "Pod": f"{_METADATA} spec=PodSpec status=PodStatus",
    "PodTemplate": f"{_METADATA} template=PodTemplate",
    "ReplicationController": f"{_METADATA} spec=ReplicationControllerSpec status=WorkloadStatus",
    "Deployment": f"{_METADATA} spec=DeploymentLike status=WorkloadStatus",
    "DaemonSet": f"{_METADATA} spec=DeploymentLike status=WorkloadStatus",
    "ReplicaSet": f"{_METADATA} spec=DeploymentLike status=WorkloadStatus",
    "StatefulSet": f"{_METADATA} spec=StatefulSetSpec status=WorkloadStatus",
    "Job": f"{_METADATA} spec=JobSpec",
    "CronJob": f"{_METADATA} spec=CronJobSpec",
    "Service": f"{_METADATA} spec=ServiceSpec status=WorkloadStatus",
    "ServiceAccount": f"{_METADATA} secrets[name]=Reference",
    "Ingress": f"{_METADATA} spec=IngressSpec",
    "NetworkPolicy": f"{_METADATA} spec=NetworkPolicySpec",
    "PersistentVolume": f"{_METADATA} spec=VolumeSpec",
    "PersistentVolumeClaim": f"{_METADATA} spec=ClaimSpec status=WorkloadStatus",
    "Namespace": f"{_METADATA} status=WorkloadStatus",
    "Node": f"{_METADATA} spec=NodeSpec status=NodeStatus",
    "ResourceQuota": f"{_METADATA} spec=QuotaSpec",
    "PodDisruptionBudget": f"{_METADATA} spec=BudgetSpec status=WorkloadStatus",
    "HorizontalPodAutoscaler": f"{_METADATA} status=WorkloadStatus",
    "ClusterRole": f"{_METADATA}",
    "ClusterRoleBinding": f"{_METADATA} roleRef!",
    "RoleBinding": f"{_METADATA} roleRef!",
    "CSIDriver": f"{_METADATA} spec=CsiDriverSpec",
    "CSINode": f"{_METADATA} spec=CsiNodeSpec",
    "RuntimeClass": f"{_METADATA} scheduling=NodeScheduling",
    "ValidatingWebhookConfiguration": f"{_METADATA} webhooks[name]=WebhookLike",
    "MutatingWebhookConfiguration": f"{_METADATA} webhooks[name]=WebhookLike",
    "ValidatingAdmissionPolicy": f"{_METADATA} spec=AdmissionSpec status=WorkloadStatus",
    "MutatingAdmissionPolicy": f"{_METADATA} spec=AdmissionSpec",
    "ValidatingAdmissionPolicyBinding": f"{_METADATA} spec=AdmissionBindingSpec",
    "MutatingAdmissionPolicyBinding": f"{_METADATA} spec=AdmissionBindingSpec",
    "CertificateSigningRequest": f"{_METADATA} status=WorkloadStatus",
    "FlowSchema": f"{_METADATA} status=WorkloadStatus",
    "PriorityLevelConfiguration": f"{_METADATA} status=WorkloadStatus",
}
"""Kind -> its fields, in the same notation."""
_ANY_OBJECT: Final = _METADATA
_PROTOCOL: Final = {"protocol": "TCP"}
"""What the ports of containers and services leave out most often."""


@cache
def shape_of(group: str, kind: str) -> Shape:
    """Return how objects of a kind are merged."""
    fields = _KINDS.get(kind, _ANY_OBJECT) if kind in BUILT_IN.get(group, ()) else _ANY_OBJECT
    return _object(fields)


@cache
def _named(name: str) -> Shape:
    if name == "-":
        return DEDUCED
    fields = _TYPES[name]
    return _ATOMIC if fields == "!" else _object(fields)


def _object(text: str) -> Shape:
    return Shape(fields={_name(part): part for part in text.split()})


def _name(part: str) -> str:
    return part.rstrip("!").partition("=")[0].partition("[")[0].partition("{")[0]


@cache
def _read(part: str) -> Shape:
    """Return the shape of a field as the table writes it."""
    if part.endswith("!"):
        return _ATOMIC
    if part.endswith("{}"):
        return _SET
    head, _, type_ = part.partition("=")
    element = _named(type_) if type_ else DEDUCED
    _, bracket, keys = head.partition("[")
    if not bracket:
        return element
    names = tuple(keys.rstrip("]").split(","))
    return Shape(keys=names, element=element, defaults=_PROTOCOL if "protocol" in names else {})
