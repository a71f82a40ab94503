"""Calls of services, on loopback."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import EvaluationError, TransportError
from pratique.runtime.kubernetes import services as module
from pratique.runtime.kubernetes.services import Services
from tests.support_registry import FakeRegistry, Reply
from tests.support_tls import Authority


def called(work: Callable[[FakeRegistry], Coroutine[Any, Any, None]], **options: Any) -> None:
    async def run() -> None:
        async with FakeRegistry(**options) as service:
            await work(service)

    asyncio.run(asyncio.wait_for(run(), 30))


async def ask(service: FakeRegistry, path: str = "/check", allowed: str = "127.0.0.1", **call: Any) -> Any:
    services = Services([allowed])
    try:
        return await services.call(f"{service.url}{path}", **call)
    finally:
        await services.aclose()


def test_what_a_service_answers() -> None:
    async def work(service: FakeRegistry) -> None:
        service.on("/check?a=1%2F2", Reply(body=b'{"ok": [true]}'))
        assert await ask(service, "/check?a=1%2F2", allowed=service.host) == {"ok": [True]}
        data = json.dumps({"image": "x"})
        service.on("/check", Reply(status=201, body=b"7"))
        assert await ask(service, method="POST", data=data, headers=[("X-Team", "a")]) == 7
        sent = service.asked[-1]
        assert (sent.method, sent.body) == ("POST", data.encode())
        assert sent.headers["x-team"] == "a"
        assert sent.headers["content-type"] == "application/json"

    called(work)


def test_k31_no_credential_goes_along() -> None:
    async def work(service: FakeRegistry) -> None:
        service.on("/check", Reply(body=b"1"))
        await ask(service)
        await ask(service, headers=[("Authorization", "Bearer written-by-the-policy")])
        assert [asked.headers.get("authorization") for asked in service.asked] == [
            None,
            "Bearer written-by-the-policy",
        ]

    called(work)


@pytest.mark.parametrize("allowed", ["127.0.0.2", "127.0.0.1:1", "localhost", ""])
def test_k28_only_services_that_were_named_are_called(allowed: str) -> None:
    async def work(service: FakeRegistry) -> None:
        service.on("/check", Reply(body=b"1"))
        with pytest.raises(EvaluationError, match=f"--allow-service {service.host}") as caught:
            await ask(service, allowed=allowed)
        assert caught.value.code == "service-refused"
        assert service.asked == []

    called(work)


def test_k32_redirects_lead_nowhere() -> None:
    async def work(service: FakeRegistry) -> None:
        service.on("/check", Reply(status=302, headers={"Location": f"{service.url}/other"}))
        service.on("/other", Reply(body=b"1"))
        with pytest.raises(EvaluationError, match="answers HTTP 302"):
            await ask(service)
        assert service.count("/other") == 0

    called(work)


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(status=500, body=b"hunter2"), "answers HTTP 500"),
        (Reply(body=b"hunter2"), "not JSON"),
        (Reply(body=b"[" * 100_000), "not JSON"),
        (Reply(body=b"\xff\xfe1\x00"), "not JSON"),
        (Reply(body=b" " * (2 << 20) + b"1"), "less than max allowed response length of 2097152"),
        (Reply(body=b" " * 1000, endless=True, declared=-1), "less than max allowed response length"),
    ],
)
def test_k30_answers_that_are_none_are_not_repeated(reply: Reply, text: str) -> None:
    async def work(service: FakeRegistry) -> None:
        service.on("/check", reply)
        with pytest.raises(EvaluationError, match=text) as caught:
            await ask(service)
        assert "hunter2" not in caught.value.message

    called(work)


def test_outages_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.3)

    async def work(service: FakeRegistry) -> None:
        for reply in (Reply(hang_up=True), Reply(body=b"1", stall=True)):
            service.on("/check", reply)
            with pytest.raises(TransportError) as caught:
                await ask(service)
            assert caught.value.code == "service-unreachable"

    called(work)


def test_certificates_are_checked(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)

    async def work(service: FakeRegistry) -> None:
        service.on("/check", Reply(body=b"1"))
        assert await ask(service, authorities=authority.file.read_text()) == 1
        with pytest.raises(TransportError):
            await ask(service)
        with pytest.raises(EvaluationError, match="failed to parse PEM CA bundle"):
            await ask(service, authorities="no certificate")

    called(work, tls=authority.server_context("127.0.0.1"))
