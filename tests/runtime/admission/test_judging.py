"""From reviews to verdicts, over images in memory."""

import asyncio
import json
from typing import Any

import pytest

from pratique.grammar.errors import TransportError, UsageError
from pratique.runtime.admission.judging import MAX_IMAGES, Judge
from pratique.runtime.admission.review import read_review
from pratique.runtime.admission.verdict import Verdict
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.lifetimes import Lifetimes
from tests.support_engine import World, pod
from tests.support_policies import cluster_policy

APP = "ghcr.io/acme/app:v1"
DEV = {"subject": "dev@acme.example"}


def world(*, signed: bool = True, policy: str = "Fail", action: str = "Enforce") -> World:
    entry = {"failureAction": action, "mutateDigest": action == "Enforce"}
    found = World(cluster_policy(entry, spec={"failurePolicy": policy}))
    found.store.image(APP, *([DEV] if signed else []))
    return found


def spoil(given: World, failure: Any, monkeypatch: pytest.MonkeyPatch, only: str = "") -> None:
    """Make questions for manifests fail, all or those of one repository."""
    usual = given.store.manifest

    async def manifest(repository: Any, reference: str) -> Any:
        if only in str(repository):
            return await failure()
        return await usual(repository, reference)

    monkeypatch.setattr(given.store, "manifest", manifest)


async def outage() -> Any:
    raise TransportError("registry-unreachable", "ghcr.io: down")


def judge(
    given: World, *, mutating: bool = True, seconds: float = 5, data: Any = None, **changes: Any
) -> Verdict:
    found = data or pod(APP)
    request = {
        "uid": "u",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "operation": "CREATE",
        "namespace": found["metadata"].get("namespace", ""),
        "object": found,
        **changes,
    }
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}

    async def run() -> Verdict:
        evidence = Evidence(given.store, given.verifier, lifetimes=Lifetimes())
        one = Judge(Engine(given.plan, evidence, given.source))
        read = read_review(json.dumps(review).encode())
        return await one.verdict(read, mutating=mutating, seconds=seconds)

    return asyncio.run(run())


def test_a_signed_image_is_admitted_with_its_digest() -> None:
    verdict = judge(world())
    assert verdict.allowed
    test, replace = verdict.patch
    assert test == {"op": "test", "path": "/spec/containers/0/image", "value": APP}
    assert replace["value"].startswith(f"{APP}@sha256:")


def test_w23_what_is_pinned_already_is_left_alone() -> None:
    given = world()
    text = judge(given).patch[1]["value"]
    again = judge(given, data=pod(text))
    assert again.allowed
    assert again.patch == ()
    assert judge(given, mutating=False, data=pod(text)).allowed


def test_d4_an_image_that_was_not_pinned_is_refused_where_it_no_longer_can_be() -> None:
    verdict = judge(world(), mutating=False)
    assert not verdict.allowed
    assert f"missing digest for {APP}" in verdict.message


def test_an_unsigned_image_is_refused_in_the_words_of_kyverno() -> None:
    verdict = judge(world(signed=False))
    assert not verdict.allowed
    assert verdict.patch == ()
    assert "was blocked due to the following policies" in verdict.message
    assert f"failed to verify image {APP}" in verdict.message
    assert "no signatures found" in verdict.message


def test_k5_forged_annotations_change_nothing() -> None:
    data = pod(APP)
    forged = json.dumps({APP: "pass"})
    data["metadata"]["annotations"] = {
        "kyverno.io/verify-images": forged,
        "kyverno.io/image-verification-outcomes": forged,
    }
    for mutating in (True, False):
        assert not judge(world(signed=False), mutating=mutating, data=data).allowed


def test_audit_warns() -> None:
    verdict = judge(world(signed=False, action="Audit"))
    assert verdict.allowed
    assert any("failed to verify image" in text for text in verdict.warnings)


@pytest.mark.parametrize(("policy", "allowed"), [("Fail", False), ("Ignore", True)])
def test_an_outage_is_judged_by_the_failure_policy(
    policy: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = world(policy=policy)
    spoil(given, outage, monkeypatch)
    verdict = judge(given)
    assert verdict.allowed is allowed
    assert "down" in verdict.message + "".join(verdict.warnings)


def test_an_outage_of_one_image_does_not_excuse_another(monkeypatch: pytest.MonkeyPatch) -> None:
    given = world(signed=False, policy="Ignore")
    given.store.image("ghcr.io/acme/far:v1", DEV)
    spoil(given, outage, monkeypatch, only="far")
    verdict = judge(given, data=pod("ghcr.io/acme/far:v1", APP))
    assert not verdict.allowed
    assert "no signatures found" in verdict.message


def test_f13_other_bytes_are_refused_whatever_the_failure_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    given = world(policy="Ignore")

    async def other() -> Any:
        raise TransportError("digest-mismatch", "ghcr.io: other bytes")

    spoil(given, other, monkeypatch)
    assert not judge(given).allowed


def test_w16_a_verdict_comes_in_time_and_names_what_is_unfinished(monkeypatch: pytest.MonkeyPatch) -> None:
    given = world()
    spoil(given, lambda: asyncio.sleep(30), monkeypatch)
    verdict = judge(given, seconds=0.05)
    assert not verdict.allowed
    assert f"no verdict within 0.05 seconds on {APP}" in " ".join(verdict.message.split())


def test_f31_a_defect_denies_and_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    given = world()

    async def broken() -> Any:
        raise RuntimeError("secret detail")

    spoil(given, broken, monkeypatch)
    verdict = judge(given)
    assert not verdict.allowed
    assert "internal error" in verdict.message
    assert "secret detail" not in verdict.message


def test_w16_too_many_images_are_refused_at_once() -> None:
    verdict = judge(world(), data=pod(*[f"{APP}-{n}" for n in range(MAX_IMAGES + 1)]))
    assert not verdict.allowed


def test_what_no_rule_covers_is_allowed() -> None:
    assert judge(world(), data=pod("docker.io/other/app:v1")) == Verdict(allowed=True)


def test_rules_that_select_by_roles_are_refused() -> None:
    match = {"any": [{"resources": {"kinds": ["Pod"]}, "clusterRoles": ["admin"]}]}
    given = World(cluster_policy(rule={"match": match}, spec={"background": False}))
    with pytest.raises(UsageError, match="matches roles"):
        Judge(Engine(given.plan, Evidence(given.store, given.verifier)))
