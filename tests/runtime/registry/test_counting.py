"""What a run asked of its store."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from pratique.grammar.errors import NotFoundError
from pratique.runtime.decision import Requests
from pratique.runtime.ports import Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.counting import CountingStore
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.layout_files import MemoryFiles
from pratique.runtime.registry.layout_writer import LayoutWriter
from pratique.runtime.registry.media_types import OCI_INDEX, OCI_MANIFEST
from tests.support_registry import FakeRegistry, Reply, image, index, run, sha256

BODY = image()
APP = Repository("reg.example", "app")


def test_calls_of_a_layout() -> None:
    files = MemoryFiles()
    with LayoutWriter(files) as writer:
        writer.blob(b"payload")
        writer.manifest(BODY, OCI_MANIFEST, ["reg.example/app:v1"])

    async def scenario() -> None:
        async with aclosing(CountingStore(LayoutStore(files))) as store:
            assert store.requests == Requests()
            await store.manifest(APP, "v1")
            await store.blob(APP, sha256(b"payload"), max_bytes=9)
            await store.referrers(APP, sha256(BODY))
            with pytest.raises(NotFoundError):
                await store.manifest(APP, "absent")
            assert store.requests == Requests(manifests=2, blobs=1, referrers=1, bytes=len(BODY) + 7)
            assert store.requests.total == 4

    run(scenario)


def test_requests_of_a_registry() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            repository = Repository(registry.host, "app")
            registry.on("/token", Reply(body=b'{"token":"good"}'))
            challenge = {"WWW-Authenticate": f'Bearer realm="{registry.url}/token"'}
            good = Reply(body=BODY, headers={"Content-Type": OCI_MANIFEST})
            registry.on(
                "/v2/app/manifests/v1",
                Reply(status=401, headers=challenge),
                Reply(status=500),
                good,
            )
            await client.manifest(repository, "v1")
            assert client.tally.requests == Requests(manifests=3, tokens=1, bytes=len(BODY))

            # A new run on the same client starts at nothing; joined calls are one request.
            store = CountingStore(client)
            await asyncio.gather(*(store.manifest(repository, "v1") for _ in range(5)))
            assert store.requests == Requests(manifests=1, bytes=len(BODY))
            empty = index()
            registry.on(
                f"/v2/app/referrers/{sha256(BODY)}", Reply(body=empty, headers={"Content-Type": OCI_INDEX})
            )
            await store.referrers(repository, sha256(BODY))
            assert store.requests == Requests(manifests=1, referrers=1, bytes=len(BODY) + len(empty))

    run(scenario)
