"""What is looked at for which policies."""

import json
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.runtime.scanning.scope import scope
from tests.support_cel_policies import text
from tests.support_discovery import DISCOVERY
from tests.support_policies import cluster_policy, policy, rule_policy


def made(*filters: dict[str, Any], **more: Any) -> ir.Policy:
    found = [{"resources": {"kinds": ["Pod"], **each}} for each in filters]
    return policy(cluster_policy(rule={"match": {"any": found}}, **more))


def targets(*policies: ir.Policy) -> set[str]:
    return {f"{t.type.kind}/{t.namespace}".rstrip("/") for t in scope(policies, DISCOVERY)}


CONTROLLERS = {
    "DaemonSet",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "ReplicationController",
    "Job",
    "CronJob",
}


def test_pods_and_the_controllers_of_generated_rules() -> None:
    assert targets(made({})) == {"Pod", *CONTROLLERS}
    assert targets() == set()


def test_policies_without_background_are_not_scanned() -> None:
    assert targets(made({}, spec={"background": False})) == set()


def test_rules_that_change_are_not_scanned() -> None:
    change = {"patchStrategicMerge": {"metadata": {"labels": {"a": "b"}}}}
    assert targets(policy(rule_policy(mutate=change))) == set()


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ('apiGroups: [tekton.dev], apiVersions: ["*"], resources: [tasks, nothing]', {"Task"}),
        ('apiGroups: [tekton.dev], apiVersions: [v2], resources: ["*"]', set()),
        ('apiGroups: [""], apiVersions: [v1], resources: [nodes, "pods/exec"]', {"Node"}),
        ('apiGroups: [""], apiVersions: [v1], resources: ["*"], scope: Cluster', {"Namespace", "Node"}),
        ('apiGroups: [batch], apiVersions: ["*"], resources: [cronjobs]', {"CronJob"}),
    ],
)
def test_policies_in_cel_are_about_what_they_name(named: str, expected: set[str]) -> None:
    rules = f'{{{named}, operations: ["*"]}}'
    spec = "validations: [{expression: 'true'}]\n"
    assert targets(policy(text("ValidatingPolicy", spec, rules=rules))) == expected


def test_the_namespaces_that_are_named() -> None:
    own = policy(cluster_policy(metadata={"namespace": "kube-system"}, kind="Policy"))
    assert targets(own) == {f"{kind}/kube-system" for kind in ("Pod", *CONTROLLERS)}
    both = targets(own, made({"namespaces": ["a"], "names": ["x"]}))
    assert both == {f"{kind}/kube-system" for kind in ("Pod", *CONTROLLERS)} | {"Pod/a"}
    assert "Pod" in targets(own, made({"names": ["x"]}))
    assert "Pod/kube-system" not in targets(own, made({"names": ["x"]}))


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["ConfigMap"], {"ConfigMap"}),
        (["Namespace", "Node/status"], {"Namespace"}),
        (["Rollout"], set()),
    ],
)
def test_other_kinds(kinds: list[str], expected: set[str]) -> None:
    rule = {
        "name": "r",
        "match": {"any": [{"resources": {"kinds": kinds}}]},
        "validate": {"pattern": {"metadata": {"name": "?*"}}},
    }
    document = {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": "p"},
        "spec": {"rules": [rule]},
    }
    assert targets(policy(json.dumps(document))) == expected
