from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.plan import Plan
from pratique.runtime.fleet.classes import Classes, asks_namespaces, asks_objects, resource_of
from pratique.runtime.fleet.inventory import Item
from pratique.runtime.fleet.judge import Judge, JudgeOptions, Verdict
from tests.support_fleet import LABELLED, pod, policies

SIGNED = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: signed}
spec:
  rules:
    - name: signed
      match: {any: [{resources: {kinds: [Pod]}}]}
      exclude: {any: [{resources: {namespaces: [kube-*]}}]}
      verifyImages:
        - imageReferences: ["ghcr.io/*"]
          mutateDigest: false
          attestors: [{entries: [{keyless: {issuer: a, subject: b, rekor: {url: "https://r"}}}]}]
"""
CHANGES = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: changes}
spec:
  rules:
    - name: add
      match: {any: [{resources: {kinds: [Pod]}}]}
      mutate: {patchStrategicMerge: {metadata: {labels: {a: b}}}}
"""
SELECTING = """\
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: selecting}
spec:
  rules:
    - name: r
      match: {any: [{resources: {kinds: [Pod], namespaceSelector: {matchLabels: {env: prod}}}}]}
      verifyImages: [{imageReferences: ["ghcr.io/*"], mutateDigest: false, attestors: [{entries: [{keyless:
        {issuer: a, subject: b, rekor: {url: "https://r"}}}]}]}]
"""


def class_of(data: dict[str, Any], *texts: str, namespace: dict[str, Any] | None = None) -> str:
    """Return the class of an object; empty if no rule is asked."""
    classes = Classes(Plan(policies(*texts)))
    resource = resource_of(Item(place=(0,), data=data, namespace=namespace))
    rules = classes.rules(resource)
    return classes.of(resource, rules) if rules else ""


def test_pods_of_one_image_are_one_class_wherever_they_are() -> None:
    found = class_of(pod("a", "ghcr.io/x:1", namespace="one", team="t"), SIGNED)
    assert found
    assert found == class_of(pod("b", "ghcr.io/x:1", namespace="two"), SIGNED)
    assert found != class_of(pod("a", "ghcr.io/x:2", namespace="one"), SIGNED)
    assert class_of(pod("a", "ghcr.io/x:1", namespace="kube-system"), SIGNED) == ""


def test_container_names_and_pull_secrets_count() -> None:
    plain = pod("a", "ghcr.io/x:1")
    renamed = pod("a", "ghcr.io/x:1")
    renamed["spec"]["containers"][0]["name"] = "other"
    secret = pod("a", "ghcr.io/x:1")
    secret["spec"]["imagePullSecrets"] = [{"name": "s"}]
    elsewhere = pod("a", "ghcr.io/x:1", namespace="two")
    elsewhere["spec"]["imagePullSecrets"] = [{"name": "s"}]
    assert len({class_of(each, SIGNED) for each in (plain, renamed, secret, elsewhere)}) == 4


def test_what_validations_read_counts_and_nothing_else() -> None:
    found = class_of(pod("a", team="x"), LABELLED)
    assert found == class_of(pod("b", team="x", namespace="two"), LABELLED)
    assert found != class_of(pod("a", team="y"), LABELLED)
    assert found != class_of(pod("a"), LABELLED)


def test_rules_that_change_are_not_asked() -> None:
    assert class_of(pod("a"), CHANGES) == ""
    assert class_of(pod("a", team="x"), LABELLED) == class_of(pod("a", team="x"), LABELLED, CHANGES)


def test_namespaces_are_asked_for_where_rules_look_at_them() -> None:
    plans = {name: Plan(policies(text)) for name, text in (("s", SIGNED), ("n", SELECTING), ("v", LABELLED))}
    assert {name: asks_namespaces(plan) for name, plan in plans.items()} == {"s": False, "n": True, "v": True}
    assert asks_namespaces(plans["s"], [object()])
    assert not asks_objects(plans["v"])
    prod = {"metadata": {"name": "ns", "labels": {"env": "prod"}}}
    assert class_of(pod("a", "ghcr.io/x:1"), SELECTING, namespace=prod)
    assert class_of(pod("a", "ghcr.io/x:1"), SELECTING, namespace={"metadata": {"name": "ns"}}) == ""


def test_a_namespace_that_is_not_known_is_told_for_each_resource() -> None:
    assert class_of(pod("a", "ghcr.io/x:1"), SELECTING) != class_of(pod("b", "ghcr.io/x:1"), SELECTING)


RULES = [
    'pattern: {metadata: {labels: {team: "a|b"}}}',
    'pattern: {spec: {containers: [{image: "!*:latest"}]}}',
    'anyPattern: [{metadata: {name: "a*"}}, {spec: {"=(hostPID)": false, nodeName: "x"}}]',
    'message: "{{ request.object.metadata.name }}", pattern: {spec: {nodeName: "?*"}}',
    "podSecurity: {level: baseline}",
    'deny: {conditions: {any: [{key: "{{ request.namespace }}", operator: Equals, value: one}]}}',
    'deny: {conditions: {any: [{key: "{{ request.object.spec.containers[].image }}", operator: AnyIn,'
    ' value: ["x:1"]}]}}',
    'deny: {conditions: {any: [{key: "{{ images.containers.*.tag }}", operator: AnyIn, value: ["1"]}]}}',
    "foreach: [{list: request.object.spec.containers, deny: {conditions: {any: [{key:"
    ' "{{ element.image }}", operator: Equals, value: "x:1"}]}}}]',
    "cel: {expressions: [{expression: \"object.metadata.name != 'a'\"}]}",
]


@st.composite
def pods(draw: st.DrawFn) -> dict[str, Any]:
    data = pod(
        draw(st.sampled_from("ab")),
        draw(st.sampled_from(["x:1", "x:latest", "y:1"])),
        namespace=draw(st.sampled_from(["one", "two"])),
        **draw(st.dictionaries(st.just("team"), st.sampled_from("abc"))),
    )
    data["spec"] |= draw(st.dictionaries(st.sampled_from(["hostPID", "hostIPC"]), st.booleans()))
    data["spec"] |= draw(st.dictionaries(st.just("nodeName"), st.sampled_from(["x", "y"])))
    return data


@pytest.mark.parametrize("rule", RULES)
@given(data=st.lists(pods(), min_size=2, max_size=6))
def test_resources_of_one_class_have_one_verdict(rule: str, data: list[dict[str, Any]]) -> None:
    text = (
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec:\n  rules:\n"
        "    - name: r\n      match: {any: [{resources: {kinds: [Pod]}}]}\n      validate: {" + rule + "}\n"
    )
    judge = Judge(JudgeOptions(policies=policies(text)))
    known: dict[str, Any] = {}
    for each in data:
        item = Item(place=(0,), data=each)
        resource = resource_of(item)
        found: list[Verdict] = []
        judge.judge([("", item)], lambda _, verdict, found=found: found.append(verdict))  # type: ignore[misc]
        name = judge.classes.of(resource, judge.classes.rules(resource))
        assert known.setdefault(name, found[0]) == found[0]
    judge.close()
