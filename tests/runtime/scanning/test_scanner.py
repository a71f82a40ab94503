"""Resources are judged when they or policies change, and all from time to time."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelExemption
from pratique.grammar.errors import TransportError
from pratique.runtime.applicable import applicable
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.kubernetes.client import Object
from pratique.runtime.kubernetes.types import PODS
from pratique.runtime.scanning import scanner as module
from pratique.runtime.scanning.findings import ReportKey
from pratique.runtime.scanning.inventory import ResourceKey
from pratique.runtime.scanning.scanner import Scanner
from pratique.runtime.serving.live_exceptions import read_exception
from tests.support_engine import World, pod
from tests.support_fake_cluster import running
from tests.support_policies import cluster_policy
from tests.support_policy_objects import exception_object
from tests.support_scan import findings
from tests.support_serve import until

APP, DEV = "ghcr.io/acme/app:v1", {"subject": "dev@acme.example"}


class Labels:
    def __init__(self) -> None:
        self.known: dict[str, Mapping[str, str]] = {"ns": {"env": "prod"}}

    async def find(self, name: str) -> Mapping[str, Any]:
        if name not in self.known:
            raise TransportError("cluster-unreachable", "down")
        return {"metadata": {"name": name, "labels": self.known[name]}}


class Scene(dict[ResourceKey, Object]):
    """Some Pods, and the scan of them."""

    def __init__(self, *policies: str, **options: Any) -> None:
        super().__init__()
        self.findings, self.touched = findings()
        self.labels = Labels()
        self.told: list[str] = []
        self.busy = False
        self.scanner = Scanner(
            self,
            self.findings,
            self.labels,
            busy=lambda: self.busy,
            told=lambda resource, entry: self.told.append(f"{resource.name} {entry['result']}"),
            **options,
        )
        self.use(*policies)

    def use(self, *policies: str, exemptions: Sequence[ir.Exemption | CelExemption] = ()) -> None:
        self.world = World(*policies)
        self.world.store.image(APP, DEV)
        self.world.store.image("ghcr.io/acme/bad:v1")
        evidence = Evidence(self.world.store, self.world.verifier)
        self.engine = Engine(self.world.plan, evidence, exemptions=exemptions)
        self.scanner.use(self.engine, list(self))

    def pod(self, name: str, *images: str, **metadata: Any) -> ResourceKey:
        key = ResourceKey(PODS, "ns", name)
        given = {"name": name, "namespace": "ns", "uid": f"uid-{name}", **metadata}
        self[key] = pod(*(images or (APP,)), metadata=given)
        self.scanner.changed(key, True)
        return key

    def gone(self, key: ResourceKey) -> None:
        del self[key]
        self.scanner.changed(key, False)

    @property
    def results(self) -> dict[str, list[tuple[str, str]]]:
        """Policies and results by resource."""
        documents = [d for report in self.findings.reports() for d in self.findings.documents(report)]
        return {d["scope"]["name"]: [(r["policy"], r["result"]) for r in d["results"]] for d in documents}

    async def idle(self) -> None:
        await until(lambda: not self.scanner.waiting)


def scanned(scene: Scene, work: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with running(scene.scanner.run()) as [task]:
            await work(scene)
            assert not task.done()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_what_changes_is_judged() -> None:
    async def work(scene: Scene) -> None:
        first = scene.pod("a")
        scene.pod("b", "ghcr.io/acme/bad:v1")
        scene.pod("c", "docker.io/other:v1")
        await scene.idle()
        assert scene.results == {"a": [("p", "pass")], "b": [("p", "fail")]}
        assert sorted(scene.told) == ["a pass", "b fail"]
        scene.pod("b")
        scene.gone(first)
        await scene.idle()
        assert scene.results == {"b": [("p", "pass")]}

    scanned(Scene(cluster_policy()), work)


def test_only_policies_that_changed_are_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[set[str]] = []

    async def work(scene: Scene) -> None:
        scene.pod("a")
        await scene.idle()
        other = cluster_policy(metadata={"name": "q"})
        scene.use(cluster_policy(), other)
        usual = scene.engine.judge

        async def judge(resource: Any, rules: Any, **more: Any) -> Any:
            asked.append({rule.planned.policy.name for rule in rules})
            return await usual(resource, rules, **more)

        monkeypatch.setattr(scene.engine, "judge", judge)
        await scene.idle()
        assert asked == [{"q"}]
        assert scene.results == {"a": [("p", "pass"), ("q", "pass")]}
        scene.use(other)
        await scene.idle()
        assert scene.results == {"a": [("q", "pass")]}
        scene.use(cluster_policy(metadata={"name": "q"}, spec={"background": False}))
        await scene.idle()
        assert scene.results == {}

    scanned(Scene(cluster_policy()), work)


def test_that_an_image_is_not_pinned_is_no_result_of_a_scan() -> None:
    async def work(scene: Scene) -> None:
        scene.pod("a")
        await scene.idle()
        assert scene.results == {"a": [("p", "pass")]}
        found = await scene.engine.evaluate(applicable_resource(scene))
        assert found[0].status == "fail"  # missing digest

    scanned(Scene(cluster_policy()), work)


def applicable_resource(scene: Scene) -> Any:
    from pratique.runtime.resource import Resource

    [item] = scene.values()
    assert applicable(scene.engine.plan, Resource(item))
    return Resource(item)


def test_tags_that_move_are_seen_when_their_turn_comes() -> None:
    async def work(scene: Scene) -> None:
        scene.pod("a")
        await scene.idle()
        assert scene.results == {"a": [("p", "pass")]}
        scene.world.store.manifests.clear()
        scene.world.store.image("ghcr.io/acme/bad:v1")
        repository, _ = scene.world.store._split(APP)
        body = b'{"image": "other"}'
        scene.world.store.manifests[repository, "v1"] = body
        from tests.support_engine import digest_of

        scene.world.store.manifests[repository, digest_of(body)] = body
        scene.engine = Engine(scene.world.plan, Evidence(scene.world.store, scene.world.verifier))
        scene.scanner.use(scene.engine, [])
        await until(lambda: scene.results == {"a": [("p", "fail")]})

    scanned(Scene(cluster_policy(), seconds=0.5), work)


def test_f8_an_outage_is_reported_and_tried_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.3)

    async def work(scene: Scene) -> None:
        scene.world.store.down.add("ghcr.io")
        scene.pod("a")
        await scene.idle()
        assert scene.results == {"a": [("p", "error")]}
        scene.world.store.down.clear()
        scene.engine.evidence = Evidence(scene.world.store, scene.world.verifier)
        await until(lambda: scene.results == {"a": [("p", "pass")]})

    scanned(Scene(cluster_policy()), work)


SELECTED = {"any": [{"resources": {"kinds": ["Pod"], "namespaceSelector": {"matchLabels": {"env": "prod"}}}}]}


def test_k11_labels_of_namespaces() -> None:
    async def work(scene: Scene) -> None:
        scene.pod("a")
        await scene.idle()
        assert scene.results == {"a": [("p", "pass")]}
        scene.labels.known["ns"] = {}
        scene.scanner.mark_namespace("ns", list(scene))
        scene.scanner.mark_namespace("other", list(scene))
        await scene.idle()
        assert scene.results == {}
        scene.labels.known.clear()
        scene.scanner.mark_namespace("ns", list(scene))
        await scene.idle()
        assert scene.results == {"a": [("p", "error")]}

    scanned(Scene(cluster_policy(rule={"match": SELECTED})), work)


def test_f31_a_defect_costs_only_its_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        usual = scene.engine.judge

        async def judge(resource: Any, rules: Any, **more: Any) -> Any:
            if resource.id.name == "b":
                raise RuntimeError("defect")
            return await usual(resource, rules, **more)

        monkeypatch.setattr(scene.engine, "judge", judge)
        for name in ("a", "b", "c"):
            scene.pod(name)
        await scene.idle()
        assert set(scene.results) == {"a", "c"}

    scanned(Scene(cluster_policy()), work)


def test_requests_go_first() -> None:
    async def work(scene: Scene) -> None:
        scene.busy = True
        scene.pod("a")
        await asyncio.sleep(0.03)
        assert scene.results == {}
        scene.busy = False
        await scene.idle()
        assert scene.results == {"a": [("p", "pass")]}

    scanned(Scene(cluster_policy()), work)


def test_a_plan_that_changes_while_a_resource_is_judged_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        started, go = asyncio.Event(), asyncio.Event()
        usual = scene.world.store.manifest

        async def slow(*arguments: Any) -> Any:
            started.set()
            await go.wait()
            return await usual(*arguments)

        monkeypatch.setattr(scene.world.store, "manifest", slow)
        scene.pod("a")
        await started.wait()
        scene.use(cluster_policy({"attestors": OPS}))
        go.set()
        await scene.idle()
        assert scene.results == {"a": [("p", "fail")]}

    scanned(Scene(cluster_policy()), work)


OPS = [
    {
        "entries": [
            {"keyless": {"issuer": "https://x.example", "subject": "ops", "rekor": {"url": "https://r"}}}
        ]
    }
]


def test_a_resource_that_goes_while_it_is_judged_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(scene: Scene) -> None:
        started, go = asyncio.Event(), asyncio.Event()
        usual = scene.world.store.manifest

        async def slow(*arguments: Any) -> Any:
            started.set()
            await go.wait()
            return await usual(*arguments)

        monkeypatch.setattr(scene.world.store, "manifest", slow)
        key = scene.pod("a")
        await started.wait()
        scene.gone(key)
        go.set()
        await scene.idle()
        assert list(scene.findings.reports()) == []
        assert not scene.findings.has(ReportKey("ns", "uid-a"))

    scanned(Scene(cluster_policy()), work)


def test_exceptions_that_come_and_go_are_changes_of_the_policies_they_name() -> None:
    both = [cluster_policy(), cluster_policy(metadata={"name": "other"})]
    exemption = read_exception(exception_object(policy="other")).exemption
    assert exemption is not None

    async def work(scene: Scene) -> None:
        scene.pod("a", "ghcr.io/acme/bad:v1")
        await scene.idle()
        assert scene.results == {"a": [("other", "fail"), ("p", "fail")]}
        scene.told.clear()
        scene.use(*both, exemptions=[exemption])
        await scene.idle()
        assert scene.results == {"a": [("other", "skip"), ("p", "fail")]}
        assert scene.told == ["a skip"]
        scene.use(*both)
        await scene.idle()
        assert scene.results == {"a": [("other", "fail"), ("p", "fail")]}

    scanned(Scene(*both), work)
