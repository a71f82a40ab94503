"""Objects of suites as the Kyverno CLI reads them: in a namespace, with maps for nulls, all numbers doubles.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/resource/resource.go`, `commands/test/test.go`
(`ProcessResources`); which kinds are cluster-wide: the API of Kubernetes 1.32 to 1.34.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pratique.grammar.errors import PolicyErrors
from pratique.runtime.inputs import load_resources, read_inputs

CLUSTER_WIDE: Final[dict[str, frozenset[str]]] = {
    "": frozenset({"ComponentStatus", "Namespace", "Node", "PersistentVolume"}),
    "admissionregistration.k8s.io": frozenset(
        {
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        }
    ),
    "apiextensions.k8s.io": frozenset({"CustomResourceDefinition"}),
    "apiregistration.k8s.io": frozenset({"APIService"}),
    "authentication.k8s.io": frozenset({"SelfSubjectReview", "TokenReview"}),
    "authorization.k8s.io": frozenset(
        {"SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"}
    ),
    "certificates.k8s.io": frozenset({"CertificateSigningRequest"}),
    "flowcontrol.apiserver.k8s.io": frozenset({"FlowSchema", "PriorityLevelConfiguration"}),
    "networking.k8s.io": frozenset({"IPAddress", "IngressClass", "ServiceCIDR"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "rbac.authorization.k8s.io": frozenset({"ClusterRole", "ClusterRoleBinding"}),
    "resource.k8s.io": frozenset({"DeviceClass", "ResourceSlice"}),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset(
        {"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"}
    ),
}
"""API group -> kinds that are in no namespace."""

_MAPS: Final = frozenset({"annotations", "labels", "matchLabels", "nodeSelector", "data", "stringData"})
"""Fields for which null is an empty map."""


def read_objects(
    paths: Sequence[Path], *, doubles: bool = False, as_written: bool = False
) -> list[dict[str, Any]]:
    """Return the objects of files and folders.

    Args:
        paths: files and folders.
        doubles: whether all numbers become doubles.
        as_written: leave them as they are written, without a namespace or with null maps.

    Raises:
        PolicyErrors: all mistakes of all files.
    """
    inputs = read_inputs([str(path) for path in paths])
    documents, errors = load_resources(inputs.sources)
    if inputs.errors or errors:
        raise PolicyErrors([*inputs.errors, *errors])
    if as_written:
        return [document.data for document in documents]
    found = [normalized(document.data) for document in documents]
    return [with_doubles(each) for each in found] if doubles else found


def normalized(data: dict[str, Any]) -> dict[str, Any]:
    """Return an object in a namespace, unless its kind is cluster-wide, and with maps where they are null."""
    data = _with_maps(data)
    metadata = data.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    if not named.get("namespace") and not is_cluster_wide(data):
        data = {**data, "metadata": {**named, "namespace": "default"}}
    return data


def is_cluster_wide(data: dict[str, Any]) -> bool:
    """Say whether objects of this kind are in no namespace; unknown kinds are in one."""
    version, kind = str(data.get("apiVersion") or ""), str(data.get("kind") or "")
    group = version.rpartition("/")[0]
    return kind in CLUSTER_WIDE.get(group, ())


def _with_maps(value: Any) -> Any:
    match value:
        case dict():
            return {
                key: {} if item is None and key in _MAPS else _with_maps(item) for key, item in value.items()
            }
        case list():
            return [_with_maps(item) if isinstance(item, dict) else item for item in value]
        case _:
            return value


def with_doubles(value: Any) -> Any:
    """Return JSON data with every number a double."""
    match value:
        case dict():
            return {key: with_doubles(item) for key, item in value.items()}
        case list():
            return [with_doubles(item) for item in value]
        case bool():
            return value
        case int():
            return float(value)
        case _:
            return value
