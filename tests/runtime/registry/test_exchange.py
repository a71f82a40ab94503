"""One HTTP request: TLS (threat F14), bounded memory (C6), headers, concurrency."""

from __future__ import annotations

import asyncio
import gzip
import resource
import ssl
import time
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.ports import Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.endpoints import InsecureHosts
from tests.support_registry import FakeRegistry, FixedNames, Reply, free_port, image, run, sha256
from tests.support_tls import Authority

NAMES = FixedNames({"reg.example": ["127.0.0.1"]})


@asynccontextmanager
async def tls_registry(
    authority: Authority, context: ssl.SSLContext | None, **options: object
) -> AsyncIterator[tuple[FakeRegistry, DistributionClient, Repository]]:
    client = DistributionClient(
        tls=authority.client_context(),
        resolver=NAMES,
        timeout_s=3,
        **options,  # type: ignore[arg-type]
    )
    async with FakeRegistry(tls=context) as registry, aclosing(client):
        registry.manifest("app", image(), "v1")
        yield registry, client, Repository(f"reg.example:{registry.port}", "app")


def test_https(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)

    async def scenario() -> None:
        context = authority.server_context("reg.example")
        async with tls_registry(authority, context) as (registry, client, repository):
            assert (await client.manifest(repository, "v1")).digest == sha256(image())
            headers = registry.asked[0].headers
            assert headers["accept-encoding"] == "identity"
            assert headers["user-agent"].startswith("pratique/")
            assert headers["host"] == repository.registry
            assert not {"authorization", "cookie"} & headers.keys()

    run(scenario)


def _old_tls(authority: Authority) -> ssl.SSLContext:
    context = authority.server_context("reg.example")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


CONTEXTS: dict[str, Callable[[Authority], ssl.SSLContext | None]] = {
    "expired": lambda a: a.server_context("reg.example", expired=True),
    "wrong name": lambda a: a.server_context("other.example"),
    "wrong name by suffix": lambda a: a.server_context(
        "evil-reg.example", "example", "reg.example.evil.test"
    ),
    "self-signed": lambda a: a.server_context("reg.example", self_signed=True),
    "unknown authority": lambda a: Authority.make(a.folder, "Other CA").server_context("reg.example"),
    "TLS 1.1": _old_tls,
    "plain HTTP": lambda a: None,
}


@pytest.mark.parametrize("insecure", [False, True])
@pytest.mark.parametrize("kind", CONTEXTS)
def test_f14_bad_tls_is_never_made_up_for(tmp_path: Path, kind: str, insecure: bool) -> None:
    authority = Authority.make(tmp_path)
    trusted = authority.client_context()
    context = CONTEXTS[kind](authority)

    async def scenario() -> None:
        client = DistributionClient(
            tls=trusted, resolver=NAMES, timeout_s=3, insecure=InsecureHosts.of(insecure)
        )
        async with FakeRegistry(tls=context) as registry, aclosing(client):
            registry.manifest("app", image(), "v1")
            repository = Repository(f"reg.example:{registry.port}", "app")
            if kind == "plain HTTP" and insecure:
                await client.manifest(repository, "v1")
                assert registry.count() == 1
                return
            with pytest.raises(TransportError) as caught:
                await client.manifest(repository, "v1")
            # A server that breaks off a handshake may break off plain HTTP just as well.
            codes = ("registry-tls", "registry-unreachable") if (kind, insecure) == ("TLS 1.1", True) else ()
            assert caught.value.code in (codes or ("registry-tls",))
            assert registry.count() == 0
            is_unknown = kind in ("self-signed", "unknown authority")
            assert ("certificate signed by unknown authority" in caught.value.detail) is is_unknown

    run(scenario)


def test_host_that_moves_to_tls_is_found_again(tmp_path: Path) -> None:
    """What is remembered of a host's scheme does not outlive the host's change."""
    authority = Authority.make(tmp_path)

    async def scenario() -> None:
        port = free_port()
        client = DistributionClient(tls=authority.client_context())
        repository = Repository(f"127.0.0.1:{port}", "app")
        async with aclosing(client):
            async with FakeRegistry(port=port, tls=authority.server_context("127.0.0.1")) as registry:
                registry.manifest("app", image(), "v1")
                await client.manifest(repository, "v1")
            async with FakeRegistry(port=port) as registry:
                registry.manifest("app", image(), "v1")
                await client.manifest(repository, "v1")

    run(scenario)


def test_c6_endless_blob_costs_no_more_than_its_limit() -> None:
    limit = 8 << 20

    async def scenario() -> None:
        digest = sha256(b"x")
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            registry.on(f"/v2/app/blobs/{digest}", Reply(endless=True), Reply(endless=True, declared=10))
            repository = Repository(registry.host, "app")
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with pytest.raises(TransportError) as caught:
                await client.blob(repository, digest, max_bytes=limit)
            assert caught.value.code == "too-large"
            # Declared 10 bytes, and then without end: what is beyond is no answer to anything.
            with pytest.raises(TransportError) as caught:
                await client.blob(repository, digest, max_bytes=limit)
            assert caught.value.code in ("registry-response", "digest-mismatch")
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
            assert grown < limit + (32 << 20)

    run(scenario)


@pytest.mark.parametrize("max_bytes", [4, 5])
def test_limit_is_inclusive(max_bytes: int) -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            digest = registry.blob("app", b"12345")
            repository = Repository(registry.host, "app")
            if max_bytes == 5:
                assert await client.blob(repository, digest, max_bytes=5) == b"12345"
            else:
                with pytest.raises(TransportError, match="limit of 4 bytes"):
                    await client.blob(repository, digest, max_bytes=4)

    run(scenario)


def test_concurrency_is_bounded_per_host() -> None:
    async def scenario() -> None:
        async with (
            FakeRegistry() as slow,
            FakeRegistry() as quick,
            aclosing(DistributionClient(max_concurrency=2, timeout_s=5)) as client,
        ):
            for n in range(6):
                slow.on(f"/v2/app/manifests/v{n}", Reply(status=404, delay_s=1))
            quick.manifest("app", image(), "v1")
            await client.manifest(Repository(quick.host, "app"), "v1")
            asks = [
                asyncio.create_task(client.manifest(Repository(slow.host, "app"), f"v{n}")) for n in range(6)
            ]
            await asyncio.sleep(0.05)
            started = time.monotonic()
            await client.manifest(Repository(quick.host, "app"), "v1")
            # W21, K17: whoever waits for one host does not hold up another.
            assert time.monotonic() - started < 0.9
            started = time.monotonic()
            await asyncio.gather(*asks, return_exceptions=True)
            assert time.monotonic() - started > 0.3
            assert slow.count() == 6

    run(scenario)


def test_headers_without_end_are_refused() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient(timeout_s=3)) as client:
            registry.on("/v2/app/manifests/v1", Reply(headers={"X": "y" * (1 << 20)}))
            with pytest.raises(TransportError) as caught:
                await client.manifest(Repository(registry.host, "app"), "v1")
            assert caught.value.code == "registry-response"

    run(scenario)


def test_cookies_are_not_kept() -> None:
    async def scenario() -> None:
        client = DistributionClient(resolver=NAMES, insecure=InsecureHosts.of(True))
        async with FakeRegistry() as registry, aclosing(client):
            registry.manifest("app", image(), "v1", **{"Set-Cookie": "session=1"})
            for _ in range(2):
                await client.manifest(Repository(f"reg.example:{registry.port}", "app"), "v1")
            assert all("cookie" not in asked.headers for asked in registry.asked)

    run(scenario)


def test_h2_nothing_is_decompressed() -> None:
    async def scenario() -> None:
        async with FakeRegistry() as registry, aclosing(DistributionClient()) as client:
            body = gzip.compress(b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
            registry.on(
                "/v2/app/manifests/v1", Reply(status=404, body=body, headers={"Content-Encoding": "gzip"})
            )
            with pytest.raises(TransportError) as caught:
                await client.manifest(Repository(registry.host, "app"), "v1")
            assert caught.value.detail.endswith("unexpected status code 404 Not Found")

    run(scenario)
