"""Equal work at the same time is done once."""

from __future__ import annotations

import asyncio
import weakref

import pytest

from pratique.grammar.errors import TransportError
from pratique.runtime.single_flight import SingleFlight
from tests.support_registry import run


class Work:
    def __init__(self, error: Exception | None = None) -> None:
        self.started = 0
        self.cancelled = 0
        self.gate = asyncio.Event()
        self._error = error

    async def __call__(self) -> int:
        self.started += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self._error:
            raise self._error
        return self.started


def test_callers_of_one_key_share() -> None:
    async def scenario() -> None:
        flight, work = SingleFlight[int](), Work()
        calls = [asyncio.create_task(flight.run("a", work)) for _ in range(100)]
        other = asyncio.create_task(flight.run("b", work))
        await asyncio.sleep(0)
        work.gate.set()
        assert len(set(await asyncio.gather(*calls))) == 1
        await other
        assert work.started == 2

    run(scenario)


def test_results_are_not_kept() -> None:
    async def scenario() -> None:
        flight, work = SingleFlight[int](), Work()
        work.gate.set()
        assert [await flight.run("a", work), await flight.run("a", work)] == [1, 2]

    run(scenario)


def test_errors_reach_all_and_are_not_kept() -> None:
    async def scenario() -> None:
        flight, work = SingleFlight[int](), Work(ValueError("x"))
        calls = [asyncio.create_task(flight.run("a", work)) for _ in range(3)]
        await asyncio.sleep(0)
        work.gate.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(r) for r in results] == [ValueError] * 3
        with pytest.raises(ValueError, match="x"):
            await flight.run("a", work)
        assert work.started == 2

    run(scenario)


def test_cancelled_caller_leaves_the_others_alone() -> None:
    async def scenario() -> None:
        flight, work = SingleFlight[int](), Work()
        one, two = (asyncio.create_task(flight.run("a", work)) for _ in range(2))
        await asyncio.sleep(0)
        one.cancel()
        await asyncio.sleep(0)
        assert one.done()
        work.gate.set()
        assert await two == 1

    run(scenario)


def test_last_caller_takes_the_work_along() -> None:
    async def scenario() -> None:
        flight, work = SingleFlight[int](), Work()
        calls = [asyncio.create_task(flight.run("a", work)) for _ in range(2)]
        await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0)
        assert work.cancelled == 1
        work.gate.set()
        assert await flight.run("a", work) == 2

    run(scenario)


def test_error_that_nobody_waits_for_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        flight, work = SingleFlight[int](), Work(ValueError("x"))
        call = asyncio.create_task(flight.run("a", work))
        await asyncio.sleep(0)
        work.gate.set()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await asyncio.sleep(0.01)

    run(scenario)
    assert not caplog.records


def test_f30_errors_keep_nothing_alive_of_what_led_to_them() -> None:
    class Body:
        """Stands for megabytes."""

    read: list[weakref.ref[Body]] = []

    async def work() -> int:
        body = Body()
        read.append(weakref.ref(body))
        try:
            raise ValueError(body)
        except ValueError as error:
            raise TransportError("bad-manifest", "malformed") from error

    async def scenario() -> None:
        flight = SingleFlight[int]()
        kept = []
        for _ in range(2):
            try:
                await flight.run("a", work)
            except TransportError as error:
                kept.append(error)
        assert [str(error) for error in kept] == ["malformed"] * 2
        assert [each() for each in read] == [None] * 2

    run(scenario)
