"""A registry with the cache of replicas before it: what is shared, with whom, and what never is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Repository, for_lists, uncached
from pratique.runtime.registry.audience import CredentialAudience
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import ANONYMOUS, CredentialSource
from pratique.runtime.registry.media_types import OCI_INDEX, OCI_MANIFEST
from pratique.runtime.registry.sharing import LIST_S, SharingStore
from pratique.runtime.shared_cache.address import Address
from pratique.runtime.shared_cache.cache import MAX_VALUE, SharedCache
from pratique.runtime.shared_cache.records import Sealer
from tests.support_registry import FakeRegistry, Reply, descriptor, image, index
from tests.support_valkey import KEY, NO_PROGRAM, PROGRAM, Valkey, valkey

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=NO_PROGRAM)

BODY, OTHER = image(), image("other")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with valkey(tmp_path_factory.mktemp("valkey")) as found:
        yield found


class Clock:
    """Seconds since the epoch, as replicas have them."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def replica(
    server: Valkey, clock: Clock | None = None, credentials: CredentialSource = ANONYMOUS
) -> AsyncIterator[SharingStore]:
    address = Address.of(server.options())
    sealer = Sealer(KEY.encode(), clock or Clock())
    cache = SharedCache(address, sealer, ask_s=10, wait_s=10, lease_s=10)
    await cache.ready()
    store = SharingStore(DistributionClient(credentials=credentials), cache, CredentialAudience(credentials))
    try:
        yield store
    finally:
        while cache._writes:
            await asyncio.sleep(0.001)
        await store.aclose()
        await cache.aclose()


def test_content_and_lists_are_asked_for_once_by_all_replicas(server: Valkey) -> None:
    clock = Clock()

    async def run() -> None:
        async with FakeRegistry() as registry:
            digest, blob = registry.manifest("app", BODY, "v1"), registry.blob("app", b"payload")
            signature = descriptor(b"sig", OCI_MANIFEST, artifactType="a/sig")
            registry.on(
                f"/v2/app/referrers/{digest}",
                Reply(body=index(signature), headers={"Content-Type": OCI_INDEX}),
            )
            app = Repository(registry.host, "app")
            seen = []
            for later in (0, LIST_S - 1, 1):
                clock.now += later
                registry.asked.clear()
                async with replica(server, clock) as store:
                    manifest = await store.manifest(app, "v1")
                    assert (manifest.digest, manifest.body) == (digest, BODY)
                    assert await store.manifest(app, digest) == manifest
                    assert await store.blob(app, blob, max_bytes=7) == b"payload"
                    (found,) = await store.referrers(app, digest)
                    assert found.artifact_type == "a/sig"
                seen.append([asked.target.rpartition("/")[2] for asked in registry.asked])
            # What the tag means is asked each time; the list, when its minute is over.
            assert seen == [["v1", blob, digest], ["v1"], ["v1", digest]]

    asyncio.run(run())


def test_k3_the_tags_of_signatures_are_believed_like_lists_and_the_same_tag_of_an_image_is_not(
    server: Valkey,
) -> None:
    async def run() -> None:
        async with FakeRegistry() as registry, replica(server) as store:
            tag = "sha256-" + "0" * 64 + ".sig"
            app = Repository(registry.host, "app")
            first = registry.manifest("app", BODY, tag)
            assert (await for_lists(store).manifest(app, tag)).digest == first
            second = registry.manifest("app", OTHER, tag)
            assert (await for_lists(store).manifest(app, tag)).digest == first
            assert (await store.manifest(app, tag)).digest == second

    asyncio.run(run())


def test_past_the_cache_nothing_is_remembered(server: Valkey) -> None:
    async def run() -> None:
        async with FakeRegistry() as registry, replica(server) as store:
            blob = registry.blob("app", b"payload")
            app = Repository(registry.host, "app")
            for _ in range(3):
                assert await uncached(for_lists(store)).blob(app, blob, max_bytes=7) == b"payload"
            assert registry.count("/blobs/") == 3

    asyncio.run(run())


def test_whoever_wants_less_is_not_given_more(server: Valkey) -> None:
    async def run() -> None:
        async with FakeRegistry() as registry, replica(server) as store:
            blob = registry.blob("app", b"a longer payload")
            app = Repository(registry.host, "app")
            assert await store.blob(app, blob, max_bytes=100) == b"a longer payload"
            with pytest.raises(TransportError) as error:
                await store.blob(app, blob, max_bytes=3)
            assert error.value.code == "too-large"

    asyncio.run(run())


def test_what_is_too_large_to_be_shared_is_asked_for_by_each(server: Valkey) -> None:
    async def run() -> None:
        async with FakeRegistry() as registry:
            large = b"x" * (MAX_VALUE + 1)
            blob = registry.blob("app", large)
            for _ in range(2):
                async with replica(server) as store:
                    found = await store.blob(Repository(registry.host, "app"), blob, max_bytes=1 << 22)
                    assert found == large
            assert registry.count("/blobs/") == 2

    asyncio.run(run())


def test_that_there_is_nothing_is_told_to_those_who_ask_meanwhile_only(server: Valkey) -> None:
    async def run() -> None:
        async with FakeRegistry() as registry, replica(server) as one, replica(server) as two:
            app = Repository(registry.host, "app")
            path = "/v2/app/manifests/absent"
            registry.on(path, Reply(status=404, delay_s=1.0))

            async def told(store: SharingStore) -> str:
                with pytest.raises(NotFoundError) as error:
                    await store.manifest(app, "absent")
                return f"{error.value.code}: {error.value.message}"

            # Which scheme the registry speaks, and who asks, is found out before.
            for store in (one, two):
                with pytest.raises(NotFoundError):
                    await store.manifest(app, "other")
            first, second = await asyncio.gather(told(one), told(two))
            assert first == second
            assert registry.count(path) == 1
            digest = registry.manifest("app", BODY, "absent")
            assert (await two.manifest(app, "absent")).digest == digest

    asyncio.run(run())


def test_who_stops_waiting_lets_others_begin(server: Valkey) -> None:
    async def run() -> None:
        async with FakeRegistry() as registry, replica(server) as one, replica(server) as two:
            app = Repository(registry.host, "app")
            digest = registry.manifest("app", BODY, "v1")
            await one.manifest(app, "v1")
            body = Reply(body=BODY, headers={"Content-Type": OCI_MANIFEST})
            registry.on("/v2/app/manifests/slow", Reply(status=503, delay_s=30), body)
            waiting = asyncio.create_task(one.manifest(app, "slow"))
            while not registry.count("/manifests/slow"):
                await asyncio.sleep(0.01)
            waiting.cancel()
            async with asyncio.timeout(5):
                assert (await two.manifest(app, "slow")).digest == digest

    asyncio.run(run())


def test_an_outage_is_told_to_nobody_else(server: Valkey) -> None:
    async def run() -> None:
        async with FakeRegistry() as registry, replica(server) as one, replica(server) as two:
            app = Repository(registry.host, "app")
            registry.on("/v2/app/manifests/v1", Reply(status=403))
            with pytest.raises(TransportError):
                await one.manifest(app, "v1")
            digest = registry.manifest("app", BODY, "v1")
            assert (await two.manifest(app, "v1")).digest == digest

    asyncio.run(run())


class Password:
    """One credential for every host."""

    def __init__(self, user: str) -> None:
        self._user = user

    async def find(self, host: str, path: str) -> Credential | None:
        return Credential(username=self._user, password="secret")


def test_r11_nobody_is_told_by_another_replica_what_his_credentials_do_not_open(server: Valkey) -> None:
    async def run() -> None:
        async with FakeRegistry() as registry:
            blob = registry.blob("app", b"private")
            app = Repository(registry.host, "app")
            async with replica(server, credentials=Password("reader")) as one:
                await one.blob(app, blob, max_bytes=100)
            registry.on(f"/v2/app/blobs/{blob}", Reply(status=403))
            async with replica(server, credentials=Password("reader")) as same:
                assert await same.blob(app, blob, max_bytes=100) == b"private"
            async with replica(server, credentials=Password("stranger")) as two:
                with pytest.raises(TransportError) as error:
                    await two.blob(app, blob, max_bytes=100)
                assert error.value.code == "registry-auth"

    asyncio.run(run())


def test_what_landed_meanwhile_is_found_by_who_begins(server: Valkey) -> None:
    """Between looking and beginning another replica's answer may have come."""

    async def run() -> None:
        async with FakeRegistry() as registry, replica(server) as one, replica(server) as two:
            blob = registry.blob("app", b"landed")
            app = Repository(registry.host, "app")
            looked, go = asyncio.Event(), asyncio.Event()
            get = two.cache.get

            async def slow(name: bytes, max_age: float | None) -> object:
                found = await get(name, max_age)
                looked.set()
                await go.wait()
                return found

            two.cache.get = slow  # type: ignore[method-assign, assignment]
            late = asyncio.create_task(two.blob(app, blob, max_bytes=100))
            await looked.wait()
            await one.blob(app, blob, max_bytes=100)
            while one.cache._writes:
                await asyncio.sleep(0.001)
            go.set()
            assert await late == b"landed"
            assert registry.count("/blobs/") == 1

    asyncio.run(run())
