"""Policies and the webhooks that are registered for them, for tests."""

from __future__ import annotations

import json
from typing import Any

from pratique.compiler import ir
from pratique.runtime.kubernetes.types import MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS
from pratique.runtime.serving.webhooks import Endpoint, Registration, configurations
from tests.support_cel_policies import PODS, text
from tests.support_discovery import DISCOVERY
from tests.support_policies import cluster_policy, policy

HERE = Registration(name="pratique", endpoint=Endpoint(namespace="ns", service="svc", port=8443))


def made(name: str = "p", entry: dict[str, Any] | None = None, **more: Any) -> ir.Policy:
    resources = {"kinds": ["Pod"], **more.pop("resources", {})}
    rule = {"match": {"any": [{"resources": resources}]}, **more.pop("rule", {})}
    return policy(cluster_policy(entry, metadata={"name": name}, rule=rule, **more))


def hooks(
    *policies: ir.Policy, registration: Registration = HERE, mutating: bool = False
) -> list[dict[str, Any]]:
    found = configurations(policies, DISCOVERY, registration, b"PEM")
    type = MUTATING_WEBHOOKS if mutating else VALIDATING_WEBHOOKS
    configuration = found[type]
    assert (configuration["kind"], configuration["metadata"]["name"]) == (type.kind, registration.name)
    listed: list[dict[str, Any]] = configuration["webhooks"]
    assert len({hook["name"] for hook in listed}) == len(listed)
    return listed


def sent(hook: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return group, resource and operation of all that a webhook is called for."""
    return {
        (group, resource, operation)
        for rule in hook["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for operation in rule["operations"]
    }


def in_cel(spec: str = "", rules: str = PODS, kind: str = "ValidatingPolicy") -> ir.Policy:
    return policy(text(kind, f"validations: [{{expression: 'true'}}]\n{spec}", rules=rules))


def validating(body: dict[str, Any], kinds: list[str], name: str = "v", **more: Any) -> ir.Policy:
    rule = {
        "name": "r",
        "match": {"any": [{"resources": {"kinds": kinds, **more.pop("resources", {})}}]},
        "validate": {"message": "no", **body},
    }
    document = {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": name},
        "spec": {"rules": [rule], **more},
    }
    return policy(json.dumps(document))


PATTERN = {"pattern": {"metadata": {"name": "?*"}}}


DENY: dict[str, Any] = {"deny": {}}


JOBS = "{apiGroups: [batch], apiVersions: [v1], operations: [CREATE], resources: [jobs]}"
