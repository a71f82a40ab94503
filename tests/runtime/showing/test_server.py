"""The page of a running server: what it shows, to whom, and that it can change nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pratique.compiler.plan import Plan
from pratique.grammar.errors import UsageError
from pratique.runtime.admission.judging import Judge
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import Lifetimes
from pratique.runtime.outputs.verdicts import page as verdict_page
from pratique.runtime.showing import live_page
from pratique.runtime.showing.latest import LatestVerdicts
from pratique.runtime.showing.live_page import LivePage
from pratique.runtime.showing.server import known_host, showing
from pratique.runtime.showing.watched_engine import WatchedEngine
from tests.support_admission import APP, review, world
from tests.support_browser import BROWSER, NO_BROWSER, parsed
from tests.support_devtools import browsing
from tests.support_engine import World

browser = pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show every change at once."""
    monkeypatch.setattr(live_page, "SECONDS", 0.0)


class Shown:
    """A judge whose verdicts are shown, and a way to ask for the page."""

    def __init__(
        self, given: World, port: int, client: aiohttp.ClientSession, latest: LatestVerdicts
    ) -> None:
        self.given = given
        self.url = f"http://127.0.0.1:{port}"
        self.latest = latest
        self.plan = given.plan
        evidence = Evidence(given.store, given.verifier, lifetimes=Lifetimes())

        def seen(_: Any, results: Any) -> None:
            latest.take("admission", results)

        self.judge = Judge(WatchedEngine(seen, given.plan, evidence, given.source))
        self._client = client

    async def admit(self, **changes: Any) -> bool:
        return (await self.judge.verdict(review(**changes), mutating=True, seconds=5)).allowed

    async def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any, str]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._client.request(method, self.url + path, headers=named) as answer:
            return answer.status, answer.headers, await answer.text()

    async def state(self) -> dict[str, Any]:
        status, _, text = await self.ask("/ui/state")
        assert status == 200
        return dict(json.loads(text))


def shown(work: Callable[[Shown], Awaitable[None]], given: World | None = None) -> None:
    async def run() -> None:
        latest, found = LatestVerdicts(), given or world(signed=False)
        page = LivePage(latest, lambda: judge.plan)
        async with showing(page, "127.0.0.1", 0) as port, aiohttp.ClientSession() as client:
            judge = Shown(found, port, client, latest)
            await work(judge)

    asyncio.run(run())


def test_what_was_judged_is_shown() -> None:
    async def work(server: Shown) -> None:
        before = await server.state()
        assert before["rows"] == []
        assert [policy["inForce"] for policy in before["policies"]] == [True]
        assert not await server.admit()
        after = await server.state()
        assert after["summary"]["fail"] == 1
        [row] = after["rows"]
        assert (row["origin"], row["result"]) == ("admission", "fail")
        assert [image["image"] for image in after["images"]] == [APP]
        assert after["checks"][row["checks"][0]]["message"].startswith(f"failed to verify image {APP}")
        _, _, page = await server.ask("/")
        data = json.loads(next(e.text for e in parsed(page) if e.attributes.get("id") == "state"))
        assert data["rows"] == after["rows"]
        assert any("box" in e.classes for e in parsed(page))

    shown(work)


def test_another_plan_is_another_page() -> None:
    async def work(server: Shown) -> None:
        await server.admit()
        assert (await server.state())["rows"]
        other = world()
        server.plan = Plan(type(other.plan.policies)(policies=()))
        data = await server.state()
        assert (data["rows"], data["policies"]) == ([], [])

    shown(work)


def test_a_page_is_not_made_for_every_question(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    usual = verdict_page.page

    def counted(*arguments: Any, **options: Any) -> Any:
        made.append(arguments)
        return usual(*arguments, **options)

    monkeypatch.setattr(live_page, "page", counted)

    async def work(server: Shown) -> None:
        await asyncio.gather(*(server.ask("/") for _ in range(20)))
        assert len(made) == 1
        monkeypatch.setattr(live_page, "SECONDS", 3600.0)
        await server.admit()
        await server.ask("/")
        assert len(made) == 1
        monkeypatch.setattr(live_page, "SECONDS", 0.0)
        await server.ask("/")
        assert len(made) == 2

    shown(work)


def test_a_large_plan_is_told_of_and_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_page, "MAX_DRAWN", 1)

    async def work(server: Shown) -> None:
        _, _, page = await server.ask("/")
        assert not any("box" in e.classes for e in parsed(page))
        assert "is not drawn; `pratique explain` prints it" in page

    shown(work)


@pytest.mark.parametrize("path", ["/", "/ui/state", "/nothing", "/metrics", "/validate"])
def test_headers_of_every_answer(path: str) -> None:
    async def work(server: Shown) -> None:
        status, headers, _ = await server.ask(path)
        assert status == (404 if path in ("/nothing", "/metrics", "/validate") else 200)
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "Access-Control-Allow-Origin" not in headers
        assert "Set-Cookie" not in headers

    shown(work)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(method: str) -> None:
    async def work(server: Shown) -> None:
        for path in ("/", "/ui/state"):
            assert (await server.ask(path, method))[0] == 405

    shown(work)


def test_another_name_or_another_origin_is_not_answered() -> None:
    async def work(server: Shown) -> None:
        for path in ("/", "/ui/state"):
            status, _, text = await server.ask(path, Host="attacker.example:8080")
            assert status == 421
            assert "policies" not in text
            assert (await server.ask(path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors"))[0] == 403
            assert (await server.ask(path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate"))[0] == 200
            assert (await server.ask(path, Host="localhost:1234", Sec_Fetch_Site="same-origin"))[0] == 200

    shown(work)


@pytest.mark.parametrize(
    ("named", "known"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8080", True),
        ("10.0.0.7:8080", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("localhost", True),
        ("LOCALHOST.:80", True),
        ("page.internal:80", True),
        ("localhost.attacker.example", False),
        ("127.0.0.1.attacker.example", False),
        ("attacker.example:8080", False),
        ("", False),
        (":80", False),
    ],
)
def test_names(named: str, known: bool) -> None:
    assert known_host(named, "page.internal") is known


def test_a_port_that_is_taken_is_told() -> None:
    async def work(server: Shown) -> None:
        page = LivePage(LatestVerdicts(), lambda: server.plan)
        with pytest.raises(UsageError, match="cannot listen on"):
            async with showing(page, "127.0.0.1", int(server.url.rpartition(":")[2])):
                pass

    shown(work)


@browser
def test_a_browser_shows_it_under_its_policy(tmp_path: Path) -> None:
    async def work(server: Shown) -> None:
        await server.admit()
        async with browsing(tmp_path) as tab:
            await tab.open(f"{server.url}/")
            assert await tab.ask("document.getElementById('results-status').textContent") == "1 result"
            await tab.ask("document.querySelector('#results .open button').click()")
            assert APP in await tab.ask("document.querySelector('#results tr.more').innerText")
            await tab.ask("document.querySelector('a[href=\"#plan\"]').click()")
            assert await tab.ask("document.querySelectorAll('.box:not([hidden])').length") > 5
            await tab.open("about:blank")
            await tab.open(f"{server.url}/#images?text=acme")
            assert await tab.ask("document.getElementById('images-status').textContent") == "1 image"
            assert [each for each in tab.complaints if "favicon" not in each and "404" not in each] == []
            assert all(each.startswith((server.url, "about:")) for each in tab.requests)

    shown(work)
