"""Who leads, over a cluster in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pratique.runtime.kubernetes.lease import Leadership
from pratique.runtime.kubernetes.types import LEASES
from tests.support_fake_cluster import FakeCluster, running
from tests.support_serve import until

SECONDS = 0.6


class Replica:
    """One that does its work while it leads."""

    def __init__(self, cluster: FakeCluster, name: str, busy: list[str]) -> None:
        self.name = name
        self.busy = busy
        self.overlaps: list[list[str]] = []
        self.lease = Leadership(cluster, "ns", "lease", name, seconds=SECONDS)

    async def work(self) -> None:
        self.busy.append(self.name)
        try:
            if len(self.busy) > 1:
                self.overlaps.append(list(self.busy))
            await asyncio.sleep(3600)
        finally:
            self.busy.remove(self.name)

    def run(self) -> Coroutine[Any, Any, None]:
        return self.lease.run(self.work)


def played(scene: Callable[[FakeCluster, Replica, Replica, list[str]], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        cluster, busy = FakeCluster(), []  # type: tuple[FakeCluster, list[str]]
        one, two = Replica(cluster, "one", busy), Replica(cluster, "two", busy)
        await scene(cluster, one, two, busy)
        assert one.overlaps == two.overlaps == []

    asyncio.run(asyncio.wait_for(run(), 30))


def test_f33_one_leads_and_the_other_follows_when_it_ends() -> None:
    async def scene(cluster: FakeCluster, one: Replica, two: Replica, busy: list[str]) -> None:
        async with running(one.run()) as [task]:
            await until(lambda: busy == ["one"])
            async with running(two.run()):
                await asyncio.sleep(SECONDS * 2)
                assert busy == ["one"]
                assert (one.lease.leading, two.lease.leading) == (True, False)
                task.cancel()
                await until(lambda: busy == ["two"], SECONDS)  # it was given away, nobody waited for its end
                assert cluster.of(LEASES)["ns", "lease"]["spec"]["leaseTransitions"] >= 1

    played(scene)


def test_f33_a_holder_that_falls_silent_is_followed() -> None:
    async def scene(cluster: FakeCluster, one: Replica, two: Replica, busy: list[str]) -> None:
        cluster.put(LEASES, "lease", "ns", spec={"holderIdentity": "gone", "leaseDurationSeconds": 1})
        async with running(one.run()):
            await asyncio.sleep(0.3)
            assert busy == []
            await until(lambda: busy == ["one"])

    played(scene)


def test_f33_whoever_cannot_renew_stops_before_another_may_begin() -> None:
    async def scene(cluster: FakeCluster, one: Replica, two: Replica, busy: list[str]) -> None:
        async with running(one.run(), two.run()):
            await until(lambda: len(busy) == 1)
            cluster.fail("replace", "leases", 0, times=10**6)
            await until(lambda: not busy)
            assert not one.lease.leading
            assert not two.lease.leading
            cluster.faults.clear()
            await until(lambda: len(busy) == 1)

    played(scene)


@pytest.mark.parametrize("status", [409, 500, 0])
def test_f25_one_failed_renewal_changes_nothing(status: int) -> None:
    async def scene(cluster: FakeCluster, one: Replica, two: Replica, busy: list[str]) -> None:
        async with running(one.run()):
            await until(lambda: busy == ["one"])
            cluster.fail("replace", "leases", status)
            await asyncio.sleep(SECONDS)
            assert cluster.faults[0][3] == 0
            assert busy == ["one"]
            assert one.lease.leading

    played(scene)


def test_a_defect_of_the_work_is_raised() -> None:
    async def run() -> None:
        async def broken() -> None:
            raise RuntimeError("defect")

        with pytest.raises(RuntimeError, match="defect"):
            await Leadership(FakeCluster(), "ns", "lease", "one", seconds=SECONDS).run(broken)

    asyncio.run(asyncio.wait_for(run(), 30))
