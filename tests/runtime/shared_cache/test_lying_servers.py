"""F23, F24: a shared cache that is slow, full of rubbish, or lies costs time, and changes nothing else."""

from __future__ import annotations

import asyncio
import resource
import time

import pytest

from pratique.grammar.errors import NotFoundError
from pratique.runtime.ports import Repository
from pratique.runtime.registry.audience import CredentialAudience
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.credentials import ANONYMOUS
from pratique.runtime.registry.sharing import SharingStore
from pratique.runtime.shared_cache.address import Address
from pratique.runtime.shared_cache.cache import SharedCache
from pratique.runtime.shared_cache.records import Answer, Sealer
from tests.support_registry import FakeRegistry, image, run
from tests.support_valkey import KEY, Command, LyingServer, Script, bulk

BODY, OTHER = image(), image("other")
SEALER = Sealer(KEY.encode())


async def asked(script: Script, *, tag: str = "v1") -> tuple[SharedCache, FakeRegistry, LyingServer, float]:
    """Ask a registry for a tag, its manifest, a blob and its referrers through a cache; all must be right."""
    async with FakeRegistry() as registry, LyingServer(script) as server:
        digest, blob = registry.manifest("app", BODY, "v1"), registry.blob("app", b"payload")
        cache = SharedCache(Address(host="127.0.0.1", port=server.port), SEALER)
        await cache.ready()
        store = SharingStore(DistributionClient(), cache, CredentialAudience(ANONYMOUS))
        app = Repository(registry.host, "app")
        start = time.monotonic()
        try:
            for _ in range(3):
                assert (await store.manifest(app, tag)).digest == digest
                assert (await store.manifest(app, digest)).body == BODY
                assert await store.blob(app, blob, max_bytes=100) == b"payload"
                assert await store.referrers(app, digest) == ()
                with pytest.raises(NotFoundError):
                    await store.manifest(app, "absent")
        finally:
            spent = time.monotonic() - start
            await store.aclose()
            await cache.aclose()
        return cache, registry, server, spent


def lies(script: Script, at_most_s: float = 8.0) -> tuple[SharedCache, FakeRegistry, LyingServer]:
    """Return what was seen of a server that lies; what it said changed no answer."""
    found: list[tuple[SharedCache, FakeRegistry, LyingServer]] = []

    async def scenario() -> None:
        cache, registry, server, spent = await asked(script)
        assert spent < at_most_s
        found.append((cache, registry, server))

    run(scenario, 30)
    return found[0]


def test_f23_a_server_that_takes_two_seconds_is_left_alone() -> None:
    async def late() -> bytes:
        await asyncio.sleep(2)
        return bulk(None)

    cache, _, server = lies(lambda _: late(), at_most_s=3)
    assert cache.faults["timeout"] >= 3
    assert cache.counts["unavailable"] > 5
    assert len(server.heard) < 12


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"$99999999999\r\n",
        b"*1000000000\r\n",
        b"*1\r\n" * 10_000,
        b"\x00" * 100_000,
        b"$5\r\nhel",
        b"+OK\r\n+OK\r\n+OK\r\n+OK\r\n",
        b":1\r\n",
        b"-NOPERM this user has no permissions\r\n",
        b"",
    ],
)
def test_f24_garbage_is_a_miss(said: bytes) -> None:
    lies(lambda _: said)


def test_f23_an_endless_answer_fills_no_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lies(lambda _: b"$%d\r\n" % (1 << 33) + b"x" * (4 << 20))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_f24_records_of_somebody_else_are_not_believed_and_deleted() -> None:
    def script(command: Command) -> bytes:
        if command[0] == b"GET":
            return bulk(Sealer(b"x" * 32).seal(command[1], Answer(OTHER, "application/json")))
        return b"+OK\r\n"

    cache, registry, server = lies(script)
    assert cache.faults["forged"] > 3
    assert registry.count("/v2/app/blobs/") == 3
    assert any(command[0] == b"DEL" for command in server.heard)


def test_f24_a_record_of_this_installation_under_another_name_is_not_believed() -> None:
    kept: list[bytes] = []

    def script(command: Command) -> bytes:
        if command[0] == b"SET" and b"NX" not in command and len(command[2]) > 40:
            kept.append(command[2])
        if command[0] == b"GET":
            return bulk(kept[0]) if kept else bulk(None)
        return b"+OK\r\n"

    cache, registry, _ = lies(script)
    assert cache.faults["forged"] > 0
    assert registry.count("/v2/app/blobs/") >= 2


def test_f24_content_that_is_not_what_its_digest_says_is_not_believed_though_it_is_sealed() -> None:
    """A replica that was taken over writes other bytes under a digest; content is hashed again."""

    def script(command: Command) -> bytes:
        if command[0] == b"GET" and b":" not in command[1].removeprefix(b"pratique:1:"):
            media_type = "application/vnd.oci.image.manifest.v1+json"
            return bulk(SEALER.seal(command[1], Answer(OTHER, media_type)))
        return b"$-1\r\n" if command[0] == b"GET" else b"+OK\r\n"

    _, registry, _ = lies(script)
    assert registry.count("/v2/app/blobs/") == 3


def test_f24_an_old_list_that_is_repeated_is_not_believed() -> None:
    old = Sealer(KEY.encode(), lambda: time.time() - 61)

    def script(command: Command) -> bytes:
        if command[0] == b"GET" and b":" not in command[1].removeprefix(b"pratique:1:"):
            return bulk(old.seal(command[1], Answer(b'{"manifests": []}')))
        return b"$-1\r\n" if command[0] == b"GET" else b"+OK\r\n"

    _, registry, _ = lies(script)
    assert registry.count("/v2/app/referrers/") == 3


def test_f23_leases_that_never_end_cost_a_second_once() -> None:
    """The server says that another replica is at work on everything, which never brings anything."""

    def script(command: Command) -> bytes:
        if command[0] == b"GET":
            return bulk(b"0" * 32) if command[1].endswith(b":lease") else bulk(None)
        return bulk(None)

    cache, _, _ = lies(script, at_most_s=4)
    assert cache.faults["abandoned"] == 1


def test_f24_a_flight_that_brings_a_lie_is_not_believed() -> None:
    def script(command: Command) -> bytes:
        if command[0] == b"GET" and command[1].endswith(b":lease"):
            return bulk(b"0" * 32)
        if command[0] == b"GET" and command[1].endswith(b"0" * 32):
            absent = Answer(b'{"message": "gone", "detail": ""}', "image-not-found", is_absent=True)
            return bulk(Sealer(b"x" * 32).seal(command[1], absent))
        return bulk(None)

    cache, registry, _ = lies(script)
    assert cache.faults["forged"] > 3
    assert registry.count("/v2/app/manifests/v1") >= 3


def test_f23_a_server_that_cannot_be_reached_costs_nothing() -> None:
    async def scenario() -> None:
        cache = SharedCache(Address(host="host.invalid"), SEALER)
        start = time.monotonic()
        for _ in range(100):
            assert await cache.get(b"x", None) is None
        assert time.monotonic() - start < 1
        await cache.aclose()

    run(scenario)
