"""Hostile rules and resources of the policy language: growth, wrong types, ways out of a namespace.

Each test is named after the row of `docs/threats.md` that it holds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.runtime.applicable import applicable
from pratique.runtime.context_sources import GivenContext
from pratique.runtime.decision import RuleResult
from pratique.runtime.engine import Engine
from pratique.runtime.now import run_now
from pratique.runtime.resource import Resource
from tests.support_cel_policies import mistakes, policy, text
from tests.support_engine import pod
from tests.support_policies import read, rule_policy

DENIED = {"message": "denied", "deny": {}}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c{{elementIndex}}", "namespace": "default"}
KINDS = ("validate", "mutate", "generate")


def rule(kind: str, list_: str, inner: str = "x", **more: Any) -> dict[str, Any]:
    """Return a rule of a kind that loops over a list and puts a text with variables somewhere."""
    loops: dict[str, Any] = {
        "validate": {"deny": {"conditions": {"any": [{"key": inner, "operator": "Equals", "value": "no"}]}}},
        "mutate": {"patchStrategicMerge": {"metadata": {"labels": {"l": inner}}}},
        "generate": {**CONFIG, "data": {"data": {"x": inner}}},
    }
    return {"name": kind, kind: {"foreach": [{"list": list_, **loops[kind], **more}]}}


def results(
    *written: dict[str, Any], data: Mapping[str, Any] | None = None, **policy: Any
) -> list[RuleResult]:
    match = {"match": {"any": [{"resources": {"kinds": ["Pod"]}}]}}
    lowered = read(rule_policy(spec={"rules": [{**match, **each} for each in written]}))
    assert not lowered.errors, [str(error) for error in lowered.errors]
    plan, resource = Plan(lowered.policies), Resource(data or pod("x"))
    return list(run_now(Engine(plan).judge(resource, applicable(plan, resource))))


def line_of(result: RuleResult) -> str:
    """Return the text of the line that the error of a rule points to."""
    (check,) = result.checks
    assert check.reason is not None
    assert check.reason.location is not None
    location = check.reason.location
    return location.source.text.splitlines()[location.span.start.line - 1]


def errors(written: dict[str, Any], **policy: Any) -> list[tuple[str, str]]:
    found = read(rule_policy(**written, **policy)).errors
    return [(error.code, error.message) for error in found]


# --- K12: unknown functions ------------------------------------------------------------------------------

CALL = "{{ no_such_function('x') }}"
CONDITION = {"all": [{"key": CALL, "operator": "Equals", "value": "x"}]}
LABELS = {"patchStrategicMerge": {"metadata": {"labels": {"a": "b"}}}}


@pytest.mark.parametrize(
    "written",
    [
        {"preconditions": CONDITION, "validate": DENIED},
        {"validate": {**DENIED, "message": CALL}},
        {"context": [{"name": "v", "variable": {"value": CALL}}], "validate": DENIED},
        {"mutate": {"foreach": [{"list": "no_such_function(@)", **LABELS}]}},
        {"mutate": {"foreach": [{"list": "request.object", "preconditions": CONDITION, **LABELS}]}},
        {"mutate": {"targets": [{"apiVersion": "v1", "kind": "Pod", "name": CALL}], **LABELS}},
        {"generate": {**CONFIG, "name": CALL, "data": {"data": {}}}},
        {"generate": {"foreach": [{"list": "no_such_function(@)", **CONFIG, "data": {"data": {}}}]}},
        {"generate": {**CONFIG, "name": "c", "clone": {"name": CALL, "namespace": "default"}}},
    ],
    ids=lambda written: json.dumps(written)[:40],
)
def test_k12_unknown_functions_are_load_errors_in_loops_targets_and_copies(written: dict[str, Any]) -> None:
    assert {code for code, _ in errors(written)} == {"unknown-function"}


def test_k12_unknown_functions_of_cel_are_load_errors() -> None:
    for kind, spec in (
        ("ValidatingPolicy", "validations: [{expression: no_such_function(object)}]"),
        ("MutatingPolicy", "mutations: [{patchType: JSONPatch, jsonPatch: {expression: 'nope()'}}]"),
        ("GeneratingPolicy", "generate: [{expression: generator.nope('a')}]"),
        ("DeletingPolicy", "schedule: '* * * * *'\nconditions: [{name: a, expression: nope()}]"),
    ):
        (mistake,) = mistakes(text(kind, spec))
        assert "undeclared reference" in mistake
        assert mistake.startswith("p.yaml:")


# --- K13: growth ----------------------------------------------------------------------------------------

ANNOTATION = "{{request.object.metadata.annotations.x}}"
DOUBLED = {
    "list": "[`1`]",
    "patchesJson6902": f'[{{op: replace, path: /metadata/annotations/x, value: "{ANNOTATION * 2}"}}]',
}
LONGER = {
    "list": "request.object.spec.containers",
    "patchesJson6902": "[{op: add, path: /spec/containers/-, value: {name: n, image: x}}]",
}


@pytest.mark.parametrize(("loop", "code"), [(DOUBLED, "context-too-large"), (LONGER, "too-many-elements")])
def test_k13_mutations_that_double_what_they_read_end(loop: dict[str, Any], code: str) -> None:
    data = pod("x", metadata={"annotations": {"x": "y" * 1024}})
    start = time.process_time()
    found, other = results(
        {"name": "a", "mutate": {"foreach": [loop] * 40}}, {"name": "b", "validate": DENIED}, data=data
    )
    assert time.process_time() - start < 20
    assert [str(found.status), str(other.status)] == ["error", "fail"]
    assert found.checks[0].reason is not None
    assert found.checks[0].reason.code == code


@pytest.mark.parametrize("kind", KINDS)
def test_k13_loops_over_long_lists_end(kind: str) -> None:
    data = {**pod("x"), "list": ["x"] * 30_000}
    (found,) = results(rule(kind, "request.object.list"), data=data)
    assert str(found.status) == "error"
    assert "too many elements" in found.message
    assert line_of(found)


@pytest.mark.parametrize("kind", ["validate", "mutate"])
def test_k13_loops_inside_loops_end(kind: str) -> None:
    data = {**pod("x"), "list": ["x"] * 200}
    innermost = rule(kind, "request.object.list")[kind]
    nested = {"list": "request.object.list", **innermost}
    (found,) = results(
        {"name": "a", kind: {"foreach": [{"list": "request.object.list", "foreach": [nested]}]}}, data=data
    )
    assert str(found.status) == "error"
    assert "too many elements" in found.message


def test_k13_objects_that_grow_with_their_number_end() -> None:
    data = {**pod("x"), "list": ["abcdefgh"] * 3_000}
    (found,) = results(rule("generate", "request.object.list", "{{ request.object.list }}"), data=data)
    assert str(found.status) == "error"
    assert "too many elements" in found.message


# --- K14: wrong types -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("list_", ['`{"a": 1}`', '`[1, "x", null, {}, []]`', "to_upper(`5`)"])
def test_k14_a_wrong_type_in_a_loop_is_one_error_at_its_place(kind: str, list_: str) -> None:
    written = rule(kind, list_, "{{ to_upper(element.x || `5`) }}")
    found, other = results(written, {"name": "z", "validate": DENIED})
    assert (found.rule, str(found.status)) == (kind, "error")
    assert (other.rule, str(other.status)) == ("z", "fail"), "others still answer"
    assert line_of(found)


@pytest.mark.parametrize("kind", KINDS)
def test_k14_a_missing_key_in_a_loop_is_one_error_at_its_place(kind: str) -> None:
    (found,) = results(rule(kind, "[{a: `1`}]", "{{ element.missing }}"))
    assert str(found.status) == "error"
    assert 'Unknown key "missing" in path' in found.message
    assert line_of(found)


@pytest.mark.parametrize("list_", ["'text'", "`5`", "`null`", "`true`"])
@pytest.mark.parametrize("kind", KINDS)
def test_k14_what_is_no_list_is_a_list_of_one(kind: str, list_: str) -> None:
    found = results(rule(kind, list_))
    assert all(str(each.status) != "error" for each in found)


def test_k14_a_target_with_a_broken_name_is_one_error_at_its_place() -> None:
    target = {"apiVersion": "v1", "kind": "ConfigMap", "name": "{{ request.object.nothing }}"}
    lowered = read(rule_policy(mutate={"targets": [target], **LABELS}))
    plan, resource = Plan(lowered.policies), Resource(pod("x"))
    (found,) = run_now(Engine(plan, targets=[]).judge(resource, applicable(plan, resource)))
    assert str(found.status) == "error"
    assert line_of(found)


# --- K19 to K27: ways out of a namespace -----------------------------------------------------------------

OWN: dict[str, Any] = {"kind": "Policy", "metadata": {"name": "p", "namespace": "shop"}}
HERE = {**CONFIG, "name": "c", "namespace": "shop"}
ELSEWHERE = {"name": "s", "namespace": "bank"}


def looping(kind: str, source: dict[str, Any]) -> str:
    """Return a namespaced policy with a loop that reads an entry."""
    written = rule(kind, "[`1`]", "{{ v.data }}", context=[{"name": "v", **source}])
    if kind == "generate":
        written["generate"]["foreach"][0]["namespace"] = "shop"
    match = {"match": {"any": [{"resources": {"kinds": ["Pod"]}}]}}
    return rule_policy(spec={"rules": [{**match, **written}]}, **OWN)


@pytest.mark.parametrize(
    "source",
    [{"configMap": ELSEWHERE}, {"apiCall": {"urlPath": "/api/v1/namespaces/bank/secrets/s"}}],
)
@pytest.mark.parametrize("kind", KINDS)
def test_k19_k20_contexts_of_loops_name_no_other_namespace(kind: str, source: dict[str, Any]) -> None:
    (error,) = read(looping(kind, source)).errors
    assert error.code == "foreign-namespace"
    assert error.location is not None


NAMED = "{{ request.object.metadata.annotations.x }}"


@pytest.mark.parametrize(
    "source",
    [
        {"configMap": {"name": "s", "namespace": NAMED}},
        {"apiCall": {"urlPath": f"/api/v1/namespaces/{NAMED}/secrets/s"}},
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_k19_k20_k25_contexts_of_loops_are_judged_on_what_variables_hold(
    kind: str, source: dict[str, Any]
) -> None:
    plan = Plan(read(looping(kind, source)).policies)
    resource = Resource(pod("x", metadata={"namespace": "shop", "annotations": {"x": "bank"}}))
    (found,) = run_now(Engine(plan, source=Nobody()).judge(resource, applicable(plan, resource)))
    assert str(found.status) == "error"
    assert found.checks[0].reason is not None
    assert found.checks[0].reason.code == "foreign-namespace"


class Nobody(GivenContext):
    """Fails the test where it is asked."""

    async def answer(self, question: Any) -> Any:
        raise AssertionError(question)


@pytest.mark.parametrize("namespace", ["bank", "{{ request.object.metadata.annotations.x }}"])
def test_k26_a_namespaced_policy_changes_no_object_elsewhere(namespace: str) -> None:
    target = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "namespace": namespace}
    ((code, message),) = errors({"mutate": {"targets": [target], **LABELS}}, **OWN)
    assert code == "foreign-namespace"
    assert "namespace where the policy is being created" in message


def test_k26_targets_without_a_namespace_are_those_of_the_policy() -> None:
    lowered = read(
        rule_policy(mutate={"targets": [{"apiVersion": "v1", "kind": "ConfigMap"}], **LABELS}, **OWN)
    )
    plan, resource = Plan(lowered.policies), Resource(pod("x", metadata={"namespace": "shop"}))
    objects = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": namespace}}
        for namespace in ("shop", "bank")
    ]
    (found,) = run_now(Engine(plan, targets=objects).judge(resource, applicable(plan, resource)))
    changed = [check.target["metadata"]["namespace"] for check in found.checks if check.target]
    assert changed == ["shop"]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({**HERE, "namespace": "bank", "data": {"data": {}}}, "cannot generate resources in other"),
        ({**HERE, "namespace": "{{request.namespace}}", "data": {"data": {}}}, "cannot generate"),
        ({**HERE, "namespace": "", "data": {"data": {}}}, "cannot generate"),
        ({**HERE, "clone": ELSEWHERE}, "cannot clone resources from other namespaces"),
        (
            {"namespace": "shop", "cloneList": {"namespace": "bank", "kinds": ["v1/Secret"]}},
            "cannot clone resources from other namespace",
        ),
        ({"foreach": [{"list": "[`1`]", **HERE, "clone": ELSEWHERE}]}, "cannot clone"),
    ],
)
def test_k27_a_namespaced_policy_makes_and_copies_nothing_elsewhere(made: dict[str, Any], said: str) -> None:
    ((code, message),) = errors({"generate": made}, **OWN)
    assert code == "foreign-namespace"
    assert said in message
    assert not errors({"generate": {**HERE, "data": {"data": {}}}}, **OWN)


def test_k27_policies_in_cel_ask_about_their_own_namespace() -> None:
    spec = "validations: [{expression: \"resource.Get('v1', 'secrets', 'bank', 's') == null\"}]"
    (mistake,) = mistakes(text("NamespacedValidatingPolicy", spec))
    assert "found no matching overload" in mistake


# --- K28 to K33: services -------------------------------------------------------------------------------

INSIDE = ("169.254.169.254", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1", "2130706433")


@pytest.mark.parametrize("host", INSIDE)
def test_k29_k33_functions_and_calls_reach_no_inside_address(host: str) -> None:
    """Neither `apiCall.service` nor `http.Get` connects to a host that nobody named."""
    entry = [{"name": "v", "apiCall": {"service": {"url": f"http://{host}/x"}, "method": "GET"}}]
    (found,) = results(
        {"name": "a", "validate": {"message": "m", "pattern": {"a": "{{ v }}"}}, "context": entry}
    )
    assert str(found.status) == "error"
    written = text(
        "ValidatingPolicy", f"validations: [{{expression: \"http.Get('http://{host}/x') == null\"}}]"
    )
    plan = Plan(ir.PolicySet(policies=(policy(written),)))
    resource = Resource(pod("x"))
    (judged,) = run_now(Engine(plan).judge(resource, applicable(plan, resource)))
    assert str(judged.status) == "error"


def test_k33_namespaced_policies_call_no_services() -> None:
    spec = "validations: [{expression: \"http.Get('https://svc.ns/x') == null\"}]"
    written = text("NamespacedValidatingPolicy", spec)
    assert mistakes(written)


def test_k13_variables_of_cel_that_double_end_at_the_budget() -> None:
    variables = ["{name: v0, expression: \"'xxxxxxxxxxxxxxxx'\"}"]
    doubled = (f"{{name: v{n}, expression: variables.v{n - 1} + variables.v{n - 1}}}" for n in range(1, 40))
    listed = ", ".join([*variables, *doubled])
    spec = f"variables: [{listed}]\nvalidations: [{{expression: variables.v39.size() > 0}}]"
    plan = Plan(ir.PolicySet(policies=(policy(text("ValidatingPolicy", spec)),)))
    resource = Resource(pod("x"))
    start = time.process_time()
    (found,) = run_now(Engine(plan).judge(resource, applicable(plan, resource)))
    assert time.process_time() - start < 10
    assert str(found.status) == "error"
    assert "cost limit exceeded" in found.message
