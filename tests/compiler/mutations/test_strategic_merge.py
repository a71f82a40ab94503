"""Strategic merge patches: what is merged, replaced and removed, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.mutations.patch_strategies import DEFAULT, strategy_of
from pratique.compiler.mutations.strategic_merge import merge
from pratique.grammar.errors import EvaluationError

POD = {"apiVersion": "v1", "kind": "Pod"}


def merged(spec: Any, patch: Any, kind: str = "Pod", version: str = "v1") -> Any:
    """Return the merged `spec` of a resource."""
    resource = {"apiVersion": version, "kind": kind, "spec": spec}
    return merge(resource, {"spec": patch}, strategy_of(resource))["spec"]


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({"a": None}, {"b": 1}, {"a": None, "b": 1}),
        ({}, {"a": {"b": None, "c": {}}}, {"a": {"c": {}}}),
        ({"a": None}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": {"$patch": "delete"}}, {}),
        ({"a": {"b": 1}}, {"a": {"$patch": "replace", "c": 2}}, {"a": {"c": 2}}),
        ({"a": {"b": 1}}, {"a": {"$patch": "merge", "c": 2}}, {"a": {"b": 1, "c": 2}}),
        ({"a": 1}, {"a": "x"}, {"a": "x"}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_maps(base: Any, patch: Any, expected: Any) -> None:
    assert merge(base, patch, DEFAULT) == expected


def test_neither_is_changed() -> None:
    base, patch = {"a": {"b": [1]}}, {"a": {"c": [2]}}
    merge(base, patch)["a"]["d"] = 1
    assert (base, patch) == ({"a": {"b": [1]}}, {"a": {"c": [2]}})


def test_containers_are_merged_by_name_and_new_ones_come_first() -> None:
    base = {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}
    patch = {"containers": [{"name": "c", "image": "z"}, {"name": "b", "tty": True}]}
    assert merged(base, patch)["containers"] == [
        {"name": "c", "image": "z"},
        {"name": "b", "image": "y", "tty": True},
        {"name": "a", "image": "x"},
    ]


def test_elements_are_removed_and_lists_replaced_by_directives() -> None:
    base = {"containers": [{"name": "a"}, {"name": "b"}]}
    remove = {"containers": [{"name": "a", "$patch": "delete"}]}
    assert merged(base, remove)["containers"] == [{"name": "b"}]
    replace = {"containers": [{"$patch": "replace"}, {"name": "c"}]}
    assert merged(base, replace)["containers"] == [{"name": "c"}]
    assert "containers" not in merged(base, {"containers": [{"$patch": "delete"}]})


def test_ports_are_told_apart_by_both_keys_where_both_are_given() -> None:
    base = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}, {"port": 80}]}
    patch = {"ports": [{"port": 53, "protocol": "TCP", "name": "dns"}, {"port": 80, "name": "web"}]}
    assert merged(base, patch, "Service")["ports"] == [
        {"port": 53, "protocol": "TCP", "name": "dns"},
        {"port": 80, "name": "web"},
        {"port": 53, "protocol": "UDP"},
    ]


def test_templates_of_controllers() -> None:
    base = {"template": {"spec": {"volumes": [{"name": "a", "emptyDir": {}}]}}}
    patch = {"template": {"spec": {"volumes": [{"name": "b", "emptyDir": {}}]}}}
    found = merged(base, patch, "Deployment", "apps/v1")
    assert [volume["name"] for volume in found["template"]["spec"]["volumes"]] == ["b", "a"]
    cron = {"jobTemplate": {"spec": base}}, {"jobTemplate": {"spec": patch}}
    assert merged(*cron, "CronJob", "batch/v1")["jobTemplate"]["spec"] == found


def test_sets_of_scalars() -> None:
    base = {**POD, "metadata": {"finalizers": ["a", "b"]}}
    patch = {"metadata": {"finalizers": ["c", "b"]}}
    assert merge(base, patch, strategy_of(base))["metadata"]["finalizers"] == ["c", "b", "a"]


def test_lists_of_kinds_that_are_not_known_are_replaced() -> None:
    base, patch = {"containers": [{"name": "a"}]}, {"containers": [{"name": "b"}]}
    assert merged(base, patch, "Pod", "example.org/v1")["containers"] == [{"name": "b"}]
    assert merged(base, patch, "Other")["containers"] == [{"name": "b"}]
    assert merged({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}) == {
        "tolerations": [{"key": "b"}]
    }


def test_mappings_of_the_metadata_of_any_built_in_kind() -> None:
    base = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"finalizers": ["a"]}}
    found = merge(base, {"metadata": {"finalizers": ["b"]}}, strategy_of(base))
    assert found["metadata"]["finalizers"] == ["b", "a"]


@pytest.mark.parametrize(
    ("base", "patch"),
    [
        ({"a": 1}, {"a": {"b": 1}}),
        ({"a": {}}, {"a": [1]}),
        ({"a": [1]}, {"a": 1}),
        ({"a": {}}, {"a": {"$patch": "drop"}}),
    ],
)
def test_what_does_not_fit_is_an_error(base: Any, patch: Any) -> None:
    with pytest.raises(EvaluationError):
        merge(base, patch)


def test_elements_that_are_no_maps_are_an_error() -> None:
    with pytest.raises(EvaluationError, match="not a map"):
        merged({"containers": [{"name": "a"}]}, {"containers": ["b"]})
