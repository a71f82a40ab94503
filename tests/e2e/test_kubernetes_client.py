"""The client against a real API server."""

import asyncio
import contextlib
import uuid
from collections.abc import Coroutine
from typing import Any

import pytest

from pratique.runtime.kubernetes.client import Cluster, ClusterError
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import CONFIG_MAPS, NAMESPACES

pytestmark = pytest.mark.e2e


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


async def until(holds: Any) -> None:
    while not holds():
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def namespace(cluster: Cluster) -> Any:
    name = f"pratique-{uuid.uuid4().hex[:8]}"
    await cluster.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        yield name
    finally:
        await cluster.delete(NAMESPACES, name)


def test_objects_are_made_read_changed_and_deleted(settings: ClusterSettings) -> None:
    async def work() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            assert (await cluster.version()).startswith("v1.")
            made = await cluster.create(CONFIG_MAPS, config_map("a", x="1"), where)
            with pytest.raises(ClusterError) as conflict:
                await cluster.create(CONFIG_MAPS, config_map("a"), where)
            assert (conflict.value.status, conflict.value.code) == (409, "cluster-conflict")
            await cluster.merge(CONFIG_MAPS, "a", {"data": {"y": "2"}}, where)
            with pytest.raises(ClusterError) as stale:
                await cluster.replace(CONFIG_MAPS, "a", made | {"data": {"x": "3"}}, where)
            assert stale.value.status == 409
            assert (await cluster.get(CONFIG_MAPS, "a", where))["data"] == {"x": "1", "y": "2"}
            await cluster.apply(CONFIG_MAPS, "b", config_map("b", z="1"), where)
            listed = await cluster.list(CONFIG_MAPS, where)
            assert {"a", "b"} <= {item["metadata"]["name"] for item in listed.items}
            assert {item["kind"] for item in listed.items} == {"ConfigMap"}
            await cluster.delete(CONFIG_MAPS, "a", where)
            await cluster.delete(CONFIG_MAPS, "a", where)
            with pytest.raises(ClusterError) as gone:
                await cluster.get(CONFIG_MAPS, "a", where)
            assert (gone.value.status, gone.value.code) == (404, "cluster-not-found")

    run(work())


def test_a_mirror_sees_every_change(settings: ClusterSettings) -> None:
    async def work() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            told = 0

            async def changed() -> None:
                nonlocal told
                told += 1

            await cluster.create(CONFIG_MAPS, config_map("before"), where)
            mirror = Mirror(cluster, CONFIG_MAPS, changed, where)
            task = asyncio.create_task(mirror.run())
            try:
                await mirror.synced.wait()
                assert (where, "before") in mirror.objects
                assert told == 1
                await cluster.create(CONFIG_MAPS, config_map("after", x="1"), where)
                await until(lambda: (where, "after") in mirror.objects)
                await cluster.delete(CONFIG_MAPS, "before", where)
                await until(lambda: (where, "before") not in mirror.objects)
                assert told >= 3
                assert mirror.faults == 0
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    run(work())


def test_a_version_that_the_server_never_knew_is_an_error(settings: ClusterSettings) -> None:
    async def work() -> None:
        async with Cluster(settings) as cluster:
            with pytest.raises(ClusterError):
                async for _ in cluster.watch(CONFIG_MAPS, "nonsense"):
                    pass

    run(work())
