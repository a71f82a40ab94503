"""The background scan and its reports on a real API server, and several replicas of the server."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.definitions import (
    open_report_definitions,
    policy_definitions,
    report_definitions,
)
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import (
    CLUSTER_POLICIES,
    DEFINITIONS,
    EVENTS,
    LEASES,
    PODS,
    POLICY_REPORTS,
    REPORTS,
    ResourceType,
)
from tests.support_balance import forwarding
from tests.support_cluster import Kubectl
from tests.support_engine import pod
from tests.support_policies import cluster_policy
from tests.support_serve import APP, BAD, OTHER, Process, free_port, images, namespace, serving, until

pytestmark = pytest.mark.e2e

NAME = "pratique-scan"
DENIED = "was blocked due to the following policies"


@pytest.fixture(scope="module", autouse=True)
def definitions(kubectl: Kubectl) -> None:
    """Bring the definitions into the cluster."""
    found = [*policy_definitions(), *report_definitions(), *open_report_definitions()]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": found})
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
    names = [f"{DEFINITIONS.plural}/{each['metadata']['name']}" for each in found]
    kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)


@pytest.fixture(autouse=True)
def cleaned(kubectl: Kubectl) -> Iterator[None]:
    """Remove what a test leaves in the cluster."""
    yield
    kubectl("delete", "clusterpolicies.kyverno.io", "--all")
    hooks = "mutatingwebhookconfigurations,validatingwebhookconfigurations"
    kubectl("delete", hooks, NAME, "--ignore-not-found")
    kubectl("delete", "-n", "default", f"lease/{NAME}", f"secret/{NAME}-certificates", "--ignore-not-found")


def policy(where: str, action: str = "Audit") -> Object:
    match = {"any": [{"resources": {"kinds": ["Pod"], "namespaces": [where]}}]}
    entry = {"failureAction": action, "mutateDigest": action == "Enforce"}
    found: Object = json.loads(cluster_policy(entry, metadata={"name": where}, rule={"match": match}))
    return found


async def made(cluster: Cluster, name: str, image: str, where: str) -> str:
    """Make a Pod; return its uid."""
    body = pod(image, metadata={"name": name, "namespace": where})
    return str((await cluster.create(PODS, body, where))["metadata"]["uid"])


async def summaries(cluster: Cluster, where: str, type: ResourceType = POLICY_REPORTS) -> dict[str, str]:
    found = (await cluster.list(type, where)).items
    return {
        item["metadata"]["name"]: f"{item['summary']['pass']}/{item['summary']['fail']}" for item in found
    }


async def reported(
    cluster: Cluster, where: str, expected: dict[str, str], type: ResourceType = POLICY_REPORTS
) -> None:
    async def so() -> bool:
        return await summaries(cluster, where, type) == expected

    await until(so)


def test_reports_are_kept_true(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            good, bad = await made(cluster, "good", APP, where), await made(cluster, "bad", BAD, where)
            await made(cluster, "other", "docker.io/library/other:v1", where)
            await cluster.create(CLUSTER_POLICIES, policy(where))
            # A process that only scans needs neither a certificate nor a way to it.
            with serving(kubeconfig_file, tmp_path, "--name", NAME, *images(lab), url=False):
                await reported(cluster, where, {good: "1/0", bad: "0/1"})
                report = await cluster.get(POLICY_REPORTS, bad, where)
                assert report["scope"]["name"] == "bad"
                assert report["results"][0]["properties"] == {"process": "background scan"}
                assert "no signatures found" in report["results"][0]["message"]
                await told(cluster, where, "bad")
                # Others may not change what is said, nor delete it.
                await cluster.merge(POLICY_REPORTS, bad, {"results": [], "summary": {"fail": 0}}, where)
                await reported(cluster, where, {good: "1/0", bad: "0/1"})
                await cluster.delete(POLICY_REPORTS, good, where)
                await reported(cluster, where, {good: "1/0", bad: "0/1"})
                # What changes, and what goes.
                found = await cluster.get(PODS, "bad", where)
                found["spec"]["containers"][0]["image"] = OTHER
                await cluster.replace(PODS, "bad", found, where)
                await reported(cluster, where, {good: "1/0", bad: "1/0"})
                await cluster.delete(PODS, "good", where)
                await reported(cluster, where, {bad: "1/0"})
            before = await cluster.get(POLICY_REPORTS, bad, where)
            new = await made(cluster, "new", BAD, where)
            with serving(kubeconfig_file, tmp_path, "--name", NAME, *images(lab), url=False):
                await reported(cluster, where, {bad: "1/0", new: "0/1"})
                after = await cluster.get(POLICY_REPORTS, bad, where)
                assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
                await cluster.delete(CLUSTER_POLICIES, where)
                await reported(cluster, where, {})

    asyncio.run(asyncio.wait_for(run(), 180))


async def told(cluster: Cluster, where: str, name: str) -> None:
    async def so() -> bool:
        events = (await cluster.list(EVENTS, where)).items
        return any(e["reason"] == "PolicyViolation" and e["regarding"]["name"] == name for e in events)

    await until(so)


def test_open_reports(settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            bad = await made(cluster, "bad", BAD, where)
            await cluster.create(CLUSTER_POLICIES, policy(where))
            options = ["--name", NAME, "--reports", "openreports", "--beside-kyverno"]
            with serving(kubeconfig_file, tmp_path, *options, *images(lab), url=False):
                await reported(cluster, where, {f"pratique-{bad}": "0/1"}, REPORTS)
                assert await summaries(cluster, where) == {}

    asyncio.run(asyncio.wait_for(run(), 120))


def test_f29_f33_a_replica_that_is_killed_costs_no_wrong_verdict(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path
) -> None:
    port = free_port()

    def replica() -> contextlib.AbstractContextManager[Process]:
        arguments = ["--name", NAME, *images(lab), "--url", f"https://127.0.0.1:{port}"]
        return serving(kubeconfig_file, tmp_path, *arguments, url=False)

    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            await cluster.create(CLUSTER_POLICIES, policy(where, "Enforce"))
            with replica() as one, replica() as two:
                async with forwarding(port, [one.port, two.port]):
                    await until(lambda: verdict(cluster, BAD, where, DENIED))
                    await until(lambda: verdict(cluster, APP, where, ""))
                    leader, follower = (one, two) if " leads" in one.said else (two, one)
                    assert " leads" not in follower.said
                    wrong: list[str] = []
                    done = [0, 0]

                    async def send(image: str, expected: str) -> None:
                        for _ in range(125):
                            said = await answer(cluster, image, where)
                            done["failed calling webhook" in said] += 1
                            if expected not in said and "failed calling webhook" not in said:
                                wrong.append(said)
                            if not said and expected:
                                wrong.append("admitted")

                    pairs = ((APP, ""), (BAD, DENIED))
                    senders = [send(image, word) for image, word in pairs for _ in range(4)]

                    async def kill() -> None:
                        await asyncio.sleep(1)
                        leader.process.send_signal(signal.SIGKILL)

                    await asyncio.gather(kill(), *senders)
                    assert wrong == []
                    assert sum(done) == 1000
                    assert done[1] <= 20  # those that were under way
                    # The other takes over what only one may do.
                    await until(lambda: " leads" in follower.said)
                    lease = await cluster.get(LEASES, NAME, "default")
                    assert lease["spec"]["leaseTransitions"] >= 1

    asyncio.run(asyncio.wait_for(run(), 180))


async def answer(cluster: Cluster, image: str, where: str) -> str:
    body = pod(image, metadata={"name": "probe", "namespace": where})
    try:
        await cluster.create(PODS, body, where, dry_run=True)
    except ClusterError as error:
        return error.message
    return ""


async def verdict(cluster: Cluster, image: str, where: str, expected: str) -> bool:
    said = await answer(cluster, image, where)
    return expected in said if expected else not said
