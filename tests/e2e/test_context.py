"""What policies read of a running cluster: ConfigMaps, its API, access reviews, keys in Secrets."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import (
    CONFIG_MAPS,
    LEASES,
    MUTATING_WEBHOOKS,
    PODS,
    SECRETS,
    VALIDATING_WEBHOOKS,
)
from tests.support_engine import pod
from tests.support_policies import cluster_policy
from tests.support_serve import build_lab, exists, images, namespace, serving, until

pytestmark = pytest.mark.e2e

NAME = "pratique-context"
IMAGE = "ghcr.io/acme/keyed:v1"
RECIPE = f"""\
sigstore: {{seed: context}}
signers:
  dev: {{key: ecdsa-p256}}
images:
  - image: {IMAGE}
    signatures: [{{by: dev}}]
"""
ENTRY = {"failureAction": "Enforce", "mutateDigest": False, "verifyDigest": False, "required": False}


def served(
    settings: ClusterSettings,
    kubeconfig: Path,
    folder: Path,
    policy: Callable[[str], str],
    work: Callable[[Cluster, str], Coroutine[Any, Any, None]],
) -> None:
    """Run some work in a namespace of its own, whose Pods are judged by a policy in a file."""
    lab = build_lab(folder, RECIPE)

    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            file = folder / "policy.yaml"
            file.write_text(policy(where))
            try:
                with serving(kubeconfig, folder, str(file), "--name", NAME, *images(lab)):
                    await until(lambda: exists(cluster, VALIDATING_WEBHOOKS, NAME))
                    await work(cluster, where)
            finally:
                for type in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS):
                    await cluster.delete(type, NAME)
                await cluster.delete(LEASES, NAME, "default")
                await cluster.delete(SECRETS, f"{NAME}-certificates", "default")

    asyncio.run(asyncio.wait_for(run(), 180))


async def outcome(cluster: Cluster, where: str, image: str = "ghcr.io/acme/app:v1") -> str:
    try:
        await cluster.create(
            PODS, pod(image, metadata={"name": "probe", "namespace": where}), where, dry_run=True
        )
    except ClusterError as error:
        return error.message
    return "admitted"


def validating(where: str, context: Object, key: str, value: str, shown: str = "found") -> str:
    rule = {
        "name": "read",
        "match": {"any": [{"resources": {"kinds": ["Pod"], "namespaces": [where]}}]},
        "context": [{"name": "found", **context}],
        "validate": {
            "message": f"found {{{{ {shown} }}}}",
            "deny": {
                "conditions": {"any": [{"key": f"{{{{ {key} }}}}", "operator": "Equals", "value": value}]}
            },
        },
    }
    return json.dumps(
        {
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": {"name": "context"},
            "spec": {"validationFailureAction": "Enforce", "rules": [rule]},
        }
    )


def test_config_maps(settings: ClusterSettings, kubeconfig_file: Path, tmp_path: Path) -> None:
    def policy(where: str) -> str:
        context = {"configMap": {"name": "stop", "namespace": where}}
        return validating(where, context, "found.data.stop", "yes", "found.data")

    async def work(cluster: Cluster, where: str) -> None:
        assert 'configmaps "stop" not found' in await outcome(cluster, where)
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stop"}, "data": {"stop": "no"}}
        await cluster.create(CONFIG_MAPS, body, where)
        assert await outcome(cluster, where) == "admitted"
        await cluster.merge(CONFIG_MAPS, "stop", {"data": {"stop": "yes"}}, where)
        assert '"stop":"yes"' in await outcome(cluster, where)

    served(settings, kubeconfig_file, tmp_path, policy, work)


def test_calls_of_the_api(settings: ClusterSettings, kubeconfig_file: Path, tmp_path: Path) -> None:
    def policy(where: str) -> str:
        path = "/api/v1/namespaces/{{ request.namespace }}/configmaps?labelSelector=app%3Dx"
        context = {"apiCall": {"urlPath": path, "jmesPath": "items | length(@)"}}
        return validating(where, context, "to_string(found)", "1")

    async def work(cluster: Cluster, where: str) -> None:
        assert await outcome(cluster, where) == "admitted"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": {"app": "x"}}}
        await cluster.create(CONFIG_MAPS, body, where)
        assert "found 1" in await outcome(cluster, where)

    served(settings, kubeconfig_file, tmp_path, policy, work)


def test_access_reviews(settings: ClusterSettings, kubeconfig_file: Path, tmp_path: Path) -> None:
    def policy(where: str) -> str:
        attributes = {"namespace": where, "verb": "delete", "resource": "pods"}
        spec = {"user": "nobody-in-particular", "resourceAttributes": attributes}
        context = {
            "apiCall": {
                "urlPath": "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                "method": "POST",
                "data": [
                    {"key": "kind", "value": "SubjectAccessReview"},
                    {"key": "apiVersion", "value": "authorization.k8s.io/v1"},
                    {"key": "spec", "value": spec},
                ],
                "jmesPath": "status.allowed",
            }
        }
        return validating(where, context, "to_string(found)", "false")

    async def work(cluster: Cluster, where: str) -> None:
        assert "found false" in await outcome(cluster, where)

    served(settings, kubeconfig_file, tmp_path, policy, work)


def test_keys_in_secrets(settings: ClusterSettings, kubeconfig_file: Path, tmp_path: Path) -> None:
    def policy(where: str) -> str:
        match = {"any": [{"resources": {"kinds": ["Pod"], "namespaces": [where]}}]}
        key = {"publicKeys": f"k8s://{where}/key", "rekor": {"url": "https://rekor.sigstore.dev"}}
        entry = {**ENTRY, "attestors": [{"entries": [{"keys": key}]}]}
        return cluster_policy(entry, rule={"match": match})

    async def work(cluster: Cluster, where: str) -> None:
        assert 'secrets "key" not found' in await outcome(cluster, where, IMAGE)
        public = next((tmp_path / "lab").glob("trust/keys/dev.pub")).read_bytes()
        data = {"cosign.pub": base64.b64encode(public).decode()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "data": data}
        await cluster.create(SECRETS, body, where)

        async def admitted() -> bool:
            return await outcome(cluster, where, IMAGE) == "admitted"

        await until(admitted, 90)

    served(settings, kubeconfig_file, tmp_path, policy, work)
