"""The server's socket: TLS, and its end."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pratique.grammar.errors import UsageError
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.listening import listening, server_tls
from pratique.runtime.admission.server import Webhook
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import Lifetimes
from tests.support_admission import review_body, world
from tests.support_engine import World
from tests.support_tls import Authority

JSON = {"Content-Type": "application/json"}


def served(
    folder: Path,
    work: Callable[[int, aiohttp.ClientSession, asyncio.Event, World], Coroutine[Any, Any, None]],
    *,
    linger: float = 0.1,
) -> None:
    """Run some work beside a server that ends when its event is set."""
    authority = Authority.make(folder)
    authority.server_context("127.0.0.1")
    (both,) = folder.glob("server-*.pem")
    given = world()

    async def run() -> None:
        webhook = Webhook(
            Judge(Engine(given.plan, Evidence(given.store, given.verifier, lifetimes=Lifetimes())))
        )
        tls, end, ready = server_tls(), asyncio.Event(), asyncio.Event()
        tls.load_cert_chain(both)
        ports: list[int] = []

        async def serve() -> None:
            async with listening(webhook, "127.0.0.1", 0, tls, grace=5, linger=linger) as port:
                ports.append(port)
                ready.set()
                await end.wait()

        server = asyncio.create_task(serve())
        await ready.wait()
        connector = aiohttp.TCPConnector(ssl=authority.client_context())
        async with aiohttp.ClientSession(connector=connector) as session:
            await work(ports[0], session, end, given)
        end.set()
        await server

    asyncio.run(asyncio.wait_for(run(), 30))


def test_f29_every_request_is_answered_while_the_server_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(port: int, session: aiohttp.ClientSession, end: asyncio.Event, given: World) -> None:
        usual, started = given.store.manifest, asyncio.Event()

        async def slow(*arguments: Any) -> Any:
            started.set()
            await asyncio.sleep(0.5)
            return await usual(*arguments)

        monkeypatch.setattr(given.store, "manifest", slow)
        url = f"https://127.0.0.1:{port}"

        async def ask() -> bool:
            async with session.post(f"{url}/mutate", data=review_body(), headers=JSON) as answer:
                return bool((await answer.json())["response"]["allowed"])

        before = [asyncio.create_task(ask()) for _ in range(20)]
        await started.wait()
        end.set()
        await asyncio.sleep(0.02)
        async with session.get(f"{url}/readyz") as answer:
            assert answer.status == 503
        after = [asyncio.create_task(ask()) for _ in range(20)]
        assert all(await asyncio.gather(*before, *after))

    served(tmp_path, work, linger=0.3)


def test_f29_nobody_is_served_after_the_end(tmp_path: Path) -> None:
    found: list[int] = []

    async def work(port: int, *_: Any) -> None:
        found.append(port)

    served(tmp_path, work, linger=0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", found[0]), timeout=5).close()


def _handshake(port: int, context: ssl.SSLContext) -> str | None:
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain) as line,
    ):
        return line.version()


def test_k18_weak_tls_is_refused(tmp_path: Path) -> None:
    async def work(port: int, *_: Any) -> None:
        good = await asyncio.to_thread(_handshake, port, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        assert good in ("TLSv1.2", "TLSv1.3")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        weak = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("AES256-SHA:AES128-SHA:ECDHE-ECDSA-AES128-SHA@SECLEVEL=0")
        for context in (old, weak):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.to_thread(_handshake, port, context)

    served(tmp_path, work)


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    async def work(port: int, *_: Any) -> None:
        given = world()
        webhook = Webhook(Judge(Engine(given.plan, Evidence(given.store, given.verifier))))
        with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with listening(webhook, "127.0.0.1", port, server_tls(), grace=1, linger=0):
                pass

    served(tmp_path, work)
