"""Many images, many requests, large requests."""

import asyncio
import time
from typing import Any

import pytest

from pratique.runtime.admission import judging
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.review import MAX_WARNING, write_answer
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import Lifetimes
from tests.support_admission import APP, DEV, judge, review, spoil, world
from tests.support_engine import World, pod


def admitted(given: World, count: int) -> int:
    """Return how many of so many Pods that come at once are admitted."""

    async def run() -> int:
        one = Judge(Engine(given.plan, Evidence(given.store, given.verifier, lifetimes=Lifetimes())))
        asked = (one.verdict(review(), mutating=True, seconds=10) for _ in range(count))
        return sum(verdict.allowed for verdict in await asyncio.gather(*asked))

    return asyncio.run(run())


def test_a_hundred_pods_of_one_image_that_nobody_knows_are_one_verification() -> None:
    given = world()
    assert admitted(given, 100) == 100
    assert given.verifier.verified == 1
    assert max(given.store.requests.values()) == 1


def test_w17_one_image_a_thousand_times_is_verified_once() -> None:
    given = world()
    verdict = judge(given, data=pod(*[APP] * 1_000))
    assert verdict.allowed
    assert len(verdict.patch) == 2_000
    assert given.verifier.verified == 1


def test_w16_a_thousand_images_are_one_verdict() -> None:
    given = world()
    names = [f"ghcr.io/acme/app-{number}:v1" for number in range(1_000)]
    for name in names:
        given.store.image(name, *([] if name.endswith("-999:v1") else [DEV]))
    verdict = judge(given, data=pod(*names), seconds=60)
    assert not verdict.allowed
    assert "ghcr.io/acme/app-999:v1" in verdict.message
    assert "ghcr.io/acme/app-998:v1" not in verdict.message


def test_w19_large_requests_are_judged_like_others() -> None:
    data = pod(APP)
    data["metadata"] = {"generateName": "web-", "annotations": {"a": "x" * (256 << 10)}}
    groups = [f"group-{number}" for number in range(10_000)]
    verdict = judge(world(signed=False), data=data, userInfo={"username": "u" * 100_000, "groups": groups})
    assert not verdict.allowed
    assert len(verdict.message) < 10_000
    answer = write_answer("u", allowed=True, warnings=["w" * 100_000])
    assert len(answer) < MAX_WARNING + 1_000


def test_w16_the_more_images_the_more_time_is_left_to_say_that_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given, started = world(), time.monotonic()
    ended: list[float] = []

    async def never() -> Any:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(time.monotonic() - started)

    spoil(given, never, monkeypatch)
    verdict = judge(given, data=pod(*[f"ghcr.io/acme/app-{n}:v1" for n in range(500)]), seconds=3)
    assert not verdict.allowed
    assert "unfinished: digest of ghcr.io/acme/app-0:v1" in verdict.message
    assert 1.4 < min(ended) < 3 - 500 * judging.SECONDS_PER_IMAGE + 0.5
