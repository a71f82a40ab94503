from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.lint.base import Basis, Finding, Severity
from tests.support_lint import findings, reported
from tests.support_rule_sets import entry, pods, policy, rule, together

BY_NAME = "kubernetes.io/metadata.name"


def namespaced(*rules: dict[str, Any], **more: Any) -> str:
    return together(policy("p", *rules, kind="Policy", metadata={"namespace": "payments"}, **more))


def named(*names: str, operator: str = "In") -> dict[str, Any]:
    expressions = [{"key": BY_NAME, "operator": operator, "values": list(names)}]
    return {"namespaceSelector": {"matchExpressions": expressions}}


def found(*filters: dict[str, Any], code: str = "PRQ012") -> list[Finding]:
    match = [{"resources": {"kinds": ["Pod"], **each}} for each in filters]
    return findings(namespaced(rule("r", entry("ghcr.io/*"), match=match)), code)


def test_all_filters_are_of_other_namespaces() -> None:
    (one,) = found(named("billing"))
    assert one.severity is Severity.ERROR
    assert one.problem.message.endswith("selects resources of other namespaces: the rule applies to nothing")
    assert [example.text for example in one.problem.examples] == ["Pod billing/app"]
    whole = findings(namespaced(rule("r", entry("ghcr.io/*"), match=pods(**named("billing")))))
    assert {each.code for each in whole} & {"PRQ010", "PRQ012"} == {"PRQ012"}


def test_one_of_several() -> None:
    (one,) = found(named("billing"), named("payments", "prod"))
    assert one.severity is Severity.WARNING
    assert one.problem.message.endswith("this filter selects nothing")


@pytest.mark.parametrize(
    "selected",
    [
        named("payments"),
        named("billing", operator="NotIn"),
        {},
        {"namespaceSelector": {"matchLabels": {"a": "b"}}},
    ],
)
def test_filters_of_the_namespace(selected: dict[str, Any]) -> None:
    assert found(selected) == []


def test_a_cluster_policy_may_be_about_any() -> None:
    text = together(policy("p", rule("r", entry("ghcr.io/*"), match=pods(**named("billing")))))
    assert findings(text, "PRQ012") == []


@pytest.mark.parametrize("block", ["match", "exclude"])
def test_namespaces_for_which_a_policy_is_refused(block: str) -> None:
    blocks = {"match": pods(), "exclude": pods(names=["x"])} | {block: pods(namespaces=["billing"])}
    one = rule("r", entry("ghcr.io/*"), match=blocks["match"], exclude={"any": blocks["exclude"]})
    (told,) = reported(namespaced(one), "PRQ012")
    assert "Filtering namespaces not allowed in namespaced policies" in told.problem.message
    assert told.problem.help.startswith("remove it: the policy is about its own namespace")


def validating(*kinds: str) -> dict[str, Any]:
    pattern = {"metadata": {"labels": {"a": "?*"}}}
    return {
        "name": "r",
        "match": {"any": [{"resources": {"kinds": list(kinds)}}]},
        "validate": {"message": "label it", "pattern": pattern},
    }


def test_kinds_that_live_in_no_namespace() -> None:
    (one,) = findings(namespaced(validating("Namespace")), "PRQ012")
    assert (one.severity, one.problem.basis) == (Severity.ERROR, Basis.HEURISTIC)
    assert one.problem.message.startswith("a `Namespace` of Kubernetes is in no namespace")
    (one,) = findings(namespaced(validating("Service", "rbac.authorization.k8s.io/v1/ClusterRole")), "PRQ012")
    assert one.severity is Severity.WARNING
    assert findings(namespaced(validating("Service", "example.com/v1/Node")), "PRQ012") == []


def test_kinds_without_images_are_another_rule_s() -> None:
    text = namespaced(rule("r", entry("ghcr.io/*"), match=[{"resources": {"kinds": ["Node"]}}]))
    assert {each.code for each in findings(text)} & {"PRQ011", "PRQ012"} == {"PRQ011"}
