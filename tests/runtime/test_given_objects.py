from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.cel.questions import (
    AccessQuestion,
    HttpQuestion,
    ParameterQuestion,
    ResourceListQuestion,
    ResourceNameQuestion,
    ResourcePostQuestion,
    ResourceQuestion,
)
from pratique.compiler.ir import LabelSelector
from pratique.grammar.errors import EvaluationError
from pratique.runtime.given_objects import GivenObjects


def config_map(name: str, namespace: str = "", **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


NETWORK = "networking.k8s.io/v1"
OBJECTS = GivenObjects(
    [
        config_map("a", "shop", tier="front"),
        config_map("b", "shop"),
        config_map("a", "other", tier="front"),
        config_map("free"),
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "i", "namespace": "x"},
        },
        {"no": "kind"},
    ]
)


def test_objects_by_name() -> None:
    found = OBJECTS.answer(ResourceQuestion("v1", "configmaps", "shop", "b"))
    assert found == config_map("b", "shop")
    assert OBJECTS.answer(ResourceQuestion(NETWORK, "ingresses", "x", "i"))["kind"] == "Ingress"
    assert OBJECTS.answer(ResourceQuestion("v1", "configmaps", "default", "free")) == config_map("free")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (
            ResourceQuestion("v1", "configmaps", "shop", "c"),
            "configmaps shop/c is not among the given resources",
        ),
        (ResourceQuestion("v1", "nodes", "", "n"), "nodes n is not among the given resources"),
        (ResourceListQuestion("v1", "secrets", ""), "no secrets are among the given resources"),
        (ResourcePostQuestion("v1", "pods", "x", "{}"), "no cluster answers the POST of pods"),
        (HttpQuestion("GET", "https://x.example/"), "services are not asked: GET is not sent"),
        (AccessQuestion(verb="get"), "no cluster says who may do what"),
    ],
)
def test_what_was_not_given_is_an_error(question: Any, words: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        OBJECTS.answer(question)
    assert caught.value.code == "not-given"
    assert words in caught.value.message


def names(answer: Any) -> list[tuple[str, str]]:
    items = answer["items"] if isinstance(answer, dict) else answer
    return [(each["metadata"].get("namespace", ""), each["metadata"]["name"]) for each in items]


def test_lists() -> None:
    assert len(names(OBJECTS.answer(ResourceListQuestion("v1", "configmaps", "")))) == 4
    assert names(OBJECTS.answer(ResourceListQuestion("v1", "configmaps", "shop"))) == [
        ("shop", "a"),
        ("shop", "b"),
    ]
    front = OBJECTS.answer(ResourceListQuestion("v1", "configmaps", "", (("tier", "front"),)))
    assert names(front) == [("shop", "a"), ("other", "a")]
    assert names(OBJECTS.answer(ResourceListQuestion("v1", "configmaps", "default"))) == [("", "free")]


def test_parameters() -> None:
    by_name = ParameterQuestion("v1", "ConfigMap", "shop", "a")
    assert names(OBJECTS.answer(by_name)) == [("shop", "a")]
    assert names(OBJECTS.answer(ParameterQuestion("v1", "ConfigMap", "shop", "free"))) == [("", "free")]
    assert OBJECTS.answer(ParameterQuestion("v1", "ConfigMap", "shop", "z")) == []
    selector = LabelSelector(match_labels=(("tier", "front"),))
    by_label = ParameterQuestion("v1", "ConfigMap", "", "", selector)
    assert names(OBJECTS.answer(by_label)) == [("shop", "a"), ("other", "a")]


def test_names_of_resources() -> None:
    assert OBJECTS.answer(ResourceNameQuestion("v1", "NetworkPolicy")) == "networkpolicies"
