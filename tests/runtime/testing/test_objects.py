"""Objects of suites: in a namespace, with maps for nulls, all numbers doubles."""

from __future__ import annotations

from pathlib import Path

import pytest

from pratique.grammar.errors import PolicyErrors
from pratique.runtime.testing.objects import normalized, read_objects, with_doubles


@pytest.mark.parametrize(
    ("api_version", "kind", "namespace"),
    [
        ("v1", "Pod", "default"),
        ("v1", "Namespace", None),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", None),
        ("rbac.authorization.k8s.io/v1", "Role", "default"),
        ("acme.example/v1", "Namespace", "default"),
    ],
)
def test_objects_are_in_a_namespace_unless_their_kind_is_not(
    api_version: str, kind: str, namespace: str | None
) -> None:
    made = normalized({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}})
    assert made["metadata"].get("namespace") == namespace


def test_a_namespace_that_is_given_stays() -> None:
    data = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "n"}}
    assert normalized(data)["metadata"]["namespace"] == "n"


def test_nulls_for_maps() -> None:
    data = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "labels": None, "annotations": None},
        "data": None,
        "spec": {"nodeSelector": None, "other": None, "list": [{"matchLabels": None}, None]},
    }
    made = normalized(data)
    assert made["metadata"]["labels"] == made["metadata"]["annotations"] == made["data"] == {}
    assert made["spec"] == {"nodeSelector": {}, "other": None, "list": [{"matchLabels": {}}, None]}


def test_numbers_are_doubles_and_booleans_stay() -> None:
    made = with_doubles({"a": 1, "b": [2, True], "c": "3"})
    assert made == {"a": 1.0, "b": [2.0, True], "c": "3"}
    assert isinstance(made["a"], float)
    assert made["b"][1] is True


def test_every_mistake_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Pod\n", "utf-8")
    with pytest.raises(PolicyErrors) as caught:
        read_objects([tmp_path / "a.yaml", tmp_path / "gone.yaml"])
    assert len(caught.value.errors) == 2
