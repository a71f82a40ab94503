"""match and exclude: what the result is about, what cannot be said, and the proof."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.converting.model import Caveat
from pratique.compiler.converting.proof import Status
from tests.support_converting import codes, converted, draft, proved

PODS = {"kinds": ["Pod"]}


def rule(resources: dict[str, Any], exclude: dict[str, Any] | None = None, **user: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"match": {"any": [{"resources": resources, **user}]}}
    return made | ({"exclude": {"any": [{"resources": exclude}]}} if exclude else {})


def spec(**parts: Any) -> dict[str, Any]:
    found: dict[str, Any] = draft(**parts).data["spec"]
    return found


def test_pods_and_their_controllers() -> None:
    made = spec()
    assert made["matchConstraints"] == {
        "resourceRules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE", "UPDATE"],
                "resources": ["pods"],
            }
        ]
    }
    assert "autogen" not in made
    assert {Caveat.CONTROLLERS, Caveat.EPHEMERAL, Caveat.VOLUMES} <= set(converted().caveats)


@pytest.mark.parametrize(
    ("annotation", "controllers"),
    [("none", []), ("Deployment,CronJob", ["deployments", "cronjobs"])],
)
def test_autogen_as_the_annotation_says(annotation: str, controllers: list[str]) -> None:
    metadata = {"annotations": {"pod-policies.kyverno.io/autogen-controllers": annotation}}
    made = draft(metadata=metadata)
    assert made.data["spec"]["autogen"] == {"podControllers": {"controllers": controllers}}
    assert "annotations" not in made.data["metadata"]
    assert proved(converted(metadata=metadata)).status is Status.EQUIVALENT


def test_several_kinds_and_operations() -> None:
    made = rule({"kinds": ["Pod", "apps/v1/Deployment", "ConfigMap"], "operations": ["CREATE"]})
    rules = spec(rule=made)["matchConstraints"]["resourceRules"]
    assert [(each["apiGroups"], each["resources"], each["operations"]) for each in rules] == [
        ([""], ["pods"], ["CREATE"]),
        (["apps"], ["deployments"], ["CREATE"]),
    ]
    assert proved(converted(rule=made)).status is Status.EQUIVALENT


@pytest.mark.parametrize(
    ("resources", "exclude", "condition"),
    [
        ({**PODS, "namespaces": ["prod"]}, None, 'request.?namespace.orValue("") == "prod"'),
        ({**PODS, "namespaces": ["a", "b"]}, None, 'request.?namespace.orValue("") in ["a", "b"]'),
        (
            {**PODS, "namespaces": ["team-*", "x?"]},
            None,
            "request.?namespace.orValue(\"\").matches('^team-.*$|^x.$')",
        ),
        (PODS, {"namespaces": ["kube-system"]}, '!(request.?namespace.orValue("") == "kube-system")'),
        (
            PODS,
            {**PODS, "namespaces": ["kube-*"]},
            "!(request.?namespace.orValue(\"\").matches('^kube-.*$'))",
        ),
    ],
)
def test_namespaces(resources: dict[str, Any], exclude: dict[str, Any] | None, condition: str) -> None:
    made = rule(resources, exclude)
    (found,) = spec(rule=made)["matchConditions"]
    assert found["expression"] == condition
    assert proved(converted(rule=made)).status is Status.EQUIVALENT


def test_names_with_and_without_wildcards() -> None:
    for names in (["web", "db"], ["web-*"]):
        made = rule({**PODS, "names": names}, {"names": ["web-canary"], "namespaces": ["test"]})
        assert len(spec(rule=made)["matchConditions"]) == 2
        assert proved(converted(rule=made)).status is Status.EQUIVALENT


def test_selectors() -> None:
    labels = {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}
    made = rule({**PODS, "selector": labels, "namespaceSelector": {"matchLabels": {"env": "prod"}}})
    found = spec(rule=made)
    assert found["matchConstraints"]["namespaceSelector"] == {"matchLabels": {"env": "prod"}}
    (condition,) = found["matchConditions"]
    assert condition["expression"] == (
        '(object.metadata.?labels[?"app"].hasValue() && object.metadata.?labels[?"app"].value() == "web")'
        ' && object.metadata.?labels[?"tier"].hasValue()'
    )
    assert found["autogen"] == {"podControllers": {"controllers": []}}
    assert proved(converted(rule=made)).status is Status.EQUIVALENT


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"a": "b*", "c": "d"}},
        {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b", ""]}]},
        {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}, {"key": "b", "operator": "Exists"}]},
        {
            "matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "c", "operator": "In", "values": ["d", "e"]}],
        },
    ],
)
def test_labels_and_annotations_are_read_back(selector: dict[str, Any]) -> None:
    for made in (
        rule({**PODS, "selector": selector}),
        rule(PODS, {"selector": selector}),
        rule({**PODS, "selector": selector, "annotations": {"x": "y*"}}, {"annotations": {"z": "w"}}),
    ):
        assert proved(converted(rule=made)).status is Status.EQUIVALENT


def test_other_labels_are_differences() -> None:
    made = converted(rule=rule({**PODS, "selector": {"matchLabels": {"app": "web"}}}))
    assert proved(made, ('"web"', '"db"')).status is Status.DIFFERENT
    assert proved(made, ('[?"app"]', '[?"tier"]')).status is not Status.EQUIVALENT
    assert proved(made, ("?labels", "?annotations")).status is Status.DIFFERENT


def test_an_excluded_label_of_namespaces_is_an_opposite_selector() -> None:
    made = rule(PODS, {"namespaceSelector": {"matchLabels": {"env": "dev"}}})
    assert spec(rule=made)["matchConstraints"]["namespaceSelector"] == {
        "matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["dev"]}]
    }
    assert proved(converted(rule=made)).status is Status.EQUIVALENT


def test_several_filters_are_several_policies() -> None:
    filters = [{"resources": {**PODS, "namespaces": [name]}} for name in ("a", "b")]
    made = converted(rule={"match": {"any": filters}})
    assert [each.name for each in made.drafts] == ["p-verify", "p-verify-2"]
    assert proved(made).status is Status.EQUIVALENT


def test_all_filters_at_once() -> None:
    filters = [{"resources": PODS}, {"resources": {**PODS, "namespaces": ["prod"]}}]
    made = converted(rule={"match": {"all": filters}})
    assert proved(made).status is Status.EQUIVALENT


def test_what_is_excluded_as_a_whole() -> None:
    made = rule({**PODS, "namespaces": ["a"]}, PODS)
    assert spec(rule=made)["matchConditions"][1]["expression"] == "false"


@pytest.mark.parametrize(
    ("resources", "user", "code"),
    [
        ({"kinds": ["ReplicationController", "Pod"]}, {}, "replication-controllers"),
        ({"kinds": ["ConfigMap"]}, {}, "kinds"),
        ({**PODS, "namespaceSelector": {"matchLabels": {"app": "web-*"}}}, {}, "label-wildcards"),
        (PODS, {"clusterRoles": ["cluster-admin"]}, "roles"),
        (PODS, {"subjects": [{"kind": "User", "name": "eve"}]}, "requesters"),
    ],
)
def test_what_cannot_be_said(resources: dict[str, Any], user: dict[str, Any], code: str) -> None:
    made = converted(rule=rule(resources, **user), spec={"background": False})
    assert codes(made) == [code]
    assert all(each.witness and each.location for each in made.differences)
