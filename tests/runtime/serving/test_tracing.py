"""Traces of reviews: what is in them, to whom they belong, where they go."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pratique.grammar.errors import UsageError
from pratique.runtime.admission.server import Webhook
from pratique.runtime.metrics import Metrics
from pratique.runtime.phases import CURRENT, Phase, Review, during
from pratique.runtime.ports import Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.counting import CountingStore
from pratique.runtime.serving.logs import JsonLines
from pratique.runtime.serving.measures import measure_registries
from pratique.runtime.serving.tracing import Tracing
from tests.runtime.admission.test_server import JSON, review, served
from tests.support_engine import World
from tests.support_registry import FakeRegistry, Reply, free_port, image

pytest.importorskip("opentelemetry.sdk", reason="traces need more: pip install 'pratique[otel]'")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="pip install 'pratique[otel]'")

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Kept:
    """Spans that have ended, in memory."""

    def __init__(self) -> None:
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self._exporter = InMemorySpanExporter()
        self.tracing = Tracing(SimpleSpanProcessor(self._exporter))

    @property
    def spans(self) -> dict[str, Any]:
        return {span.name: span for span in self._exporter.get_finished_spans()}


def traced(work: Callable[[Any, World, Kept], Coroutine[Any, Any, None]]) -> dict[str, Any]:
    kept = Kept()

    async def run(client: Any, webhook: Webhook, world: World) -> None:
        webhook.traces = kept.tracing
        await work(client, world, kept)
        await kept.tracing.aclose()

    served(run)
    return kept.spans


def parent(flags: str = "01") -> dict[str, str]:
    return JSON | {"traceparent": f"00-{TRACE}-{PARENT}-{flags}"}


def test_a_review_is_a_span_with_its_phases_below_and_belongs_to_whoever_called() -> None:
    async def work(client: Any, world: World, _: Kept) -> None:
        assert (await client.post("/mutate", data=review(), headers=parent())).status == 200

    spans = traced(work)
    root = spans["review mutate"]
    assert f"{root.context.trace_id:032x}" == TRACE
    assert f"{root.parent.span_id:016x}" == PARENT
    assert dict(root.attributes) == {
        "pratique.webhook": "mutate",
        "pratique.uid": "u1",
        "pratique.outcome": "allowed",
    }
    below = {n for n, span in spans.items() if span.parent.span_id == root.context.span_id}
    phases = {"registry: digest", "registry: list of signatures", "signature: verification"}
    assert below == {"queue", *phases}
    assert {span.context.trace_id for span in spans.values()} == {root.context.trace_id}
    assert all(
        root.start_time <= span.start_time <= span.end_time <= root.end_time for span in spans.values()
    )
    assert spans["registry: digest"].attributes["pratique.about"] == "ghcr.io/acme/app:v1"
    assert root.resource.attributes["service.name"] == "pratique"


@pytest.mark.parametrize("header", ["", "garbage", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 10_000])
def test_without_a_parent_that_can_be_read_a_review_stands_for_itself(header: str) -> None:
    async def work(client: Any, world: World, _: Kept) -> None:
        headers = JSON | ({"traceparent": header} if header else {})
        if len(header) < 8_000:
            assert (await client.post("/validate", data=review(), headers=headers)).status == 200

    spans = traced(work)
    assert all(span.parent is None for name, span in spans.items() if name.startswith("review"))


def test_what_the_caller_does_not_record_is_not_recorded() -> None:
    async def work(client: Any, world: World, _: Kept) -> None:
        assert (await client.post("/mutate", data=review(), headers=parent("00"))).status == 200

    assert traced(work) == {}


def test_an_outage_is_an_error_and_so_is_what_is_no_review() -> None:
    async def work(client: Any, world: World, kept: Kept) -> None:
        assert (await client.post("/validate", data=b"{}", headers=JSON)).status == 400
        assert kept.spans["review validate"].attributes["error.type"] == "refused"
        assert not kept.spans["review validate"].status.is_ok
        world.store.down.add("ghcr.io")
        await client.post("/mutate", data=review(), headers=JSON)

    spans = traced(work)
    assert spans["registry: digest"].attributes["error.type"] == "registry-unreachable"
    assert spans["review mutate"].attributes["pratique.outcome"] == "denied"
    assert spans["review mutate"].status.is_unset


def test_requests_to_registries_are_drawn_without_secrets_and_queries() -> None:
    async def run() -> dict[str, Any]:
        kept = Kept()
        spans = kept.tracing.review("mutate", {})
        token = CURRENT.set(Review(spans))
        async with FakeRegistry() as registry:
            client = DistributionClient()
            measure_registries(Metrics(), CountingStore(client), client)
            digest = registry.manifest("app", image(), "v1")
            query = "?X-Amz-Signature=secret"
            registry.on("/v2/app/blobs/" + digest, Reply(status=307, headers={"Location": f"/other{query}"}))
            registry.on(f"/other{query}", Reply(body=image()))
            with during(Phase.REGISTRY, "digest"):
                await client.manifest(Repository(registry.host, "app"), "v1")
                await client.blob(Repository(registry.host, "app"), digest, max_bytes=10_000)
            await client.aclose()
        CURRENT.reset(token)
        assert spans is not None
        spans.finish({}, "")
        await kept.tracing.aclose()
        assert not [
            text for span in kept._exporter.get_finished_spans() if "secret" in (text := span.to_json())
        ]
        host = kept.spans["registry request"].attributes["server.address"]
        assert host == registry.host
        assert all("authorization" not in name for asked in registry.asked for name in asked.headers)
        assert all("traceparent" not in asked.headers for asked in registry.asked)
        return kept.spans

    spans = asyncio.run(run())
    assert spans["registry request"].parent.span_id == spans["registry: digest"].context.span_id
    assert set(spans["registry request"].attributes) == {
        "server.address",
        "pratique.kind",
        "http.response.status_code",
    }


def test_lines_of_the_log_bear_the_trace() -> None:
    kept = Kept()
    spans = kept.tracing.review("mutate", parent())
    observed = Review(spans)
    token = CURRENT.set(observed)
    try:
        observed.dequeue("u1")
        line = json.loads(JsonLines().format(logging.makeLogRecord({"msg": "denied"})))
    finally:
        observed.finish()
        CURRENT.reset(token)
    assert (line["uid"], line["trace_id"]) == ("u1", TRACE)


def test_spans_are_sent_to_a_collector_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    monkeypatch.setenv("OTEL_SERVICE_NAME", "ours")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    taken: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(content_type="application/x-protobuf")

    async def run(client: Any, webhook: Webhook, world: World) -> None:
        app = web.Application()
        app.router.add_post("/v1/traces", take)
        async with TestServer(app) as collector:
            tracing = Tracing.to(f"http://127.0.0.1:{collector.port}")
            webhook.traces = tracing
            await client.post("/mutate", data=review(), headers=parent())
            await tracing.aclose()

    served(run)
    (sent,) = taken
    (resource,) = sent.resource_spans
    names = [span.name for scope in resource.scope_spans for span in scope.spans]
    assert "review mutate" in names
    told = {a.key: a.value.string_value for a in resource.resource.attributes}
    assert told["service.name"] == "ours"


def test_a_collector_that_is_not_there_changes_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def run(client: Any, webhook: Webhook, world: World) -> None:
        tracing = Tracing.to(f"http://127.0.0.1:{free_port()}")
        webhook.traces = tracing
        assert (await client.post("/mutate", data=review(), headers=JSON)).status == 200
        start = asyncio.get_running_loop().time()
        await tracing.aclose()
        assert asyncio.get_running_loop().time() - start < 20

    served(run)


@pytest.mark.parametrize("url", ["collector:4318", "grpc://collector", "http://", "http://c/?x=y"])
def test_what_is_no_url_is_said(url: str) -> None:
    with pytest.raises(UsageError, match="is not http://HOST:PORT"):
        Tracing.to(url)


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(UsageError, match=r"pip install 'pratique\[otel\]'"):
        Tracing.to("http://localhost:4318")
