"""Objects that came out beside those that were expected."""

from __future__ import annotations

from typing import Any

from pratique.runtime.testing.comparison import differences, tidied

SECRET: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}


def test_empty_parts_count_as_absent() -> None:
    assert tidied({"a": {}, "b": [], "c": None, "d": "", "e": {"f": [{}]}, "g": 0}) == {"d": "", "g": 0}
    assert not differences({**SECRET, "data": {}}, SECRET)


def test_labels_of_generated_objects_do_not_count() -> None:
    labels = {"generate.kyverno.io/policy-name": "p", "app.kubernetes.io/managed-by": "kyverno"}
    made = {**SECRET, "metadata": {"name": "s", "labels": labels}}
    assert not differences(made, SECRET)
    assert not differences(SECRET, made)


def test_what_differs_is_shown() -> None:
    told = differences({**SECRET, "data": {"a": 1.0}}, {**SECRET, "data": {"a": 2}})
    assert "-  a: 2" in told
    assert "+  a: 1" in told
