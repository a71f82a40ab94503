"""Every request is told with host, code and time, whatever became of it."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.tally import Exchanged
from tests.support_registry import FakeRegistry, Reply, free_port, image, run


def test_requests_are_told_with_host_and_code() -> None:
    async def scenario() -> None:
        told: list[Exchanged] = []
        async with FakeRegistry() as registry, aclosing(DistributionClient(deadline_s=2)) as client:
            client.tally.told = told.append
            app = Repository(registry.host, "app")
            registry.manifest("app", image(), "v1")
            await client.manifest(app, "v1")
            with pytest.raises(NotFoundError):
                await client.manifest(app, "absent")
            elsewhere = f"http://localhost:{registry.port}/v2/app/manifests/v1"
            registry.on("/v2/app/manifests/moved", Reply(status=307, headers={"Location": elsewhere}))
            with pytest.raises(TransportError):
                await client.manifest(app, "moved")
            dead = Repository(f"127.0.0.1:{free_port()}", "app")
            with pytest.raises(TransportError):
                await client.manifest(dead, "v1")
        found = [(each.host, each.kind, each.code) for each in told]
        assert found.pop(0) == (registry.host, "manifests", "registry-tls")  # plain HTTP on loopback
        assert found[:3] == [
            (registry.host, "manifests", "200"),
            (registry.host, "manifests", "404"),
            (registry.host, "manifests", "307"),
        ]
        assert (dead.registry, "manifests", "registry-unreachable") in found
        assert {each.host for each in told} == {registry.host, dead.registry}
        assert all(0 <= each.seconds < 2 for each in told)

    run(scenario)


def test_token_services_are_told_under_the_registry_that_named_them() -> None:
    async def scenario() -> None:
        told: list[Exchanged] = []
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            client.tally.told = told.append
            challenge = {"WWW-Authenticate": f'Bearer realm="{registry.url}/token?secret=s",service="s"'}
            registry.on("/v2/app/manifests/v1", Reply(status=401, headers=challenge))
            with pytest.raises(TransportError):
                await client.manifest(Repository(registry.host, "app"), "v1")
        assert [(each.host, each.kind, each.code) for each in told[1:]] == [
            (registry.host, "manifests", "401"),
            (registry.host, "tokens", "404"),
        ]

    run(scenario)
