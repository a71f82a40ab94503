"""The status of policies is written, once, by whoever leads."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pratique.runtime.kubernetes.client import Object
from pratique.runtime.kubernetes.types import CLUSTER_POLICIES, POLICIES, POLICY_TYPES
from pratique.runtime.serving import policy_status
from pratique.runtime.serving.live_policies import State
from pratique.runtime.serving.policy_objects import Key, key_of, read_policy
from pratique.runtime.serving.policy_status import PolicyStatus
from tests.support_fake_cluster import FakeCluster, running
from tests.support_policy_objects import cel_object, policy_object
from tests.support_serve import until


class Scene:
    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.states: dict[Key, State] = {}
        self.remarks: tuple[str, ...] = ()
        self.status = PolicyStatus(self.cluster, lambda: self.states, lambda _: self.remarks)

    def put(self, item: Object, policy: Any = None) -> None:
        metadata = dict(item["metadata"])
        name, namespace = metadata.pop("name"), metadata.pop("namespace", "")
        type = POLICY_TYPES[item["kind"]]
        before = self.cluster.of(type).get((namespace, name), {})
        kept = {"status": before["status"]} if "status" in before else {}
        written = self.cluster.put(type, name, namespace, metadata=metadata, spec=item["spec"], **kept)
        read = read_policy(written)
        self.states[key_of(written)] = State(written, read, read.policy or policy)

    def of(self, name: str = "p", namespace: str = "") -> Object:
        type = POLICIES if namespace else CLUSTER_POLICIES
        found: Object = self.cluster.of(type)[namespace, name].get("status", {})
        return found

    def conditions(self, name: str = "p") -> dict[str, Object]:
        return {c["type"]: c for c in self.of(name).get("conditions", ())}


def played(scene: Callable[[Scene], Coroutine[Any, Any, None]], *first: Object) -> None:
    async def run() -> None:
        given = Scene()
        for item in first:
            given.put(item)
        async with running(given.status.run()):
            await scene(given)

    asyncio.run(asyncio.wait_for(run(), 60))


def test_conditions_and_counts() -> None:
    async def scene(given: Scene) -> None:
        await until(lambda: given.of() and given.of("own", "ns"))
        ready = given.conditions()["Ready"]
        assert (ready["status"], ready["reason"], ready["message"]) == ("True", "Succeeded", "Ready")
        assert ready["observedGeneration"] == 1
        assert given.of()["rulecount"]["verifyimages"] == 3
        assert "digest" in given.conditions()["Clean"]["message"].lower()

    own = policy_object("own", metadata={"namespace": "ns"}, kind="Policy")
    played(scene, policy_object(), own)


def test_what_is_written_is_not_written_again() -> None:
    async def scene(given: Scene) -> None:
        await until(given.of)
        written = given.cluster.of(CLUSTER_POLICIES)["", "p"]
        given.states = {key: State(written, s.read, s.policy) for key, s in given.states.items()}
        calls = given.cluster.calls["merge clusterpolicies"]
        await given.status.changed()
        await asyncio.sleep(0.3)
        assert given.cluster.calls["merge clusterpolicies"] == calls

    played(scene, policy_object())


def test_mistakes_and_what_is_not_served_are_said() -> None:
    async def scene(given: Scene) -> None:
        await until(given.of)
        ready = given.conditions()["Ready"]
        since = ready["lastTransitionTime"]
        assert (ready["status"], ready["reason"]) == ("False", "Failed")
        assert "spec.rules[0].verifyImages[0].imagereferences" in ready["message"]
        assert set(given.conditions()) == {"Ready"}
        assert given.of()["rulecount"]["verifyimages"] == 0
        given.remarks = ("what is missing", "what else")
        given.put(policy_object())
        await given.status.changed()
        await until(lambda: given.conditions()["Ready"]["status"] == "True")
        assert given.conditions()["Ready"]["message"] == "Ready; what is missing; what else"
        assert given.conditions()["Ready"]["lastTransitionTime"] >= since

    played(scene, policy_object(entry={"imagereferences": ["x"]}))


@pytest.mark.parametrize("status", [409, 404, 500, 0])
def test_f27_faults_and_conflicts_are_overcome(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_status, "PAUSE", 0.05)

    async def scene(given: Scene) -> None:
        given.cluster.fail("merge", "*", status, times=2)
        for _ in range(3):
            await given.status.changed()
            await asyncio.sleep(0.2)
        await until(given.of)

    played(scene, policy_object())


def test_the_status_of_policies_in_cel_is_where_kyverno_has_it() -> None:
    type = POLICY_TYPES["ValidatingPolicy"]

    async def scene(given: Scene) -> None:
        def status(name: str) -> Object:
            found: Object = given.cluster.of(type)["", name].get("status", {}).get("conditionStatus", {})
            return found

        await until(lambda: status("good") and status("bad"))
        assert (status("good")["ready"], status("good")["message"]) == (True, "")
        assert [c["type"] for c in status("good")["conditions"]] == ["Ready", "Clean"]
        assert status("bad")["ready"] is False
        assert status("bad")["message"].startswith("spec.validations[0].expression (")
        for key, state in given.states.items():
            written = given.cluster.of(type)["", key[2]]
            given.states[key] = State(written, state.read, state.policy)
        await given.status.changed()
        await asyncio.sleep(0.2)
        assert given.cluster.calls["merge validatingpolicies"] == 2

    good, bad = ("validations: [{expression: 'true'}]\n", "validations: [{expression: 'x +'}]\n")
    played(scene, cel_object(good, name="good"), cel_object(bad, name="bad"))
