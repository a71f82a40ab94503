"""Whole replicas, with real signatures of a lab, a registry over HTTP and a real server between them."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pratique.compiler.plan import Plan
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.verdict import Verdict
from pratique.runtime.lab.build import write_lab
from pratique.runtime.metrics import Metrics
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.serving.engines import engines
from pratique.runtime.serving.options import ServeOptions
from pratique.runtime.shared_cache import cache as module
from pratique.runtime.shared_cache.address import SharedCacheOptions
from pratique.runtime.trust_options import RootChoice, TrustOptions
from tests.support_admission import review
from tests.support_engine import pod
from tests.support_held_registry import HeldRegistry
from tests.support_lab import recipe_of
from tests.support_policies import cluster_policy, read
from tests.support_valkey import KEY, NO_PROGRAM, PROGRAM, Command, LyingServer, Valkey, bulk, valkey

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=NO_PROGRAM)

RECIPE = """
    sigstore: {seed: shared, at: 2026-01-15T12:00:00Z}
    signers:
      dev: {subject: dev@acme.example, issuer: https://accounts.google.com}
    images:
      - image: ghcr.io/acme/app:v1
        signatures: [{by: dev}]
      - image: ghcr.io/acme/unsigned:v1
"""
ENTRY = {"failureAction": "Enforce", "mutateDigest": True, "imageReferences": ["*"]}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared") / "lab"
    write_lab(recipe_of(RECIPE), folder)
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    with valkey(tmp_path) as found:
        yield found


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a second may pass for no reason; where that matters is tested elsewhere."""
    for name in ("ASK_S", "WAIT_S", "LEASE_S"):
        monkeypatch.setattr(module, name, 10.0)


def as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be as impatient as outside of tests."""
    for name, seconds in (("ASK_S", 0.05), ("WAIT_S", 1.0), ("LEASE_S", 3.0)):
        monkeypatch.setattr(module, name, seconds)


@dataclass
class Site:
    """A registry, and replicas that ask it.

    Attributes:
        asked: paths of requests.
    """

    lab: Path
    host: str
    asked: Counter[str]

    @asynccontextmanager
    async def replica(self, cache: SharedCacheOptions | None) -> AsyncIterator[Replica]:
        lowered = read(cluster_policy(ENTRY))
        assert not lowered.errors
        metrics = Metrics()
        options = ServeOptions(
            policies=(),
            store=StoreOptions(insecure=True),
            trust=TrustOptions(
                roots=(RootChoice(name="lab", path=self.lab / "trust/trusted_root.json"),), offline=True
            ),
            shared_cache=cache,
        )
        async with engines(options, metrics) as made:
            yield Replica(Judge(made.admission(Plan(lowered.policies))), metrics, self.host)

    def spent(self) -> dict[str, int]:
        """Return the requests since this was asked last, by path."""
        found = dict(self.asked)
        self.asked.clear()
        return found


@dataclass
class Replica:
    judge: Judge
    metrics: Metrics
    host: str

    async def admit(self, image: str = "acme/app:v1") -> Verdict:
        name = f"{self.host}/{image}"
        return await self.judge.verdict(review(pod(name)), mutating=True, seconds=20)

    def figure(self, name: str) -> int:
        lines = self.metrics.text().splitlines()
        return sum(int(line.split()[-1]) for line in lines if line.startswith(name))


@asynccontextmanager
async def site(lab: Path, delay_s: float = 0) -> AsyncIterator[Site]:
    registry = HeldRegistry(lab, delay_s)
    async with registry:
        yield Site(lab, registry.host, registry.asked)


async def pods(replicas: list[Replica], count: int, image: str = "acme/app:v1") -> list[Verdict]:
    return await asyncio.gather(*(each.admit(image) for each in replicas for _ in range(count)))


def test_two_replicas_and_a_hundred_cold_pods_each_are_one_fetch_and_one_verification_each(
    lab: Path, server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine under load is no reason to give a flight up.
    monkeypatch.setattr(module, "WAIT_S", 15.0)
    monkeypatch.setattr(module, "LEASE_S", 20.0)

    async def run() -> None:
        async with site(lab, delay_s=1) as place, AsyncExitStack() as stack:
            replicas = [await stack.enter_async_context(place.replica(server.options())) for _ in range(2)]
            verdicts = await pods(replicas, 100)
            assert all(verdict.allowed and verdict.patch for verdict in verdicts)
            spent = place.spent()
            # The image, the tag of its signatures, the payload: each is asked for once.
            assert list(spent.values()) == [1, 1, 1], spent
            assert [each.figure("pratique_signature_verifications_total") for each in replicas] == [1, 1]
            # A replica that comes later asks what the tag means, and nothing else.
            later = await stack.enter_async_context(place.replica(server.options()))
            assert (await later.admit()).allowed
            assert [path.rpartition("/")[2] for path in place.spent()] == ["v1"]
            assert later.figure("pratique_signature_verifications_total") == 1

    asyncio.run(run())


def test_without_the_cache_each_replica_asks_for_itself(lab: Path) -> None:
    async def run() -> None:
        async with site(lab) as place, AsyncExitStack() as stack:
            replicas = [await stack.enter_async_context(place.replica(None)) for _ in range(2)]
            await pods(replicas, 10)
            assert list(place.spent().values()) == [2, 2, 2]

    asyncio.run(run())


def test_k3_a_tag_that_moves_is_noticed_by_the_next_request_of_any_replica(
    lab: Path, server: Valkey, tmp_path: Path
) -> None:
    """Also after a restart in between; the tag means an unsigned image then."""
    index = lab / "layout/index.json"
    before = index.read_bytes()

    async def run() -> None:
        async with site(lab) as place:
            async with place.replica(server.options()) as one, place.replica(server.options()) as two:
                assert (await one.admit()).allowed
                _move(index)
                assert not (await two.admit()).allowed
                assert not (await one.admit()).allowed
            async with place.replica(server.options()) as three:
                assert not (await three.admit()).allowed
                index.write_bytes(before)
                assert (await three.admit()).allowed

    try:
        asyncio.run(run())
    finally:
        index.write_bytes(before)


def _move(index: Path) -> None:
    """Let the tag of the signed image mean the unsigned one."""
    data = json.loads(index.read_text())
    ref = "org.opencontainers.image.ref.name"
    named = {entry["annotations"][ref]: entry for entry in data["manifests"] if ref in entry["annotations"]}
    signed, unsigned = named["ghcr.io/acme/app:v1"], named["ghcr.io/acme/unsigned:v1"]
    signed["digest"], signed["size"] = unsigned["digest"], unsigned["size"]
    index.write_text(json.dumps(data))


def test_f24_whatever_is_in_the_cache_verdicts_are_the_same(lab: Path, server: Valkey) -> None:
    """Every record is exchanged for every other one, cut off, and replaced by rubbish."""

    async def run() -> None:
        async with site(lab) as place:
            async with place.replica(server.options()) as one:
                await pods([one], 1, "acme/app:v1")
                await pods([one], 1, "acme/unsigned:v1")
                await asyncio.sleep(0.2)
            kept = await _all(server)
            assert len(kept) >= 3
            for spoil in (
                lambda values: values[1:] + values[:1],
                lambda values: [value[:-1] for value in values],
                lambda values: [b"rubbish"] * len(values),
                lambda values: [b""] * len(values),
            ):
                await _write(server, dict(zip(kept, spoil(list(kept.values())), strict=True)))
                async with place.replica(server.options()) as two:
                    assert (await two.admit("acme/app:v1")).allowed
                    refused = await two.admit("acme/unsigned:v1")
                    assert not refused.allowed
                    assert "no signatures found" in refused.message
                    assert two.figure('pratique_shared_cache_faults_total{fault="forged"}') > 0

    asyncio.run(run())


async def _all(server: Valkey) -> dict[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    names = [name for name in await _ask(reader, writer, b"KEYS *") if b":" not in name[11:]]
    found = {name: (await _ask(reader, writer, b"GET " + name))[0] for name in names}
    writer.close()
    return found


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: bytes) -> list[bytes]:
    writer.write(command + b"\r\n")
    line = await reader.readline()
    texts = []
    for _ in range(int(line[1:]) if line[:1] == b"*" else 1):
        size = int((await reader.readline() if line[:1] == b"*" else line)[1:])
        texts.append((await reader.readexactly(size + 2))[:-2])
    return texts


async def _write(server: Valkey, values: dict[bytes, bytes]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for name, value in values.items():
        writer.write(b"*3\r\n$3\r\nSET\r\n" + bulk(name) + bulk(value))
        assert await reader.readline() == b"+OK\r\n"
    writer.close()


def test_f23_a_server_that_says_nothing_true_changes_no_verdict(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_shipped(monkeypatch)
    (tmp_path / "key").write_text(KEY)

    async def late() -> bytes:
        await asyncio.sleep(2)
        return b"+OK\r\n"

    def never_lands(command: Command) -> bytes:
        if command[0] == b"GET":
            return bulk(b"0" * 32) if command[1].endswith(b":lease") else bulk(None)
        return bulk(None)

    async def run() -> None:
        for script in (lambda _: late(), lambda _: b"$3\r\nyes\r\n", lambda _: b"?", never_lands):
            async with LyingServer(script) as liar, site(lab) as place:
                options = SharedCacheOptions(url=f"valkey://127.0.0.1:{liar.port}", key=tmp_path / "key")
                async with place.replica(options) as one:
                    start = asyncio.get_running_loop().time()
                    assert (await one.admit("acme/app:v1")).allowed
                    assert not (await one.admit("acme/unsigned:v1")).allowed
                    assert asyncio.get_running_loop().time() - start < 5

    asyncio.run(run())


class Chaos:
    """A server that keeps what it is told, and now and then does something else."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._kept: dict[bytes, bytes] = {}

    def __call__(self, command: Command) -> bytes | Awaitable[bytes]:
        said = self._honest(command)
        match self._random.randrange(12):
            case 0:
                return self._random.randbytes(20)
            case 1:
                return self._late(said)
            case 2:
                return bulk(self._random.choice([*self._kept.values(), b""]))
            case 3:
                return bulk(None)
            case 4:
                return b"-LOADING\r\n"
            case 5:
                return said[: len(said) // 2]
            case _:
                return said

    async def _late(self, said: bytes) -> bytes:
        await asyncio.sleep(self._random.random() / 5)
        return said

    def _honest(self, command: Command) -> bytes:
        match command:
            case [b"GET", name]:
                return bulk(self._kept.get(name))
            case [b"SET", name, value, *how]:
                if b"NX" in how and name in self._kept:
                    return bulk(None)
                self._kept[name] = value
                return b"+OK\r\n"
            case [b"DEL", name]:
                return b":%d\r\n" % (self._kept.pop(name, None) is not None)
            case [b"EXEC"]:
                return b"*2\r\n:1\r\n+OK\r\n"
            case _:
                return b"+OK\r\n"


def test_f23_f24_a_server_that_lies_at_random_changes_no_verdict(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_shipped(monkeypatch)
    (tmp_path / "key").write_text(KEY)
    seen: Counter[str] = Counter()

    async def run(seed: int) -> None:
        async with LyingServer(Chaos(seed)) as liar, site(lab) as place, AsyncExitStack() as stack:
            options = SharedCacheOptions(url=f"valkey://127.0.0.1:{liar.port}", key=tmp_path / "key")
            for _ in range(3):
                two = [await stack.enter_async_context(place.replica(options)) for _ in range(2)]
                signed, unsigned = await asyncio.gather(pods(two, 3), pods(two, 3, "acme/unsigned:v1"))
                assert all(verdict.allowed for verdict in signed), signed
                assert not any(verdict.allowed for verdict in unsigned)
                assert all("no signatures found" in verdict.message for verdict in unsigned)
                for each in two:
                    for kind in ("hit", "joined", "unavailable"):
                        name = f'pratique_shared_cache_requests_total{{result="{kind}"}}'
                        seen[kind] += each.figure(name)

    for seed in range(6):
        asyncio.run(run(seed))
    assert seen["hit"] > 0  # it was believed where it was right
    assert seen["unavailable"] > 0


def test_a_replica_whose_server_dies_goes_on(lab: Path, server: Valkey) -> None:
    async def run() -> None:
        async with site(lab) as place, place.replica(server.options()) as one:
            assert one.figure("pratique_shared_cache_up") == 1
            server.kill()
            verdicts = await pods([one], 20)
            assert all(verdict.allowed for verdict in verdicts)
            assert one.figure("pratique_shared_cache_up") == 0

    asyncio.run(run())
