from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.resource_phrases import joined, labels, resource_filter, resources
from tests.support_policies import cluster_policy, policy

POD: dict[str, Any] = {"kinds": ["Pod"]}


def said(match: dict[str, Any], exclude: dict[str, Any] | None = None) -> str:
    """Return the phrase for the resources of a declared rule."""
    rule = {"match": match, **({"exclude": exclude} if exclude else {})}
    return resources(policy(cluster_policy(rule=rule)).rules[0].resources)


def of(**resource: Any) -> dict[str, Any]:
    return {"any": [{"resources": POD | resource}]}


@pytest.mark.parametrize(
    ("match", "text"),
    [
        (of(), "Pod"),
        (of(kinds=["Pod", "apps/v1/Deployment", "*/v1/Job"]), "Pod, apps/v1/Deployment or v1/Job"),
        (of(kinds=["Pod/ephemeralcontainers"]), "Pod/ephemeralcontainers"),
        (of(namespaces=["a", "b*"]), "Pod in namespace `a` or `b*`"),
        (of(names=["a"], operations=["CREATE", "UPDATE"]), "Pod named `a` on CREATE or UPDATE"),
        (of(annotations={"k": "v"}), "Pod with annotations `k=v`"),
        (
            of(
                selector={"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}
            ),
            "Pod with labels `a=b` and `c` of any value",
        ),
        (
            of(
                namespaceSelector={"matchExpressions": [{"key": "e", "operator": "In", "values": ["x", "y"]}]}
            ),
            "Pod in a namespace with labels `e` of `x` or `y`",
        ),
        (
            {"any": [{"resources": POD}, {"resources": {"kinds": ["Job"]}}]},
            "Pod; or Job",
        ),
        (
            {"all": [{"resources": POD}, {"resources": {"kinds": ["Job"], "namespaces": ["a"]}}]},
            "Pod; and also Job in namespace `a`",
        ),
    ],
)
def test_match(match: dict[str, Any], text: str) -> None:
    assert said(match) == text


def test_exclude_and_namespace() -> None:
    excluded = {"any": [{"resources": {"namespaces": ["kube-system"]}}]}
    assert said(of(), excluded) == "Pod, except any kind in namespace `kube-system`"
    namespaced = policy(cluster_policy(kind="Policy", metadata={"namespace": "prod"}))
    assert resources(namespaced.rules[0].resources) == "Pod in namespace `prod`"


def test_requesters() -> None:
    subjects = (
        ir.Subject(kind="ServiceAccount", name="a", namespace="n"),
        ir.Subject(kind="User", name="u*"),
    )
    text = resource_filter(ir.ResourceFilter(subjects=subjects, roles=("r",), cluster_roles=("c",)))
    assert text == (
        "any kind sent by ServiceAccount `n/a` or User `u*` and somebody with role `r` and somebody with"
        " cluster role `c`"
    )


def test_an_empty_filter_selects_nothing() -> None:
    assert resource_filter(ir.ResourceFilter()) == "nothing, as the filter is empty"
    assert resources(ir.ResourceRegion(namespace=None, match=ir.Selection(filters=()))) == "no resource"


def test_labels() -> None:
    none = ir.LabelRequirement(key="k", operator="DoesNotExist")
    other = ir.LabelRequirement(key="k", operator="NotIn", values=("v",))
    assert labels(ir.LabelSelector(requirements=(none, other))) == "no `k` and `k` not of `v`"
    assert labels(ir.LabelSelector()) == "of any sort"


def test_joined() -> None:
    assert [joined(texts) for texts in ([], ["a"], ["a", "b", "a"], ["a", "b", "c"])] == [
        "",
        "a",
        "a or b",
        "a, b or c",
    ]
