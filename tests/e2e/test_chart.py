"""The chart, installed by Helm into a real API server; beside it a server with its arguments and rights.

Pods do not run on the control plane that tests make, so that a process does the work of the Deployment: with
its arguments, the files that it mounts, and the token of its service account.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.settings import ClusterSettings, from_kubeconfig
from pratique.runtime.kubernetes.types import (
    CLUSTER_POLICIES,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    EVENTS,
    LEASES,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    PODS,
    POLICY_REPORTS,
    ROLE_BINDINGS,
    SECRETS,
    VALIDATING_WEBHOOKS,
    ResourceType,
)
from pratique.runtime.serving.policy_review import PATH
from tests.support_chart import RELEASE, account, command, installed, to_loopback
from tests.support_engine import pod
from tests.support_helm import IMAGE, rendered
from tests.support_policies import cluster_policy, rule_policy
from tests.support_serve import APP, BAD, exists, free_port, images, namespace, process, until

pytestmark = pytest.mark.e2e

DENIED = "was blocked due to the following policies"


def policy(policed: str) -> str:
    """Return a policy that wants the images of acme signed in one namespace."""
    match = {"any": [{"resources": {"kinds": ["Pod"], "namespaces": [policed]}}]}
    entry = {"failureAction": "Enforce", "mutateDigest": True}
    return cluster_policy(entry, metadata={"name": policed}, rule={"match": match})


def values(port: int, file: Path | None = None) -> list[str]:
    """Return the arguments of an installation: policies of the cluster and reports, or of a file and none."""
    files = ["--set-file", f"policies.files.images={file}", "--set", "reports.kind=none"] if file else []
    return ["--set", f"image.repository={IMAGE},service.port={port}", *files]


def named(name: str, *containers: str) -> Object:
    return pod(*containers, metadata={"name": name, "namespace": None})


async def denied(cluster: Cluster, where: str) -> bool:
    try:
        await cluster.create(PODS, named("probe", BAD), where, dry_run=True)
    except ClusterError as error:
        if DENIED not in error.message:
            raise
        return True
    return False


async def gone(cluster: Cluster, type: ResourceType, name: str, where: str = "") -> None:
    async def check() -> bool:
        return not await exists(cluster, type, name, where)

    await until(check)


@pytest.mark.parametrize("live", [False, True], ids=["files", "cluster"])
def test_an_installed_server_judges_with_the_rights_of_the_chart_and_leaves_nothing_behind(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path, live: bool
) -> None:
    port = free_port()

    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where, namespace(cluster) as policed:
            await cluster.create(PODS, named("old", BAD), policed)
            file = tmp_path / "policy.yaml"
            file.write_text(policy(policed))
            chosen = values(port, None if live else file)
            async with installed(kubeconfig_file, tmp_path, where, *chosen) as notes:
                assert "NOTHING is judged in kube-system" in notes
                kubeconfig = await account(cluster, settings, tmp_path, where)
                arguments = await command(cluster, tmp_path, where, kubeconfig, port)
                await to_loopback(cluster, where)
                with process(tmp_path, port, *arguments, "--host", "127.0.0.1", *images(lab)) as server:
                    if live:
                        await applied(cluster, file)
                    await until(lambda: denied(cluster, policed))
                    made = await cluster.create(PODS, named("good", APP), policed)
                    assert made["spec"]["containers"][0]["image"].startswith(f"{APP}@sha256:")
                    await registered(cluster)
                    await least(kubeconfig, where, policed, live)
                    await asked_by_helm_test(cluster, tmp_path, where, chosen, port)
                    if live:
                        await until(lambda: reported(cluster, policed))
                        await cluster.merge(CLUSTER_POLICIES, policed, {"spec": {"rules": about_nodes()}})
                        await until(lambda: told(cluster, policed, "nothing of Node"))
                        await cluster.delete(CLUSTER_POLICIES, policed)
                assert "events could not" not in server.said
                assert server.said.count("forbidden") == server.said.count("nodes is forbidden")
            for type in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS, CLUSTER_ROLES):
                await gone(cluster, type, RELEASE)
            await gone(cluster, SECRETS, f"{RELEASE}-certificates", where)
            await gone(cluster, LEASES, RELEASE, where)

    asyncio.run(asyncio.wait_for(run(), 150))


async def reported(cluster: Cluster, where: str) -> bool:
    """Say whether the Pods of a namespace are reported, and an event tells of the one that fails."""
    reports = (await cluster.list(POLICY_REPORTS, where)).items
    found = {each["scope"]["name"]: [r["result"] for r in each["results"]] for each in reports}
    events = (await cluster.list(EVENTS, where)).items
    violations = {e["regarding"]["name"] for e in events if e.get("reason") == "PolicyViolation"}
    return found == {"old": ["fail"], "good": ["pass"]} and "old" in violations


def about_nodes() -> list[Object]:
    """Return rules about what the chart lets nobody read."""
    document = json.loads(
        rule_policy(validate={"deny": {}}, match={"any": [{"resources": {"kinds": ["Node"]}}]})
    )
    rules: list[Object] = document["spec"]["rules"]
    return rules


async def told(cluster: Cluster, name: str, words: str) -> bool:
    """Say whether the status of a policy holds some words."""
    return words in str((await cluster.get(CLUSTER_POLICIES, name)).get("status"))


async def applied(cluster: Cluster, file: Path) -> None:
    """Bring a policy into the cluster, whose definition the chart brought; its status is written."""
    made = await cluster.create(CLUSTER_POLICIES, json.loads(file.read_text()))

    async def ready() -> bool:
        found = await cluster.get(CLUSTER_POLICIES, made["metadata"]["name"])
        conditions = (found.get("status") or {}).get("conditions") or ()
        return {"Ready": "True"}.items() <= {each["type"]: each["status"] for each in conditions}.items()

    await until(ready)


async def registered(cluster: Cluster) -> None:
    """The webhooks go by the chart: kube-system is left out, and so are the Pods of the server."""
    role = await cluster.get(CLUSTER_ROLES, RELEASE)
    for type in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS):
        found = await cluster.get(type, RELEASE)
        assert found["metadata"]["ownerReferences"][0]["uid"] == role["metadata"]["uid"]
        judging = [hook for hook in found["webhooks"] if hook["clientConfig"]["service"]["path"] != PATH]
        assert judging
        for hook in judging:
            left_out = [e for e in hook["namespaceSelector"]["matchExpressions"] if e["operator"] == "NotIn"]
            assert left_out[0]["values"] == ["kube-system"]
            assert [condition["name"] for condition in hook["matchConditions"]] == ["not-the-webhook-itself"]


async def least(kubeconfig: Path, where: str, policed: str, live: bool) -> None:
    """What the server needs is allowed, and what it does not need is forbidden."""
    async with Cluster(from_kubeconfig(kubeconfig)) as server:
        # Faults of watches are only counted: what the server watches is listed here as it does.
        own = f"{RELEASE}-certificates"
        assert (await server.list(SECRETS, where, fields=f"metadata.name={own}")).items
        for type in (NAMESPACES, CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS):
            assert (await server.list(type)).items
        for type in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS):
            assert (await server.list(type, fields=f"metadata.name={RELEASE}")).items
        for attempt in (
            server.list(SECRETS, where),
            server.get(SECRETS, "token", where),
            server.get(PODS, "old", policed),
            server.delete(PODS, "old", policed),
            server.get(CONFIG_MAPS, f"{RELEASE}-policies", where),
            server.list(VALIDATING_WEBHOOKS),
            server.get(CLUSTER_ROLES, "cluster-admin"),
            server.delete(CLUSTER_POLICIES, "any"),
            server.create(SECRETS, {"metadata": {"name": "token"}, "type": "Opaque"}, where),
        ):
            with pytest.raises(ClusterError) as error:
                await attempt
            assert error.value.status == 403
        if live:
            assert (await server.list(PODS, policed)).items
        else:
            for type in (CLUSTER_POLICIES, PODS, POLICY_REPORTS):
                with pytest.raises(ClusterError, match="403"):
                    await server.list(type)


async def asked_by_helm_test(
    cluster: Cluster, folder: Path, where: str, chosen: list[str], port: int
) -> None:
    """The script of `helm test` succeeds with the server; where Pods do not run, it is run here."""
    text = rendered(folder, *chosen, release=RELEASE, where=where)
    [test] = [each for each in yaml.safe_load_all(text) if each and each["kind"] == "Pod"]
    [container] = test["spec"]["containers"]
    secret = await cluster.get(SECRETS, f"{RELEASE}-certificates", where)
    (folder / "server-ca.crt").write_bytes(base64.b64decode(secret["data"]["ca.crt"]))
    env = {each["name"]: each["value"] for each in container["env"]}
    assert env["SERVER"] == f"https://{RELEASE}.{where}.svc:{port}"
    resolved = (
        "import socket; found = socket.getaddrinfo\n"
        "socket.getaddrinfo = lambda host, *a, **k: found('127.0.0.1', *a, **k)\n"
    )
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", resolved + container["args"][0]],
        env={**os.environ, **env, "AUTHORITIES": str(folder / "server-ca.crt"), "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "the server is ready, and judges" in done.stdout


def test_pods_of_the_chart_are_admitted_to_a_restricted_namespace(
    settings: ClusterSettings, tmp_path: Path
) -> None:
    """By the API server's own Pod Security admission."""

    async def run() -> None:
        restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
        async with Cluster(settings) as cluster, namespace(cluster, **restricted) as where:
            with pytest.raises(ClusterError, match="PodSecurity"):
                await cluster.create(PODS, named("plain", APP), where, dry_run=True)
            text = rendered(tmp_path, *values(443), release=RELEASE, where=where)
            objects = {each["kind"]: each for each in yaml.safe_load_all(text) if each}
            template = objects["Deployment"]["spec"]["template"]
            metadata = {"metadata": {**template["metadata"], "name": "server"}}
            server = {"apiVersion": "v1", "kind": "Pod", **template, **metadata}
            server["spec"] = {**server["spec"], "serviceAccountName": "default"}
            await cluster.create(PODS, server, where, dry_run=True)
            await cluster.create(PODS, objects["Pod"], where, dry_run=True)

    asyncio.run(asyncio.wait_for(run(), 60))
