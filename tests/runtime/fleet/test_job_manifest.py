from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.plan import Plan
from pratique.grammar.errors import UsageError
from pratique.runtime.fleet.job_manifest import JobOptions, notices, objects
from tests.runtime.fleet.test_classes import CHANGES, SELECTING, SIGNED
from tests.support_fleet import LABELLED, policies

FILES = {"policy-000.yaml": "x", "root-000.json": "y"}
OPTIONS = JobOptions(image="ghcr.io/x/pratique@sha256:00", files=FILES)


def made(*texts: str, options: JobOptions = OPTIONS) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for each in objects(Plan(policies(*texts)), options):
        found.setdefault(each["kind"], []).append(each)
    return found


def rights(*texts: str) -> set[str]:
    """Return the rights as `namespace: verb group/resource names`."""
    found = made(*texts)
    return {
        f"{role['metadata'].get('namespace', '')}: {verb} {group}/{resource} {_names(rule)}"
        for role in [*found["ClusterRole"], *found.get("Role", [])]
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def _names(rule: dict[str, Any]) -> str:
    return ",".join(rule.get("resourceNames", ()))


CLUSTER = ": get /namespaces kube-system"
CONTROLLERS = {
    "apps/daemonsets",
    "apps/deployments",
    "apps/replicasets",
    "apps/statefulsets",
    "batch/cronjobs",
    "batch/jobs",
    "/replicationcontrollers",
}


def test_rights_are_what_the_policies_need() -> None:
    pods = {f": list {each} " for each in ("/pods", *CONTROLLERS)}
    assert rights(SIGNED) == {CLUSTER, *pods}
    assert rights(SIGNED, CHANGES) == rights(SIGNED)
    assert rights(CHANGES) == {CLUSTER}
    assert rights(SELECTING) == {CLUSTER, *pods, ": list /namespaces "}


def test_what_is_in_some_namespaces_is_listed_there_only() -> None:
    own = SIGNED.replace("kinds: [Pod]", "kinds: [Pod], namespaces: [one, two]")
    own = own.replace("{name: signed}", "{name: own}")
    found = rights(own)
    assert "one: list /pods " in found
    assert "two: list /pods " in found
    assert ": list /pods " not in found
    assert not {each for each in rights(own, SIGNED) if each.startswith("one: list /pods")}
    nodes = LABELLED.replace("kinds: [Pod, Deployment]", "kinds: [Node], namespaces: [one]")
    assert ": list /nodes " in rights(nodes)


def test_secrets_that_policies_name_are_read_by_name() -> None:
    keys = SIGNED.replace(
        'keyless: {issuer: a, subject: b, rekor: {url: "https://r"}}', 'keys: {publicKeys: "k8s://team/key"}'
    )
    assert "team: get /secrets key" in rights(keys)


def test_kinds_by_wildcard_are_told() -> None:
    every = Plan(policies(LABELLED.replace("[Pod, Deployment]", '["Config*"]')))
    assert any("wildcards" in notice for notice in notices(every))
    assert not any("wildcards" in notice for notice in notices(Plan(policies(LABELLED))))


def test_a_pod_for_each_shard_and_one_that_merges() -> None:
    shards, merge = made(SIGNED)["Job"]
    assert (shards["spec"]["completionMode"], shards["spec"]["completions"]) == ("Indexed", 4)
    container = shards["spec"]["template"]["spec"]["containers"][0]
    assert container["args"][:5] == [
        "scan",
        "/etc/pratique/policy-000.yaml",
        "--cluster",
        "--shard=index/4",
        "--state=/state",
    ]
    assert merge["spec"]["suspend"] is True
    assert "--merge=/state" in merge["spec"]["template"]["spec"]["containers"][0]["args"]


@pytest.mark.parametrize("number", [0, 1])
def test_pods_are_restricted(number: int) -> None:
    pod = made(SIGNED)["Job"][number]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is (number == 0)
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}


def test_what_is_there_already_is_not_made() -> None:
    options = JobOptions(image="i", claim="mine", registry_secret="creds", files=OPTIONS.files)
    found = made(SIGNED, options=options)
    assert "PersistentVolumeClaim" not in found
    pod = found["Job"][0]["spec"]["template"]["spec"]
    assert {"name": "state", "persistentVolumeClaim": {"claimName": "mine"}} in pod["volumes"]
    assert "--registry-config=/etc/pratique-registry/config.json" in pod["containers"][0]["args"]


def test_too_much_for_a_config_map() -> None:
    with pytest.raises(UsageError, match="do not fit a ConfigMap"):
        made(SIGNED, options=JobOptions(image="i", files={"policy-000.yaml": "é" * 500_000}))
