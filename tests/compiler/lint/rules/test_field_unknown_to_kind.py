from __future__ import annotations

from typing import Any

import pytest

from tests.support_lint import findings
from tests.support_policies import rule_policy

CODE = "PRQ052"


def about(kinds: list[str], **body: Any) -> list[str]:
    match = {"any": [{"resources": {"kinds": kinds}}]}
    return [each.problem.message for each in findings(rule_policy(match=match, **body), CODE)]


def pattern(data: dict[str, Any], *kinds: str) -> list[str]:
    return about(list(kinds or ("Pod",)), validate={"pattern": data})


CONTAINER = {"spec": {"containers": [{"(name)": "*", "imagePulPolicy": "Always"}]}}


def test_a_field_that_no_kind_has() -> None:
    (found,) = findings(rule_policy(validate={"pattern": CONTAINER}), CODE)
    assert found.problem.message == (
        "`spec.containers[].imagePulPolicy` is no field of `Pod` in Kubernetes 1.37"
    )
    assert found.problem.help == "did you mean `imagePullPolicy`?"
    place = found.location
    assert place is not None
    assert '"imagePulPolicy"' in place.source.line(place.span.start.line)


@pytest.mark.parametrize("key", ["hostNetwrok", "=(hostNetwrok)", "X(hostNetwrok)", "(hostNetwrok)", "<(x)"])
def test_anchors(key: str) -> None:
    assert len(pattern({"spec": {key: "false"}})) == 1


@pytest.mark.parametrize(
    "data",
    [
        {"spec": {"=(hostNetwork)": False, "containers": [{"image": "*:*"}]}},
        {"metadata": {"labels": {"anything": "?*"}, "annotations": {"a*": "b"}}},
        {"spec": {"=(volumes)": [{"X(hostPath)": "null"}]}},
        {"spec": {"{{ request.operation }}": "x", "nodeSelector": {"x": "y"}}},
        {"spec": {"containers": "?*", "securityContext": "*"}},
        {"status": {"phase": "Running"}},
    ],
)
def test_fields_that_are_there(data: dict[str, Any]) -> None:
    assert pattern(data) == []


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"spec": {"hostNetwork": {"a": "b"}}}, "is written as a map, and holds a single value"),
        ({"spec": {"hostNetwork": ["a"]}}, "is written as a list, and holds a single value"),
        ({"spec": {"containers": {"image": "x"}}}, "is written as a map, and holds a list"),
        ({"spec": {"affinity": [{"x": "y"}]}}, "is written as a list, and holds a map"),
    ],
)
def test_other_shapes(data: dict[str, Any], told: str) -> None:
    (message,) = pattern(data)
    assert told in message


def test_one_of_several_kinds_is_enough() -> None:
    assert pattern({"spec": {"template": {}}}, "Pod", "Deployment") == []
    assert pattern({"spec": {"templat": {}}}, "Pod", "Deployment") == [
        "`spec.templat` is no field of `Pod` or `Deployment` in Kubernetes 1.37"
    ]


@pytest.mark.parametrize(
    "kind",
    [
        "Gateway",
        "Service",
        "serving.knative.dev/v1/Service",
        "apps/v1beta1/Deployment",
        "Pod/exec",
        "P*",
        "other.dev/v1/Pod",
    ],
)
def test_kinds_that_are_not_surely_those_of_kubernetes(kind: str) -> None:
    assert pattern({"spec": {"nothing": "x"}}, kind) == []


def test_kinds_with_their_group() -> None:
    assert pattern({"spec": {"nothing": "x"}}, "v1/Service")
    assert pattern({"spec": {"nothing": "x"}}, "networking.k8s.io/v1/Ingress")


def test_several_patterns_and_overlays() -> None:
    data = [{"spec": {"hostNetwork": False}}, {"spec": {"hostNet": False}}]
    assert len(about(["Pod"], validate={"anyPattern": data})) == 1
    overlay = {"spec": {"+(hostNetwrok)": False, "$retainKeys": ["a"]}}
    assert len(about(["Pod"], mutate={"patchStrategicMerge": overlay})) == 1
    target = {"targets": [{"apiVersion": "v1", "kind": "Other"}], "patchStrategicMerge": overlay}
    assert about(["Pod"], mutate=target) == []
