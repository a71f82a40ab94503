"""What Kyverno refuses about bodies of rules at creation is refused here, in its words, at its place."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.grammar.errors import PolicyError
from tests.support_policies import read, rule_policy

CONDITION = {"key": "{{ request.object.x }}", "operator": "Equals", "value": "x"}
VALIDATE = "invalid policy p: path: spec.rules[0].validate."
LOOP: dict[str, Any] = {"list": "request.object.x", "pattern": {"a": 1}}


def errors(**rule: Any) -> list[PolicyError]:
    """Return what is wrong besides what nothing executes yet."""
    return [error for error in read(rule_policy(**rule)).errors if error.code != "unsupported-field"]


def messages(**rule: Any) -> list[str]:
    return [error.message for error in errors(**rule)]


@pytest.mark.parametrize(
    "validate",
    [
        {"pattern": {"=(a)": {"(b)": 1, "X(c)": "null", "^(d)": [{"<(e)": 1}]}}},
        {"anyPattern": [{"a": 1}, {"b": 1}]},
        {"deny": {}},
        {"deny": {"conditions": [CONDITION]}},
        {"foreach": [LOOP]},
        {"foreach": [{"list": "request.object.x", "foreach": [LOOP]}]},
        {"podSecurity": {"level": "restricted"}},
        {"cel": {"expressions": [{"expression": "true"}]}},
    ],
)
def test_accepted(validate: dict[str, Any]) -> None:
    assert not errors(validate={"message": "m", **validate})


ONE_OF = "one of pattern, anyPattern, deny, foreach, cel must be specified"
ONLY_ONE = "only one of pattern, anyPattern, deny, foreach, cel can be specified"
LOOP_ONE_OF = "one of pattern, anyPattern, deny, or a nested foreach must be specified"
LOOP_ONLY_ONE = "only one of pattern, anyPattern, deny, or a nested foreach can be specified"


@pytest.mark.parametrize(
    ("validate", "message"),
    [
        ({"message": "m"}, f".: {ONE_OF}"),
        ({"assert": {"a": 1}}, f".: {ONE_OF}"),
        ({"pattern": {}, "deny": {}}, f".: {ONLY_ONE}"),
        ({"pattern": {"a": {"+(b)": 1}}}, "pattern.//a/+(b).: unsupported anchor +(b)"),
        (
            {"pattern": {"^(b)": {"a": 1}}},
            "pattern.//^(b).: existence anchor should have value of type list",
        ),
        ({"pattern": {"^(b)": []}}, "pattern.//^(b).: existence anchor: should have at least one value"),
        ({"anyPattern": [{"a": [{"+(b)": 1}]}]}, "anyPattern[0].//a0//+(b).: unsupported anchor +(b)"),
        ({"anyPattern": {"a": 1}}, "anyPattern.: failed to deserialize anyPattern, expect array"),
        ({"anyPattern": []}, "anyPattern.: there is no pattern"),
        ({"foreach": [{"pattern": {}}]}, ".: foreach.list is required"),
        ({"foreach": [{"list": "request.object.x"}]}, f".: {LOOP_ONE_OF}"),
        ({"foreach": [{**LOOP, "deny": {}}]}, f".: {LOOP_ONLY_ONE}"),
        ({"foreach": [{"list": "request.object.x", "foreach": [{"list": "element"}]}]}, f".: {LOOP_ONE_OF}"),
        (
            {"podSecurity": {"level": "baseline", "exclude": [{"controlName": "Capabilities"}]}},
            "podSecurity.exclude[0].: exclude.images must be specified for the container level control",
        ),
        (
            {"podSecurity": {"level": "baseline", "exclude": [{"controlName": "Sysctls", "images": ["*"]}]}},
            "podSecurity.exclude[0].: exclude.images must not be specified for the pod level control",
        ),
        (
            {
                "podSecurity": {
                    "level": "restricted",
                    "exclude": [{"controlName": "Seccomp", "restrictedField": "x"}],
                }
            },
            "podSecurity.exclude[0].: values is required",
        ),
        (
            {
                "podSecurity": {
                    "level": "restricted",
                    "exclude": [{"controlName": "Seccomp", "values": ["x"]}],
                }
            },
            "podSecurity.exclude[0].: restrictedField is required",
        ),
        (
            {"podSecurity": {"level": "baseline", "exclude": [{"controlName": "Volume Types"}]}},
            "podSecurity.exclude[0].: Invalid control name defined at the given level",
        ),
        ({"cel": {"expressions": [{"expression": ""}]}}, ".: cel.expressions.expression is required"),
        ({"cel": {"paramKind": {"apiVersion": "v1", "kind": "X"}}}, ".: cel.paramRef is required"),
        (
            {"cel": {"paramRef": {"name": "x", "parameterNotFoundAction": "Deny"}}},
            ".: cel.paramKind is required",
        ),
    ],
)
def test_refused(validate: dict[str, Any], message: str) -> None:
    assert messages(validate=validate) == [f"{VALIDATE}{message}"]


def test_cel_preconditions_are_for_cel() -> None:
    cel = [{"name": "a", "expression": "true"}]
    text = "celPrecondition can only be used with validate.cel"
    assert messages(validate={"pattern": {}}, celPreconditions=cel) == [f"{VALIDATE}.: {text}"]
    assert not messages(validate={"cel": {"expressions": [{"expression": "true"}]}}, celPreconditions=cel)


def test_context_is_not_for_cel() -> None:
    (message,) = messages(
        validate={"cel": {"expressions": [{"expression": "true"}]}},
        context=[{"name": "v", "variable": {"value": 1}}],
    )
    assert "context variables are not supported for CEL expressions in validate rules" in message


@pytest.mark.parametrize(
    ("mutate", "message"),
    [
        (
            {"patchStrategicMerge": {}, "patchesJson6902": "[]"},
            "foreach.: only one of `patchStrategicMerge` or `patchesJson6902` is allowed",
        ),
        (
            {"patchStrategicMerge": {}, "foreach": [{"list": "x", "patchesJson6902": "[]"}]},
            "foreach.: only one of `foreach`, `patchStrategicMerge`, or `patchesJson6902` is allowed",
        ),
        (
            {"foreach": [{"list": "x"}]},
            "foreach[0].: only one of `patchStrategicMerge` or `patchesJson6902` is allowed",
        ),
        (
            {
                "foreach": [
                    {
                        "list": "x",
                        "patchesJson6902": "[]",
                        "foreach": [{"list": "x", "patchesJson6902": "[]"}],
                    }
                ]
            },
            "foreach[0].: a nested foreach cannot contain other declarations",
        ),
    ],
)
def test_mutations_refused(mutate: dict[str, Any], message: str) -> None:
    assert messages(mutate=mutate) == [f"invalid policy p: path: spec.rules[0].mutate.{message}"]


MADE = {"apiVersion": "v1", "kind": "Secret", "name": "s", "namespace": "n"}


@pytest.mark.parametrize(
    ("generate", "message"),
    [
        (
            {**MADE, "data": {"a": 1}, "clone": {"name": "x"}},
            "only one of generate patterns(data, clone, cloneList and foreach) can be specified",
        ),
        ({"apiVersion": "v1", "kind": "Secret", "data": {"a": 1}}, "name can not be empty"),
        ({"kind": "Secret", "name": "s", "data": {"a": 1}}, "apiVersion can not be empty"),
        ({"foreach": [{"list": "x", "apiVersion": "v1", "name": "s"}]}, "kind can not be empty"),
        (
            {**MADE, "data": {"=(a)": 1}},
            "anchors not supported on generate resources: unsupported anchor =(a)",
        ),
    ],
)
def test_generations_refused(generate: dict[str, Any], message: str) -> None:
    assert messages(generate=generate) == [f"invalid policy p: {message}"]


@pytest.mark.parametrize(
    "body",
    [
        {"validate": {"pattern": {"metadata": {"labels": {"a": True}}}}},
        {"validate": {"anyPattern": [{"metadata": {"annotations": {"a": 1}}}]}},
        {"validate": {"pattern": {"spec": {"template": {"metadata": {"labels": {"a": 1}}}}}}},
        {"mutate": {"patchStrategicMerge": {"metadata": {"labels": {"a": True}}}}},
    ],
)
def test_labels_are_texts(body: dict[str, Any]) -> None:
    (message,) = messages(**body)
    assert "labels and annotations supports only string values" in message


@pytest.mark.parametrize(
    ("value", "code"),
    [("CREATED", "invalid-condition"), (["CREATE", "x"], "invalid-condition"), (1, "invalid-condition")],
)
def test_operations_are_those_that_exist(value: object, code: str) -> None:
    condition = {"key": "{{ request.operation }}", "operator": "AnyIn", "value": value}
    for rule in (
        {"validate": {"deny": {"conditions": {"any": [condition]}}}},
        {"validate": {"deny": {}}, "preconditions": {"all": [condition]}},
    ):
        (error,) = errors(**rule)
        assert error.code == code


@pytest.mark.parametrize(
    "body",
    [
        {"validate": {"pattern": {"a": "{{ element.x }}"}}},
        {"validate": {"deny": {"conditions": {"any": [{**CONDITION, "key": "{{ elementIndex }}"}]}}}},
    ],
)
def test_elements_are_known_in_loops_only(body: dict[str, Any]) -> None:
    (message,) = messages(**body)
    assert "present outside of foreach at path /validate" in message
    assert not messages(validate={"foreach": [{**LOOP, "pattern": {"a": "{{ element.x }}"}}]})


@pytest.mark.parametrize(
    "body",
    [
        {"validate": {"pattern": {"a": "{{ nowhere }}"}}},
        {"validate": {"deny": {}, "message": "{{ nowhere }}"}},
        {
            "validate": {
                "foreach": [{**LOOP, "preconditions": {"all": [{**CONDITION, "key": "{{ nowhere }}"}]}}]
            }
        },
        {"mutate": {"patchStrategicMerge": {"a": "{{ nowhere }}"}}},
        {"generate": {**MADE, "data": {"a": "{{ nowhere }}"}}},
    ],
)
def test_unknown_variables(body: dict[str, Any]) -> None:
    (error,) = errors(**body)
    assert error.code == "unknown-variable"
    assert error.location
    assert "nowhere" in error.location.source.line(error.location.span.start.line)


@pytest.mark.parametrize(
    "body",
    [
        {"validate": {"pattern": {"a": "{{ request.object.x | no_such_function(@) }}"}}},
        {"validate": {"anyPattern": [{"a": "{{ no_such_function('x') }}"}]}},
        {
            "validate": {
                "deny": {"conditions": {"any": [{**CONDITION, "key": "{{ no_such_function('x') }}"}]}}
            }
        },
        {"validate": {"foreach": [{**LOOP, "list": "no_such_function(request.object)"}]}},
        {"mutate": {"patchStrategicMerge": {"a": "{{ no_such_function('x') }}"}}},
        {"mutate": {"patchesJson6902": "- value: '{{ no_such_function(`1`) }}'"}},
        {"generate": {**MADE, "data": {"a": "{{ no_such_function('x') }}"}}},
    ],
)
def test_k12_unknown_functions_are_found_in_every_field(body: dict[str, Any]) -> None:
    (error,) = errors(**body)
    assert error.code == "unknown-function"
    assert error.location
    assert "no_such_function" in error.location.source.line(error.location.span.start.line)


def test_contexts_of_loops_declare_names() -> None:
    loop = {
        **LOOP,
        "context": [{"name": "mine", "variable": {"value": 1}}],
        "pattern": {"a": "{{ mine }}"},
    }
    assert not errors(validate={"foreach": [loop]})


def test_k19_contexts_of_loops_are_confined_to_the_namespace_of_the_policy() -> None:
    call = {"name": "c", "apiCall": {"urlPath": "/api/v1/namespaces/b/secrets"}}
    found = errors(
        kind="Policy",
        metadata={"namespace": "a"},
        validate={"foreach": [{**LOOP, "context": [call]}]},
    )
    assert [error.code for error in found] == ["foreign-namespace"]


def test_targets_are_known_where_existing_resources_are_changed() -> None:
    overlay = {"patchStrategicMerge": {"a": "{{ target.metadata.name }}"}}
    target = {"apiVersion": "v1", "kind": "Secret", "name": "s", "namespace": "n"}
    assert not errors(mutate={**overlay, "targets": [target]})
    (error,) = errors(mutate=overlay)
    assert error.code == "unknown-variable"


def test_who_sent_a_request_is_known_where_existing_resources_are_changed() -> None:
    mutate = {
        "patchStrategicMerge": {"a": "{{ request.userInfo.username }}"},
        "targets": [{"apiVersion": "v1", "kind": "Secret", "name": "s"}],
    }
    assert not errors(mutate=mutate)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"validate": {"foreach": [LOOP]}}, "wildcard policy does not support rule type"),
        ({"validate": {"pattern": {"spec": {}}}}, "policy can only deal with the metadata field"),
        ({"mutate": {"patchStrategicMerge": {"spec": {}}}}, "policy can only deal with the metadata field"),
        ({"validate": {"pattern": {"metadata": {}}}}, ""),
        ({"validate": {"deny": {}}}, ""),
    ],
)
def test_rules_about_every_kind(body: dict[str, Any], message: str) -> None:
    found = messages(match={"any": [{"resources": {"kinds": ["*"]}}]}, spec={"background": False}, **body)
    assert [message in each for each in found] == [True] * bool(message)


def test_overrides_of_rules_must_not_conflict() -> None:
    overrides = [{"action": a, "namespaces": ["x"]} for a in ("Audit", "Enforce")]
    (message,) = messages(validate={"deny": {}, "failureActionOverrides": overrides})
    assert "conflicting namespaces found in path: spec.rules[0].validate.failureActionOverrides[1]" in message
