"""Published advisories, as a webhook would repeat them; named by their rows in docs/threats.md."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pratique.compiler.context_questions import Question
from pratique.grammar.errors import TransportError
from pratique.runtime.admission.judging import Judge
from pratique.runtime.admission.review import Review
from pratique.runtime.admission.verdict import Verdict
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import Lifetimes
from tests.support_admission import APP, DEV, judge, review, spoil, world
from tests.support_engine import World, pod
from tests.support_policies import KEYLESS, cluster_policy

RESTART = "restart"


def verdicts(
    given: World, *steps: Review | Callable[[], object] | str, mutating: bool = True
) -> list[Verdict]:
    """Return the verdicts of one server on reviews that come one after the other.

    Args:
        given: policies and images.
        steps: reviews; what happens between them; `RESTART` for a process that knows nothing yet.
        mutating: the answers may carry patches.
    """

    async def run() -> list[Verdict]:
        found, one = [], None
        for step in (RESTART, *steps):
            match step:
                case Review():
                    assert one is not None
                    found.append(await one.verdict(step, mutating=mutating, seconds=5))
                case str():
                    evidence = Evidence(given.store, given.verifier, lifetimes=Lifetimes())
                    one = Judge(Engine(given.plan, evidence, given.source))
                case _:
                    step()
        return found

    return asyncio.run(run())


def written(verdict: Verdict) -> list[str]:
    return [each["value"] for each in verdict.patch if each["op"] == "replace"]


def test_k1_the_digest_that_is_verified_is_the_one_that_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that means a signed image when it is asked first, and an unsigned one ever after."""
    given = world()
    usual = given.store.manifest
    (signed,) = written(judge(given))
    asked: list[str] = []

    async def manifest(repository: Any, reference: str) -> Any:
        if reference == "v1":
            asked.append(reference)
            if len(asked) > 1:
                given.store.image(APP, config={"evil": True})
        return await usual(repository, reference)

    monkeypatch.setattr(given.store, "manifest", manifest)
    first, second = verdicts(given, review(), review())
    assert written(first) == [signed]
    assert not second.allowed
    assert second.patch == ()
    assert len(asked) == 2, "each request asks once"


def test_k2_a_reference_that_is_answered_with_other_bytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    given = world(policy="Ignore")
    (pinned,) = written(judge(given))

    async def other() -> Any:
        raise TransportError("digest-mismatch", "ghcr.io: other bytes")

    spoil(given, other, monkeypatch)
    for mutating in (True, False):
        verdict = judge(given, pod(pinned), mutating=mutating)
        assert not verdict.allowed
        assert "other bytes" in verdict.message


def test_k3_a_tag_that_moved_is_verified_anew_and_never_pinned_unverified() -> None:
    def moved(given: World) -> Callable[[], object]:
        return lambda: given.store.image(APP, config={"evil": True})

    for again in ((), (RESTART,)):
        given = world()
        before, after = verdicts(given, review(), moved(given), *again, review())
        assert before.allowed
        assert not after.allowed
        assert "no signatures found" in after.message


class Settings:
    """A ConfigMap that changes."""

    knows_images = False

    def __init__(self) -> None:
        self.most = "5"

    def given(self, policy: str, rule: str) -> Mapping[str, Any]:
        return {}

    def loads(self, source: object, given: bool) -> bool:
        return True

    async def answer(self, question: Question) -> Any:
        return {"data": {"most": self.most}, "metadata": {}}


def test_k4_a_condition_that_changed_counts_for_the_very_next_request() -> None:
    condition = {"key": "{{ findings }}", "operator": "LessThanOrEquals", "value": "{{ settings.data.most }}"}
    demand = {
        "type": "https://cosign.sigstore.dev/attestation/vuln/v1",
        "attestors": [{"entries": [{"keyless": KEYLESS}]}],
        "conditions": [{"all": [condition]}],
    }
    context = [{"name": "settings", "configMap": {"namespace": "default", "name": "settings"}}]
    entry = {"failureAction": "Enforce", "mutateDigest": True, "attestors": [], "attestations": [demand]}
    given = World(cluster_policy(entry, rule={"context": context}))
    given.source = settings = Settings()
    given.store.image(APP, attestations=[DEV | {"type": demand["type"], "predicate": {"findings": 3}}])

    def stricter() -> None:
        settings.most = "1"

    before, after = verdicts(given, review(), stricter, review())
    assert before.allowed, before.message
    assert not after.allowed
    assert given.verifier.verified == 1


MARKS = ("kyverno.io/verify-images", "kyverno.io/verify-images-scoped")


@pytest.mark.parametrize("value", [None, "{}", json.dumps({APP: "pass"})])
def test_k6_who_changes_or_removes_a_mark_changes_no_verdict(value: str | None) -> None:
    old = pod(APP, metadata={"annotations": dict.fromkeys(MARKS, json.dumps({APP: "pass"}))})
    marks = {} if value is None else dict.fromkeys(MARKS, value)
    new = pod(APP, metadata={"annotations": marks})
    for mutating in (True, False):
        changes: dict[str, Any] = {"operation": "UPDATE", "oldObject": old, "mutating": mutating}
        assert judge(world(), new, **changes).allowed
        assert not judge(world(signed=False), new, **changes).allowed


def test_c3_a_statement_of_another_type_proves_nothing_to_the_webhook() -> None:
    demand = {
        "type": "https://slsa.dev/provenance/v1",
        "attestors": [{"entries": [{"keyless": KEYLESS}]}],
    }
    given = World(
        cluster_policy({"failureAction": "Enforce", "mutateDigest": True, "attestations": [demand]})
    )
    given.store.image(APP, DEV, attestations=[DEV | {"type": "https://example.com/other", "predicate": {}}])
    assert not judge(given).allowed
    given.store.image(APP, DEV, attestations=[DEV | {"type": demand["type"], "predicate": {}}])
    assert judge(given).allowed


def test_w12_what_is_deleted_is_not_verified() -> None:
    given = world(signed=False)
    verdict = judge(given, operation="DELETE", object=None, oldObject=pod(APP))
    assert verdict.allowed
    assert given.store.requests.total() == 0


@pytest.mark.parametrize("subresource", ["status", "binding", "eviction", "log"])
def test_w14_other_subresources_ask_no_registry(subresource: str) -> None:
    given = world(signed=False)
    changes: dict[str, Any] = {
        "operation": "UPDATE",
        "oldObject": pod(APP),
        "subResource": subresource,
        "resource": {"group": "", "version": "v1", "resource": "pods"},
    }
    assert judge(given, **changes).allowed
    assert given.store.requests.total() == 0


def test_w15_a_dry_run_is_judged_like_any_other() -> None:
    assert not judge(world(signed=False), dryRun=True).allowed
    assert written(judge(world(), dryRun=True)) == written(judge(world()))


def test_w23_places_with_slashes_and_tildes_are_written_to() -> None:
    match = {"any": [{"resources": {"kinds": ["Task"]}}]}
    extractors = {"Task": [{"path": "/spec/steps/*/image"}]}
    entry = {"failureAction": "Enforce", "mutateDigest": True}
    given = World(cluster_policy(entry, rule={"match": match, "imageExtractors": extractors}))
    digest = given.store.image(APP, DEV)
    task = {
        "apiVersion": "tekton.dev/v1",
        "kind": "Task",
        "metadata": {"name": "t", "namespace": "default"},
        "spec": {"steps": {"a/b~c": {"image": APP}}},
    }
    path = "/spec/steps/a~1b~0c/image"
    assert list(judge(given, task).patch) == [
        {"op": "test", "path": path, "value": APP},
        {"op": "replace", "path": path, "value": f"{APP}@{digest}"},
    ]
