"""From what is found to what is said: stages, statuses, messages, and what must never happen."""

import asyncio
from typing import Any

import pytest

from pratique.runtime.applicable import applicable
from pratique.runtime.decision import RuleResult, Stage, Status
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.resource import Resource
from tests.support_engine import World, pod, said
from tests.support_policies import KEYLESS, cluster_policy

APP = "ghcr.io/acme/app:v1"
DEV = {"subject": "dev@acme.example"}
OPS = {"subject": "ops@acme.example"}
OFF = {"verifyDigest": False, "required": False}


def keyless(subject: str = "dev@acme.example", **more: Any) -> dict[str, Any]:
    return {"keyless": {**KEYLESS, "subject": subject}, **more}


def key(name: str) -> dict[str, Any]:
    return {"keys": {"publicKeys": name}}


def entries(*found: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"attestors": [{"entries": list(found), **more}]}


def test_signed_by_the_right_one() -> None:
    world = World(cluster_policy({"verifyDigest": False}))
    world.store.image(APP, DEV)
    (result,) = world.judge(pod(APP))
    assert said(result) == [("pass", f"verified image signatures for {APP}"), ("pass", "image verified")]
    assert result.status is Status.PASS


def test_unsigned() -> None:
    world = World(cluster_policy({"verifyDigest": False}))
    world.store.image(APP)
    (result,) = world.judge(pod(APP))
    assert said(result) == [
        ("fail", f"failed to verify image {APP}: .attestors[0].entries[0].keyless: no signatures found"),
        ("fail", f"unverified image {APP}"),
    ]
    assert result.checks[0].reason is not None
    assert result.checks[0].reason.to_json()["children"][0]["code"] == "no-signature"


def test_signed_by_others() -> None:
    world = World(cluster_policy(OFF))
    world.store.image(APP, OPS, {"subject": "qa@acme.example"})
    (result,) = world.judge(pod(APP))
    assert said(result) == [
        (
            "fail",
            f"failed to verify image {APP}: .attestors[0].entries[0].keyless:"
            " subject mismatch: expected dev@acme.example, received ops@acme.example;"
            " subject mismatch: expected dev@acme.example, received qa@acme.example",
        )
    ]


def test_an_image_that_is_not_there() -> None:
    world = World(cluster_policy(OFF))
    (result,) = world.judge(pod(APP))
    assert result.status is Status.FAIL
    assert "image tag not found" in result.message


def test_an_outage_is_an_error_never_a_failure() -> None:
    world = World(cluster_policy(OFF))
    world.store.down.add("ghcr.io")
    (result,) = world.judge(pod(APP))
    assert result.status is Status.ERROR
    assert "ghcr.io is down" in result.message


def test_an_outage_of_one_attestor_does_not_hide_that_another_is_met() -> None:
    elsewhere = keyless(repository="down.example/signatures")
    world = World(cluster_policy({**OFF, **entries(elsewhere, keyless(), count=1)}))
    world.store.image(APP, DEV)
    world.store.down.add("down.example")
    (result,) = world.judge(pod(APP))
    assert result.status is Status.PASS
    world = World(cluster_policy({**OFF, **entries(elsewhere, keyless())}))
    world.store.image(APP, DEV)
    world.store.down.add("down.example")
    (result,) = world.judge(pod(APP))
    assert result.status is Status.ERROR


@pytest.mark.parametrize(
    ("signatures", "count", "expected"),
    [
        ([DEV], 1, "pass"),
        ([OPS], 1, "pass"),
        ([DEV], 2, "fail"),
        ([DEV, OPS], 2, "pass"),
        ([{"subject": "x"}], 1, "fail"),
    ],
)
def test_thresholds(signatures: list[dict[str, Any]], count: int, expected: str) -> None:
    world = World(cluster_policy({**OFF, **entries(keyless(), keyless("ops@acme.example"), count=count)}))
    world.store.image(APP, *signatures)
    (result,) = world.judge(pod(APP))
    assert result.status == expected


def test_errors_of_all_entries_are_told_with_their_paths() -> None:
    world = World(cluster_policy({**OFF, **entries(keyless("a@x"), keyless("b@x"), count=1)}))
    world.store.image(APP, DEV)
    (result,) = world.judge(pod(APP))
    assert result.message == (
        f"failed to verify image {APP}: .attestors[0].entries[0].keyless: subject mismatch: expected a@x,"
        " received dev@acme.example; .attestors[0].entries[1].keyless: subject mismatch: expected b@x,"
        " received dev@acme.example"
    )


def test_c16_the_same_key_twice_counts_once() -> None:
    world = World(cluster_policy({**OFF, **entries(key("K1"), key("K1\n"), count=2)}))
    world.store.image(APP, {"key": "K1"})
    (result,) = world.judge(pod(APP))
    assert result.status is Status.FAIL
    world = World(cluster_policy({**OFF, **entries(key("K1"), key("K2"), count=2)}))
    world.store.image(APP, {"key": "K1"}, {"key": "K2"})
    (result,) = world.judge(pod(APP))
    assert result.status is Status.PASS


def test_all_sets_must_be_met() -> None:
    sets = [{"entries": [keyless()]}, {"entries": [keyless("ops@acme.example")]}]
    world = World(cluster_policy({**OFF, "attestors": sets}))
    world.store.image(APP, DEV)
    (result,) = world.judge(pod(APP))
    assert result.status is Status.FAIL
    assert ".attestors[1].entries[0].keyless" in result.message
    world.store.image("ghcr.io/acme/both:v1", DEV, OPS)
    (result,) = world.judge(pod("ghcr.io/acme/both:v1"))
    assert result.status is Status.PASS


def test_nested_sets_count_once() -> None:
    inner = {"attestor": {"count": 1, "entries": [keyless(), keyless("ops@acme.example")]}}
    world = World(cluster_policy({**OFF, **entries(inner, key("K1"))}))
    world.store.image(APP, OPS, {"key": "K1"})
    (result,) = world.judge(pod(APP))
    assert result.status is Status.PASS


def test_broken_key_is_said_before_anything_is_fetched() -> None:
    world = World(cluster_policy({**OFF, **entries(key("broken"))}))
    (result,) = world.judge(pod(APP))
    assert result.status is Status.FAIL
    assert not world.store.requests


def test_all_failing_images_are_in_one_row_in_fixed_order() -> None:
    world = World(cluster_policy(OFF))
    names = [f"ghcr.io/acme/{name}:v1" for name in ("b", "a", "c")]
    for name in names:
        world.store.image(name)
    resource = pod(*names, initContainers=[{"name": "i", "image": "ghcr.io/acme/init:v1"}])
    world.store.image("ghcr.io/acme/init:v1")
    (result,) = world.judge(resource)
    assert [check.image for check in result.checks] == ["ghcr.io/acme/init:v1", *names]
    for name in names:
        assert name in result.message


def test_images_outside_the_patterns_give_no_result() -> None:
    world = World(cluster_policy(OFF))
    assert world.judge(pod("quay.io/other:v1")) == []


def test_a_tag_pattern_does_not_see_a_digest() -> None:
    world = World(cluster_policy({**OFF, "imageReferences": ["ghcr.io/acme/app:*"]}))
    assert world.judge(pod(f"ghcr.io/acme/app@sha256:{'0' * 64}")) == []


def test_an_image_of_another_entry_is_skipped() -> None:
    first = {"imageReferences": ["ghcr.io/acme/app*"], "mutateDigest": False, **entries(keyless())}
    second = {"imageReferences": ["ghcr.io/acme/db*"], "mutateDigest": False, **entries(keyless())}
    world = World(cluster_policy(rule={"verifyImages": [{**first, **OFF}, {**second, **OFF}]}))
    world.store.image(APP, DEV)
    (result,) = world.judge(pod(APP))
    assert said(result) == [
        ("pass", f"verified image signatures for {APP}"),
        ("skip", f"skipping image reference image {APP}, policy p ruleName verify"),
    ]
    assert result.status is Status.PASS


def test_skipped_references() -> None:
    world = World(cluster_policy({"verifyDigest": False, "skipImageReferences": ["ghcr.io/acme/app:*"]}))
    (result,) = world.judge(pod(APP))
    assert said(result) == [
        ("skip", f"skipping image reference image {APP}, policy p ruleName verify"),
        ("skip", f"image skipped, skipped images: {APP}"),
    ]
    assert not world.store.requests


def test_a_skip_never_overwrites_a_failure() -> None:
    own = {"imageReferences": ["ghcr.io/acme/app*"], "mutateDigest": False, "verifyDigest": False}
    other = {**own, "imageReferences": ["ghcr.io/acme/db*"], **entries(keyless())}
    for order in ([{**own, **entries(keyless())}, other], [other, {**own, **entries(keyless())}]):
        world = World(cluster_policy(rule={"verifyImages": order}))
        world.store.image(APP, OPS)
        (result,) = world.judge(pod(APP))
        assert ("fail", f"unverified image {APP}") in said(result)


def test_missing_digest() -> None:
    world = World(cluster_policy({"required": False}))
    world.store.image(APP, DEV)
    (result,) = world.judge(pod(APP))
    assert said(result)[1] == ("fail", f"missing digest for {APP}")


def test_digest_is_pinned_before_the_second_stage() -> None:
    world = World(cluster_policy({"mutateDigest": True, "failureAction": "Enforce"}))
    digest = world.store.image(APP, DEV)
    (result,) = world.judge(pod(APP))
    assert said(result) == [("pass", f"verified image signatures for {APP}"), ("pass", "image verified")]
    assert result.checks[0].digest == digest
    world.store.image("ghcr.io/acme/bad:v1", OPS)
    (result,) = world.judge(pod("ghcr.io/acme/bad:v1"))
    assert said(result)[1][1].startswith("unverified image ghcr.io/acme/bad@sha256:")


def test_pinning_alone() -> None:
    entry = {"mutateDigest": True, "failureAction": "Enforce", "attestors": [], "required": False}
    world = World(cluster_policy(entry))
    world.store.image(APP)
    (result,) = world.judge(pod(APP))
    assert said(result) == [("pass", "mutated image digest"), ("pass", "image verified")]


def test_pinning_an_unreachable_image_gives_both_results() -> None:
    world = World(cluster_policy({"mutateDigest": True, "failureAction": "Enforce"}))
    world.store.down.add("ghcr.io")
    (result,) = world.judge(pod(APP))
    assert [status for status, _ in said(result)] == ["error", "error", "fail"]
    assert any(message.startswith("failed to update digest: ") for _, message in said(result))


def test_no_attestors_never_proves_anything() -> None:
    world = World(cluster_policy({"attestors": [], "verifyDigest": False}))
    (result,) = world.judge(pod(APP))
    assert said(result) == [("fail", f"unverified image {APP}")]


def test_an_unreadable_image_fails_and_hides_no_other() -> None:
    world = World(cluster_policy(OFF))
    world.store.image(APP, DEV)
    (result,) = world.judge(pod(APP, "ghcr.io/acme/UPPER:v1"))
    assert [check.status for check in result.checks] == ["pass", "fail"]
    assert "ghcr.io/acme/UPPER:v1" in result.message


def test_identity_and_annotations_by_one_signature() -> None:
    entry = {**OFF, **entries({**keyless(), "annotations": {"env": "prod"}})}
    world = World(cluster_policy(entry))
    world.store.image(APP, DEV, {**OPS, "claims": {"env": "prod"}})
    (result,) = world.judge(pod(APP))
    assert result.status is Status.FAIL
    assert "no signature matched the required annotations" in result.message
    world.store.image("ghcr.io/acme/ok:v1", {**DEV, "claims": {"env": "prod", "x": "y"}})
    (result,) = world.judge(pod("ghcr.io/acme/ok:v1"))
    assert result.status is Status.PASS


def test_a_later_policy_that_fails_takes_the_proof_of_an_earlier_one_away() -> None:
    good = cluster_policy({"verifyDigest": False}, metadata={"name": "p1"})
    bad = cluster_policy({"verifyDigest": False, **entries(key("K1"))}, metadata={"name": "p2"})
    world = World(good, bad)
    world.store.image(APP, DEV)
    first, second = world.judge(pod(APP))
    assert (first.status, second.status) == ("fail", "fail")
    assert said(first)[1] == ("fail", f"unverified image {APP}")
    world = World(bad, good)
    world.store.image(APP, DEV)
    first, second = world.judge(pod(APP))
    assert (first.status, second.status) == ("fail", "pass")


def test_apply_rules_one_stops_after_the_first_verdict() -> None:
    import json

    rule = json.loads(cluster_policy(OFF))["spec"]["rules"][0]
    rules = [rule, {**rule, "name": "second"}]
    world = World(cluster_policy(spec={"rules": rules, "applyRules": "One"}))
    world.store.image(APP, DEV)
    assert [result.rule for result in world.judge(pod(APP))] == ["verify"]


def test_unscored_failures_are_warnings() -> None:
    metadata = {"annotations": {"policies.kyverno.io/scored": "false"}}
    world = World(cluster_policy(OFF, metadata=metadata))
    world.store.image(APP)
    (result,) = world.judge(pod(APP))
    assert result.status is Status.WARN


# --- cost: each thing once ------------------------------------------------------------------------------


def test_requests_are_2_plus_s_whatever_the_number_of_attestors() -> None:
    keys = [key(f"K{n}") for n in range(15)]
    world = World(cluster_policy({**OFF, **entries(*keys, count=1)}))
    world.store.image(APP, *({"key": f"X{n}"} for n in range(3)))
    (result,) = world.judge(pod(APP))
    assert result.status is Status.FAIL
    assert world.store.requests.total() == 5


def test_a_repeated_image_costs_nothing() -> None:
    world = World(cluster_policy(OFF))
    world.store.image(APP, DEV)
    results = world.judge(*(pod(APP, APP, metadata={"name": f"p{n}"}) for n in range(100)))
    assert [result.status for result in results] == [Status.PASS] * 100
    assert world.store.requests.total() == 3
    assert world.verifier.verified == 1


def test_rules_and_policies_share_the_evidence() -> None:
    policies = [cluster_policy(OFF, metadata={"name": f"p{n}"}) for n in range(20)]
    world = World(*policies)
    world.store.image(APP, DEV, OPS)
    assert len(world.judge(pod(APP))) == 20
    assert world.store.requests.total() == 4
    assert world.verifier.verified == 2


def test_k1_a_tag_is_resolved_once_whatever_it_means_later() -> None:
    world = World(cluster_policy({"mutateDigest": True, "failureAction": "Enforce"}))
    digest = world.store.image(APP, DEV)
    answered = []
    honest = world.store.manifest

    async def flip_flop(repository: Any, reference: str) -> Any:
        manifest = await honest(repository, reference)
        if reference == "v1":
            answered.append(reference)
            if len(answered) > 1:
                raise AssertionError("the tag was resolved twice")
        return manifest

    world.store.manifest = flip_flop  # type: ignore[method-assign]
    (result,) = world.judge(pod(APP, APP))
    assert {check.digest for check in result.checks if check.image == APP} == {digest}
    assert answered == ["v1"]


def test_a_reference_with_a_digest_needs_no_manifest() -> None:
    world = World(cluster_policy({**OFF, "imageReferences": ["ghcr.io/acme/*"]}))
    digest = world.store.image(APP, DEV)
    (result,) = world.judge(pod(f"ghcr.io/acme/app:v1@{digest}"))
    assert said(result) == [("pass", f"verified image signatures for ghcr.io/acme/app@{digest}")]
    assert world.store.requests.total() == 2


@pytest.mark.parametrize("annotation", ["kyverno.io/verify-images", "kyverno.io/verify-images-scoped"])
def test_k5_forged_annotations_change_nothing(annotation: str) -> None:
    world = World(cluster_policy({"verifyDigest": False}))
    world.store.image(APP)
    forged = {annotation: f'{{"{APP}":"pass"}}'}
    (result,) = world.judge(pod(APP, metadata={"annotations": forged}))
    assert result.status is Status.FAIL


def test_a_verdict_within_a_time_keeps_what_was_found_out() -> None:
    world = World(cluster_policy(), cluster_policy(metadata={"name": "q"}))
    world.store.image(APP, DEV)
    world.store.image("ghcr.io/acme/slow:v1", DEV)
    usual = world.store.manifest

    async def slow(repository: Any, reference: str) -> Any:
        if "slow" in str(repository):
            await asyncio.sleep(30)
        return await usual(repository, reference)

    world.store.manifest = slow  # type: ignore[method-assign]

    async def run() -> tuple[RuleResult, ...]:
        engine = Engine(world.plan, Evidence(world.store, world.verifier))
        resource = Resource(pod("ghcr.io/acme/slow:v1", APP))
        return await engine.judge(resource, applicable(world.plan, resource), seconds=0.1)

    for result in asyncio.run(run()):
        first, second = (check for check in result.checks if check.stage is Stage.VERIFY)
        assert (first.status, first.transport) == (Status.ERROR, True)
        assert "unfinished: digest of ghcr.io/acme/slow:v1" in first.message
        assert second.status is Status.PASS
