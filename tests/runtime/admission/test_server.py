"""What the server answers, over HTTP on loopback."""

import asyncio
import gzip
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from pratique.runtime.admission import server
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.server import Webhook
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import Lifetimes
from tests.support_engine import World, pod
from tests.support_policies import cluster_policy

APP = "ghcr.io/acme/app:v1"
JSON = {"Content-Type": "application/json; charset=utf-8"}


def review(image: str = APP) -> bytes:
    request = {
        "uid": "u1",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "operation": "CREATE",
        "namespace": "default",
        "object": pod(image),
    }
    data = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return json.dumps(data).encode()


def served(work: Callable[[Any, Webhook, World], Coroutine[Any, Any, None]]) -> None:
    world = World(cluster_policy({"failureAction": "Enforce", "mutateDigest": True}))
    world.store.image(APP, {"subject": "dev@acme.example"})
    world.store.image("ghcr.io/acme/app:bad")

    async def run() -> None:
        evidence = Evidence(world.store, world.verifier, lifetimes=Lifetimes())
        webhook = Webhook(Judge(Engine(world.plan, evidence)))
        async with TestClient(TestServer(webhook.application())) as client:
            await work(client, webhook, world)

    asyncio.run(run())


def test_w1_reviews_are_answered_and_counted() -> None:
    async def work(client: Any, webhook: Webhook, _: World) -> None:
        answer = await (await client.post("/mutate?timeout=5s", data=review(), headers=JSON)).json()
        assert (answer["response"]["uid"], answer["response"]["allowed"]) == ("u1", True)
        assert answer["response"]["patchType"] == "JSONPatch"
        bad = await client.post("/validate", data=review("ghcr.io/acme/app:bad"), headers=JSON)
        denied = (await bad.json())["response"]
        assert denied["allowed"] is False
        assert "patch" not in denied
        metrics = await (await client.get("/metrics")).text()
        assert 'reviews_total{webhook="validate",outcome="denied",dry_run="false"} 1' in metrics

    served(work)


@pytest.mark.parametrize(
    ("method", "path", "headers", "data", "status"),
    [
        ("POST", "/validate", {"Content-Type": "text/plain"}, review(), 415),
        ("POST", "/validate", JSON | {"Content-Encoding": "gzip"}, gzip.compress(review()), 415),
        ("POST", "/validate", JSON, b"{}", 400),
        ("HEAD", "/validate", {}, None, 405),
        ("POST", "/validates", JSON, review(), 404),
        ("GET", "/validate", {}, None, 405),
        ("PUT", "/mutate", JSON, review(), 405),
        ("POST", "/", JSON, review(), 404),
        ("GET", "/readyz", {}, None, 200),
        ("GET", "/healthz", {}, None, 200),
    ],
)
def test_w3_w5_w6_what_is_no_review_is_not_answered_as_one(
    method: str, path: str, headers: dict[str, str], data: bytes | None, status: int
) -> None:
    async def work(client: Any, _: Webhook, __: World) -> None:
        response = await client.request(method, path, headers=headers, data=data)
        assert response.status == status
        assert "allowed" not in await response.text()

    served(work)


def test_w4_too_large_a_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_BODY", 100)

    async def work(client: Any, _: Webhook, __: World) -> None:
        assert (await client.post("/validate", data=review(), headers=JSON)).status == 413

    served(work)


def test_w21_over_the_bound_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_WAITING", 0)

    async def work(client: Any, _: Webhook, __: World) -> None:
        assert (await client.post("/validate", data=review(), headers=JSON)).status == 503

    served(work)


def test_f29_draining_waits_for_requests_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(client: Any, webhook: Webhook, world: World) -> None:
        usual, asked = world.store.manifest, asyncio.Event()

        async def slow(*arguments: Any) -> Any:
            asked.set()
            await asyncio.sleep(0.1)
            return await usual(*arguments)

        monkeypatch.setattr(world.store, "manifest", slow)
        task = asyncio.create_task(client.post("/mutate", data=review(), headers=JSON))
        await asked.wait()
        webhook.drain()
        assert (await client.get("/readyz")).status == 503
        await webhook.idle(5)
        assert webhook.waiting == 0
        answer = await task
        assert (await answer.json())["response"]["allowed"] is True
        assert answer.headers["Connection"] == "close"

    served(work)


@pytest.mark.parametrize("text", ["", "nan", "-1s", "1e9s", "5m", "%", "5s&timeout=x"])
def test_odd_timeouts_are_the_usual_one(text: str) -> None:
    assert server._patience(f"timeout={text}") == server.PATIENCE
    assert server._patience("a=b&timeout=3s") == 3
