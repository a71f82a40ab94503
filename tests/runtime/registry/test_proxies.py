"""Which proxy serves which URL, and that requests really go through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession
from yarl import URL

from pratique.grammar.errors import TransportError, UsageError
from pratique.runtime.ports import Repository
from pratique.runtime.registry.addresses import is_inside_name
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.endpoints import InsecureHosts
from pratique.runtime.registry.exchange import Exchange, InsideFault
from pratique.runtime.registry.faults import Operation
from pratique.runtime.registry.open import StoreOptions, open_store
from pratique.runtime.registry.proxies import DIRECT, Proxies
from tests.support_registry import Asked, FakeRegistry, Reply
from tests.support_tls import Authority

PROXY = "http://proxy.example:3128"
BOTH = {"HTTP_PROXY": PROXY, "HTTPS_PROXY": "http://other.example:3128"}


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://r.example/v2/", None),
        (BOTH, "http://r.example/v2/", PROXY),
        (BOTH, "https://r.example/v2/", "http://other.example:3128"),
        ({"http_proxy": PROXY}, "http://r.example", PROXY),
        ({"HTTP_PROXY": PROXY, "http_proxy": "http://b"}, "http://r.example", PROXY),
        ({"HTTP_PROXY": "proxy.example:3128"}, "http://r.example", PROXY),
        (
            {"HTTPS_PROXY": "http://me:pw@proxy.example:3128/x?y"},
            "https://r.example",
            "http://me:pw@proxy.example:3128",
        ),
        ({"HTTP_PROXY": PROXY}, "https://r.example", None),
        (BOTH, "http://localhost:5000", None),
        (BOTH, "http://127.0.0.2:5000", None),
        (BOTH, "http://[::1]:5000", None),
    ],
)
def test_find(environment: dict[str, str], url: str, proxy: str | None) -> None:
    assert Proxies.of(environment).find(URL(url)) == (URL(proxy) if proxy else None)


@pytest.mark.parametrize(
    ("exceptions", "host", "is_direct"),
    [
        ("*", "r.example", True),
        ("a.example, *", "r.example", True),
        ("r.example", "r.example", True),
        ("R.Example", "r.example", True),
        ("example", "r.example", True),
        ("example", "badexample", False),
        (".example", "r.example", True),
        (".r.example", "r.example", False),
        ("*.example", "r.example", True),
        ("r.example:5000", "r.example", False),
        ("r.example:80", "r.example", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "r.example", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:80", "10.1.2.3", True),
        ("10.1.2.3:81", "10.1.2.3", False),
        ("fd00::/8", "[fd00::1]", True),
        ("[fd00::1]:80", "[fd00::1]", True),
        ("", "r.example", False),
        (" , ,", "r.example", False),
    ],
)
def test_no_proxy(exceptions: str, host: str, is_direct: bool) -> None:
    proxies = Proxies.of({**BOTH, "NO_PROXY": exceptions})
    assert (proxies.find(URL(f"http://{host}/")) is None) is is_direct


@pytest.mark.parametrize("text", ["socks5://p:1", "http://", "http://pa ss@:x", "ftp://p", "://"])
def test_what_is_no_http_proxy_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Proxies.of({"HTTPS_PROXY": text})
    assert str(caught.value) == "HTTPS_PROXY is not the URL of an HTTP proxy (http://HOST:PORT)"


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("registry.example", False),
        ("8.8.8.8", False),
        ("10.0.0.1", True),
        ("[::1]", True),
        ("metadata", True),
        ("metadata.google.internal", True),
        ("x.localhost.", True),
        ("127.1", True),
        ("0x7f.1", True),
        ("2130706433", True),
        ("svc.cluster.local", True),
    ],
)
def test_inside_by_name(host: str, inside: bool) -> None:
    assert is_inside_name(host) is inside


@asynccontextmanager
async def tunnel(target: int) -> AsyncIterator[tuple[str, list[str]]]:
    """Run a proxy that lets CONNECT through to a port of loopback; yield its URL and what it was asked."""
    asked: list[str] = []

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head.partition("\r\n")[0])
        if "proxy-authorization: basic bWU6cHc=" not in head.lower().replace("bwu6chc=", "bWU6cHc="):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            writer.close()
            return
        inner, outer = await asyncio.open_connection("127.0.0.1", target)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pipe(reader, outer), pipe(inner, writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://me:pw@127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()


MANIFEST = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",' + (
    b'"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:'
    + b"0" * 64
    + b'","size":2},"layers":[]}'
)


def test_https_goes_through_a_tunnel_and_is_checked_end_to_end(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    context = authority.server_context("registry.example")

    async def run() -> list[str]:
        async with FakeRegistry(tls=context) as registry, tunnel(registry.port) as (proxy, asked):
            digest = registry.manifest("app", MANIFEST, "v1")
            client = DistributionClient(
                tls=authority.client_context(), proxies=Proxies.of({"HTTPS_PROXY": proxy})
            )
            manifest = await client.manifest(Repository("registry.example", "app"), "v1")
            await client.aclose()
            assert manifest.digest == digest
            # What the proxy was told is for the proxy: the registry hears nothing of it.
            assert all("proxy-authorization" not in request.headers for request in registry.asked)
            return asked

    assert asyncio.run(run()) == ["CONNECT registry.example:443 HTTP/1.1"]


def test_plain_http_is_asked_of_the_proxy_itself() -> None:
    async def run() -> tuple[list[Asked], str]:
        async with FakeRegistry() as proxy:
            target = "http://registry.example/v2/app/manifests/v1"
            reply = Reply(
                body=MANIFEST, headers={"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
            )
            proxy.on(target, reply)
            client = DistributionClient(
                insecure=InsecureHosts.of(["registry.example"]),
                proxies=Proxies.of({"HTTP_PROXY": proxy.url, "HTTPS_PROXY": "http://127.0.0.1:1"}),
            )
            # HTTPS is tried first; a proxy that is down must not lead to plain HTTP.
            with pytest.raises(TransportError) as caught:
                await client.manifest(Repository("registry.example", "app"), "v1")
            exchange = Exchange(timeout_s=5, max_concurrency=1, proxies=Proxies.of({"HTTP_PROXY": proxy.url}))
            answer = await exchange.send(
                Operation("registry.example", "x"), URL(target, encoded=True), headers={}, max_bytes=1 << 20
            )
            await client.aclose()
            await exchange.aclose()
            assert answer.body == MANIFEST
            # The proxy stands on loopback; the registry behind it is not inside for that.
            assert not answer.is_inside
            return proxy.asked, str(caught.value)

    asked, message = asyncio.run(run())
    assert [request.target for request in asked] == ["http://registry.example/v2/app/manifests/v1"]
    assert message == "registry.example: manifest app:v1: the proxy cannot be reached"


def test_a_proxy_that_wants_a_password_is_named_without_it() -> None:
    async def run() -> str:
        async with tunnel(1) as (proxy, _):
            wrong = proxy.replace("me:pw", "me:wrong")
            client = DistributionClient(proxies=Proxies.of({"HTTPS_PROXY": wrong}))
            with pytest.raises(TransportError) as caught:
                await client.manifest(Repository("registry.example", "app"), "v1")
            await client.aclose()
            assert caught.value.code == "registry-unreachable"
            return str(caught.value)

    assert asyncio.run(run()) == "registry.example: manifest app:v1: the proxy refuses to connect (HTTP 407)"


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1", "metadata", "127.1"])
def test_o1_a_proxy_is_no_way_to_inside_addresses(host: str) -> None:
    async def run() -> int:
        async with FakeRegistry() as proxy:
            exchange = Exchange(timeout_s=5, max_concurrency=1, proxies=Proxies.of({"HTTP_PROXY": proxy.url}))
            with pytest.raises(InsideFault):
                await exchange.send(
                    Operation("r.example", "x"),
                    URL(f"http://{host}/latest", encoded=True),
                    headers={},
                    max_bytes=10,
                    public_only=True,
                )
            await exchange.aclose()
            return len(proxy.asked)

    assert asyncio.run(run()) == 0


def test_the_environment_reaches_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://p:1")
    with pytest.raises(UsageError, match="HTTPS_PROXY"):
        open_store(StoreOptions())


def test_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials come from where the documentation says, so aiohttp's own reading of files stays off."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    async def run() -> list[Asked]:
        async with FakeRegistry() as registry:
            client = DistributionClient(proxies=DIRECT)
            registry.manifest("app", MANIFEST, "v1")
            await client.manifest(Repository(registry.host, "app"), "v1")
            await client.aclose()
            async with ClientSession(trust_env=True) as session:
                await session.get(f"{registry.url}/v2/app/manifests/v1")
            return registry.asked

    *ours, theirs = asyncio.run(run())
    assert all("authorization" not in asked.headers for asked in ours)
    assert "authorization" in theirs.headers  # else this test would say nothing
