"""Webhook configurations are kept true, over a cluster in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pratique.runtime.kubernetes.client import Object
from pratique.runtime.kubernetes.types import MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS
from pratique.runtime.serving import registration
from pratique.runtime.serving.registration import Registrar, remove
from tests.support_fake_cluster import FakeCluster, running
from tests.support_serve import until

BOTH = (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS)


def hook(name: str, **client: Any) -> Object:
    return {"name": name, "clientConfig": {"url": "https://x/validate", **client}}


def kept(
    scene: Callable[[FakeCluster, Registrar, list[Object]], Coroutine[Any, Any, None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registration, "PAUSE", 0.02)

    async def run() -> None:
        cluster, hooks = FakeCluster(), [hook("a")]

        def wanted() -> dict[Any, Object]:
            metadata = {"name": "p", "labels": {"by": "me"}}
            return {t: {"kind": t.kind, "metadata": metadata, "webhooks": list(hooks)} for t in BOTH}

        registrar = Registrar(cluster, "p", wanted)
        async with running(registrar.run()) as [task]:
            await registrar.done.wait()
            await scene(cluster, registrar, hooks)
            assert not task.done()

    asyncio.run(asyncio.wait_for(run(), 30))


def found(cluster: FakeCluster, type: Any = VALIDATING_WEBHOOKS) -> Object:
    return cluster.of(type).get(("", "p"), {})


def names(cluster: FakeCluster) -> list[str]:
    return [h["name"] for h in found(cluster).get("webhooks", ())]


def test_what_is_wanted_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(cluster: FakeCluster, registrar: Registrar, hooks: list[Object]) -> None:
        assert all(found(cluster, type)["webhooks"] == hooks for type in BOTH)
        assert registrar.writes == 2
        await registrar.changed()
        await registrar.done.wait()
        await asyncio.sleep(0.2)
        assert registrar.writes == 2
        hooks.append(hook("b"))
        await registrar.changed()
        assert not registrar.done.is_set()
        await registrar.done.wait()
        assert names(cluster) == ["a", "b"]

    kept(scene, monkeypatch)


def test_what_others_change_or_delete_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(cluster: FakeCluster, registrar: Registrar, hooks: list[Object]) -> None:
        cluster.put(VALIDATING_WEBHOOKS, "p", webhooks=[])
        await until(lambda: names(cluster) == ["a"])
        cluster.drop(MUTATING_WEBHOOKS, "p")
        await until(lambda: found(cluster, MUTATING_WEBHOOKS))

    kept(scene, monkeypatch)


@pytest.mark.parametrize("status", [409, 500, 429, 0])
def test_f32_f27_faults_and_conflicts_are_overcome(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(cluster: FakeCluster, registrar: Registrar, hooks: list[Object]) -> None:
        cluster.fail("replace", "*", status, times=3)
        hooks[:] = [hook("c")]
        await registrar.changed()
        if status == 409:
            cluster.put(VALIDATING_WEBHOOKS, "p", webhooks=[])  # that is what a conflict comes from
            cluster.put(MUTATING_WEBHOOKS, "p", webhooks=[])
            cluster.put(MUTATING_WEBHOOKS, "p", webhooks=[hook("x")])
        await until(
            lambda: names(cluster) == ["c"] and found(cluster, MUTATING_WEBHOOKS)["webhooks"] == hooks
        )

    kept(scene, monkeypatch)


def test_what_the_server_makes_of_it_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = FakeCluster.replace

    async def dropping(
        self: FakeCluster, type: Any, name: str, body: Object, *rest: Any, **more: Any
    ) -> Object:
        known = [{k: v for k, v in each.items() if k != "new"} for each in body["webhooks"]]
        return await usual(self, type, name, body | {"webhooks": known}, *rest, **more)

    monkeypatch.setattr(FakeCluster, "replace", dropping)

    async def scene(cluster: FakeCluster, registrar: Registrar, hooks: list[Object]) -> None:
        hooks[:] = [hook("a") | {"new": "field"}]
        await registrar.changed()
        await registrar.done.wait()
        writes = registrar.writes
        await registrar.changed()
        await registrar.done.wait()
        assert registrar.writes == writes
        cluster.put(VALIDATING_WEBHOOKS, "p", webhooks=[])
        await until(lambda: names(cluster) == ["a"])

    kept(scene, monkeypatch)


def test_certificates_that_somebody_else_writes_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(cluster: FakeCluster, registrar: Registrar, hooks: list[Object]) -> None:
        asked = {"annotations": {"cert-manager.io/inject-ca-from": "ns/c"}}
        cluster.put(VALIDATING_WEBHOOKS, "p", metadata=asked, webhooks=[hook("a", caBundle="QQ==")])
        hooks.append(hook("b"))
        await registrar.changed()
        await until(lambda: names(cluster) == ["a", "b"])
        assert found(cluster)["webhooks"][0]["clientConfig"]["caBundle"] == "QQ=="
        assert found(cluster)["metadata"]["annotations"] == asked["annotations"]
        assert found(cluster)["metadata"]["labels"] == {"by": "me"}

    kept(scene, monkeypatch)


def test_both_are_removed() -> None:
    async def run() -> None:
        cluster = FakeCluster()
        for type in BOTH:
            cluster.put(type, "p", webhooks=[])
        await remove(cluster, "p")
        await remove(cluster, "p")
        assert cluster.objects == {}

    asyncio.run(run())
