import asyncio
from collections.abc import Iterator, Mapping

import pytest

from pratique.runtime.phases import CURRENT, Phase, Review, during, record


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("pratique.runtime.phases.time.perf_counter", lambda: now[0])
    return now


@pytest.fixture
def review(clock: list[float]) -> Iterator[Review]:
    made = Review()
    token = CURRENT.set(made)
    yield made
    CURRENT.reset(token)


def test_together_the_phases_are_the_whole_time(clock: list[float], review: Review) -> None:
    clock[0] += 1
    review.dequeue("u")
    clock[0] += 2
    with during(Phase.CONTEXT):
        clock[0] += 4
        with during(Phase.REGISTRY):
            clock[0] += 8
        clock[0] += 16
    clock[0] += 32
    review.finish()
    assert review.uid == "u"
    found = {phase.label: review.seconds[phase] for phase in Phase}
    assert found == {"queue": 1, "registry": 8, "context": 20, "keys": 0, "signature": 0, "evaluation": 34}


def test_what_overlaps_counts_once(clock: list[float], review: Review) -> None:
    review.dequeue("u")
    first, second, third = during(Phase.REGISTRY), during(Phase.REGISTRY), during(Phase.SIGNATURE)
    for each in (first, third, second):
        each.__enter__()
    clock[0] += 1
    first.__exit__(None, None, None)
    clock[0] += 2
    second.__exit__(None, None, None)
    clock[0] += 4
    third.__exit__(None, None, None)
    clock[0] += 8
    review.finish()
    assert (review.seconds[Phase.REGISTRY], review.seconds[Phase.SIGNATURE]) == (3, 4)
    assert review.seconds[Phase.EVALUATION] == 8


def test_tasks_work_for_the_review_they_were_started_for(review: Review) -> None:
    async def run() -> None:
        async def work() -> Review | None:
            await asyncio.sleep(0)
            return CURRENT.get()

        task = asyncio.create_task(work())
        CURRENT.set(Review())
        assert await task is review

    asyncio.run(run())


def test_without_a_review_nothing_is_observed() -> None:
    assert CURRENT.get() is None
    with during(Phase.REGISTRY, "digest", "image"):
        pass


def test_spans_are_told_what_is_done_and_how_it_ends(review: Review) -> None:
    told: list[object] = []

    class Told:
        trace = "t"

        def begin(self, name: str, attributes: Mapping[str, str]) -> object:
            told.append((name, dict(attributes)))
            return name

        def end(self, begun: object, error: BaseException | None) -> None:
            told.append((begun, type(error)))

        def record(self, name: str, attributes: Mapping[str, str | int], seconds: float) -> None:
            told.append((name, seconds))

        def finish(self, attributes: Mapping[str, str], fault: str) -> None:
            raise AssertionError

    review.spans = Told()
    with during(Phase.REGISTRY, "digest", "ghcr.io/acme/app:v1"):
        pass
    with pytest.raises(ValueError, match="x"), during(Phase.KEYS):
        raise ValueError("x")
    record("request", {}, 2.0)
    assert told == [
        ("registry: digest", {"pratique.about": "ghcr.io/acme/app:v1"}),
        ("registry: digest", type(None)),
        ("keys", {}),
        ("keys", ValueError),
        ("request", 2.0),
    ]
