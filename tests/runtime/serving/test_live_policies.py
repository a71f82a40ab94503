"""Policies are watched and put in force, over a cluster in memory."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelExemption
from pratique.compiler.plan import Plan
from pratique.runtime.kubernetes import mirror
from pratique.runtime.kubernetes.client import Object
from pratique.runtime.kubernetes.types import (
    CEL_EXCEPTIONS,
    CEL_POLICIES,
    CLUSTER_POLICIES,
    EXCEPTIONS,
    POLICY_TYPES,
)
from pratique.runtime.serving import live_policies
from pratique.runtime.serving.live_policies import LivePolicies
from pratique.runtime.serving.policy_objects import read_policy
from tests.support_fake_cluster import FakeCluster, running
from tests.support_policy_objects import cel_object, exception_object, policy_object
from tests.support_serve import until

BROKEN = {"imagereferences": ["x"]}


class Scene:
    """A cluster, its policies, and the plans that were put in force."""

    def __init__(self, exceptions: str = "") -> None:
        self.cluster = FakeCluster()
        self.policies = LivePolicies(self.cluster, exceptions)
        self.plans: list[Plan] = []
        self.exempted: list[str] = []

    async def use(self, plan: Plan, exemptions: Sequence[ir.Exemption | CelExemption]) -> None:
        self.plans.append(plan)
        self.exempted = [each.key for each in exemptions]

    @property
    def names(self) -> list[str]:
        return [policy.key for policy in self.plans[-1].policies.policies] if self.plans else []

    def put(self, item: Object) -> None:
        metadata = dict(item["metadata"])
        name, namespace = metadata.pop("name"), metadata.pop("namespace", "")
        exceptions = EXCEPTIONS if item["apiVersion"].startswith("kyverno.io/") else CEL_EXCEPTIONS
        type = POLICY_TYPES.get(item["kind"], exceptions)
        self.cluster.put(type, name, namespace, metadata=metadata, spec=item["spec"], **_status(item))


def _status(item: Object) -> Object:
    return {"status": item["status"]} if "status" in item else {}


def played(scene: Callable[[Scene], Coroutine[Any, Any, None]], *first: Object, exceptions: str = "") -> None:
    async def run() -> None:
        given = Scene(exceptions)
        for item in first:
            given.put(item)
        async with running(given.policies.run(given.use)):
            await given.policies.synced.wait()
            await scene(given)

    asyncio.run(asyncio.wait_for(run(), 60))


def test_f26_changes_are_put_in_force_all_at_once() -> None:
    async def scene(given: Scene) -> None:
        assert given.names == ["b", "ns/a"]
        for name in ("c", "d", "e"):
            given.put(policy_object(name))
        await until(lambda: len(given.plans) == 2)
        assert given.names == ["b", "c", "d", "e", "ns/a"]
        given.cluster.drop(CLUSTER_POLICIES, "c")
        await until(lambda: "c" not in given.names)
        assert given.policies.lag < 2

    own = policy_object("a", metadata={"namespace": "ns"}, kind="Policy")
    played(scene, own, policy_object("b"))


def test_without_policies_an_empty_plan_is_in_force() -> None:
    async def scene(given: Scene) -> None:
        assert given.names == []
        assert len(given.plans) == 1

    played(scene)


def test_what_cannot_be_enforced_is_left_out_or_stays_as_it_was() -> None:
    async def scene(given: Scene) -> None:
        assert given.names == ["good"]
        assert given.policies.refused == 1
        was = given.plans[-1].policies.policies[0]
        given.put(policy_object("good", BROKEN))
        await until(lambda: given.policies.refused == 2)
        assert given.plans[-1].policies.policies == (was,)
        given.put(policy_object("good", {"required": False}))
        await until(lambda: given.policies.refused == 1)
        assert given.plans[-1].policies.policies != (was,)
        # Another object of the same name begins anew.
        given.cluster.drop(CLUSTER_POLICIES, "good")
        given.put(policy_object("good", BROKEN, metadata={"uid": "other"}))
        await until(lambda: given.names == [])

    played(scene, policy_object("good"), policy_object("bad", BROKEN))


def test_only_what_changed_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    usual = read_policy

    def counted(item: Object) -> Any:
        read.append(item["metadata"]["name"])
        return usual(item)

    monkeypatch.setattr(live_policies, "read_policy", counted)

    async def scene(given: Scene) -> None:
        assert sorted(read) == ["a", "b"]
        given.put({**policy_object("a"), "status": {"conditions": []}})
        await until(lambda: len(given.plans) == 2)
        assert sorted(read) == ["a", "b"]
        given.put(policy_object("a", {"required": False}))
        await until(lambda: len(given.plans) == 3)
        assert sorted(read) == ["a", "a", "b"]

    played(scene, policy_object("a"), policy_object("b"))


def test_f25_the_last_policies_stay_in_force_through_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "FIRST_PAUSE", 0.01)

    async def scene(given: Scene) -> None:
        given.cluster.fail("*", "*", 0, times=40)
        given.cluster.forget()
        await asyncio.sleep(0.3)
        assert given.names == ["a"]
        assert given.policies.age > 0
        given.cluster.faults.clear()
        given.put(policy_object("b"))
        await until(lambda: given.names == ["a", "b"])

    played(scene, policy_object("a"))


def test_requests_are_answered_while_policies_are_compiled() -> None:
    async def scene(given: Scene) -> None:
        longest = 0.0
        for number in range(150):
            given.put(policy_object(f"p{number}"))
        while len(given.names) != 150:
            start = time.thread_time()  # what others do on this machine is not the loop's fault
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - start)
        assert longest < 0.5

    played(scene)


@pytest.mark.parametrize(
    ("exceptions", "counting"), [("", []), ("ns", ["ns/e"]), ("*", ["ns/e", "other/e"]), ("none", [])]
)
def test_k16_exceptions_count_where_they_are_said_to(exceptions: str, counting: list[str]) -> None:
    async def scene(given: Scene) -> None:
        assert given.exempted == counting

    found = [exception_object(), exception_object(namespace="other")]
    played(scene, policy_object("p"), *found, exceptions=exceptions)


def test_exceptions_come_and_go(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(given: Scene) -> None:
        given.put(exception_object())
        await until(lambda: given.exempted == ["ns/e"])
        given.put(exception_object("bad", excuses=[]))
        given.put(exception_object("late"))
        await until(lambda: given.exempted == ["ns/e", "ns/late"])
        assert "PolicyException/ns/bad exempts nobody" in caplog.text
        given.cluster.drop(EXCEPTIONS, "e", "ns")
        await until(lambda: given.exempted == ["ns/late"])

    played(scene, policy_object("p"), exceptions="ns")


def test_exceptions_that_are_not_defined_hold_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_policies, "EXCEPTIONS_SECONDS", 0.05)

    async def run() -> None:
        given = Scene("ns")
        given.put(policy_object("p"))
        given.cluster.fail("list", "policyexceptions", 404, times=1000)
        async with running(given.policies.run(given.use)):
            await asyncio.wait_for(given.policies.synced.wait(), 5)
            assert given.names == ["p"]

    asyncio.run(run())


DENY = "validations: [{expression: 'false'}]\n"


def test_policies_in_cel_are_put_in_force() -> None:
    async def scene(given: Scene) -> None:
        kinds = [p.kind for p in given.plans[-1].policies.policies]
        assert kinds == ["ClusterPolicy", "ValidatingPolicy", "NamespacedValidatingPolicy"]
        given.put(cel_object("validations: [{expression: '1 +'}]\n"))
        await until(lambda: given.policies.refused == 1)
        assert len(given.plans[-1].policies.policies) == 3  # it stays as it was
        given.cluster.drop(POLICY_TYPES["ValidatingPolicy"], "c")
        await until(lambda: len(given.plans[-1].policies.policies) == 2)

    own = cel_object(DENY, "NamespacedValidatingPolicy", name="own")
    played(scene, policy_object("a"), cel_object(DENY), own)


def test_kinds_that_are_not_defined_hold_nothing_up() -> None:
    async def run() -> None:
        given = Scene()
        given.put(policy_object("p"))
        for type in CEL_POLICIES:
            given.cluster.fail("list", type.plural, 404, times=1000)
        async with running(given.policies.run(given.use)):
            await asyncio.wait_for(given.policies.synced.wait(), 5)
            assert given.names == ["p"]

    asyncio.run(run())


def test_exceptions_from_policies_in_cel_count_where_they_are_said_to() -> None:
    lifted = {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "PolicyException",
        "metadata": {"name": "c", "namespace": "ns", "uid": "u"},
        "spec": {"policyRefs": [{"name": "c", "kind": "ValidatingPolicy"}]},
    }

    async def scene(given: Scene) -> None:
        assert given.exempted == ["ns/c"]

    played(scene, cel_object(DENY), lifted, exceptions="ns")
