"""From reviews to verdicts, over images in memory."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from pratique.grammar.errors import TransportError, UsageError
from pratique.runtime.admission.groups import Selection
from pratique.runtime.admission.judging import MAX_IMAGES, Judge
from pratique.runtime.admission.verdict import Verdict
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from tests.support_admission import APP, DEV, judge, outage, review, spoil, world
from tests.support_engine import World, pod
from tests.support_policies import cluster_policy


def test_a_signed_image_is_admitted_with_its_digest() -> None:
    verdict = judge(world())
    assert verdict.allowed
    test, replace = verdict.patch
    assert test == {"op": "test", "path": "/spec/containers/0/image", "value": APP}
    assert replace["value"].startswith(f"{APP}@sha256:")


def test_w23_what_is_pinned_already_is_left_alone() -> None:
    given = world()
    text = judge(given).patch[1]["value"]
    again = judge(given, pod(text))
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


def test_an_outage_is_told_where_a_failure_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    given = world(action="Audit")
    spoil(given, outage, monkeypatch)
    verdict = judge(given)
    assert verdict.allowed
    assert any("down" in text for text in verdict.warnings)


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
    verdict = judge(given, pod("ghcr.io/acme/far:v1", APP))
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
    assert f"unfinished: digest of {APP}" in verdict.message


def test_w16_what_was_found_out_in_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    given = world(signed=False, policy="Ignore")
    given.store.image("ghcr.io/acme/slow:v1", DEV)
    spoil(given, lambda: asyncio.sleep(30), monkeypatch, only="slow")
    verdict = judge(given, pod("ghcr.io/acme/slow:v1", APP), seconds=0.2)
    assert not verdict.allowed
    assert "no signatures found" in verdict.message
    verdict = judge(given, pod("ghcr.io/acme/slow:v1"), seconds=0.2)
    assert verdict.allowed
    assert "unfinished: digest of ghcr.io/acme/slow:v1" in "".join(verdict.warnings)


def test_w16_one_slow_policy_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    other = cluster_policy(
        {"failureAction": "Enforce", "imageReferences": ["ghcr.io/slow/*"]}, metadata={"name": "slow"}
    )
    given = World(other, cluster_policy({"failureAction": "Enforce"}))
    given.store.image("ghcr.io/slow/app:v1", DEV)
    given.store.image(APP)
    spoil(given, lambda: asyncio.sleep(30), monkeypatch, only="slow")
    message = judge(given, pod("ghcr.io/slow/app:v1", APP), seconds=0.2).message
    assert f"failed to verify image {APP}: .attestors[0].entries[0].keyless: no signatures found" in message
    assert "unfinished: digest of ghcr.io/slow/app:v1" in message


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


class Labels:
    """Labels of namespaces, some of which cannot be had."""

    def __init__(self, **known: Mapping[str, str]) -> None:
        self.known = known
        self.asked: list[str] = []

    async def find(self, name: str) -> Mapping[str, Any]:
        self.asked.append(name)
        if name not in self.known:
            raise TransportError("cluster-unreachable", "down")
        return {"metadata": {"name": name, "labels": self.known[name]}}


@pytest.mark.parametrize(
    ("labels", "allowed"),
    [(Labels(default={"env": "prod"}), False), (Labels(default={}), True), (Labels(), False)],
)
def test_k11_rules_by_labels_of_namespaces(labels: Labels, allowed: bool) -> None:
    selector = {"kinds": ["Pod"], "namespaceSelector": {"matchLabels": {"env": "prod"}}}
    given = world(signed=False, match={"any": [{"resources": selector}]})
    verdict = judge(given, namespaces=labels)
    assert verdict.allowed is allowed
    assert labels.asked == ["default"]


def test_labels_of_namespaces_are_asked_for_only_where_a_rule_reads_them() -> None:
    labels = Labels()
    judge(world(), namespaces=labels)
    assert labels.asked == []


def test_webhooks_are_called_for_some_policies_only() -> None:
    given = World(
        cluster_policy({"failureAction": "Enforce"}),
        cluster_policy(
            {"failureAction": "Enforce"}, metadata={"name": "open"}, spec={"failurePolicy": "Ignore"}
        ),
    )
    given.store.image(APP)

    async def run() -> list[Verdict]:
        one = Judge(Engine(given.plan, Evidence(given.store, given.verifier)))
        return [
            await one.verdict(review(), mutating=True, seconds=5, among=among)
            for among in map(Selection.of, ("ignore", "fail/all"))
        ]

    for verdict, name in zip(asyncio.run(run()), ("open", "p"), strict=True):
        assert [outcome.policy.name for outcome in verdict.outcomes] == [name]
