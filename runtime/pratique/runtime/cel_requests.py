"""Resources as requests, as policies in CEL see them.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/processor` (`AdmissionRequestShape`); Kubernetes,
`admission.k8s.io/v1` AdmissionRequest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pratique.compiler.api_kinds import plural
from pratique.compiler.cel_policies.request import Coordinates, Request
from pratique.runtime.resource import Resource


def request_of(resource: Resource, data: Mapping[str, Any] | None = None) -> Request:
    """Return the request for a resource: the one that the API server sent, or one that stands for it.

    Args:
        resource: the object with what is known of its request.
        data: what has become of the object; by default it is as it was.
    """
    target = resource.target
    sent = (resource.values or {}).get("request")
    raw = sent if isinstance(sent, dict) else {}
    data = resource.data if data is None else data
    before = raw.get("oldObject")
    return Request(
        kind=Coordinates(target.group, target.version, target.kind),
        resource=_resource(raw, target.group, target.version, target.kind),
        subresource=target.subresource,
        name=_name(resource),
        namespace=target.namespace,
        operation=target.operation,
        object=None if target.operation == "DELETE" else data,
        old_object=_old(target.operation, data, before if isinstance(before, dict) else None),
        namespace_object=_namespace(resource),
        namespace_labels=target.namespace_labels,
        user=_user(resource, raw),
        dry_run=raw.get("dryRun") is True,
        raw=raw,
    )


def _name(resource: Resource) -> str:
    name = resource.metadata.get("name")
    return name if isinstance(name, str) else ""


def _resource(raw: Mapping[str, Any], group: str, version: str, kind: str) -> Coordinates:
    sent = raw.get("resource")
    if isinstance(sent, dict) and isinstance(sent.get("resource"), str):
        return Coordinates(str(sent.get("group", "")), str(sent.get("version", "")), sent["resource"])
    return Coordinates(group, version, plural(kind))


def _old(operation: str, data: Mapping[str, Any], sent: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    match operation:
        case "DELETE":
            return data
        case "UPDATE":
            return data if sent is None else sent
        case _:
            return sent


def _namespace(resource: Resource) -> Mapping[str, Any] | None:
    if resource.namespace_object is not None or not resource.target.namespace_labels:
        return resource.namespace_object
    metadata = {"name": resource.target.namespace, "labels": dict(resource.target.namespace_labels)}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _user(resource: Resource, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    sent = raw.get("userInfo")
    if isinstance(sent, dict):
        return sent
    requester = resource.target.requester
    if requester is None:
        return {}
    return {"username": requester.username, "groups": list(requester.groups)}
