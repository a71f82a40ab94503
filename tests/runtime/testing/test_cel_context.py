"""What policies in CEL are told in a suite."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.cel.questions import (
    AccessQuestion,
    CelQuestion,
    HttpQuestion,
    ImageDataQuestion,
    ParameterQuestion,
    ResourceListQuestion,
    ResourceNameQuestion,
    ResourcePostQuestion,
    ResourceQuestion,
)
from pratique.grammar.documents.testing import ApiCallResponse, ContextFile
from pratique.grammar.errors import EvaluationError
from pratique.runtime.testing.cel_context import CelContext
from pratique.runtime.testing.cluster import Cluster
from pratique.runtime.testing.mocks import Calls


def thing(name: str, namespace: str = "", kind: str = "ConfigMap", **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


ONE, OTHER = thing("one", "shop", app="a"), thing("other", "dev", app="b")
TARGET = thing("target", "shop", kind="Secret")
IN_CLUSTER = thing("kept", "shop", app="a")
IMAGE = {"image": "ghcr.io/a/b:1", "registry": "ghcr.io", "tag": "1", "config": {"os": "linux"}}
FILE = ContextFile.model_validate(
    {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "Context",
        "metadata": {"name": "context"},
        "spec": {"resources": [ONE, OTHER], "images": [IMAGE]},
    }
)
CALLS = Calls(
    [
        ApiCallResponse.model_validate(each)
        for each in (
            {"url": "https://a.example", "response": {"body": {"x": 1}}},
            {
                "url": "https://a.example",
                "method": "post",
                "response": {"body": {"x": 2}, "statusCode": 403},
            },
        )
    ]
)
SELECTOR = ir.LabelSelector(match_labels=(("app", "a"),))
CONTEXT = CelContext(FILE, [TARGET], [ONE, OTHER], CALLS)
WITH_CLUSTER = CelContext(FILE, cluster=Cluster([IN_CLUSTER, OTHER, thing("shop", kind="Namespace")]))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (ResourceQuestion("v1", "configmaps", "shop", "one"), ONE),
        (ResourceQuestion("v1", "secrets", "shop", "target"), TARGET),
        (ResourceQuestion("v1", "configmaps", "dev", "one"), None),
        (ResourceQuestion("v1", "pods", "shop", "one"), None),
        (ResourceListQuestion("v1", "configmaps", "shop"), {"items": [ONE]}),
        (ResourceListQuestion("v1", "configmaps", "shop", (("app", "b"),)), {"items": [ONE]}),
        (ResourceListQuestion("v1", "configmaps", ""), {"items": []}),
        (ResourceNameQuestion("networking.k8s.io/v1", "NetworkPolicy"), "networkpolicies"),
        (ParameterQuestion("v1", "ConfigMap", "shop", "other"), [OTHER]),
        (ParameterQuestion("v1", "ConfigMap", "", "", SELECTOR), [ONE]),
        (ParameterQuestion("v1", "Secret", "shop", "other"), []),
        (HttpQuestion("GET", "https://a.example"), {"body": {"x": 1}, "statusCode": 200}),
        (HttpQuestion("POST", "https://a.example"), {"body": {"x": 2}, "statusCode": 403}),
    ],
)
def test_answers(question: CelQuestion, answer: Any) -> None:
    assert CONTEXT.answer(question) == answer


@pytest.mark.parametrize(
    ("question", "problem"),
    [
        (ResourceListQuestion("v1", "pods", ""), "pods resource not found"),
        (ResourceListQuestion("apps/v1", "deployments", ""), "deployments.apps resource not found"),
        (ResourcePostQuestion("v1", "pods", "shop", "{}"), "the suite gives no answer to the POST of pods"),
        (AccessQuestion(verb="get"), "the suite does not say who may do what"),
        (HttpQuestion("GET", "https://b.example"), "no service is called; give its answer in"),
        (
            HttpQuestion("GET", "https://b.example", namespace="shop"),
            "are not allowed in namespaced",
        ),
        (
            ImageDataQuestion(reference="ghcr.io/a/b:2"),
            "image data for ghcr.io/a/b:2 not found in the context",
        ),
    ],
)
def test_what_nobody_said(question: CelQuestion | ImageDataQuestion, problem: str) -> None:
    with pytest.raises(EvaluationError, match=problem):
        CONTEXT.answer(question)


def test_images() -> None:
    assert CONTEXT.answer(ImageDataQuestion(reference="ghcr.io/a/b:1")) == {
        "image": "ghcr.io/a/b:1",
        "resolvedImage": "",
        "registry": "ghcr.io",
        "tag": "1",
        "config": {"os": "linux"},
    }


@pytest.mark.parametrize(
    ("question", "names"),
    [
        (ResourceListQuestion("v1", "configmaps", "shop"), ["kept"]),
        (ResourceListQuestion("v1", "configmaps", ""), ["kept", "other"]),
        (ResourceListQuestion("v1", "configmaps", "", (("app", "a"),)), ["kept"]),
        (ResourceListQuestion("v1", "configmaps", "", (("app", "a"), ("tier", "x"))), []),
        (ResourceListQuestion("v1", "secrets", ""), []),
    ],
)
def test_lists_of_a_cluster(question: ResourceListQuestion, names: list[str]) -> None:
    assert [each["metadata"]["name"] for each in WITH_CLUSTER.answer(question)["items"]] == names


def test_objects_of_a_cluster() -> None:
    """What the file holds comes first; the cluster has the rest."""
    assert WITH_CLUSTER.answer(ResourceQuestion("v1", "configmaps", "shop", "kept")) is IN_CLUSTER
    assert WITH_CLUSTER.answer(ResourceQuestion("v1", "configmaps", "shop", "one")) == ONE
    assert WITH_CLUSTER.answer(ResourceQuestion("v1", "configmaps", "shop", "none")) is None


def test_unknown_types_of_a_cluster() -> None:
    with pytest.raises(EvaluationError, match="the cluster of the suite has no roses of"):
        WITH_CLUSTER.answer(ResourceListQuestion("acme.example/v1", "roses", ""))


def test_names_of_custom_resources() -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {
            "group": "a.example",
            "names": {"plural": "data", "kind": "Datum"},
            "versions": [{"name": "v1"}],
        },
    }
    context = CelContext(None, cluster=Cluster([], [definition]))
    assert context.answer(ResourceNameQuestion("a.example/v1", "Datum")) == "data"
