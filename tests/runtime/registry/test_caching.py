"""A registry with a disk cache before it: same answers, fewer questions, nothing that a file can forge."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Digest, ImageStore, Repository, uncached
from pratique.runtime.registry import caching
from pratique.runtime.registry.audience import CredentialAudience
from pratique.runtime.registry.caching import CachingStore
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.credential_helper import Credential
from pratique.runtime.registry.credentials import ANONYMOUS, CredentialSource
from pratique.runtime.registry.disk_cache import DiskCache
from pratique.runtime.registry.media_types import OCI_INDEX, OCI_MANIFEST
from tests.support_registry import FakeRegistry, Reply, descriptor, image, index, run, sha256

BODY, OTHER = image(), image("other")
SIGNATURE = image("sig")


@dataclass
class Bench:
    """A registry, and runs against it that share a folder and a clock."""

    registry: FakeRegistry
    folder: Path
    now: float = 2_000_000_000.0

    @property
    def app(self) -> Repository:
        return Repository(self.registry.host, "app")

    @asynccontextmanager
    async def run(
        self, *, credentials: CredentialSource = ANONYMOUS, ttl_s: float = 300.0, **disk: Any
    ) -> AsyncIterator[CachingStore]:
        """A run of a process that is over when the context is left."""
        cache = DiskCache(self.folder, clock=lambda: self.now, **disk)
        client = DistributionClient(credentials=credentials)
        store = CachingStore(client, cache, CredentialAudience(credentials), ttl_s=ttl_s)
        try:
            yield store
        finally:
            await store.aclose()

    def spent(self) -> int:
        """Return the requests since this was asked last."""
        count = self.registry.count()
        self.registry.asked.clear()
        return count

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def forge(self, part: str, body: bytes, **header: Any) -> None:
        """Write another body, with all that makes it look whole, over the one entry about `part`."""
        for path in self.files():
            line, _, _ = path.read_bytes().partition(b"\n")
            data = json.loads(line)
            if part in data["key"]:
                path.write_bytes(
                    json.dumps({**data, "sha256": sha256(body)[7:], **header}).encode() + b"\n" + body
                )
                return
        raise AssertionError(f"no entry about {part}")


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    async with FakeRegistry() as registry:
        registry.manifest("app", BODY, "v1")
        registry.blob("app", b"payload")
        referrers = index(descriptor(SIGNATURE, OCI_MANIFEST, artifactType="a/sig", annotations={"k": "v"}))
        reply = Reply(body=referrers, headers={"Content-Type": OCI_INDEX})
        registry.on(f"/v2/app/referrers/{sha256(BODY)}", reply)
        empty = Reply(body=index(), headers={"Content-Type": OCI_INDEX})
        registry.on(f"/v2/app/referrers/{sha256(OTHER)}", empty)
        yield Bench(registry, folder)


async def all_of(store: ImageStore, app: Repository) -> list[Any]:
    """Return the answers to one question of each kind."""
    answers: list[Any] = [
        await store.manifest(app, "v1"),
        await store.manifest(app, sha256(BODY)),
        await store.blob(app, sha256(b"payload"), max_bytes=100),
        await store.referrers(app, sha256(BODY)),
        await store.referrers(app, sha256(BODY), "a/sig"),
        await store.referrers(app, sha256(OTHER)),
    ]
    try:
        await store.manifest(app, "absent")
    except NotFoundError as error:
        answers.append((error.code, error.message, error.detail))
    return answers


def test_a_warm_run_asks_nothing_and_answers_the_same(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b:
            async with aclosing(DistributionClient()) as client:
                plain = await all_of(client, b.app)
            assert b.spent() == 7
            async with b.run() as store:
                cold = await all_of(store, b.app)
            assert b.spent() == 7
            async with b.run() as store:
                warm = await all_of(store, b.app)
            assert b.spent() == 0
            assert cold == warm == plain

    run(scenario)


@pytest.mark.parametrize(
    ("later", "expected"),
    [(0, 0), (59, 0), (60, 2), (299, 2), (300, 5), (10**8, 5), (-10, 5)],
)
def test_what_may_change_is_asked_again(tmp_path: Path, later: int, expected: int) -> None:
    """Absent things after a minute, tags and lists after the time that was given, digests never."""

    async def scenario() -> None:
        async with bench(tmp_path) as b:
            async with b.run() as store:
                await all_of(store, b.app)
            b.spent()
            b.now += later
            async with b.run() as store:
                await all_of(store, b.app)
            assert b.spent() == expected

    run(scenario)


def test_no_time_at_all_keeps_digests_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b:
            for expected in (7, 5):
                async with b.run(ttl_s=0) as store:
                    await all_of(store, b.app)
                assert b.spent() == expected

    run(scenario)


def test_k3_a_tag_that_moved_is_seen_when_its_time_is_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b:
            async with b.run() as store:
                await store.manifest(b.app, "v1")
            b.registry.manifest("app", OTHER, "v1")
            for later, expected in ((299, BODY), (1, OTHER)):
                b.now += later
                async with b.run() as store:
                    assert (await store.manifest(b.app, "v1")).digest == sha256(expected)

    run(scenario)


def test_errors_are_not_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b:
            b.registry.on("/v2/app/manifests/v1", Reply(status=403))
            for _ in range(2):
                async with b.run() as store:
                    with pytest.raises(TransportError, match="403"):
                        await store.manifest(b.app, "v1")
                assert b.spent() == 1
            assert b.files() == []

    run(scenario)


def test_absent_blobs_are_not_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b, b.run() as store:
            for _ in range(2):
                with pytest.raises(NotFoundError):
                    await store.blob(b.app, sha256(b"absent"), max_bytes=10)
                assert b.spent() == 1

    run(scenario)


# --- what files cannot do ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body", "header"),
    [
        ("manifest", OTHER, {}),
        ("manifest", b"{}", {}),
        ("manifest", BODY, {"note": OCI_INDEX}),
        ("blob", b"forged!", {}),
        ("referrers", b"[]", {}),
        ("referrers", b'{"manifests": [{"digest": "x"}]}', {}),
        ("referrers", b'{"manifests": {}}', {}),
        ("absent", b'{"message": "x"}', {}),
        ("absent", b'{"message": "x", "detail": "y"}', {"note": "registry-auth"}),
        ("absent", b"\xff", {}),
    ],
)
def test_f24_content_that_does_not_stand_its_checks_is_asked_anew(
    tmp_path: Path, kind: str, body: bytes, header: dict[str, Any]
) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b:
            digest = sha256(BODY)
            questions = {
                "manifest": lambda store: store.manifest(b.app, digest),
                "blob": lambda store: store.blob(b.app, sha256(b"payload"), max_bytes=100),
                "referrers": lambda store: store.referrers(b.app, digest),
                "absent": lambda store: store.referrers(b.app, sha256(OTHER)),
            }
            if kind == "absent":

                async def absent(store: CachingStore) -> str:
                    with pytest.raises(NotFoundError) as caught:
                        await store.manifest(b.app, "absent")
                    return caught.value.message

                questions["absent"] = absent
            ask: Any = questions[kind]
            async with b.run() as store:
                honest = await ask(store)
            b.spent()
            b.forge(kind, body, **header)
            for expected in (1, 0):
                async with b.run() as store:
                    assert await ask(store) == honest
                assert b.spent() == expected

    run(scenario)


def test_f24_an_entry_from_the_future_is_not_believed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b:
            async with b.run() as store:
                await store.manifest(b.app, "v1")
            b.spent()
            b.forge("v1", OTHER, stored=int(b.now) + 10**9)
            async with b.run() as store:
                assert (await store.manifest(b.app, "v1")).body == BODY
            assert b.spent() == 1

    run(scenario)


def test_a_smaller_limit_holds_for_what_is_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b:
            async with b.run() as store:
                await store.blob(b.app, sha256(b"payload"), max_bytes=100)
            async with b.run() as store:
                with pytest.raises(TransportError) as caught:
                    await store.blob(b.app, sha256(b"payload"), max_bytes=3)
                assert caught.value.code == "too-large"

    run(scenario)


# --- who asks ---------------------------------------------------------------------------------------------


@dataclass
class Holder:
    username: str

    async def find(self, host: str, path: str) -> Credential | None:
        return Credential(username=self.username, password="pw")


def test_r11_nobody_is_told_what_another_was_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b:

            def private(asked: Any) -> Reply:
                if asked.headers.get("authorization", "").startswith("Basic b3duZXI6"):  # owner:
                    return Reply(body=BODY, headers={"Content-Type": OCI_MANIFEST})
                return Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="r"'})

            b.registry.on("/v2/app/manifests/v1", private)
            async with b.run(credentials=Holder("owner")) as store:
                await store.manifest(b.app, "v1")
            for credentials in (ANONYMOUS, Holder("stranger")):
                async with b.run(credentials=credentials) as store:
                    with pytest.raises(TransportError) as caught:
                        await store.manifest(b.app, "v1")
                    assert caught.value.code == "registry-auth"
            b.spent()
            async with b.run(credentials=Holder("owner")) as store:
                await store.manifest(b.app, "v1")
            assert b.spent() == 0
            assert not any(b"pw" in path.read_bytes().partition(b"\n")[0] for path in b.files())

    run(scenario)


def test_without_credentials_that_can_be_had_the_store_is_asked(tmp_path: Path) -> None:
    class Broken:
        async def name(self, repository: Repository) -> str:
            raise TransportError("registry-auth", "broken")

    async def scenario() -> None:
        async with bench(tmp_path) as b:
            store = CachingStore(DistributionClient(), DiskCache(tmp_path), Broken())
            for _ in range(2):
                assert len(await all_of(store, b.app)) == 7
                assert b.spent() == 7
            await store.aclose()
            assert b.files() == []

    run(scenario)


def test_the_store_behind_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b, b.run() as store:
            await store.manifest(b.app, "v1")
            b.spent()
            behind = uncached(store)
            assert uncached(behind) is behind
            await behind.manifest(b.app, "v1")
            assert b.spent() == 1

    run(scenario)


# --- trouble with the folder -------------------------------------------------------------------------------


def test_f23_a_slow_folder_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(caching, "SLOW_S", 0.05)
    release = threading.Event()
    calls = []

    class Slow(DiskCache):
        def read(self, *_: Any, **__: Any) -> None:
            calls.append(1)
            release.wait(10)

    async def scenario() -> None:
        async with bench(tmp_path) as b:
            store = CachingStore(DistributionClient(), Slow(tmp_path), CredentialAudience(ANONYMOUS))
            try:
                assert len(await all_of(store, b.app)) == 7
                assert b.spent() == 7
            finally:
                release.set()
                await store.aclose()

    run(scenario)
    assert len(calls) == 1
    assert ["too slow" in record.getMessage() for record in caplog.records] == [True]


def test_f20_a_folder_that_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")

    async def scenario() -> None:
        async with bench(tmp_path / "file") as b, b.run() as store:
            for _ in range(2):
                assert len(await all_of(store, b.app)) == 7

    run(scenario)
    assert len(caplog.records) == 1


def test_the_folder_stays_within_its_bounds(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with bench(tmp_path) as b:
            digests = [b.registry.blob("app", bytes([n]) * 10_000) for n in range(30)]
            async with b.run(max_bytes=100_000) as store:
                bodies = await asyncio.gather(
                    *(store.blob(b.app, Digest(d), max_bytes=10_000) for d in digests)
                )
                assert [body[0] for body in bodies] == list(range(30))
            assert sum(path.stat().st_size for path in b.files()) <= 100_000

    run(scenario)
