"""`pratique serve` with policies in files, as a process beside a real API server."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import (
    LEASES,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    PODS,
    SECRETS,
    VALIDATING_WEBHOOKS,
)
from tests.support_engine import pod
from tests.support_policies import cluster_policy
from tests.support_serve import APP, BAD, OTHER, exists, images, namespace, serving, until

pytestmark = pytest.mark.e2e

NAME = "pratique-e2e"
BOTH = (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS)
DENIED = "was blocked due to the following policies"


def enforced(folder: Path, where: str, **resources: Any) -> Path:
    """Write a policy that wants the images of acme signed in one namespace."""
    match = {"any": [{"resources": {"kinds": ["Pod"], "namespaces": [where], **resources}}]}
    path = folder / "policy.yaml"
    path.write_text(cluster_policy({"failureAction": "Enforce", "mutateDigest": True}, rule={"match": match}))
    return path


def named(name: str, *containers: str, **metadata: Any) -> Object:
    return pod(*containers, metadata={"name": name, "namespace": None, **metadata})


async def refused(cluster: Cluster, body: Object, where: str) -> str:
    with pytest.raises(ClusterError) as error:
        await cluster.create(PODS, body, where)
    assert DENIED in error.value.message
    return error.value.message


async def registered(cluster: Cluster) -> None:
    """Wait until unsigned images are refused, which is when the API server has taken the webhooks over."""
    for type in BOTH:
        await until(lambda type=type: exists(cluster, type, NAME))


async def in_force(cluster: Cluster, where: str) -> None:
    async def denied() -> bool:
        try:
            await cluster.create(PODS, named("probe", BAD), where, dry_run=True)
        except ClusterError as error:
            if DENIED not in error.message:
                raise
            return True
        return False

    await until(denied)


@pytest.fixture
def alone(settings: ClusterSettings) -> Any:
    """Remove what a test leaves in the cluster."""
    yield

    async def clean() -> None:
        async with Cluster(settings) as cluster:
            for type in BOTH:
                await cluster.delete(type, NAME)
            await cluster.delete(LEASES, NAME, "default")
            await cluster.delete(SECRETS, f"{NAME}-certificates", "default")

    asyncio.run(clean())


def test_images_are_refused_and_pinned_by_webhooks_that_are_registered_and_kept(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path, alone: None
) -> None:
    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where, namespace(cluster) as other:
            policy = enforced(tmp_path, where)
            with serving(kubeconfig_file, tmp_path, str(policy), "--name", NAME, *images(lab)) as server:
                await in_force(cluster, where)
                await story(cluster, where, other)
                await told(server.port)
                await narrow(cluster, where)
                await kept(cluster, where)
                server.process.send_signal(signal.SIGTERM)
                assert server.process.wait(30) == 0
                assert "no longer" not in server.said

    asyncio.run(asyncio.wait_for(run(), 120))


async def story(cluster: Cluster, where: str, other: str) -> None:
    forged = {"kyverno.io/verify-images": f'{{"{BAD}": "pass"}}'}
    said = await refused(cluster, named("bad", APP, BAD, annotations=forged), where)
    for part in (BAD, "container c1", "verify", "no signatures found"):
        assert part in said
    made = await cluster.create(PODS, named("good", APP), where)
    assert made["spec"]["containers"][0]["image"].startswith(f"{APP}@sha256:")
    # Whoever is not spoken about is not even asked.
    await cluster.create(PODS, named("bad", BAD), other)
    # K7: a container for debugging.
    debug = {"spec": {"ephemeralContainers": [{"name": "debug", "image": BAD}]}}
    with pytest.raises(ClusterError, match="ephemeral container debug"):
        await cluster.merge(PODS, "good", debug, where, subresource="ephemeralcontainers")
    debug["spec"]["ephemeralContainers"][0]["image"] = OTHER
    changed = await cluster.merge(PODS, "good", debug, where, subresource="ephemeralcontainers")
    assert changed["spec"]["ephemeralContainers"][0]["image"].startswith(f"{OTHER}@sha256:")
    # An update that brings another image, and one that brings none.
    images = {"spec": {"containers": [{"name": "c0", "image": BAD}]}}
    with pytest.raises(ClusterError, match=DENIED):
        await cluster.merge(PODS, "good", images, where)
    await cluster.merge(PODS, "good", {"metadata": {"labels": {"a": "b"}}}, where)
    # Owners of Pods are judged by generated rules only where the policy says so: this one names Pods.
    await cluster.delete(PODS, "good", where)


async def told(port: int) -> None:
    """What happened stands in the metrics, as Prometheus reads them."""
    parser = pytest.importorskip("prometheus_client.parser", reason="pip install prometheus_client")
    families = {f.name: f for f in parser.text_string_to_metric_families(await metrics(port))}

    def value(name: str, **labels: str) -> float:
        samples = families[name].samples
        return sum(float(s.value) for s in samples if labels.items() <= s.labels.items())

    for operation in ("CREATE", "UPDATE"):
        assert value("pratique_admission_verdicts", result="fail", operation=operation) > 0
        assert value("pratique_admission_verdicts", result="pass", operation=operation) > 0
    assert value("pratique_admission_reviews", outcome="error") == 0
    assert value("pratique_leader") == 1
    assert value("pratique_watch_silence_seconds", watch="namespaces") < 600
    assert value("pratique_certificate_expiry_timestamp_seconds") > time.time()
    assert value("pratique_signature_verifications") > 0


async def narrow(cluster: Cluster, where: str) -> None:
    for type in BOTH:
        found = await cluster.get(type, NAME)
        [hook] = found["webhooks"]
        assert hook["namespaceSelector"]["matchExpressions"][0]["values"] == [where]
        assert hook["failurePolicy"] == "Fail"
        resources = {r for rule in hook["rules"] for r in rule["resources"]}
        assert {"pods", "pods/ephemeralcontainers", "deployments", "cronjobs"} <= resources
        assert all(rule["operations"] == ["CREATE", "UPDATE"] for rule in hook["rules"])


async def kept(cluster: Cluster, where: str) -> None:
    """Whoever changes or deletes a configuration finds it as it was."""
    before = await cluster.get(VALIDATING_WEBHOOKS, NAME)
    await cluster.merge(VALIDATING_WEBHOOKS, NAME, {"webhooks": []})
    await cluster.delete(MUTATING_WEBHOOKS, NAME)

    async def again() -> bool:
        if not await exists(cluster, MUTATING_WEBHOOKS, NAME):
            return False
        found = await cluster.get(VALIDATING_WEBHOOKS, NAME)
        return bool(found.get("webhooks") == before["webhooks"])

    await until(again)
    await in_force(cluster, where)


def test_rules_by_labels_of_namespaces_and_a_dry_run(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path, alone: None
) -> None:
    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster, env="prod") as where:
            selector = {"namespaceSelector": {"matchLabels": {"env": "prod"}}}
            match = {"any": [{"resources": {"kinds": ["Pod"], **selector}}]}
            policy = tmp_path / "policy.yaml"
            policy.write_text(
                cluster_policy({"failureAction": "Enforce", "mutateDigest": True}, rule={"match": match})
            )
            with serving(kubeconfig_file, tmp_path, str(policy), "--name", NAME, *images(lab)) as server:
                await in_force(cluster, where)
                found = await cluster.get(VALIDATING_WEBHOOKS, NAME)
                assert found["webhooks"][0]["namespaceSelector"] == selector["namespaceSelector"]
                assert 'dry_run="true"' in await metrics(server.port)
                labels = {"metadata": {"labels": {"env": None}}}
                await cluster.merge(NAMESPACES, where, labels)

                async def admitted() -> bool:
                    try:
                        await cluster.create(PODS, named("free", BAD), where)
                    except ClusterError as error:
                        if DENIED not in error.message:
                            raise
                        return False
                    return True

                await until(admitted)

    asyncio.run(asyncio.wait_for(run(), 120))


async def metrics(port: int) -> str:
    import ssl

    import aiohttp

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    url = f"https://127.0.0.1:{port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url, ssl=context) as answer:
        return await answer.text()


def test_cleaning_up_removes_all_of_it(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path, alone: None
) -> None:
    import subprocess

    from tests.support_serve import PRATIQUE

    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            policy = enforced(tmp_path, where)
            with serving(kubeconfig_file, tmp_path, str(policy), "--name", NAME, *images(lab)):
                await in_force(cluster, where)
            # The server is gone and its webhooks are not: nothing is admitted any more (F36).
            with pytest.raises(ClusterError, match="failed calling webhook"):
                await cluster.create(PODS, named("x", APP), where)
            command = [PRATIQUE, "serve", "--kubeconfig", str(kubeconfig_file), "--name", NAME, "--cleanup"]
            subprocess.run([*command, "--namespace", "default"], check=True, capture_output=True)
            for type, name in ((VALIDATING_WEBHOOKS, NAME), (MUTATING_WEBHOOKS, NAME)):
                assert not await exists(cluster, type, name)
            assert not await exists(cluster, SECRETS, f"{NAME}-certificates", "default")
            assert not await exists(cluster, LEASES, NAME, "default")

            async def admitted() -> bool:
                try:
                    await cluster.create(PODS, named("x", APP), where, dry_run=True)
                except ClusterError:
                    return False
                return True

            await until(admitted)

    asyncio.run(asyncio.wait_for(run(), 120))
