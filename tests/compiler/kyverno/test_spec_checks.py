"""What Kyverno refuses in the specification of a policy is refused here, in its words."""

from typing import Any

import pytest

from tests.support_policies import cluster_policy, read


def problems(spec: dict[str, Any], **more: Any) -> list[str]:
    errors = read(cluster_policy(spec=spec, **more)).errors
    assert all(error.location for error in errors)
    return [error.message.removeprefix("invalid policy p: ") for error in errors]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"webhookTimeoutSeconds": 5, "webhookConfiguration": {"timeoutSeconds": 5}},
            "webhookConfiguration.timeoutSeconds",
        ),
        (
            {"failurePolicy": "Fail", "webhookConfiguration": {"failurePolicy": "Ignore"}},
            "webhookConfiguration.failurePolicy",
        ),
        ({"generateExistingOnPolicyUpdate": False}, "generate[*].generateExisting"),
    ],
)
def test_written_in_the_old_and_the_new_way(spec: dict[str, Any], text: str) -> None:
    assert problems(spec) == [f"remove the deprecated field and use spec.{text} instead"]


def test_a_cluster_policy_is_in_no_namespace() -> None:
    text = "A clusterpolicy should not have the namespace defined"
    assert problems({}, metadata={"namespace": "a"}) == [text]
    assert problems({}, metadata={"namespace": "a"}, kind="Policy") == []


PLACE = "spec.validationFailureActionOverrides[1].namespaces"


@pytest.mark.parametrize(
    ("audit", "enforce", "text"),
    [
        (["a", "b"], ["b"], f"conflicting namespaces found in path: {PLACE}: b"),
        (["dev-*"], ["dev-a"], f"path: {PLACE}: wildcard pattern 'dev-*' matches with namespace 'dev-a'"),
        (["dev-a"], ["dev-*"], f"path: {PLACE}: wildcard pattern 'dev-*' matches with namespace 'dev-a'"),
        (
            ["dev-*"],
            ["dev-a*"],
            f"path: {PLACE}: wildcard pattern 'dev-*' conflicts with the pattern 'dev-a*'",
        ),
        (["a"], ["b", "c*"], ""),
    ],
)
def test_overrides_that_contradict_each_other(audit: list[str], enforce: list[str], text: str) -> None:
    overrides = [{"action": "Audit", "namespaces": audit}, {"action": "Enforce", "namespaces": enforce}]
    assert problems({"validationFailureActionOverrides": overrides}) == ([text] if text else [])


def test_an_override_without_action() -> None:
    assert problems({"validationFailureActionOverrides": [{"namespaces": ["a"]}]}) == ["invalid action"]
