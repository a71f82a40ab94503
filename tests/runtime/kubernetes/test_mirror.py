"""A copy of objects, whatever happens to the connection."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pratique.runtime.kubernetes import mirror as module
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.types import CONFIG_MAPS
from tests.support_fake_cluster import FakeCluster, running
from tests.support_serve import until


def mirrored(
    scene: Callable[[FakeCluster, Mirror, list[int]], Coroutine[Any, Any, None]],
    monkeypatch: pytest.MonkeyPatch,
    **options: Any,
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)

    async def run() -> None:
        cluster, told = FakeCluster(), [0]

        async def changed() -> None:
            told[0] += 1

        cluster.put(CONFIG_MAPS, "a", "x", data={"k": "1"}, metadata={"managedFields": [{}]})
        mirror = Mirror(cluster, CONFIG_MAPS, changed, **options)
        async with running(mirror.run()):
            await mirror.synced.wait()
            await scene(cluster, mirror, told)

    asyncio.run(asyncio.wait_for(run(), 30))


def test_changes_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(cluster: FakeCluster, mirror: Mirror, told: list[int]) -> None:
        assert "managedFields" not in mirror.objects["x", "a"]["metadata"]
        cluster.put(CONFIG_MAPS, "b", "x")
        await until(lambda: ("x", "b") in mirror.objects)
        cluster.drop(CONFIG_MAPS, "a", "x")
        await until(lambda: ("x", "a") not in mirror.objects)
        assert told[0] == 3

    mirrored(scene, monkeypatch)


def test_f25_nothing_is_lost_when_a_watch_ends_or_the_server_forgot(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(cluster: FakeCluster, mirror: Mirror, told: list[int]) -> None:
        cluster.fail("*", "configmaps", 503, times=3)
        cluster.end_watches()
        cluster.put(CONFIG_MAPS, "b", "x")
        await until(lambda: ("x", "b") in mirror.objects)
        assert mirror.faults == 3
        assert cluster.calls["list configmaps"] == 1  # the watch went on from where it was
        cluster.fail("*", "configmaps", 0, times=2)
        cluster.put(CONFIG_MAPS, "c", "x")
        cluster.drop(CONFIG_MAPS, "a", "x")
        cluster.forget()
        await until(lambda: set(mirror.objects) == {("x", "b"), ("x", "c")})
        assert cluster.calls["list configmaps"] == 2

    mirrored(scene, monkeypatch)


def test_f25_an_outage_leaves_what_was_known(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(cluster: FakeCluster, mirror: Mirror, told: list[int]) -> None:
        cluster.fail("*", "*", 0, times=10**6)
        cluster.forget()
        await until(lambda: mirror.faults > 3)
        assert set(mirror.objects) == {("x", "a")}
        assert mirror.age > 0

    mirrored(scene, monkeypatch)


def test_one_object_and_what_is_kept_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(cluster: FakeCluster, mirror: Mirror, told: list[int]) -> None:
        cluster.put(CONFIG_MAPS, "b", "x")
        cluster.put(CONFIG_MAPS, "a", "x", data={"k": "2"})
        await until(lambda: mirror.objects == {("x", "a"): {"kept": {"k": "2"}}})

    mirrored(scene, monkeypatch, fields="metadata.name=a", trim=lambda item: {"kept": item["data"]})


def test_a_type_that_may_be_absent_has_no_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ABSENT_PAUSE", 0.01)

    async def scene(cluster: FakeCluster, mirror: Mirror, told: list[int]) -> None:
        cluster.fail("*", "configmaps", 404, times=3)
        cluster.end_watches()
        await until(lambda: told[0] == 3)  # after the first list, when all were gone, and when they came back
        assert ("x", "a") in mirror.objects
        assert mirror.faults == 0

    mirrored(scene, monkeypatch, may_be_absent=True)


def test_a_type_that_is_missing_is_a_fault_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(cluster: FakeCluster, mirror: Mirror, told: list[int]) -> None:
        cluster.fail("*", "configmaps", 404, times=3)
        cluster.end_watches()
        await until(lambda: mirror.faults == 3)
        assert ("x", "a") in mirror.objects

    mirrored(scene, monkeypatch)


def test_another_version_of_a_type_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ABSENT_PAUSE", 0.01)

    async def run() -> None:
        cluster = FakeCluster()
        cluster.put(CONFIG_MAPS, "a", "x")
        cluster.fail("*", "v1/configmaps", 404, times=10_000)
        told: list[set[tuple[str, str]]] = []

        async def changed() -> None:
            told.append(set(mirror.objects))

        mirror = Mirror(cluster, CONFIG_MAPS, changed, may_be_absent=True, others=("v1beta1",))
        async with running(mirror.run()):
            await mirror.synced.wait()
            assert told == [{("x", "a")}]  # it was never said that there are none
            cluster.put(CONFIG_MAPS, "b", "x")
            await until(lambda: ("x", "b") in mirror.objects)
            cluster.fail("*", "configmaps", 404, times=20)
            cluster.end_watches()
            await until(lambda: set() in told)
            await until(lambda: len(mirror.objects) == 2)

    asyncio.run(asyncio.wait_for(run(), 30))
