from __future__ import annotations

from typing import Any

import pytest

from tests.support_cel_policies import POD, exemptions, outcome, request, said, text

KUBERNETES = "admissionregistration.k8s.io/v1"


def applying(expression: str, more: str = "") -> str:
    spec = "mutations:\n- patchType: ApplyConfiguration\n  applyConfiguration:\n    expression: >-\n"
    return text("MutatingPolicy", f"{spec}      {expression}\n{more}")


def patching(expression: str, more: str = "", kind: str = "MutatingPolicy", **options: Any) -> str:
    spec = f"mutations:\n- patchType: JSONPatch\n  jsonPatch:\n    expression: >-\n      {expression}\n"
    return text(kind, spec + more, **options)


NOTHING = "[JSONPatch{op: 'test', path: '/kind', value: 'Pod'}]"


def patched(written: str, **options: Any) -> Any:
    found = outcome(written, **options)
    assert found is not None
    assert (found.status, found.message) == ("pass", "success")
    return found.patched


LABEL = "Object{metadata: Object.metadata{labels: {'seen': object.metadata.name}}}"


def test_an_object_is_merged_in() -> None:
    data = patched(applying(LABEL))
    assert data["metadata"]["labels"] == {"app": "web", "seen": "web"}
    assert POD["metadata"]["labels"] == {"app": "web"}, "what was given does not change"


def test_elements_of_lists_with_keys() -> None:
    expression = (
        "Object{spec: Object.spec{containers: object.spec.containers.map(c,"
        " Object.spec.containers{name: c.name, imagePullPolicy: 'Always'})}}"
    )
    assert patched(applying(expression))["spec"]["containers"] == [
        {"name": "c", "image": "nginx:1.25", "imagePullPolicy": "Always"}
    ]


def test_lists_that_are_written_as_a_whole() -> None:
    expression = "Object{spec: Object.spec{tolerations: [Object.spec.tolerations{key: 'a'}]}}"
    message = (
        "failed to evaluate policy: error applying patch: invalid ApplyConfiguration: may not mutate atomic"
        " arrays, maps or structs: .spec.tolerations"
    )
    assert said(applying(expression)) == ("error", message)
    whole = patched(applying(expression, "evaluation: {useServerSideApply: true}\n"))
    assert whole["spec"]["tolerations"] == [{"key": "a"}]


def test_types_must_be_named_by_their_place() -> None:
    message = (
        'failed to evaluate policy: type mismatch: unexpected type name "Object.metadata", expected'
        ' "Object.spec", which matches field name path from root Object type'
    )
    assert said(applying("Object{spec: Object.metadata{}}")) == ("error", message)


def test_operations() -> None:
    expression = (
        "[JSONPatch{op: 'test', path: '/kind', value: 'Pod'},"
        " JSONPatch{op: 'add', path: '/metadata/annotations', value: {'a/b': '1'}},"
        " JSONPatch{op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('c/d'), value: '2'}]"
    )
    assert patched(patching(expression))["metadata"]["annotations"] == {"a/b": "1", "c/d": "2"}


def test_a_test_that_does_not_hold_leaves_the_object() -> None:
    expression = (
        "[JSONPatch{op: 'test', path: '/kind', value: 'Service'}, JSONPatch{op: 'remove', path: '/spec'}]"
    )
    assert patched(patching(expression)) == POD


def test_operations_that_cannot_be_applied() -> None:
    message = (
        'failed to evaluate policy: JSON Patch: add operation does not apply: doc is missing path: "/no/x":'
        " missing value"
    )
    assert said(patching("[JSONPatch{op: 'add', path: '/no/x', value: 1}]")) == ("error", message)
    removed = "[JSONPatch{op: 'remove', path: '/kind'}]"
    assert said(patching(removed))[0] == "error"  # type: ignore[index]


def test_changes_see_those_before_them() -> None:
    more = (
        "- patchType: JSONPatch\n  jsonPatch:\n    expression: >-\n"
        "      [JSONPatch{op: 'add', path: '/metadata/labels/twice', value: object.metadata.labels.seen}]\n"
    )
    assert patched(applying(LABEL, more))["metadata"]["labels"]["twice"] == "web"


def test_conditions_may_read_variables() -> None:
    more = "variables: [{name: wanted, expression: \"object.metadata.name == 'web'\"}]\n"
    condition = "matchConditions: [{name: a, expression: variables.wanted}]\n"
    assert said(applying(LABEL, more + condition)) == ("pass", "success")
    assert said(applying(LABEL, more.replace("web", "db") + condition)) == ("skip", "skip")


def test_conditions_without_a_value_are_errors() -> None:
    more = "failurePolicy: Ignore\nmatchConditions: [{name: a, expression: object.x == 1}]\n"
    message = "failed to evaluate policy: no such key: x"
    assert said(applying(LABEL, more)) == ("error", message)


def test_exceptions() -> None:
    lifting = exemptions(
        "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: e, namespace: lifted}\n"
        "spec: {policyRefs: [{name: p, kind: MutatingPolicy}]}\n"
    )
    found = outcome(applying(LABEL), lifting=lifting)
    assert found is not None
    assert (found.status, found.patched) == ("skip", None)


def test_there_must_be_an_object() -> None:
    asked = request(None, old=POD, operation="DELETE")
    message = "failed to evaluate policy: there is no object to change"
    assert said(patching(NOTHING), asked) == ("error", message)


def test_conditions_of_targets() -> None:
    more = (
        "evaluation: {mutateExisting: {enabled: true}}\n"
        "matchConditions: [{name: a, expression: 'false'}]\n"
        "targetMatchConditions: [{name: a, expression: \"object.metadata.name == 'web'\"}]\n"
    )
    assert said(applying(LABEL, more)) == ("skip", "skip")
    assert said(applying(LABEL, more), is_target=True) == ("pass", "success")


# --- Kubernetes ----------------------------------------------------------------------------------------


def test_kubernetes_computes_variables_anew_for_each_change() -> None:
    change = """\
- patchType: JSONPatch
  jsonPatch:
    expression: >-
      [JSONPatch{op: 'add', path: '/metadata/labels/a', value: string(variables.count)}]
"""
    variables = "variables: [{name: count, expression: object.metadata.labels.size()}]\n"
    spec = f"{variables}mutations:\n{change}{change}"
    found = outcome(text("MutatingAdmissionPolicy", spec, group=KUBERNETES))
    assert found is not None
    assert (found.status, found.message) == ("pass", "mutation is successfully applied")
    assert found.patched is not None
    assert found.patched["metadata"]["labels"] == {"app": "web", "a": "2"}
    found = outcome(text("MutatingPolicy", spec))
    assert found is not None
    assert found.patched is not None
    assert found.patched["metadata"]["labels"]["a"] == "1", "Kyverno computes them once"


def test_a_change_of_kubernetes_that_fails_is_an_error() -> None:
    written = patching(
        "[JSONPatch{op: 'remove', path: '/no'}]", kind="MutatingAdmissionPolicy", group=KUBERNETES
    )
    found = said(written)
    assert found is not None
    assert found[0] == "error"
    assert "Unable to remove nonexistent key: no" in found[1]


@pytest.mark.parametrize(
    ("failure_policy", "status", "message"),
    [
        ("Fail", "error", "expression 'object.x == 1' resulted in error: no such key: x"),
        ("Ignore", "skip", "match conditions aren't met"),
    ],
)
def test_conditions_of_kubernetes(failure_policy: str, status: str, message: str) -> None:
    more = f"failurePolicy: {failure_policy}\nmatchConditions: [{{name: a, expression: object.x == 1}}]\n"
    written = patching(NOTHING, more, kind="MutatingAdmissionPolicy", group=KUBERNETES)
    assert said(written) == (status, message)
