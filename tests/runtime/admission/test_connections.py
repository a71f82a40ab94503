"""What strangers can do to the server's connections."""

import asyncio
import contextlib
import gzip
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.admission import connections, server
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.listening import listening, server_tls
from pratique.runtime.admission.server import Webhook
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from tests.support_admission import review_body, world
from tests.support_tls import Authority

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], contextlib.AbstractAsyncContextManager[Streams]]


def served(
    folder: Path,
    work: Callable[[Connect, Webhook], Awaitable[None]],
    *,
    clients: Authority | None = None,
    client: ssl.SSLContext | None = None,
) -> None:
    """Run some work beside a server on loopback; it is given what connects to it."""
    authority = Authority.make(folder)
    authority.server_context("127.0.0.1")
    (both,) = folder.glob("server-*.pem")
    given = world()

    async def run() -> None:
        engine = Engine(given.plan, Evidence(given.store, given.verifier))
        webhook = Webhook(Judge(engine), known_clients=clients is not None)
        tls = server_tls(clients.file.read_text() if clients else "")
        tls.load_cert_chain(both)
        shown = client or ssl.create_default_context()
        shown.load_verify_locations(authority.file)
        async with listening(webhook, "127.0.0.1", 0, tls, grace=1, linger=0) as port:

            @contextlib.asynccontextmanager
            async def connect() -> AsyncIterator[Streams]:
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=shown)
                try:
                    yield reader, writer
                finally:
                    writer.close()

            await work(connect, webhook)

    asyncio.run(asyncio.wait_for(run(), 60))


def request(body: bytes, *headers: str, path: str = "/validate") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def whole(body: bytes) -> bytes:
    return request(body, f"Content-Length: {len(body)}")


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return status and body of the next answer; status 0 for a connection that ends without one."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, b""
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(head.split()[1]), await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)


async def ask(connect: Connect, data: bytes) -> int:
    async with connect() as (reader, writer):
        writer.write(data)
        return (await answer(reader))[0]


def test_w8_a_length_is_said_once(tmp_path: Path) -> None:
    body = review_body()
    chunked = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"

    async def work(connect: Connect, _: Webhook) -> None:
        assert await ask(connect, request(chunked, "Transfer-Encoding: chunked")) == 200
        both = request(chunked, "Transfer-Encoding: chunked", f"Content-Length: {len(body)}")
        assert await ask(connect, both) == 400
        twice = request(body, f"Content-Length: {len(body)}", f"Content-Length: {len(body) - 1}")
        assert await ask(connect, twice) == 400

    served(tmp_path, work)


def test_w8_bodies_are_not_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(b"[" * (64 << 20))

    async def work(connect: Connect, _: Webhook) -> None:
        packed = request(bomb, f"Content-Length: {len(bomb)}", "Content-Encoding: gzip")
        assert await ask(connect, packed) == 415

    served(tmp_path, work)


def test_w8_who_waits_to_be_told_to_go_on_is_told(tmp_path: Path) -> None:
    body = review_body()

    async def work(connect: Connect, _: Webhook) -> None:
        async with connect() as (reader, writer):
            writer.write(request(b"", f"Content-Length: {len(body)}", "Expect: 100-continue"))
            assert (await answer(reader))[0] == 100
            writer.write(body)
            status, text = await answer(reader)
            assert (status, json.loads(text)["response"]["uid"]) == (200, "u")

    served(tmp_path, work)


def test_w9_headers_and_bodies_in_drops_end_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.4)
    monkeypatch.setattr(server, "BODY_SECONDS", 0.4)
    body = review_body()

    async def drip(connect: Connect, data: bytes) -> int:
        async with connect() as (reader, writer):
            task = asyncio.create_task(answer(reader))
            for number in range(len(data)):
                if task.done():
                    break
                writer.write(data[number : number + 1])
                await asyncio.sleep(0.05)
            return (await task)[0]

    async def work(connect: Connect, _: Webhook) -> None:
        head = request(b"", f"Content-Length: {len(body)}")
        assert await drip(connect, head[:-4]) == 0
        assert await ask(connect, head + body[:10]) == 408
        async with connect() as (silent, _writer):
            assert await silent.read() == b""

    served(tmp_path, work)


def test_w9_a_connection_that_is_used_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.2)
    monkeypatch.setattr(connections, "IDLE_SECONDS", 1.0)
    body = review_body()

    async def work(connect: Connect, webhook: Webhook) -> None:
        usual = webhook.judge.verdict

        async def slow(*arguments: Any, **named: Any) -> Any:
            await asyncio.sleep(0.5)
            return await usual(*arguments, **named)

        async with connect() as (reader, writer):
            for _again in range(2):
                writer.write(whole(body))
                assert (await answer(reader))[0] == 200
                await asyncio.sleep(0.5)
            monkeypatch.setattr(webhook.judge, "verdict", slow)
            writer.write(whole(body))
            assert (await answer(reader))[0] == 200
            begun = time.monotonic()
            assert await reader.read() == b""
            assert 0.5 < time.monotonic() - begun < 5

    served(tmp_path, work)


def test_w9_too_many_connections_leave_those_at_work_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 20)
    body = review_body()

    async def work(connect: Connect, _: Webhook) -> None:
        async with connect() as (reader, writer):
            async with contextlib.AsyncExitStack() as stack:
                for _one in range(19):
                    await stack.enter_async_context(connect())
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    assert await ask(connect, whole(body)) == 0
                writer.write(whole(body))
                assert (await answer(reader))[0] == 200
            await asyncio.sleep(0.2)
            assert await ask(connect, whole(body)) == 200

    served(tmp_path, work)


def _with_certificate(authority: Authority) -> ssl.SSLContext:
    authority.server_context("the API server")
    (both,) = authority.folder.glob("server-*.pem")
    found = ssl.create_default_context()
    found.load_cert_chain(both)
    return found


@pytest.mark.parametrize(("shows", "status"), [("its own", 200), ("another's", 0), ("none", 401)])
def test_w10_w22_reviews_of_strangers_are_not_answered(tmp_path: Path, shows: str, status: int) -> None:
    (tmp_path / "clients").mkdir()
    (tmp_path / "others").mkdir()
    (tmp_path / "server").mkdir()
    clients, others = Authority.make(tmp_path / "clients", "Clients"), Authority.make(tmp_path / "others")
    client = {"its own": clients, "another's": others}.get(shows)

    async def work(connect: Connect, webhook: Webhook) -> None:
        try:
            assert await ask(connect, whole(review_body())) == status
        except (ConnectionError, ssl.SSLError):
            assert status == 0
        said = webhook.metrics.text()
        assert ('outcome="stranger"' in said) == (status == 401)
        assert ('dry_run="false"' in said) == (status == 200)
        if status:
            assert await ask(connect, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n") == 200

    shown = _with_certificate(client) if client else None
    served(tmp_path / "server", work, clients=clients, client=shown)
