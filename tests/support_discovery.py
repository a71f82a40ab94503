"""What a cluster serves, for tests that need no cluster."""

from __future__ import annotations

from pratique.runtime.kubernetes.discovery import Discovery, Served
from pratique.runtime.kubernetes.types import ResourceType

VERBS = frozenset({"create", "get", "list", "watch"})


def served(group: str, version: str, plural: str, kind: str, *subresources: str, **more: bool) -> Served:
    type = ResourceType(
        group=group, version=version, plural=plural, kind=kind, namespaced=more.get("namespaced", True)
    )
    return Served(
        type=type,
        verbs=VERBS,
        subresources=frozenset(subresources),
        preferred=more.get("preferred", True),
    )


DISCOVERY = Discovery(
    (
        served("", "v1", "pods", "Pod", "status", "ephemeralcontainers", "exec"),
        served("", "v1", "replicationcontrollers", "ReplicationController", "scale", "status"),
        served("", "v1", "configmaps", "ConfigMap"),
        served("", "v1", "namespaces", "Namespace", namespaced=False),
        served("", "v1", "nodes", "Node", "status", namespaced=False),
        *(
            served("apps", "v1", f"{kind.lower()}s", kind, "scale", "status")
            for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")
        ),
        served("batch", "v1", "jobs", "Job", "status"),
        served("batch", "v1", "cronjobs", "CronJob", "status"),
        served("batch", "v1beta1", "cronjobs", "CronJob", "status", preferred=False),
        served("tekton.dev", "v1", "tasks", "Task", "status"),
    )
)
"""A cluster with what runs images, and a little more."""
