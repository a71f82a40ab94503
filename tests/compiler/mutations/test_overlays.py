"""Overlays: additions, conditions, elements of lists, and what is left of them in the patch."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.mutations.overlays import patch_for
from pratique.grammar.errors import EvaluationError

CONTAINERS = [
    {"name": "a", "image": "nginx:latest"},
    {"name": "b", "image": "nginx:1.2", "imagePullPolicy": "Never"},
]
POD = {"metadata": {"name": "p", "labels": {"app": "x"}}, "spec": {"containers": CONTAINERS, "replicas": 2}}


@pytest.mark.parametrize(
    ("overlay", "patch"),
    [
        ({"metadata": {"labels": {"a": "b"}}}, {"metadata": {"labels": {"a": "b"}}}),
        # additions
        ({"metadata": {"labels": {"+(app)": "y", "+(new)": "z"}}}, {"metadata": {"labels": {"new": "z"}}}),
        ({"metadata": {"+(annotations)": {"+(a)": "b"}}}, {"metadata": {"annotations": {"a": "b"}}}),
        ({"metadata": {"labels": {"+(app)": "y"}}}, {}),
        # conditions
        ({"metadata": {"(name)": "p*", "labels": {"a": "b"}}}, {"metadata": {"labels": {"a": "b"}}}),
        ({"metadata": {"(name)": "q", "labels": {"a": "b"}}}, {}),
        ({"metadata": {"(missing)": "*"}, "spec": {"a": 1}}, {}),
        ({"spec": {"(replicas)": ">1", "a": 1}}, {"spec": {"a": 1}}),
        ({"spec": {"(replicas)": 2, "a": 1}}, {"spec": {"a": 1}}),
        ({"spec": {"(replicas)": 3, "a": 1}}, {}),
        (
            {"(metadata)": {"(labels)": {"app": "x"}}, "spec": {"a": 1}},
            {"metadata": {"labels": {"app": "x"}}, "spec": {"a": 1}},
        ),
        ({"metadata": {"(labels)": {"app": "y"}}, "spec": {"a": 1}}, {}),
        ({"metadata": {"<(name)": "p"}, "spec": {"a": 1}}, {"spec": {"a": 1}}),
        ({"metadata": {"<(name)": "q"}, "spec": {"a": 1}}, {}),
        # nothing that changes anything
        ({"spec": {"emptyDir": {}, "list": [{}]}}, {}),
        ({"spec": {"list": []}}, {"spec": {"list": []}}),
        ({"spec": {"value": None}}, {"spec": {"value": None}}),
    ],
)
def test_maps(overlay: Any, patch: Any) -> None:
    assert patch_for(overlay, POD) == patch


def containers(*elements: Any, resource: Any = POD) -> Any:
    return patch_for({"spec": {"containers": list(elements)}}, resource).get("spec", {}).get("containers")


def test_elements_stand_once_for_each_that_fits() -> None:
    assert containers({"(image)": "*:latest", "imagePullPolicy": "Always"}) == [
        {"imagePullPolicy": "Always", "name": "a"}
    ]
    assert containers({"(image)": "nginx*", "tty": True}) == [
        {"tty": True, "name": "a"},
        {"tty": True, "name": "b"},
    ]
    assert containers({"(image)": "redis*", "tty": True}) is None
    assert containers({"(name)": "b", "stdin": True}) == [{"stdin": True, "name": "b"}]


def test_elements_without_a_name_cannot_be_patched() -> None:
    resource = {"spec": {"containers": [{"image": "x"}]}}
    assert containers({"(image)": "*", "tty": True}, resource=resource) is None


def test_elements_without_anchors_stay_as_they_are() -> None:
    assert containers({"name": "c", "image": "z"}, {"(image)": "*:latest", "tty": True}) == [
        {"name": "c", "image": "z"},
        {"tty": True, "name": "a"},
    ]


def test_several_elements_with_anchors() -> None:
    assert containers({"(name)": "a", "tty": True}, {"(name)": "b", "stdin": True}) == [
        {"tty": True, "name": "a"},
        {"stdin": True, "name": "b"},
    ]


def test_additions_in_elements_are_settled_by_the_first_one() -> None:
    """As in Kyverno 1.19: one copy of the element is tried against all of the resource's."""
    assert containers({"(name)": "*", "+(imagePullPolicy)": "Always"}) == [
        {"imagePullPolicy": "Always", "name": "a"},
        {"imagePullPolicy": "Always", "name": "b"},
    ]
    other_way = {"spec": {"containers": CONTAINERS[::-1]}}
    assert containers({"(name)": "*", "+(imagePullPolicy)": "Always"}, resource=other_way) is None


def test_global_conditions_in_elements_need_one_that_holds() -> None:
    overlay = {"spec": {"containers": [{"<(image)": "*:latest"}], "priority": 1}}
    assert patch_for(overlay, POD) == {"spec": {"priority": 1}}
    overlay = {"spec": {"containers": [{"<(image)": "redis*"}], "priority": 1}}
    assert patch_for(overlay, POD) == {}


def test_lists_that_are_not_there() -> None:
    overlay = {"spec": {"volumes": [{"(emptyDir)": {}, "name": "v"}], "a": 1}}
    assert patch_for(overlay, POD) == {"spec": {"a": 1}}
    overlay = {"spec": {"volumes": [{"+(emptyDir)": {"medium": "Memory"}, "name": "v"}]}}
    assert patch_for(overlay, {"spec": {}}) == {}


def test_the_overlay_is_not_changed() -> None:
    overlay = {"metadata": {"+(labels)": {"a": "b"}}}
    patch_for(overlay, {})
    assert overlay == {"metadata": {"+(labels)": {"a": "b"}}}


@pytest.mark.parametrize("overlay", ["text", [1], None])
def test_overlays_are_maps(overlay: Any) -> None:
    with pytest.raises(EvaluationError, match="an overlay is a map"):
        patch_for(overlay, POD)


def test_lists_that_meet_something_else() -> None:
    with pytest.raises(EvaluationError, match="a list meets map"):
        patch_for({"spec": {"containers": [{"(name)": "a"}]}}, {"spec": {"containers": {}}})
