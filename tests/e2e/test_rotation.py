"""F28: certificates change while the API server sends requests, and none of them is lost."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest

from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.listening import listening
from pratique.runtime.admission.server import Webhook
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.kubernetes.client import Cluster, ClusterError
from pratique.runtime.kubernetes.discovery import discover
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import PODS
from pratique.runtime.lifetimes import Lifetimes
from pratique.runtime.serving.certificate_secret import CertificateSecret
from pratique.runtime.serving.certificates import Durations
from pratique.runtime.serving.registration import Registrar, remove
from pratique.runtime.serving.tls import ServerCertificate
from pratique.runtime.serving.webhooks import Endpoint, Registration, configurations
from tests.support_engine import World, pod
from tests.support_fake_cluster import running
from tests.support_policies import cluster_policy
from tests.support_serve import APP, free_port, namespace, until

pytestmark = pytest.mark.e2e

QUICK = Durations(authority=timedelta(seconds=24), leaf=timedelta(seconds=9), settle=timedelta(seconds=3))
SENDERS = 4


def test_f28_no_request_is_lost_while_certificates_and_authorities_change(settings: ClusterSettings) -> None:
    name, port = f"pratique-{uuid.uuid4().hex[:8]}", free_port()
    authorities: set[bytes] = set()
    sent, faults = 0, []  # type: tuple[int, list[str]]

    async def run() -> None:
        nonlocal sent
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            match = {"any": [{"resources": {"kinds": ["Pod"], "namespaces": [where]}}]}
            world = World(cluster_policy({"failureAction": "Enforce"}, rule={"match": match}))
            world.store.image(APP, {"subject": "dev@acme.example"})
            evidence = Evidence(world.store, world.verifier, lifetimes=Lifetimes())
            webhook = Webhook(Judge(Engine(world.plan, evidence)))
            shown = ServerCertificate(webhook.faults)
            endpoint = Endpoint(url=f"https://127.0.0.1:{port}")
            secret = CertificateSecret(
                cluster, shown, where, name, endpoint.names(), durations=QUICK, check_seconds=0.3
            )
            await secret.begin()
            discovery = await discover(cluster)
            policies = world.plan.policies.policies

            def wanted() -> Any:
                authorities.add(shown.authorities)
                return configurations(
                    policies, discovery, Registration(name=name, endpoint=endpoint), shown.authorities
                )

            registrar = Registrar(cluster, name, wanted)

            async def send(number: int) -> None:
                """Send Pods over connections of which the API server makes new ones all the time."""
                nonlocal sent
                while True:
                    body = pod(
                        f"{APP}@sha256:{'0' * 64}", metadata={"name": f"p{number}", "namespace": where}
                    )
                    try:
                        await cluster.create(PODS, body, where, dry_run=True)
                        faults.append("admitted")
                    except ClusterError as error:
                        if "was blocked due to" not in error.message:
                            faults.append(error.message)
                    sent += 1

            tls = shown.context
            async with (
                listening(webhook, "127.0.0.1", port, tls, grace=5, linger=0.2),
                running(secret.run(registrar.changed), registrar.run()),
            ):
                await registrar.done.wait()
                await asyncio.sleep(1)
                try:
                    async with running(*(send(number) for number in range(SENDERS))):
                        await until(lambda: len(authorities) >= 6, 100)
                finally:
                    await remove(cluster, name)

    asyncio.run(asyncio.wait_for(run(), 150))
    assert faults == []
    assert sent > 100
