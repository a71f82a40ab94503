import asyncio
import json
from typing import Any

import aiohttp
import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.admission.debugging import debugging
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.server import Webhook
from pratique.runtime.cli import main
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import Lifetimes
from tests.runtime.admission.test_server import JSON, review, served
from tests.support_engine import World
from tests.support_policies import cluster_policy


async def shown(port: int, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/debug/plan", headers=headers) as answer,
    ):
        return answer.status, await answer.text()


def test_the_plan_is_what_explain_says_with_the_results_of_its_rules(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(cluster_policy({"failureAction": "Enforce", "mutateDigest": True}))
    assert main(["explain", str(policy), "-o", "json"]) == 0
    explained = json.loads(capsys.readouterr().out)

    async def work(client: Any, webhook: Webhook, _: World) -> None:
        for image in ("ghcr.io/acme/app:v1", "ghcr.io/acme/app:bad"):
            await client.post("/validate", data=review(image), headers=JSON)
        async with debugging(webhook, 0) as port:
            status, text = await shown(port)
        found = json.loads(text)
        assert status == 200
        assert (found["digest"], found["totals"]) == (explained["digest"], explained["totals"])
        assert found["questions"] == [q | {"estimate": q["estimate"]} for q in found["questions"]]
        results = [rule.pop("results") for rule in found["rules"]]
        assert [r["rule"] for r in found["rules"]] == [r["rule"] for r in explained["rules"]]
        assert results[0] == {"fail": 2}
        assert results[1:] == [{}] * (len(results) - 1)

    served(work)


def test_the_plan_is_that_in_force() -> None:
    async def run() -> None:
        worlds = [World(cluster_policy(metadata={"name": name})) for name in ("first", "second")]
        engines = [Engine(w.plan, Evidence(w.store, w.verifier, lifetimes=Lifetimes())) for w in worlds]
        webhook = Webhook(Judge(engines[0]))
        async with debugging(webhook, 0) as port:
            before = json.loads((await shown(port))[1])
            webhook.judge.use(engines[1])
            after = json.loads((await shown(port))[1])
            assert {rule["policy"] for rule in before["rules"]} == {"first"}
            assert {rule["policy"] for rule in after["rules"]} == {"second"}
            # A page of a stranger, whose name leads here, is not shown it.
            assert (await shown(port, Host="attacker.example"))[0] == 403
            with pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1"):
                async with debugging(webhook, port):
                    pass

    asyncio.run(run())


def test_the_port_of_the_webhooks_does_not_show_it() -> None:
    async def work(client: Any, webhook: Webhook, _: World) -> None:
        assert (await client.get("/debug/plan")).status == 404

    served(work)
