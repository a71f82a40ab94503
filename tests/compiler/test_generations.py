"""Generations of rules: which objects are made, and what they tell of their making."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import bodies, ir
from pratique.compiler.context_questions import Question
from pratique.compiler.expressions.context import Context
from pratique.compiler.generations import CompiledGeneration, Maker
from pratique.grammar.errors import EvaluationError

NAMESPACE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "team", "uid": "u1", "labels": {"zones": "a,b"}},
}
SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "pull",
        "namespace": "default",
        "uid": "u2",
        "labels": {"copy": "yes"},
        "ownerReferences": [{"uid": "x"}],
        "resourceVersion": "7",
    },
    "data": {"a": "Yg=="},
}
OTHER: dict[str, Any] = {**SECRET, "metadata": {"name": "other", "namespace": "default"}}
NAME = "{{ request.object.metadata.name }}"


def nothing(question: Question) -> Any:
    raise EvaluationError("registry-unreachable", "nobody is there")


def made(*makes: bodies.Make | bodies.GenerationLoop, existing: Any = ()) -> tuple[dict[str, Any], ...]:
    """Return what a rule `r` of a policy `p` makes of a Namespace."""
    context = Context({"request": {"object": NAMESPACE, "operation": "CREATE"}})
    compiled = CompiledGeneration(
        Maker(policy="p", namespace="", rule="r"), bodies.Generation(makes=makes), None
    )
    return compiled.evaluate(
        NAMESPACE, context, lambda entries, below: entries.attach(below, nothing), [NAMESPACE, *existing]
    )


def make(source: Any, **identity: str) -> bodies.Make:
    given: dict[str, Any] = {
        "api_version": "v1",
        "kind": "ConfigMap",
        "name": "c",
        "namespace": NAME,
        **identity,
    }
    return bodies.Make(source=source, **given)


def data(**content: Any) -> bodies.ObjectData:
    return bodies.ObjectData(data=content)


def names(found: tuple[dict[str, Any], ...]) -> list[tuple[str, str, str]]:
    return [(each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]) for each in found]


def test_data_becomes_an_object_that_tells_who_made_it() -> None:
    content = data(metadata={"labels": {"own": "1"}}, data={"of": NAME})
    assert made(make(content)) == (
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "c",
                "namespace": "team",
                "labels": {
                    "own": "1",
                    "app.kubernetes.io/managed-by": "kyverno",
                    "generate.kyverno.io/policy-name": "p",
                    "generate.kyverno.io/policy-namespace": "",
                    "generate.kyverno.io/rule-name": "r",
                    "generate.kyverno.io/trigger-group": "",
                    "generate.kyverno.io/trigger-kind": "Namespace",
                    "generate.kyverno.io/trigger-namespace": "",
                    "generate.kyverno.io/trigger-uid": "u1",
                    "generate.kyverno.io/trigger-version": "v1",
                },
            },
            "data": {"of": "team"},
        },
    )


def test_what_is_there_is_not_made_again() -> None:
    there = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "team"}}
    assert made(make(data()), existing=[there]) == ()
    assert names(made(make(data()), make(data()))) == [("ConfigMap", "team", "c")]


def test_objects_without_data_are_not_made() -> None:
    assert made(make(bodies.ObjectData(data=None))) == ()


def test_copies_lose_what_belongs_to_their_source() -> None:
    copy = make(bodies.Copy(namespace="default", name="pull"), kind="Secret", name="pull-2")
    (found,) = made(copy, existing=[SECRET])
    assert found["data"] == {"a": "Yg=="}
    metadata = dict(found["metadata"])
    labels = metadata.pop("labels")
    assert metadata == {"name": "pull-2", "namespace": "team"}
    assert labels["copy"] == "yes"
    assert labels["generate.kyverno.io/clone-source"] == ""
    assert labels["generate.kyverno.io/source-namespace"] == "default"
    assert labels["generate.kyverno.io/source-uid"] == "u2"


def test_nothing_is_copied_onto_itself() -> None:
    copy = make(bodies.Copy(namespace="team", name="c"))
    assert made(copy) == ()


def test_a_source_that_is_not_there_is_an_error() -> None:
    copy = make(bodies.Copy(namespace="default", name="none"), kind="Secret", name="s")
    with pytest.raises(EvaluationError, match="source resource Secret/team/s not found"):
        made(copy, existing=[SECRET])


def test_all_that_a_selector_selects_are_copied() -> None:
    selector = ir.LabelSelector(match_labels=(("copy", "yes"),))
    existing = [SECRET, OTHER]
    chosen = bodies.Copies(namespace="default", kinds=("v1/Secret", "v1/ConfigMap"), selector=selector)
    assert names(made(make(chosen, kind="", name=""), existing=existing)) == [("Secret", "team", "pull")]
    every = bodies.Copies(namespace="default", kinds=("v1/Secret",))
    found = names(made(make(every, kind="", name=""), existing=existing))
    assert found == [("Secret", "team", "pull"), ("Secret", "team", "other")]
    at_home = make(every, kind="", name="", namespace="default")
    assert made(at_home, existing=existing) == ()


def test_loops_make_an_object_for_each_element() -> None:
    each = bodies.GenerationLoop(
        list="request.object.metadata.labels.zones | split(@, ',')",
        make=make(data(data={"index": "{{ elementIndex }}"}), name="zone-{{ element }}"),
    )
    assert [name for *_, name in names(made(each))] == ["zone-a", "zone-b"]
    only = {"all": [{"key": "{{ element }}", "operator": "Equals", "value": "b"}]}
    some = bodies.GenerationLoop(list=each.list, make=each.make, preconditions=only)
    assert [name for *_, name in names(made(some))] == ["zone-b"]


def test_values_that_are_not_there_are_an_error() -> None:
    with pytest.raises(EvaluationError, match=r"failed to resolve request\.object\.none"):
        made(make(data(a="{{ request.object.none }}")))
    with pytest.raises(EvaluationError, match="no map"):
        made(make(bodies.ObjectData(data="text")))
