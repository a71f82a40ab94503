"""Reports are written and kept true, over a cluster in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pratique.runtime.kubernetes import mirror
from pratique.runtime.kubernetes.client import Object
from pratique.runtime.kubernetes.types import NAMESPACES, POLICY_REPORTS
from pratique.runtime.scanning import findings as findings_module
from pratique.runtime.scanning import writer as module
from pratique.runtime.scanning.findings import Findings, ReportForm
from pratique.runtime.scanning.writer import ReportWriter
from tests.support_fake_cluster import FakeCluster, running
from tests.support_scan import BY_POLICY, BY_RESOURCE, key, resource, result
from tests.support_serve import until


class Scene:
    def __init__(self, form: ReportForm, cluster: FakeCluster | None = None) -> None:
        self.cluster = cluster or FakeCluster()
        self.complete = False
        self.writer = ReportWriter(self.cluster, form, complete=lambda: self.complete, gather=0.02)
        self.findings = Findings(form, self.writer.touch)

    def take(self, name: str, *results: Any, now: int = 1) -> None:
        self.findings.take(key(name), resource(name), None, results, now)

    @property
    def reports(self) -> dict[str, Object]:
        return {name: o for (_, name), o in self.cluster.of(POLICY_REPORTS).items()}

    def summary(self) -> dict[str, tuple[int, int]]:
        return {n: (o["summary"]["pass"], o["summary"]["fail"]) for n, o in self.reports.items()}

    async def settled(self, expected: dict[str, tuple[int, int]]) -> None:
        await until(lambda: self.summary() == expected and not self.writer.waiting)


def written(
    work: Callable[[Scene], Coroutine[Any, Any, None]],
    monkeypatch: pytest.MonkeyPatch,
    form: ReportForm = BY_RESOURCE,
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(mirror, "FIRST_PAUSE", 0.02)

    async def run() -> None:
        scene = Scene(form)
        scene.cluster.put(NAMESPACES, "ns")
        async with running(scene.writer.run(scene.findings)) as [task]:
            await work(scene)
            assert not task.done()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_reports_are_written_when_they_change(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        scene.take("a", result())
        scene.take("b", result("fail", name="b"))
        await scene.settled({"uid-a": (1, 0), "uid-b": (0, 1)})
        writes = scene.writer.writes
        scene.take("a", result(), now=99)
        scene.take("b", result(name="b"))
        await scene.settled({"uid-a": (1, 0), "uid-b": (1, 0)})
        assert scene.writer.writes == writes + 1
        scene.findings.drop(key("a"))
        await scene.settled({"uid-b": (1, 0)})

    written(work, monkeypatch)


def test_many_changes_are_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        for number in range(50):
            scene.take(f"r{number}", result(name=f"r{number}"))
        await scene.settled({"cpol-p": (50, 0)})
        assert scene.writer.writes <= 2

    written(work, monkeypatch, BY_POLICY)


def test_what_others_change_or_delete_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        scene.take("a", result("fail"))
        await scene.settled({"uid-a": (0, 1)})
        forged = {**scene.reports["uid-a"], "results": [], "summary": {"pass": 9, "fail": 0}}
        forged.pop("metadata")
        labels = {"labels": {"app.kubernetes.io/managed-by": "pratique"}}
        scene.cluster.put(POLICY_REPORTS, "uid-a", "ns", metadata=labels, **without(forged))
        await until(lambda: scene.summary() == {"uid-a": (0, 1)})
        scene.cluster.drop(POLICY_REPORTS, "uid-a", "ns")
        await until(lambda: scene.summary() == {"uid-a": (0, 1)})

    written(work, monkeypatch)


def without(item: Object) -> Object:
    return {k: v for k, v in item.items() if k not in ("apiVersion", "kind")}


@pytest.mark.parametrize("status", [409, 429, 403, 500, 0])
def test_f27_faults_lose_nothing_and_double_nothing(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        for verb in ("create", "replace", "delete"):
            scene.cluster.fail(verb, "policyreports", status, times=3)
        for name in ("a", "b", "c"):
            scene.take(name, result(name=name))
        await scene.settled({f"uid-{name}": (1, 0) for name in "abc"})
        scene.take("a", result("fail"))
        await scene.settled({"uid-a": (0, 1), "uid-b": (1, 0), "uid-c": (1, 0)})
        scene.findings.drop(key("b"))
        await scene.settled({"uid-a": (0, 1), "uid-c": (1, 0)})

    written(work, monkeypatch)


def test_f25_an_outage_of_the_api_server_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        scene.take("a", result())
        await scene.settled({"uid-a": (1, 0)})
        scene.cluster.fail("*", "*", 0, times=10**6)
        scene.cluster.forget()
        scene.take("a", result("fail"))
        scene.take("b", result(name="b"))
        await asyncio.sleep(0.3)
        assert scene.writer.waiting == 2
        scene.cluster.faults.clear()
        await scene.settled({"uid-a": (0, 1), "uid-b": (1, 0)})

    written(work, monkeypatch)


def test_f33_two_writers_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        other = Scene(BY_RESOURCE, scene.cluster)
        async with running(other.writer.run(other.findings)):
            for each in (scene, other):
                for name in ("a", "b"):
                    each.take(name, result("fail", name=name))
            await scene.settled({"uid-a": (0, 1), "uid-b": (0, 1)})
            await asyncio.sleep(0.3)
            calls = scene.cluster.calls["replace policyreports"] + scene.cluster.calls["create policyreports"]
            await asyncio.sleep(0.3)
            assert calls == (
                scene.cluster.calls["replace policyreports"] + scene.cluster.calls["create policyreports"]
            )
            assert len(scene.reports) == 2

    written(work, monkeypatch)


def test_a_restart_writes_only_what_differs_and_removes_what_is_of_nothing() -> None:
    async def run() -> None:
        scene = Scene(BY_RESOURCE)
        scene.cluster.put(NAMESPACES, "ns")
        async with running(scene.writer.run(scene.findings)):
            for name in ("a", "b", "gone"):
                scene.take(name, result(name=name))
            await scene.settled({f"uid-{name}": (1, 0) for name in ("a", "b", "gone")})
        scene.cluster.put(POLICY_REPORTS, "kyverno-s", "ns", results=[], summary={"pass": 5, "fail": 5})
        again = Scene(BY_RESOURCE, scene.cluster)
        async with running(again.writer.run(again.findings)):
            again.take("a", result(), now=99)
            again.take("b", result("fail", name="b"))
            await until(lambda: again.summary()["uid-b"] == (0, 1))
            assert again.writer.writes == 1
            assert "uid-gone" in again.reports  # not everything was looked at yet
            again.complete = True
            again.writer.look()
            await again.settled({"uid-a": (1, 0), "uid-b": (0, 1), "kyverno-s": (5, 5)})

    asyncio.run(asyncio.wait_for(run(), 60))


def test_f27_chunks_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings_module, "MAX_RESULTS", 2)

    async def work(scene: Scene) -> None:
        for number in range(5):
            scene.take(f"r{number}", result(name=f"r{number}"))
        await scene.settled({"cpol-p": (2, 0), "cpol-p-1": (2, 0), "cpol-p-2": (1, 0)})
        for number in (0, 1, 2):
            scene.findings.drop(key(f"r{number}"))
        await scene.settled({"cpol-p": (2, 0)})
        # A policy whose name looks like a piece of another's report.
        scene.take("x", result(name="x", policy="p-1"))
        await scene.settled({"cpol-p": (2, 0), "cpol-p-1": (1, 0)})

    written(work, monkeypatch, BY_POLICY)


def test_reports_of_a_namespace_that_is_gone_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        scene.cluster.drop(NAMESPACES, "ns")
        scene.cluster.fail("create", "policyreports", 404, times=10**6)
        scene.take("a", result())
        await until(lambda: scene.cluster.calls["create policyreports"] and not scene.writer.waiting)
        await asyncio.sleep(0.2)
        assert scene.cluster.calls["create policyreports"] == 1

    written(work, monkeypatch)
