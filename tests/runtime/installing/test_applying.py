"""Installing into a cluster in memory; the real API server judges in `tests/e2e/test_install.py`."""

from __future__ import annotations

import asyncio

import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.installing.applying import TYPES, Applied, applied
from pratique.runtime.installing.manifests import InstallOptions, manifests
from pratique.runtime.kubernetes.client import ClusterError
from pratique.runtime.kubernetes.types import CLUSTER_ROLE_BINDINGS, DEFINITIONS, NAMESPACES, SECRETS
from tests.support_fake_cluster import FakeCluster

IMAGE = "registry.example/own/pratique:1"


def install(cluster: FakeCluster, *, dry_run: bool = False, namespace: str = "pratique") -> list[Applied]:
    async def run() -> list[Applied]:
        objects = manifests(InstallOptions(image=IMAGE, namespace=namespace))
        return [each async for each in applied(cluster, objects, dry_run=dry_run)]

    return asyncio.run(run())


def test_everything_is_made() -> None:
    cluster = FakeCluster()
    found = install(cluster)
    assert {each.outcome for each in found} == {"applied"}
    assert found[0] == Applied("Namespace", "pratique", "applied")
    assert len(cluster.objects) == len(found)
    deployment = cluster.of(TYPES["Deployment"])["pratique", "pratique"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == IMAGE


def test_once_more_changes_what_is_chosen_and_keeps_what_others_wrote() -> None:
    cluster = FakeCluster()
    install(cluster)
    secret = cluster.of(SECRETS)["pratique", "pratique-certificates"]
    secret["data"] = {"tls.crt": "x"}
    found = install(cluster)
    assert {each.kind for each in found if each.outcome == "kept"} == {
        "Namespace",
        "CustomResourceDefinition",
    }
    assert cluster.of(SECRETS)["pratique", "pratique-certificates"]["data"] == {"tls.crt": "x"}


def test_definitions_and_a_namespace_that_are_there_are_kept() -> None:
    cluster = FakeCluster()
    cluster.put(NAMESPACES, "ops", metadata={"labels": {"team": "ops"}})
    cluster.put(DEFINITIONS, "policies.kyverno.io", spec={"of": "Kyverno"})
    found = install(cluster, namespace="ops")
    kept = {each.name for each in found if each.outcome == "kept"}
    assert kept == {"ops", "policies.kyverno.io"}
    assert cluster.of(DEFINITIONS)["", "policies.kyverno.io"]["spec"] == {"of": "Kyverno"}
    assert cluster.of(NAMESPACES)["", "ops"]["metadata"]["labels"] == {"team": "ops"}


def test_asking_changes_nothing() -> None:
    cluster = FakeCluster()
    found = install(cluster, dry_run=True)
    assert cluster.objects == {}
    outcomes = {each.kind: each.outcome for each in found}
    assert outcomes["ClusterRole"] == outcomes["Namespace"] == "applied"
    assert outcomes["Deployment"] == outcomes["Secret"] == "unknown"
    cluster.put(NAMESPACES, "pratique")
    assert {each.outcome for each in install(cluster, dry_run=True)} == {"applied", "kept"}
    assert len(cluster.objects) == 1


def test_what_helm_installed_is_left_to_helm() -> None:
    cluster = FakeCluster()
    annotations = {"meta.helm.sh/release-name": "pratique"}
    cluster.put(TYPES["Service"], "pratique", "pratique", metadata={"annotations": annotations})
    with pytest.raises(UsageError, match="Service pratique belongs to the Helm release pratique"):
        install(cluster)
    assert len(cluster.objects) == 1


def test_there_is_one_installation_in_a_cluster() -> None:
    cluster = FakeCluster()
    install(cluster)
    with pytest.raises(UsageError, match="of an installation in namespace pratique"):
        install(cluster, namespace="ops")
    [subject] = cluster.of(CLUSTER_ROLE_BINDINGS)["", "pratique"]["subjects"]
    assert subject["namespace"] == "pratique"


@pytest.mark.parametrize("verb", ["get", "apply"])
def test_an_outage_is_told(verb: str) -> None:
    cluster = FakeCluster()
    cluster.fail(verb, "deployments", 503)
    with pytest.raises(ClusterError):
        install(cluster)
