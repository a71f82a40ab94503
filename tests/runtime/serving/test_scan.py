"""The scan of a whole cluster, in memory: what changes in it is in the reports."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from pratique.compiler.plan import Plan
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.kubernetes import mirror
from pratique.runtime.kubernetes.client import Object
from pratique.runtime.kubernetes.events import EventRecorder
from pratique.runtime.kubernetes.types import EVENTS, NAMESPACES, PODS, POLICY_REPORTS, REPORTS
from pratique.runtime.outputs.formats import Grouping
from pratique.runtime.scanning import writer
from pratique.runtime.serving.catalogue import Catalogue
from pratique.runtime.serving.live_policies import State
from pratique.runtime.serving.namespaces import ClusterNamespaces
from pratique.runtime.serving.options import ScanOptions
from pratique.runtime.serving.policy_objects import read_policy
from pratique.runtime.serving.scan import Scan
from tests.support_discovery import DISCOVERY
from tests.support_engine import World, pod
from tests.support_fake_cluster import FakeCluster, running
from tests.support_policies import cluster_policy
from tests.support_policy_objects import policy_object
from tests.support_serve import until

APP, BAD, DEV = "ghcr.io/acme/app:v1", "ghcr.io/acme/bad:v1", {"subject": "dev@acme.example"}


class Scene:
    """A cluster with two namespaces, and whoever scans it."""

    def __init__(self, **options: Any) -> None:
        self.cluster = FakeCluster()
        self.world = World(cluster_policy())
        self.world.store.image(APP, DEV)
        self.world.store.image(BAD)
        self.plan = self.world.plan
        self.states: dict[Any, State] = {}
        self.options = ScanOptions(**options)
        for name in ("ns", "other"):
            self.cluster.put(NAMESPACES, name)
        self.scan = self.begin()

    def begin(self) -> Scan:
        """Return a new scan, as another replica would begin it."""
        catalogue = Catalogue(self.cluster)
        catalogue.discovery = DISCOVERY
        catalogue.synced.set()
        self.namespaces = ClusterNamespaces(self.cluster)
        self.events = EventRecorder(self.cluster, "r")
        self.scan = Scan(
            self.cluster,
            self.options,
            catalogue,
            self.namespaces,
            self.events,
            make_engine=lambda plan: Engine(plan, Evidence(self.world.store, self.world.verifier)),
            plan=lambda: self.plan,
            busy=lambda: False,
            states=lambda: self.states,
        )
        return self.scan

    def work(self) -> list[Coroutine[Any, Any, None]]:
        return [self.scan.run(), self.namespaces.mirror.run(), self.events.run()]

    async def use(self, *policies: str) -> None:
        self.plan = Plan(World(*policies).plan.policies)
        await self.scan.changed()

    def pod(self, name: str, image: str = APP, namespace: str = "ns") -> None:
        body = pod(image)
        metadata = {"uid": f"uid-{name}"}
        self.cluster.put(PODS, name, namespace, spec=body["spec"], metadata=metadata)

    def summaries(self, type: Any = POLICY_REPORTS) -> dict[str, tuple[int, int]]:
        found = self.cluster.of(type)
        return {name: (o["summary"]["pass"], o["summary"]["fail"]) for (_, name), o in found.items()}


def scanned(
    work: Callable[[Scene], Coroutine[Any, Any, None]], monkeypatch: pytest.MonkeyPatch, **options: Any
) -> None:
    monkeypatch.setattr(writer, "GATHER", 0.02)
    monkeypatch.setattr(mirror, "FIRST_PAUSE", 0.02)

    async def run() -> None:
        scene = Scene(**options)
        async with running(*scene.work()) as tasks:
            await work(scene)
            assert not any(task.done() for task in tasks)

    asyncio.run(asyncio.wait_for(run(), 60))


def test_reports_follow_resources_and_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        scene.pod("a")
        scene.pod("b", BAD)
        scene.pod("c", "docker.io/other:v1")
        await until(lambda: scene.summaries() == {"uid-a": (1, 0), "uid-b": (0, 1)})
        scene.pod("b")
        await until(lambda: scene.summaries() == {"uid-a": (1, 0), "uid-b": (1, 0)})
        scene.cluster.drop(PODS, "a", "ns")
        await until(lambda: scene.summaries() == {"uid-b": (1, 0)})
        await scene.use(cluster_policy(), cluster_policy(metadata={"name": "q"}))
        await until(lambda: scene.summaries() == {"uid-b": (2, 0)})
        await scene.use()
        await until(lambda: scene.summaries() == {})

    scanned(work, monkeypatch)


def test_a_failure_is_an_event_of_the_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        scene.pod("a")
        scene.pod("b", BAD)
        await until(lambda: scene.cluster.of(EVENTS))
        [event] = scene.cluster.of(EVENTS).values()
        assert (event["regarding"]["name"], event["reason"]) == ("b", "PolicyViolation")
        assert event["note"].startswith(f"policy p/verify fail: failed to verify image {BAD}")

    scanned(work, monkeypatch)


def test_labels_of_namespaces_that_change(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        selector = {"kinds": ["Pod"], "namespaceSelector": {"matchLabels": {"env": "prod"}}}
        await scene.use(cluster_policy(rule={"match": {"any": [{"resources": selector}]}}))
        scene.pod("a")
        await until(lambda: scene.scan.scanner.judged)
        assert scene.summaries() == {}
        scene.cluster.put(NAMESPACES, "ns", metadata={"labels": {"env": "prod"}})
        await until(lambda: scene.summaries() == {"uid-a": (1, 0)})
        scene.cluster.put(NAMESPACES, "ns")
        await until(lambda: scene.summaries() == {})

    scanned(work, monkeypatch)


def test_reports_by_policy_belong_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        item: Object = policy_object("p")
        scene.states[("ClusterPolicy", "", "p")] = State(item, read_policy(item), None)
        for name in ("a", "b"):
            scene.pod(name)
        scene.pod("c", BAD, "other")
        await until(
            lambda: scene.summaries(REPORTS) == {"cpol-p": (0, 1)} or len(scene.cluster.of(REPORTS)) == 2
        )
        await until(
            lambda: scene.cluster.of(REPORTS).get(("ns", "cpol-p"), {}).get("summary", {}).get("pass") == 2
        )
        report = scene.cluster.of(REPORTS)["ns", "cpol-p"]
        assert report["metadata"]["ownerReferences"] == [
            {"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy", "name": "p", "uid": "uid-p"}
        ]
        assert scene.cluster.of(REPORTS)["other", "cpol-p"]["summary"]["fail"] == 1

    scanned(work, monkeypatch, grouping=Grouping.POLICY, open_reports=True)


def test_f33_whoever_follows_finds_everything_and_removes_what_is_of_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "GATHER", 0.02)

    async def run() -> None:
        scene = Scene()
        async with running(*scene.work()):
            for name in ("a", "b", "gone"):
                scene.pod(name)
            await until(lambda: len(scene.summaries()) == 3)
        scene.cluster.drop(PODS, "gone", "ns")
        scene.pod("b", BAD)
        scene.begin()
        async with running(*scene.work()):
            await until(lambda: scene.summaries() == {"uid-a": (1, 0), "uid-b": (0, 1)})

    asyncio.run(asyncio.wait_for(run(), 60))


def test_f25_the_api_server_may_go_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        scene.pod("a")
        await until(lambda: scene.summaries() == {"uid-a": (1, 0)})
        scene.cluster.fail("*", "*", 0, times=10**6)
        scene.cluster.forget()
        scene.pod("b", BAD)
        scene.cluster.drop(PODS, "a", "ns")
        await asyncio.sleep(0.3)
        assert scene.summaries() == {"uid-a": (1, 0)}
        scene.cluster.faults.clear()
        await until(lambda: scene.summaries() == {"uid-b": (0, 1)})

    scanned(work, monkeypatch)


def test_kinds_that_may_not_be_read_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "LAST_PAUSE", 0.05)

    async def work(scene: Scene) -> None:
        [policy] = scene.plan.policies.policies
        scene.cluster.fail("list", "jobs", 403, times=10_000)
        scene.pod("a")
        await until(lambda: scene.summaries() == {"uid-a": (1, 0)})
        await until(lambda: scene.scan.unread(policy) == ("Job",))
        assert scene.scan.unread(replace(policy, background=False)) == ()
        scene.cluster.faults.clear()
        await until(lambda: scene.scan.unread(policy) == ())

    scanned(work, monkeypatch)
