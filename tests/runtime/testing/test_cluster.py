"""The cluster of a suite: what is found at which path of the API."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.grammar.errors import EvaluationError
from pratique.runtime.testing.cluster import Cluster


def thing(kind: str, name: str, namespace: str = "", api_version: str = "v1", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


OBJECTS = [
    thing("ConfigMap", "a", "shop", data={"x": "1"}),
    thing("ConfigMap", "a", "dev"),
    thing("ConfigMap", "a", "shop", data={"x": "second"}),
    thing("NetworkPolicy", "n", "shop", "networking.k8s.io/v1"),
    thing("Ingress", "i", "shop", "networking.k8s.io/v1"),
    thing("Namespace", "shop"),
    thing("Datum", "d", "shop", "acme.example/v2"),
]
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "data.acme.example"},
    "spec": {
        "group": "acme.example",
        "names": {"plural": "data", "kind": "Datum"},
        "versions": [{"name": "v1", "storage": False}, {"name": "v2", "storage": True}],
    },
}
CLUSTER = Cluster(OBJECTS, [DEFINITION])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/api/v1/namespaces/shop/configmaps/a", OBJECTS[0]),
        ("/api/v1/namespaces/dev/configmaps/a", OBJECTS[1]),
        ("/api/v1/namespaces/shop", OBJECTS[5]),
        ("/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/n", OBJECTS[3]),
        ("/apis/networking.k8s.io/v1/namespaces/shop/ingresses/i", OBJECTS[4]),
        ("/apis/acme.example/v2/namespaces/shop/data/d", OBJECTS[6]),
    ],
)
def test_objects(path: str, found: dict[str, Any]) -> None:
    assert CLUSTER.get(path) is found


@pytest.mark.parametrize(
    ("path", "kind", "items"),
    [
        ("/api/v1/configmaps", "ConfigMapList", OBJECTS[:2]),
        ("/api/v1/namespaces/dev/configmaps", "ConfigMapList", OBJECTS[1:2]),
        ("/api/v1/namespaces", "NamespaceList", OBJECTS[5:6]),
        ("/apis/apps/v1/namespaces/shop/deployments", "DeploymentList", []),
        ("/apis/acme.example/v2/data", "DatumList", OBJECTS[6:]),
        ("/apis/acme.example/v1/data/", "DatumList", []),
    ],
)
def test_lists(path: str, kind: str, items: list[dict[str, Any]]) -> None:
    found = CLUSTER.get(path)
    assert (found["kind"], found["items"]) == (kind, items)
    assert found["apiVersion"] == path.split("/")[2] if path.startswith("/api/") else True


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/api/v1/namespaces/shop/configmaps/b", 'configmaps "b" not found'),
        ("/api/v1/configmaps/a", 'configmaps "a" not found'),
        ("/api/v1/namespaces/shop/pods", "has no such resources"),
        ("/api/v1/namespaces/shop/configmaps/a/status", "no subresources"),
        ("/version", "the path of no resource"),
        ("/api", "the path of no resource"),
    ],
)
def test_what_is_not_there_is_an_error(path: str, why: str) -> None:
    with pytest.raises(EvaluationError, match=why) as caught:
        CLUSTER.get(path)
    assert caught.value.message.startswith(f"failed to GET resource with raw url: {path}: ")


def test_config_maps_and_labels_of_namespaces() -> None:
    assert CLUSTER.config_map("shop", "a") == {"data": {"x": "1"}, "metadata": OBJECTS[0]["metadata"]}
    assert CLUSTER.config_map("dev", "a")["data"] == {}
    with pytest.raises(EvaluationError, match='configmaps "b" not found'):
        CLUSTER.config_map("shop", "b")
    assert CLUSTER.namespace_labels("shop") == {}
    assert CLUSTER.namespace_labels("dev") is None


# --- deviations, see docs/deviations.md ----------------------------------------------------------------


def test_deviation_a_namespace_has_a_path() -> None:
    """DEVIATION: to Kyverno this is the namespace of a path that goes on."""
    assert CLUSTER.get("/api/v1/namespaces/shop") is OBJECTS[5]
    with pytest.raises(EvaluationError, match='namespaces "bank" not found'):
        CLUSTER.get("/api/v1/namespaces/bank")


def test_deviation_subresources_are_an_error() -> None:
    """DEVIATION: Kyverno overlooks what follows the name, and answers with the whole object."""
    with pytest.raises(EvaluationError, match="no subresources"):
        CLUSTER.get("/api/v1/namespaces/shop/configmaps/a/status")


def test_deviation_an_unknown_type_is_an_error() -> None:
    """DEVIATION: the client that Kyverno fakes panics at a list of a type that nobody registered."""
    with pytest.raises(EvaluationError, match="has no such resources") as caught:
        CLUSTER.get("/apis/acme.example/v2/namespaces/shop/gadgets")
    assert caught.value.code == "not-found"


def test_deviation_every_version_of_a_definition_is_served() -> None:
    """DEVIATION: Kyverno knows the stored version alone."""
    for version in ("v1", "v2"):
        assert CLUSTER.get(f"/apis/acme.example/{version}/data")["kind"] == "DatumList"
