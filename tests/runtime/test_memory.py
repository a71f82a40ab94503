"""What is remembered, for how long, within which bounds, and who gets an answer that is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar.errors import NotFoundError, PratiqueError, TransportError, VerificationError
from pratique.runtime.memory import Memory, Worth
from tests.support_registry import run

ALWAYS = Worth(inf, 100)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Answers `key-N` to the Nth question about a key, or raises what it was given."""

    def __init__(self, error: PratiqueError | None = None) -> None:
        self.asked: list[str] = []
        self.error = error
        self.gate = asyncio.Event()
        self.gate.set()

    def about(self, key: str) -> Callable[[], Coroutine[Any, Any, str]]:
        async def work() -> str:
            self.asked.append(key)
            await self.gate.wait()
            if self.error:
                raise self.error
            return f"{key}-{self.asked.count(key)}"

        return work


def worth(value: Worth) -> Callable[[object], Worth]:
    return lambda _: value


def test_an_answer_is_kept_until_its_time_is_over() -> None:
    async def scenario() -> None:
        clock, source = Clock(), Source()
        memory = Memory(clock=clock)

        async def ask() -> str:
            return await memory.ask("a", source.about("a"), worth(Worth(10.0)))

        assert await ask() == "a-1"
        clock.now += 9.9
        assert await ask() == "a-1"
        assert memory.remaining("a") == pytest.approx(0.1)
        clock.now += 0.1
        assert memory.remaining("a") == 0
        assert await ask() == "a-2"

    run(scenario)


def test_what_is_worth_nothing_is_not_kept() -> None:
    async def scenario() -> None:
        memory, source = Memory(), Source()
        for number in (1, 2):
            assert await memory.ask("a", source.about("a"), worth(Worth(0.0))) == f"a-{number}"
        assert (len(memory), memory.bytes) == (0, 0)

    run(scenario)


def test_the_least_recently_used_goes_first() -> None:
    async def scenario() -> None:
        memory, source = Memory(max_entries=2), Source()
        for key in ("a", "b", "a", "c", "a", "b"):
            await memory.ask(key, source.about(key), worth(ALWAYS))
        assert source.asked == ["a", "b", "c", "b"]

    run(scenario)


def test_an_answer_larger_than_the_memory_is_shared_and_not_kept() -> None:
    async def scenario() -> None:
        memory, source = Memory(max_bytes=10_000), Source()
        large = worth(Worth(inf, 10_000))
        await memory.ask("small", source.about("small"), worth(ALWAYS))
        answers = await asyncio.gather(*(memory.ask("a", source.about("a"), large) for _ in range(5)))
        assert answers == ["a-1"] * 5
        assert await memory.ask("a", source.about("a"), large) == "a-2"
        assert await memory.ask("small", source.about("small"), worth(ALWAYS)) == "small-1"

    run(scenario)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9), st.integers(0, 3000), st.sampled_from([0.0, 5.0, inf]), st.integers(0, 3)
        ),
        max_size=60,
    )
)
def test_bounds_hold_and_no_answer_is_older_than_its_time(asked: list[tuple[int, int, float, int]]) -> None:
    async def scenario() -> None:
        clock = Clock()
        memory = Memory(max_bytes=6000, max_entries=4, clock=clock)

        def at(time: float) -> Callable[[], Coroutine[Any, Any, tuple[float, float]]]:
            async def work() -> tuple[float, float]:
                return time, seconds

            return work

        for key, weight, seconds, later in asked:
            clock.now += later
            learned, good_for = await memory.ask(key, at(clock.now), worth(Worth(seconds, weight)))
            assert clock.now == learned or clock.now < learned + good_for
            assert memory.bytes <= 6000
            assert len(memory) <= 4
        memory.clear()
        assert (memory.bytes, len(memory)) == (0, 0)

    run(scenario)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize(
    "error",
    [
        TransportError("registry-unavailable", "HTTP 503", detail="of theirs"),
        NotFoundError("image-not-found", "not there"),
        VerificationError("bad-key", "no key"),
    ],
)
def test_an_error_reaches_all_who_wait_and_is_kept_if_it_is_worth_it(
    error: TransportError | VerificationError, kept: bool
) -> None:
    async def scenario() -> None:
        memory, source = Memory(), Source(error)
        value = worth(Worth(10.0 if kept else 0.0))
        waiting = [memory.ask("a", source.about("a"), value) for _ in range(3)]
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert found == [error] * 3
        assert source.asked == ["a"]
        with pytest.raises(type(error)) as caught:
            await memory.ask("a", source.about("a"), value)
        assert source.asked == (["a"] if kept else ["a", "a"])
        again: Any = caught.value
        assert (type(again), again.code, again.message) == (type(error), error.code, error.message)
        assert getattr(again, "detail", "") == getattr(error, "detail", "")
        assert (again is error) is not kept  # what is kept holds no call stack

    run(scenario)


def test_a_defect_is_never_kept() -> None:
    async def scenario() -> None:
        async def defect() -> str:
            raise KeyError("a")

        memory, source = Memory(), Source()
        with pytest.raises(KeyError):
            await memory.ask("a", defect, worth(ALWAYS))
        assert await memory.ask("a", source.about("a"), worth(ALWAYS)) == "a-1"

    run(scenario)


def test_a_cancelled_caller_leaves_the_others_alone() -> None:
    async def scenario() -> None:
        memory, source = Memory(), Source()
        source.gate.clear()
        one, two = (asyncio.create_task(memory.ask("a", source.about("a"), worth(ALWAYS))) for _ in range(2))
        await asyncio.sleep(0)
        one.cancel()
        await asyncio.sleep(0)
        assert one.cancelled()
        source.gate.set()
        assert await two == "a-1"
        assert await memory.ask("a", source.about("a"), worth(ALWAYS)) == "a-1"

    run(scenario)
