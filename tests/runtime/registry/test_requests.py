"""First contacts with hosts whose scheme is not known."""

import asyncio
from contextlib import aclosing

import pytest

from pratique.runtime.ports import Repository
from pratique.runtime.registry import requests
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.endpoints import InsecureHosts
from tests.support_registry import FakeRegistry, Reply, image, run


def test_w21_a_first_question_that_hangs_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "FIRST_CONTACT_S", 0.1)

    async def scenario() -> None:
        client = DistributionClient(insecure=InsecureHosts.of(True))
        async with FakeRegistry() as registry, aclosing(client):
            there = Repository(registry.host, "app")
            registry.on("/v2/app/manifests/hangs", Reply(delay_s=60))
            registry.manifest("app", image(), "v1")
            hanging = asyncio.create_task(client.manifest(there, "hangs"))
            while not registry.count("/hangs"):
                await asyncio.sleep(0.01)
            async with asyncio.timeout(5):
                await client.manifest(there, "v1")
                await client.manifest(there, "v1")
            assert not hanging.done()
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)

    run(scenario)
