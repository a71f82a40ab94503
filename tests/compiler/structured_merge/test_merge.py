from __future__ import annotations

import copy
from typing import Any

import pytest

from pratique.compiler.structured_merge import DEDUCED, Shape, atomic_parts, merge, shape_of
from pratique.compiler.structured_merge.merge import MAX_DEPTH
from pratique.grammar.errors import EvaluationError

POD = shape_of("", "Pod")
DEPLOYMENT = shape_of("apps", "Deployment")


def containers(*names: str, **fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": name, **fields} for name in names]}}


def names(data: Any) -> list[str]:
    return [each["name"] for each in data["spec"]["containers"]]


@pytest.mark.parametrize(
    ("live", "patch", "merged"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({}, {"a": {"b": [1]}}, {"a": {"b": [1]}}),
        ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}),
    ],
)
def test_maps_are_merged_and_lists_replaced(live: Any, patch: Any, merged: Any) -> None:
    before = copy.deepcopy((live, patch))
    assert merge(live, patch, DEDUCED) == merged
    assert (live, patch) == before, "nothing that was given changes"


def test_lists_with_keys() -> None:
    found = merge(containers("a", "b", image="x"), containers("b", image="y"), POD)
    assert found == {"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}}


@pytest.mark.parametrize(
    ("live", "patch", "merged"),
    [
        ("ab", "c", "abc"),
        ("ab", "a", "ab"),
        ("abc", "ca", "bca"),
        ("abcd", "dxb", "acdxb"),
        ("abc", "xay", "xabcy"),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
    ],
)
def test_the_order_of_elements(live: str, patch: str, merged: str) -> None:
    found = names(merge(containers(*live), containers(*patch), POD))
    assert sorted(found) == sorted(set(live) | set(patch)), "each once"
    shared = [name for name in found if name in patch]
    assert shared == list(patch), "those of the patch in its order"
    if merged:
        assert "".join(found) == merged


def test_elements_that_are_there_twice_are_left_alone() -> None:
    live = containers("a", "a", "b")
    assert names(merge(live, containers("b", image="y"), POD)) == ["a", "a", "b"]


def test_keys_of_two_fields_and_their_defaults() -> None:
    def ports(*items: dict[str, Any]) -> dict[str, Any]:
        return {"spec": {"ports": list(items)}}

    service = shape_of("", "Service")
    live = ports({"port": 53, "protocol": "UDP"}, {"port": 53})
    found = merge(live, ports({"port": 53, "protocol": "TCP", "name": "dns"}), service)
    assert found["spec"]["ports"] == [
        {"port": 53, "protocol": "UDP"},
        {"port": 53, "protocol": "TCP", "name": "dns"},
    ]
    assert merge(ports({"port": 1.0}), ports({"port": 1, "name": "a"}), service) == ports(
        {"port": 1, "name": "a"}
    )


def test_sets() -> None:
    live, patch = ({"metadata": {"finalizers": list(each)}} for each in ("ab", "ca"))
    assert sorted(merge(live, patch, POD)["metadata"]["finalizers"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (
            containers("a", "a"),
            'duplicate entries for key [name="a"]',
        ),
        (
            {"spec": {"containers": [{"image": "x"}]}},
            'associative list with keys has an element that omits key field "name" (and doesn\'t have default'
            " value)",
        ),
        ({"spec": {"containers": ["a"]}}, "associative list with keys may not have non-map elements"),
    ],
)
def test_patches_that_cannot_be_merged(patch: Any, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        merge(containers("a"), patch, POD)
    assert caught.value.message == message


def test_what_is_written_as_a_whole() -> None:
    live = {"spec": {"selector": {"matchLabels": {"a": "1"}}}}
    patch = {"spec": {"selector": {"matchLabels": {"b": "2"}}}}
    assert merge(live, patch, DEPLOYMENT) == patch
    assert merge(live, patch, DEDUCED)["spec"]["selector"]["matchLabels"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("patch", "shape", "paths"),
    [
        (containers("a", args=["x"]), POD, [".spec.containers[0].args"]),
        (containers("a", env=[{"name": "e", "value": "1"}]), POD, []),
        ({"spec": {"tolerations": [{"key": "a"}]}}, POD, [".spec.tolerations"]),
        ({"spec": {"nodeSelector": {"a": "b"}}}, POD, [".spec.nodeSelector"]),
        ({"metadata": {"labels": {"a": "b"}, "finalizers": ["f"]}}, POD, []),
        (
            {"spec": {"template": {"spec": containers("a", command=["x"])["spec"]}}},
            DEPLOYMENT,
            [".spec.template.spec.containers[0].command"],
        ),
    ],
)
def test_parts_of_a_patch_that_are_written_as_a_whole(patch: Any, shape: Shape, paths: list[str]) -> None:
    assert list(atomic_parts(patch, shape)) == paths


def test_unknown_fields_are_merged() -> None:
    assert merge({"spec": {}}, {"spec": {"nonsense": {"a": 1}}}, POD) == {"spec": {"nonsense": {"a": 1}}}


def test_custom_resources_are_merged_by_default() -> None:
    shape = shape_of("example.com", "Pod")
    assert names(merge(containers("a"), containers("b"), shape)) == ["b"]


def test_nesting_is_bounded() -> None:
    patch: Any = {}
    for _ in range(MAX_DEPTH + 2):
        patch = {"a": patch}
    with pytest.raises(EvaluationError, match="nested deeper"):
        merge({}, patch, DEDUCED)
