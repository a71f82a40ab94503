"""Policies as a cluster holds them."""

from __future__ import annotations

import json
from typing import Any

import yaml

from pratique.runtime.kubernetes.client import Object
from tests.support_cel_policies import text
from tests.support_policies import cluster_policy


def policy_object(name: str = "p", entry: dict[str, Any] | None = None, **more: Any) -> Object:
    """Return an object with what an API server adds; `generation` and `uid` are of `metadata`."""
    added = {"uid": f"uid-{name}", "generation": 1, "managedFields": [{"manager": "x"}]}
    metadata = {"name": name, **added, **more.pop("metadata", {})}
    found: Object = json.loads(cluster_policy(entry, metadata=metadata, **more))
    return found


def exception_object(name: str = "e", namespace: str = "ns", policy: str = "p", **spec: Any) -> Object:
    """Return an exception that lifts all rules of a policy from Pods."""
    return {
        "apiVersion": "kyverno.io/v2",
        "kind": "PolicyException",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}"},
        "spec": {
            "exceptions": [{"policyName": policy, "ruleNames": ["*"]}],
            "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
            **spec,
        },
    }


def cel_object(spec: str, kind: str = "ValidatingPolicy", *, name: str = "c", **more: Any) -> Object:
    """Return a policy in CEL about Pods as the API server hands it out; namespaced ones are in `shop`."""
    found: Object = yaml.safe_load(text(kind, spec, **more))
    found["metadata"] |= {"name": name, "uid": f"uid-{name}", "generation": 1}
    return found
