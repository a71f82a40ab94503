"""Faults of an API server that a real one does not show on demand."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from aiohttp import web

from pratique.grammar.errors import UsageError
from pratique.runtime.kubernetes.client import Cluster, ClusterError
from pratique.runtime.kubernetes.mirror import Mirror
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import CONFIG_MAPS, NAMESPACES, PODS

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def served(answer: Answer, work: Callable[[Cluster], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            async with Cluster(ClusterSettings(server=f"http://127.0.0.1:{port}", token="t0k")) as cluster:
                await asyncio.wait_for(work(cluster), 20)
        finally:
            await runner.cleanup()

    asyncio.run(run())


def item(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "a", "resourceVersion": str(version)}}


def test_lists_are_read_page_by_page() -> None:
    pages = {
        "": {"metadata": {"continue": "next", "resourceVersion": "7"}, "items": [item("x", 1)]},
        "next": {"metadata": {"resourceVersion": "7"}, "items": [item("y", 2)]},
    }

    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer t0k"
        return web.json_response(pages[request.query.get("continue", "")])

    async def work(cluster: Cluster) -> None:
        found = await cluster.list(PODS)
        assert [i["metadata"]["name"] for i in found.items] == ["x", "y"]
        assert found.items[0]["kind"] == "Pod"
        assert found.version == "7"

    served(answer, work)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (302, "cluster-refused"),
        (401, "cluster-auth"),
        (403, "cluster-auth"),
        (404, "cluster-not-found"),
        (409, "cluster-conflict"),
        (410, "cluster-gone"),
        (422, "cluster-refused"),
        (429, "cluster-throttled"),
        (503, "cluster-unavailable"),
    ],
)
def test_each_refusal_has_its_class(status: int, code: str) -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        headers = {"Location": "/elsewhere"}
        return web.Response(status=status, headers=headers, body=json.dumps({"message": "no\x1b[31m"}))

    async def work(cluster: Cluster) -> None:
        with pytest.raises(ClusterError) as found:
            await cluster.get(PODS, "p", "n")
        assert (found.value.code, found.value.status) == (code, status)
        assert "\x1b" not in found.value.message
        assert len(asked) == 1

    served(answer, work)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"[" * 100_000])
def test_answers_that_are_no_objects_are_errors(body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async def work(cluster: Cluster) -> None:
        with pytest.raises(ClusterError) as found:
            await cluster.get(PODS, "p", "n")
        assert found.value.code == "cluster-response"

    served(answer, work)


def test_nothing_listening_is_an_error() -> None:
    async def work() -> None:
        async with Cluster(ClusterSettings(server="http://127.0.0.1:1")) as cluster:
            with pytest.raises(ClusterError) as found:
                await cluster.version()
            assert (found.value.code, found.value.status) == ("cluster-unreachable", 0)

    asyncio.run(work())


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a%2e", "a?b", "a#b", "", "a b", "-a", "ä"])
def test_k24_no_name_leads_elsewhere(name: str) -> None:
    if name:
        with pytest.raises(UsageError):
            PODS.path("n", name)
        with pytest.raises(UsageError):
            PODS.path(name)
    assert NAMESPACES.path("ignored", "x") == "/api/v1/namespaces/x"


def test_f25_a_mirror_goes_on_where_it_was_and_lists_again_when_told() -> None:
    """A closed watch is taken up at the last version; 410 leads to a list, whose differences are told."""
    watched: list[str] = []
    lists = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal lists
        if "watch" not in request.query:
            lists += 1
            items = [item("x", 1)] if lists == 1 else [item("z", 9)]
            return web.json_response({"metadata": {"resourceVersion": "5"}, "items": items})
        watched.append(request.query["resourceVersion"])
        if len(watched) == 1:
            events = [
                {"type": "ADDED", "object": item("y", 6)},
                {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}},
            ]
            return web.Response(body="\n".join(map(json.dumps, events)) + "\n")
        if len(watched) == 2:
            gone = {"type": "ERROR", "object": {"code": 410}}
            return web.Response(body=json.dumps(gone) + "\n")
        await asyncio.sleep(30)
        return web.Response()

    async def work(cluster: Cluster) -> None:
        states: list[set[str]] = []

        async def changed() -> None:
            states.append({name for _, name in mirror.objects})

        mirror = Mirror(cluster, CONFIG_MAPS, changed)
        task = asyncio.create_task(mirror.run())
        while len(watched) < 3:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert watched == ["5", "8", "5"]
        assert states == [{"x"}, {"x", "y"}, {"z"}]
        assert mirror.faults == 1

    served(answer, work)
