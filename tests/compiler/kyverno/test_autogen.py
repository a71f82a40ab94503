"""Rules for controllers: which, when, and what they look like."""

import pytest

from pratique.compiler import ir
from tests.support_policies import cluster_policy, policy


def kinds(rule: ir.Rule) -> list[str]:
    return [f"{k.group}/{k.version}/{k.kind}" for f in rule.resources.match.filters for k in f.kinds]


def names(found: ir.Policy) -> list[str]:
    return [rule.name for rule in found.rules]


def test_three_rules_for_one() -> None:
    found = policy(cluster_policy())
    assert names(found) == ["verify", "autogen-verify", "autogen-cronjob-verify"]
    assert [k.rpartition("/")[2] for k in kinds(found.rules[1])] == [
        "DaemonSet",
        "Deployment",
        "Job",
        "StatefulSet",
        "ReplicaSet",
        "ReplicationController",
    ]
    assert [k.rpartition("/")[2] for k in kinds(found.rules[2])] == ["CronJob"]
    assert [rule.generated_from for rule in found.rules] == ["", "verify", "verify"]
    assert found.rules[1].requirements == found.rules[0].requirements


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("none", ["verify"]),
        ("Deployment,DaemonSet", ["verify", "autogen-verify"]),
        ("CronJob", ["verify", "autogen-cronjob-verify"]),
        ("Deployment, Nonsense", ["verify", "autogen-verify"]),
    ],
)
def test_annotation(value: str, expected: list[str]) -> None:
    annotations = {"pod-policies.kyverno.io/autogen-controllers": value}
    assert names(policy(cluster_policy(metadata={"annotations": annotations}))) == expected


def match(**resources: object) -> dict[str, object]:
    return {"match": {"any": [{"resources": {"kinds": ["Pod"], **resources}}]}}


@pytest.mark.parametrize(
    "rule",
    [
        match(name="web-*"),
        match(names=["web-*"]),
        match(selector={"matchLabels": {"app": "web"}}),
        match(annotations={"a": "b"}),
        match(kinds=["Pod", "Deployment"]),
        match(kinds=["v1/Pod"]),
        match(kinds=["Service"]),
        {**match(), "exclude": {"any": [{"resources": {"kinds": ["Pod"], "names": ["x"]}}]}},
    ],
)
def test_off(rule: dict[str, object]) -> None:
    assert names(policy(cluster_policy(rule=rule))) == ["verify"]


@pytest.mark.parametrize(
    "rule",
    [
        match(namespaces=["shop"]),
        match(namespaceSelector={"matchLabels": {"env": "prod"}}),
        match(operations=["CREATE"]),
        {**match(), "exclude": {"any": [{"resources": {"kinds": ["Pod"], "namespaces": ["x"]}}]}},
        {**match(), "exclude": {"any": [{"resources": {"namespaces": ["x"]}}]}},
        {"match": {"resources": {"kinds": ["Pod"]}}},
        {"match": {"all": [{"resources": {"kinds": ["Pod"]}}]}},
    ],
)
def test_on(rule: dict[str, object]) -> None:
    assert len(policy(cluster_policy(rule=rule)).rules) == 3


def test_exclusion_is_retargeted_where_it_names_pods() -> None:
    rule = {**match(), "exclude": {"any": [{"resources": {"kinds": ["Pod"], "namespaces": ["x"]}}]}}
    generated = policy(cluster_policy(rule=rule)).rules[2]
    assert generated.resources.exclude is not None
    (excluded,) = generated.resources.exclude.filters
    assert [k.kind for k in excluded.kinds] == ["CronJob"]
    assert excluded.namespaces == ("x",)


def test_one_rule_turns_it_off_for_all() -> None:
    import json

    first = json.loads(cluster_policy())["spec"]["rules"][0]
    second = {**first, "name": "second", **match(names=["x"])}
    assert names(policy(cluster_policy(spec={"rules": [first, second]}))) == ["verify", "second"]


def test_order_is_declared_rules_first() -> None:
    import json

    first = json.loads(cluster_policy())["spec"]["rules"][0]
    rules = [first, {**first, "name": "second"}]
    assert names(policy(cluster_policy(spec={"rules": rules}))) == [
        "verify",
        "second",
        "autogen-verify",
        "autogen-cronjob-verify",
        "autogen-second",
        "autogen-cronjob-second",
    ]


def test_names_are_cut_at_63() -> None:
    found = policy(cluster_policy(rule={"name": "n" * 60}))
    assert [len(name) for name in names(found)] == [60, 63, 63]


def test_declared_rules_with_the_prefix_are_dropped_where_generation_applies() -> None:
    import json

    first = json.loads(cluster_policy())["spec"]["rules"][0]
    rules = [first, {**first, "name": "autogen-mine"}]
    assert "autogen-mine" not in names(policy(cluster_policy(spec={"rules": rules})))
