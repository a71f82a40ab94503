"""Rules about other things than images, at admission."""

import json
from typing import Any

import pytest

from tests.support_admission import judge
from tests.support_engine import World, pod


def validating(kinds: list[str], body: dict[str, Any], action: str = "Enforce", **spec: Any) -> World:
    rule = {
        "name": "r",
        "match": {"any": [{"resources": {"kinds": kinds}}]},
        "validate": {"message": "no", **body},
    }
    document = {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": "p"},
        "spec": {"validationFailureAction": action, "rules": [rule], **spec},
    }
    return World(json.dumps(document))


LABELLED = {"pattern": {"metadata": {"labels": {"team": "?*"}}}}


def test_patterns_are_judged_where_nothing_can_be_changed_any_more() -> None:
    given = validating(["Pod"], LABELLED)
    assert judge(given, pod("x"), mutating=True).allowed
    verdict = judge(given, pod("x"), mutating=False)
    assert not verdict.allowed
    assert "was blocked due to the following policies \n\np:\n  r: 'validation error: no" in verdict.message
    assert judge(given, pod("x", metadata={"labels": {"team": "a"}}), mutating=False).allowed


@pytest.mark.parametrize(("emit", "count"), [(False, 0), (True, 1)])
def test_audited_failures_are_told_where_the_policy_says_so(emit: bool, count: int) -> None:
    verdict = judge(validating(["Pod"], LABELLED, "Audit", emitWarning=emit), pod("x"), mutating=False)
    assert verdict.allowed
    assert len(verdict.warnings) == count


def test_w12_deletions_are_judged_by_what_goes() -> None:
    conditions = {
        "any": [{"key": "{{ request.oldObject.metadata.name }}", "operator": "Equals", "value": "pod"}]
    }
    given = validating(["Pod"], {"deny": {"conditions": conditions}})
    gone: dict[str, Any] = {"operation": "DELETE", "object": None}
    assert not judge(given, pod("x"), mutating=False, oldObject=pod("x"), **gone).allowed
    other = pod("x", metadata={"name": "other"})
    assert judge(given, other, mutating=False, oldObject=other, **gone).allowed


def test_w14_a_subresource_is_that_of_its_parent_whatever_its_own_kind() -> None:
    options = {
        "apiVersion": "v1",
        "kind": "PodExecOptions",
        "metadata": {"namespace": "default"},
        "command": ["sh"],
    }
    asked: dict[str, Any] = {
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "subResource": "exec",
        "operation": "CONNECT",
    }
    assert not judge(validating(["Pod/exec"], {"deny": {}}), options, mutating=False, **asked).allowed
    for other in ("Pod", "Pod/attach", "PodExecOptions"):
        assert judge(validating([other], {"deny": {}}), options, mutating=False, **asked).allowed


def test_w14_scale_is_no_deployment() -> None:
    scale = {
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {"name": "d", "namespace": "default"},
    }
    asked: dict[str, Any] = {
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "subResource": "scale",
        "operation": "UPDATE",
        "oldObject": scale,
    }
    assert judge(validating(["Deployment"], {"deny": {}}), scale, mutating=False, **asked).allowed
    denied = {"deny": {}, "allowExistingViolations": False}
    assert not judge(validating(["Deployment/scale"], denied), scale, mutating=False, **asked).allowed
