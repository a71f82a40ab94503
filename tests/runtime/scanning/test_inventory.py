"""Copies of what is scanned, over a cluster in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from pratique.runtime.kubernetes.types import CONFIG_MAPS, PODS
from pratique.runtime.scanning.inventory import Inventory, ResourceKey
from pratique.runtime.scanning.scope import Target
from tests.support_fake_cluster import FakeCluster
from tests.support_serve import until


def followed(scene: Callable[[FakeCluster, Inventory, list[Any]], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        cluster, told = FakeCluster(), []  # type: tuple[FakeCluster, list[Any]]
        for name in ("a", "b"):
            cluster.put(PODS, name, "x", spec={"n": name}, metadata={"managedFields": [{}]})
        inventory = Inventory(cluster, lambda key, there: told.append((key.namespace, key.name, there)))
        try:
            await scene(cluster, inventory, told)
        finally:
            await inventory.aclose()

    asyncio.run(asyncio.wait_for(run(), 30))


EVERYWHERE = frozenset({Target(PODS)})


def test_objects_and_their_changes() -> None:
    async def scene(cluster: FakeCluster, inventory: Inventory, told: list[Any]) -> None:
        await inventory.follow(EVERYWHERE)
        await until(lambda: inventory.synced)
        assert told == [("x", "a", True), ("x", "b", True)]
        assert set(inventory.keys()) == {ResourceKey(PODS, "x", "a"), ResourceKey(PODS, "x", "b")}
        assert len(inventory) == 2
        found = inventory.get(ResourceKey(PODS, "x", "a"))
        assert found is not None
        assert (found["kind"], found["spec"]) == ("Pod", {"n": "a"})
        assert "managedFields" not in found["metadata"]
        assert inventory.get(ResourceKey(CONFIG_MAPS, "x", "a")) is None
        told.clear()
        cluster.put(PODS, "a", "x", spec={"n": "other"})
        await until(lambda: told == [("x", "a", True)])
        cluster.drop(PODS, "b", "x")
        await until(lambda: told[1:] == [("x", "b", False)])

    followed(scene)


def test_a_status_that_changes_is_no_change() -> None:
    async def scene(cluster: FakeCluster, inventory: Inventory, told: list[Any]) -> None:
        await inventory.follow(EVERYWHERE)
        await until(lambda: inventory.synced)
        told.clear()
        cluster.put(PODS, "a", "x", spec={"n": "a"}, status={"phase": "Running"})
        cluster.put(PODS, "b", "x", spec={"n": "b"}, metadata={"labels": {"l": "1"}})
        await until(lambda: told)
        assert told == [("x", "b", True)]
        found = inventory.get(ResourceKey(PODS, "x", "a"))
        assert found is not None
        assert found["status"] == {"phase": "Running"}

    followed(scene)


def test_other_targets() -> None:
    async def scene(cluster: FakeCluster, inventory: Inventory, told: list[Any]) -> None:
        cluster.put(PODS, "c", "y")
        await inventory.follow(frozenset({Target(PODS, "x"), Target(PODS, "y")}))
        await until(lambda: inventory.synced)
        assert len(inventory) == 3
        told.clear()
        await inventory.follow(frozenset({Target(PODS, "y")}))
        assert sorted(told) == [("x", "a", False), ("x", "b", False)]
        told.clear()
        # What is still looked at in another way is not gone.
        await inventory.follow(EVERYWHERE)
        await until(lambda: inventory.synced)
        assert ("y", "c", True) in told
        await inventory.follow(frozenset())
        assert len(inventory) == 0

    followed(scene)
