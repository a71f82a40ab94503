"""The shared cache on a real server: what is kept, what is joined, and what becomes of it in trouble."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from pratique.runtime.shared_cache.address import Address, SharedCacheOptions
from pratique.runtime.shared_cache.breaker import Breaker
from pratique.runtime.shared_cache.cache import MAX_VALUE, SharedCache
from pratique.runtime.shared_cache.opening import open_shared_cache
from pratique.runtime.shared_cache.records import Answer, Sealer
from tests.support_tls import Authority
from tests.support_valkey import KEY, NO_PROGRAM, PROGRAM, Valkey, valkey

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=NO_PROGRAM)

ANSWER = Answer(b"body", "note")
PATIENT_S = 5.0
"""For tests about what is kept, on machines that are busy."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with valkey(tmp_path_factory.mktemp("valkey")) as found:
        yield found


@asynccontextmanager
async def replica(options: SharedCacheOptions, **seconds: float) -> AsyncIterator[SharedCache]:
    times = {"ask_s": PATIENT_S, **seconds}
    found = SharedCache(Address.of(options), Sealer(KEY.encode()), **times)
    await found.ready()
    try:
        yield found
    finally:
        await found.aclose()


async def settled(cache: SharedCache) -> None:
    """Wait until everything that was sent beside has arrived."""
    while cache._writes:
        await asyncio.sleep(0.001)


def test_replicas_share_answers(server: Valkey) -> None:
    async def run() -> None:
        async with replica(server.options()) as one, replica(server.options()) as two:
            assert one.is_up
            name = one.name("test", "shared")
            assert await two.get(name, None) is None
            one.put(name, ANSWER, 60)
            await settled(one)
            assert await two.get(name, 60) == ANSWER
            assert dict(two.counts) == {"miss": 1, "hit": 1}
            assert not one.faults
            assert not two.faults

    asyncio.run(run())


def test_answers_are_forgotten_when_their_time_is_over_and_large_ones_are_not_kept(server: Valkey) -> None:
    async def run() -> None:
        async with replica(server.options()) as one:
            short, large = one.name("short"), one.name("large")
            one.put(short, ANSWER, 0.05)
            one.put(large, Answer(b"x" * (MAX_VALUE + 1)), 60)
            await settled(one)
            await asyncio.sleep(0.1)
            assert await one.get(short, None) is None
            assert await one.get(large, None) is None
            one.put(large, Answer(b"x" * MAX_VALUE), 60)
            await settled(one)
            assert await one.get(large, None) == Answer(b"x" * MAX_VALUE)
            assert not one.faults

    asyncio.run(run())


def test_who_asks_during_a_flight_is_told_what_it_brings_and_who_asks_later_begins_his_own(
    server: Valkey,
) -> None:
    async def run() -> None:
        async with replica(server.options()) as one, replica(server.options()) as two:
            name = one.name("flight")
            flight = await one.begin(name)
            theirs = await two.begin(name)
            assert flight is not None
            assert theirs is not None
            assert (flight.is_ours, theirs.is_ours) == (True, False)
            waiting = asyncio.create_task(two.joined(theirs))
            await asyncio.sleep(0.05)
            one.land(flight, ANSWER)
            assert await waiting == ANSWER
            later = await two.begin(name)
            assert later is not None
            assert later.is_ours
            # One that brings nothing ends as well, and lets nobody wait.
            again = await one.begin(name)
            two.land(later, None)
            assert again is not None
            start = time.monotonic()
            assert await one.joined(again) is None
            assert time.monotonic() - start < 0.9
            assert not one.faults

    asyncio.run(run())


def test_a_replica_that_dies_in_flight_costs_a_moment_once(server: Valkey) -> None:
    async def run() -> None:
        async with replica(server.options(), wait_s=0.3, lease_s=0.6) as two:
            async with replica(server.options(), lease_s=0.6) as one:
                name = two.name("dead")
                assert await one.begin(name)
            theirs = await two.begin(name)
            assert theirs is not None
            start = time.monotonic()
            assert await two.joined(theirs) is None
            assert 0.25 < time.monotonic() - start < 3
            assert two.faults["abandoned"] == 1
            # For a while nobody is waited for any more.
            assert await two.begin(name) is None
            await asyncio.sleep(0.5)
            async with replica(server.options()) as three:
                later = await three.begin(name)
                assert later is not None
                assert later.is_ours

    asyncio.run(run())


def test_a_flight_whose_server_forgets_it_is_not_waited_for(server: Valkey) -> None:
    async def run() -> None:
        async with replica(server.options(), lease_s=0.1) as one, replica(server.options(), wait_s=60) as two:
            await one.begin(one.name("forgotten"))
            theirs = await two.begin(two.name("forgotten"))
            assert theirs is not None
            start = time.monotonic()
            assert await two.joined(theirs) is None
            assert time.monotonic() - start < 10

    asyncio.run(run())


@asynccontextmanager
async def tunnel(tls: ssl.SSLContext, port: int) -> AsyncIterator[int]:
    """Take connections over TLS to a server that need not know TLS; gives the port."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond = await asyncio.open_connection("127.0.0.1", port)
        with suppress(OSError):
            await asyncio.gather(copy(reader, beyond[1]), copy(beyond[0], writer))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_a_server_with_tls_and_a_password(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    tls = authority.server_context("127.0.0.1")
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    with valkey(tmp_path, "--requirepass", "correct horse") as server:

        async def run() -> None:
            async with tunnel(tls, server.port) as port:
                url = f"valkeys://127.0.0.1:{port}"
                good = server.options(url=url, password=password, authorities=authority.file)
                async with replica(good) as one:
                    one.put(one.name("tls"), ANSWER, 60)
                    await settled(one)
                    assert await one.get(one.name("tls"), None) == ANSWER
                # An authority that is not trusted, another name, no password, another one.
                (tmp_path / "other").write_text("wrong")
                for bad in (
                    server.options(url=url, password=password),
                    server.options(
                        url=f"valkeys://localhost:{port}", password=password, authorities=authority.file
                    ),
                    server.options(url=url, authorities=authority.file),
                    server.options(url=url, password=tmp_path / "other", authorities=authority.file),
                    server.options(url=url, password=tmp_path / "absent", authorities=authority.file),
                ):
                    async with replica(bad) as two:
                        assert not two.is_up
                        assert two.faults["connection"] == 1
                        assert await two.get(two.name("tls"), None) is None

        asyncio.run(run())


def test_a_socket_of_unix(server: Valkey) -> None:
    async def run() -> None:
        async with replica(server.options(url=f"unix://{server.folder / 'socket'}")) as one:
            one.put(one.name("unix"), ANSWER, 60)
            await settled(one)
            assert await one.get(one.name("unix"), None) == ANSWER

    asyncio.run(run())


def test_f23_a_full_server_refuses_and_is_not_waited_for(tmp_path: Path) -> None:
    with valkey(tmp_path, "--maxmemory", "1", "--maxmemory-policy", "noeviction") as server:

        async def run() -> None:
            async with replica(server.options()) as one:
                one.put(one.name("x"), ANSWER, 60)
                assert await one.begin(one.name("y")) is None
                await settled(one)
                assert one.faults["refused"] >= 2
                assert set(one.faults) == {"refused"}
                assert await one.get(one.name("x"), None) is None
                assert one.is_up

        asyncio.run(run())


def test_f23_a_server_that_dies_is_done_without_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pratique.runtime.shared_cache.cache.Breaker", lambda **_: Quick())
    with valkey(tmp_path) as server:

        async def run() -> None:
            async with replica(server.options()) as one:
                name = one.name("x")
                server.kill()
                start = time.monotonic()
                for _ in range(20):
                    assert await one.get(name, None) is None
                    assert await one.begin(name) is None
                assert time.monotonic() - start < 2
                assert not up(one)
                server.start()
                while not up(one):
                    await one.get(name, None)
                    await asyncio.sleep(0.05)
                one.put(name, ANSWER, 60)
                await settled(one)
                assert await one.get(name, None) == ANSWER

        asyncio.run(run())


def up(cache: SharedCache) -> bool:
    return cache.is_up  # a new look each time, also for the type checker


class Quick(Breaker):
    """Opens for an instant."""

    def __init__(self) -> None:
        super().__init__(failures=3, first_s=0.05, last_s=0.05)


def test_options_open_it(server: Valkey) -> None:
    async def run() -> None:
        opened = open_shared_cache(server.options())
        assert await opened.ready()
        await opened.aclose()
        # What comes after the end is for nobody.
        assert await opened.get(opened.name("x"), None) is None

    asyncio.run(run())
