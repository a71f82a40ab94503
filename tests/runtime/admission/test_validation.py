"""Rules about other things than images, at admission."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pratique.grammar.errors import TransportError
from tests.support_admission import APP, judge
from tests.support_cel_policies import PODS, text
from tests.support_engine import World, pod
from tests.support_policies import rule_policy


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


# --- policies in CEL -----------------------------------------------------------------------------------


def in_cel(spec: str, kind: str = "ValidatingPolicy") -> World:
    return World(text(kind, spec))


NAMED = "validations: [{expression: object.metadata.name == 'pod', message: another name}]\n"
OTHER = pod("x", metadata={"name": "other"})


def test_policies_in_cel() -> None:
    given = in_cel(NAMED)
    assert judge(given, OTHER, mutating=True).allowed
    assert judge(given, pod("x"), mutating=False).allowed
    verdict = judge(given, OTHER, mutating=False)
    assert (verdict.allowed, verdict.message) == (False, "Policy p failed: another name")


@pytest.mark.parametrize(
    ("actions", "warnings"), [("Audit", ()), ("Warn", ("Policy p failed: another name",))]
)
def test_actions_of_policies_in_cel(actions: str, warnings: tuple[str, ...]) -> None:
    verdict = judge(in_cel(f"validationActions: [{actions}]\n{NAMED}"), OTHER, mutating=False)
    assert verdict.allowed
    assert verdict.warnings == warnings


def test_what_cannot_be_evaluated_is_refused() -> None:
    """Whatever the failure policy, which is about conditions."""
    for more in ("", "failurePolicy: Ignore\n"):
        given = in_cel(f"{more}validations: [{{expression: object.none == 1}}]\n")
        verdict = judge(given, pod("x"), mutating=False)
        assert (verdict.allowed, verdict.message) == (False, "Policy p error: error: no such key: none")


def test_policies_of_both_languages() -> None:
    rule = json.dumps(
        {
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": {"name": "q"},
            "spec": {
                "validationFailureAction": "Enforce",
                "rules": [
                    {
                        "name": "r",
                        "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
                        "validate": {"message": "no", **LABELLED},
                    }
                ],
            },
        }
    )
    verdict = judge(World(text("ValidatingPolicy", NAMED), rule), OTHER, mutating=False)
    assert not verdict.allowed
    assert "q:\n  r: 'validation error: no" in verdict.message
    assert verdict.message.endswith("\nPolicy p failed: another name")


IMAGES = """\
attestors: [{name: dev, cosign: {ctlog: {insecureIgnoreTlog: true}, key: {kms: 'awskms:///x'}}}]
validationConfigurations: {required: false}
validations: [{expression: 'true'}]
"""


def test_digests_are_written_before_policies_in_cel_are_judged() -> None:
    given = in_cel(IMAGES, "ImageValidatingPolicy")
    digest = given.store.image(APP, config={"architecture": "amd64"})
    verdict = judge(given, pod(APP), mutating=True)
    assert verdict.allowed
    assert [each["value"] for each in verdict.patch] == [APP, f"{APP}@{digest}"]
    refused = judge(given, pod(APP), mutating=False)
    assert (refused.allowed, refused.message) == (False, "Policy p failed: missing digest for " + APP)
    assert judge(given, pod(f"{APP}@{digest}"), mutating=False).allowed


def test_images_that_are_not_there_are_refused() -> None:
    verdict = judge(in_cel(IMAGES, "ImageValidatingPolicy"), pod(APP), mutating=True)
    assert not verdict.allowed
    assert verdict.message.startswith("Policy p error: failed to update digest: ")


class Namespaces:
    """Labels of namespaces; those that are not known cannot be had."""

    def __init__(self, **known: Mapping[str, str]) -> None:
        self._known = known

    async def find(self, name: str) -> Mapping[str, Any]:
        if name not in self._known:
            raise TransportError("cluster-unreachable", "down")
        return {"metadata": {"name": name, "annotations": {"a": "b"}, "labels": self._known[name]}}


@pytest.mark.parametrize(
    ("namespaces", "allowed"),
    [
        (Namespaces(default={"env": "prod"}), False),
        (Namespaces(default={}), True),
        (Namespaces(), False),
    ],
)
def test_k11_policies_in_cel_by_labels_of_namespaces(namespaces: Namespaces, allowed: bool) -> None:
    constraints = f"{{resourceRules: [{PODS}], namespaceSelector: {{matchLabels: {{env: prod}}}}}}"
    given = World(text("ValidatingPolicy", f"matchConstraints: {constraints}\n{NAMED}", rules=""))
    assert judge(given, OTHER, mutating=False, namespaces=namespaces).allowed is allowed


@pytest.mark.parametrize(
    ("namespaces", "allowed"), [(Namespaces(default={}), True), (Namespaces(other={}), False)]
)
def test_policies_in_cel_see_the_namespace_itself(namespaces: Namespaces, allowed: bool) -> None:
    """Whoever does not know it refuses."""
    asked = "validations: [{expression: 'namespaceObject.metadata.annotations.a == \"b\"'}]\n"
    verdict = judge(World(text("ValidatingPolicy", asked)), pod("x"), mutating=False, namespaces=namespaces)
    assert verdict.allowed is allowed


@pytest.mark.parametrize("admission", [True, False])
def test_policies_without_admission_only_report(admission: bool) -> None:
    given = validating(["Pod"], {"deny": {}}, admission=admission)
    assert judge(given, pod("x"), mutating=False).allowed is not admission
    enabled = f"evaluation: {{admission: {{enabled: {json.dumps(admission)}}}}}\n"
    in_cel = World(text("ValidatingPolicy", f"validations: [{{expression: 'false'}}]\n{enabled}"))
    assert judge(in_cel, pod("x"), mutating=False).allowed is not admission


def test_policies_of_one_name_and_several_kinds_are_several() -> None:
    enforced = {"validationFailureAction": "Enforce"}
    given = World(
        text("ValidatingPolicy", "validations: [{expression: 'false', message: in cel}]\n"),
        rule_policy(validate={"deny": {}, "message": "classic"}, spec=enforced),
    )
    message = judge(given, pod("x"), mutating=False).message
    assert "classic" in message
    assert "Policy p failed: in cel" in message
