"""Events, over a cluster in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from pratique.runtime.kubernetes import events as module
from pratique.runtime.kubernetes.client import Object
from pratique.runtime.kubernetes.events import MAX_NOTE, EventRecorder
from pratique.runtime.kubernetes.types import EVENTS
from tests.support_fake_cluster import FakeCluster, running
from tests.support_serve import until

POD = {"apiVersion": "v1", "kind": "Pod", "namespace": "ns", "name": "a", "uid": "u"}


def recorded(work: Callable[[FakeCluster, EventRecorder], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        cluster = FakeCluster()
        recorder = EventRecorder(cluster, "replica-1")
        async with running(recorder.run()) as [task]:
            await work(cluster, recorder)
            assert not task.done()

    asyncio.run(asyncio.wait_for(run(), 30))


def add(recorder: EventRecorder, note: str = "n", **regarding: Any) -> None:
    recorder.add({**POD, **regarding}, reason="PolicyViolation", action="Resource Passed", note=note)


def found(cluster: FakeCluster) -> list[Object]:
    return list(cluster.of(EVENTS).values())


def test_an_event_says_what_about_what() -> None:
    async def work(cluster: FakeCluster, recorder: EventRecorder) -> None:
        add(recorder)
        await until(lambda: recorder.written == 1)
        [event] = found(cluster)
        assert event["metadata"]["namespace"] == "ns"
        assert event["metadata"]["name"].startswith("a.")
        assert (event["type"], event["reason"], event["note"]) == ("Warning", "PolicyViolation", "n")
        assert event["regarding"] == POD
        assert event["reportingInstance"] == "replica-1"
        add(recorder, namespace="", kind="Node")
        await until(lambda: recorder.written == 2)
        assert {e["metadata"]["namespace"] for e in found(cluster)} == {"ns", "default"}

    recorded(work)


def test_the_same_is_not_said_twice_in_a_while() -> None:
    async def work(cluster: FakeCluster, recorder: EventRecorder) -> None:
        for _ in range(5):
            add(recorder)
        add(recorder, "other")
        await until(lambda: recorder.written == 2)
        await asyncio.sleep(0.05)
        assert len(found(cluster)) == 2

    recorded(work)


def test_notes_are_bounded_in_bytes() -> None:
    async def work(cluster: FakeCluster, recorder: EventRecorder) -> None:
        add(recorder, "ü" * 2000)
        await until(lambda: recorder.written == 1)
        assert len(found(cluster)[0]["note"].encode()) <= MAX_NOTE

    recorded(work)


def test_a_cluster_that_takes_none_holds_nothing_up() -> None:
    async def work(cluster: FakeCluster, recorder: EventRecorder) -> None:
        cluster.fail("create", "events", 403, times=2)
        for number in range(3):
            add(recorder, str(number))
        await until(lambda: recorder.written == 1)
        assert recorder.dropped == 2

    recorded(work)


def test_more_than_can_wait_push_the_oldest_out() -> None:
    recorder = EventRecorder(FakeCluster(), "r")
    for number in range(module.MAX_WAITING + 3):
        add(recorder, str(number))
    assert recorder.dropped == 3
