"""The webhook, called by a real API server."""

import asyncio
import base64
import uuid
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.server import Webhook
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.kubernetes.client import Cluster, ClusterError
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import MUTATING_WEBHOOKS, NAMESPACES, PODS, ResourceType
from pratique.runtime.lifetimes import Lifetimes
from tests.support_engine import World, pod
from tests.support_policies import cluster_policy
from tests.support_tls import Authority

pytestmark = pytest.mark.e2e

APP, BAD = "ghcr.io/acme/app:v1", "ghcr.io/acme/app:bad"
ACCOUNTS = ResourceType(version="v1", plural="serviceaccounts", kind="ServiceAccount")


def configuration(name: str, namespace: str, port: int, authority: Authority) -> dict[str, Any]:
    hook = {
        "name": "mutate.pratique.test",
        "clientConfig": {
            "url": f"https://127.0.0.1:{port}/mutate",
            "caBundle": base64.b64encode(authority.file.read_bytes()).decode(),
        },
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 5,
    }
    return {
        "apiVersion": MUTATING_WEBHOOKS.api_version,
        "kind": MUTATING_WEBHOOKS.kind,
        "metadata": {"name": name},
        "webhooks": [hook],
    }


async def account(cluster: Cluster, namespace: str) -> None:
    while True:
        try:
            await cluster.get(ACCOUNTS, "default", namespace)
        except ClusterError as error:
            if error.status != 404:
                raise
            await asyncio.sleep(0.1)
        else:
            return


def test_an_unsigned_pod_is_refused_and_a_signed_one_admitted_with_its_digest(
    settings: ClusterSettings, tmp_path: Path
) -> None:
    world = World(cluster_policy({"failureAction": "Enforce", "mutateDigest": True}))
    world.store.image(APP, {"subject": "dev@acme.example"})
    world.store.image(BAD)
    authority = Authority.make(tmp_path)
    name = f"pratique-{uuid.uuid4().hex[:8]}"

    async def run() -> None:
        webhook = Webhook(
            Judge(Engine(world.plan, Evidence(world.store, world.verifier, lifetimes=Lifetimes())))
        )
        runner = web.AppRunner(webhook.application(), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server_context("127.0.0.1")).start()
        port = runner.addresses[0][1]
        async with Cluster(settings) as cluster:
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            await cluster.create(NAMESPACES, space)
            try:
                await account(cluster, name)
                await cluster.create(MUTATING_WEBHOOKS, configuration(name, name, port, authority))
                await asyncio.sleep(1)  # the API server takes configurations over in less than half of it
                forged = {"kyverno.io/verify-images": f'{{"{BAD}": "pass"}}'}
                bad = pod(BAD, metadata={"name": "bad", "namespace": name, "annotations": forged})
                with pytest.raises(ClusterError) as refused:
                    await cluster.create(PODS, bad, name)
                assert "was blocked due to the following policies" in refused.value.message
                assert f"failed to verify image {BAD}" in refused.value.message
                good = pod(APP, metadata={"name": "good", "namespace": name})
                made = await cluster.create(PODS, good, name)
                assert made["spec"]["containers"][0]["image"].startswith(f"{APP}@sha256:")
            finally:
                await cluster.delete(MUTATING_WEBHOOKS, name)
                await cluster.delete(NAMESPACES, name)
                await runner.cleanup()

    asyncio.run(asyncio.wait_for(run(), 60))
