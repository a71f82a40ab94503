"""What is counted and logged of reviews."""

import asyncio
import json
import logging
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from pratique.grammar.errors import TransportError
from pratique.runtime.admission import measures
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.server import Webhook
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import Lifetimes
from pratique.runtime.serving.logs import JsonLines
from tests.runtime.admission.test_server import APP, JSON, review, served
from tests.support_engine import World
from tests.support_policies import cluster_policy


def test_verdicts_are_counted_by_policy_rule_result_and_operation() -> None:
    async def work(client: Any, webhook: Webhook, world: World) -> None:
        for image in (APP, "ghcr.io/acme/app:bad", "ghcr.io/acme/app:bad"):
            await client.post("/mutate", data=review(image), headers=JSON)
        answer = await client.get("/metrics")
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = await answer.text()
        ((policy, rule),) = {(p, r) for p, r, _, _ in webhook.measures.results()}
        labels = f'policy="{policy}",rule="{rule}"'
        assert f'verdicts_total{{{labels},result="pass",operation="CREATE"}} 1' in text
        assert f'verdicts_total{{{labels},result="fail",operation="CREATE"}} 2' in text

    served(work)


def test_the_time_of_a_review_is_divided_among_its_phases() -> None:
    async def work(client: Any, webhook: Webhook, world: World) -> None:
        await client.post("/mutate", data=review(), headers=JSON)
        lines = (await (await client.get("/metrics")).text()).splitlines()
        sums = {line.split()[0]: float(line.split()[1]) for line in lines if "_seconds_sum" in line}
        whole = sums.pop('pratique_admission_review_duration_seconds_sum{webhook="mutate"}')
        phases = [v for k, v in sums.items() if k.startswith("pratique_admission_phase")]
        assert sum(phases) == pytest.approx(whole)
        names = {k.partition('"')[2].rstrip('"}') for k in sums if k.startswith("pratique_admission_phase")}
        assert names == {"queue", "registry", "signature", "evaluation"}

    served(work)


def test_r9_tenants_who_write_many_policies_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "MAX_VERDICTS", 3)
    text = "\n---\n".join(cluster_policy(metadata={"name": f"p{n}"}) for n in range(9))

    async def run() -> None:
        worlds = World(text), World(cluster_policy(metadata={"name": "later"}))
        engines = [
            Engine(each.plan, Evidence(each.store, each.verifier, lifetimes=Lifetimes())) for each in worlds
        ]
        webhook = Webhook(Judge(engines[0]))
        async with TestClient(TestServer(webhook.application())) as client:
            await client.post("/validate", data=review(), headers=JSON)
            said = await (await client.get("/metrics")).text()
            assert said.count("pratique_admission_verdicts_total{") == 4
            assert '{policy="other",rule="other",result="other",operation="other"} 6' in said
            webhook.judge.use(engines[1])
            await client.get("/metrics")
            await client.post("/validate", data=review(), headers=JSON)
            said = await (await client.get("/metrics")).text()
            assert 'policy="later"' in said
            assert 'policy="p0"' not in said

    asyncio.run(run())


def test_f13_other_bytes_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(client: Any, webhook: Webhook, world: World) -> None:
        name = "pratique_admission_digest_mismatches_total"
        assert f"{name} 0" in await (await client.get("/metrics")).text()

        async def other(*_: object) -> Any:
            raise TransportError("digest-mismatch", "ghcr.io: other bytes")

        monkeypatch.setattr(world.store, "manifest", other)
        await client.post("/mutate", data=review(), headers=JSON)
        assert f"{name} 1" in await (await client.get("/metrics")).text()

    served(work)


def test_every_line_about_a_review_bears_its_uid(caplog: pytest.LogCaptureFixture) -> None:
    lines: list[dict[str, str]] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(JsonLines().format(record)))

    async def work(client: Any, webhook: Webhook, world: World) -> None:
        async def broken(*_: object, **__: object) -> Any:
            await asyncio.sleep(0)
            logging.getLogger("pratique.runtime.registry").warning("deep down")
            raise RuntimeError("defect")

        await client.post("/validate", data=review("ghcr.io/acme/app:bad"), headers=JSON)
        webhook.judge.engine.judge = broken  # type: ignore[method-assign]
        await client.post("/validate", data=review(), headers=JSON)

    handler, logger = Kept(), logging.getLogger("pratique")
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel("INFO")
    try:
        served(work)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    said = [line["message"] for line in lines]
    assert said[0] == "denied"
    assert "deep down" in said
    assert any(message.startswith("defect") for message in said)
    assert {line.get("uid") for line in lines} == {"u1"}
