"""Mutations of rules: status, message and what is left of the object, in Kyverno's words."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import bodies
from pratique.compiler.context_questions import Question
from pratique.compiler.expressions.context import Context
from pratique.compiler.mutations import CompiledMutation
from pratique.grammar.errors import EvaluationError

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "ns"},
    "spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]},
}
LABEL = bodies.StrategicMerge(overlay={"metadata": {"labels": {"kind": "{{ request.object.kind }}"}}})


def nothing(question: Question) -> Any:
    raise EvaluationError("registry-unreachable", "nobody is there")


def mutated(change: bodies.Change, *, target: Any = None) -> tuple[str, Any, str]:
    """Return status, object and message of a rule over the Pod, or over a target."""
    targets = () if target is None else (bodies.MutationTarget(kind="Pod"),)
    context = Context({"request": {"object": POD, "operation": "CREATE"}})
    if target is not None:
        context = context.overlay({"target": target})
    compiled = CompiledMutation(bodies.Mutation(change=change, targets=targets), None)
    found = compiled.evaluate(
        POD if target is None else target, context, lambda entries, below: entries.attach(below, nothing)
    )
    return str(found.status), found.resource, found.message


def loop(change: Any, list_: str = "request.object.spec.containers", **more: Any) -> bodies.MutationLoops:
    return bodies.MutationLoops(loops=(bodies.MutationLoop(list=list_, change=change, **more),))


def patch(*operations: str) -> bodies.JsonPatch:
    return bodies.JsonPatch(operations="[" + ", ".join(operations) + "]")


ADD = patch('{op: add, path: /metadata/order/-, value: "{{ element.name }}{{ elementIndex }}"}')


def test_what_changes_passes() -> None:
    status, resource, message = mutated(LABEL)
    assert (status, message) == ("pass", "mutated Pod/p in namespace ns")
    assert resource["metadata"]["labels"] == {"kind": "Pod"}
    assert "labels" not in POD["metadata"], "what was given does not change"


@pytest.mark.parametrize(
    "change",
    [
        bodies.StrategicMerge(overlay={"metadata": {"name": "p"}}),
        bodies.StrategicMerge(overlay={"metadata": {"(name)": "other", "labels": {"a": "b"}}}),
        patch("{op: remove, path: /spec/nothing}"),
    ],
)
def test_what_changes_nothing_is_skipped(change: bodies.Change) -> None:
    assert mutated(change) == ("skip", POD, "no patches applied")


def test_patches_are_yaml_and_make_parents() -> None:
    change = bodies.JsonPatch(operations="- op: add\n  path: /metadata/labels/a~1b\n  value: '1'\n")
    assert mutated(change)[1]["metadata"]["labels"] == {"a/b": "1"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            bodies.StrategicMerge(overlay={"a": "{{ nobody }}"}),
            "variable substitution failed: failed to resolve nobody at path mutate/patchStrategicMerge/a: ",
        ),
        (
            patch("{op: replace, path: /spec/nothing, value: 1}"),
            "failed to patch resource: replace operation",
        ),
        (bodies.JsonPatch(operations="text"), "failed to patch resource: failed to decode patches: "),
        (bodies.JsonPatch(operations="- ["), "failed to patch resource: failed to decode patches: "),
        (patch('{op: remove, path: ""}', '{op: replace, path: "", value: 1}'), "failed to patch resource: "),
    ],
)
def test_what_cannot_be_done_is_an_error(change: bodies.Change, message: str) -> None:
    status, resource, told = mutated(change)
    assert (status, resource) == ("error", POD)
    assert told.removeprefix("/").startswith(message) or told.replace("path /", "path ").startswith(message)


def test_loops_go_through_their_elements() -> None:
    status, resource, message = mutated(loop(ADD))
    assert (status, message) == ("pass", "mutated Pod/p in namespace ns")
    assert resource["metadata"]["order"] == ["a0", "b1"]
    assert mutated(loop(ADD, order="Descending"))[1]["metadata"]["order"] == ["b1", "a0"]


def test_loops_of_overlays_go_backwards() -> None:
    change = bodies.StrategicMerge(overlay={"metadata": {"+(annotations)": {"first": "{{ element.name }}"}}})
    assert mutated(loop(change))[1]["metadata"]["annotations"] == {"first": "b"}
    ascending = loop(change, order="Ascending")
    assert mutated(ascending)[1]["metadata"]["annotations"] == {"first": "a"}


def test_loops_that_change_nothing_are_skipped() -> None:
    same = bodies.StrategicMerge(overlay={"metadata": {"name": "p"}})
    assert mutated(loop(same)) == ("skip", POD, "0 elements processed")


def test_preconditions_of_loops() -> None:
    only = {"all": [{"key": "{{ element.name }}", "operator": "Equals", "value": "b"}]}
    assert mutated(loop(ADD, preconditions=only))[1]["metadata"]["order"] == ["b1"]
    broken = {"all": [{"key": "{{ element.none }}", "operator": "Equals", "value": "b"}]}
    status, _, message = mutated(loop(ADD, preconditions=broken))
    assert status == "error"
    text = "failed to mutate elements: failed to evaluate mutate.foreach[0].preconditions: "
    assert message.startswith(text)


def test_loops_inside_loops() -> None:
    inner = patch('{op: add, path: /metadata/seen/-, value: "{{ element0.name }}{{ element1 }}"}')
    nested = loop(loop(inner, "`[1, 2]`"))
    assert mutated(nested)[1]["metadata"]["seen"] == ["a1", "a2", "b1", "b2"]


def test_lists_that_cannot_be_evaluated_are_an_error() -> None:
    status, _, message = mutated(loop(ADD, "request.object.none"))
    assert status == "error"
    assert message.startswith("failed to evaluate list request.object.none: ")


def test_loops_see_loops_before() -> None:
    first = bodies.MutationLoop(list="`[1]`", change=patch('{op: add, path: /metadata/n, value: "one"}'))
    seen = patch('{op: add, path: /metadata/seen, value: "{{ request.object.metadata.n }}"}')
    second = bodies.MutationLoop(list="`[1]`", change=seen)
    assert mutated(bodies.MutationLoops(loops=(first, second)))[1]["metadata"]["seen"] == "one"


def test_targets_are_what_changes() -> None:
    target = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    copied = '"{{ target.data.a }}{{ request.object.metadata.name }}"'
    status, resource, message = mutated(patch(f"{{op: add, path: /data/b, value: {copied}}}"), target=target)
    assert (status, message) == ("pass", "mutated ConfigMap/c")
    assert resource["data"] == {"a": "1", "b": "1p"}
