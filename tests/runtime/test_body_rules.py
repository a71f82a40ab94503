"""Rules that validate, judged by the engine: order of work, operations, what updates may keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pratique.compiler.plan import Plan
from pratique.compiler.selection import Requester
from pratique.runtime.applicable import applicable
from pratique.runtime.engine import Engine
from pratique.runtime.mutation_rules import NO_CLUSTER
from pratique.runtime.now import run_now
from pratique.runtime.resource import Resource
from tests.support_engine import pod
from tests.support_exceptions import PODS, exception, exemptions
from tests.support_policies import read, rule_policy

DENIED = {"message": "denied", "deny": {}}


def judged(resource: Resource, *policies: str) -> list[tuple[str, str, str]]:
    """Return rule, status and message of each result."""
    lowered = read("\n---\n".join(policies))
    assert not lowered.errors, [str(e) for e in lowered.errors]
    plan = Plan(lowered.policies)
    results = run_now(Engine(plan).judge(resource, applicable(plan, resource)))
    return [(result.rule, str(result.status), result.message) for result in results]


def of_request(data: Mapping[str, Any], operation: str = "CREATE", old: Any = None, **more: Any) -> Resource:
    sides = {"DELETE": {"oldObject": data}, "UPDATE": {"object": data, "oldObject": old}}
    request = {"operation": operation, **sides.get(operation, {"object": data})}
    return Resource(data, operation=operation, values={"request": request}, **more)


def rules(*written: dict[str, Any], **spec: Any) -> str:
    match = {"match": {"any": [{"resources": {"kinds": ["Pod"]}}]}}
    return rule_policy(spec={"rules": [{**match, **rule} for rule in written], **spec})


def test_nothing_is_asked_and_no_loop_is_needed() -> None:
    assert judged(Resource(pod("x")), rule_policy(validate=DENIED)) == [("rule", "fail", "denied")]


def test_rules_that_do_not_match_say_nothing() -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    assert judged(Resource(namespace), rule_policy(validate=DENIED)) == []


def test_preconditions_come_first() -> None:
    condition = {"key": "a", "operator": "Equals", "value": "b", "message": "only b"}
    policy = rule_policy(validate=DENIED, preconditions={"all": [condition]})
    assert judged(Resource(pod("x")), policy) == [("rule", "skip", "preconditions not met; only b")]


def test_preconditions_that_cannot_be_evaluated_are_an_error() -> None:
    condition = {"key": "{{ request.object.nothing }}", "operator": "Equals", "value": "b"}
    ((_, status, message),) = judged(
        Resource(pod("x")), rule_policy(validate=DENIED, preconditions={"all": [condition]})
    )
    assert status == "error"
    assert message.startswith("failed to evaluate preconditions: failed to substitute variables")


def test_one_rule_that_applies_is_enough_where_the_policy_says_so() -> None:
    left_out = {"name": "a", "validate": {"pattern": {"(kind)": "x"}}}
    passes = {"name": "b", "validate": {"pattern": {"kind": "Pod"}}}
    fails = {"name": "c", "validate": DENIED}
    found = judged(Resource(pod("x")), rules(left_out, passes, fails, applyRules="One"))
    assert [(rule, status) for rule, status, _ in found] == [("a", "skip"), ("b", "pass")]
    assert len(judged(Resource(pod("x")), rules(left_out, passes, fails))) == 3


def test_an_error_is_no_application() -> None:
    broken = {"name": "a", "validate": {"pattern": {"kind": "{{ request.object.nothing }}"}}}
    fails = {"name": "b", "validate": DENIED}
    found = judged(Resource(pod("x")), rules(broken, fails, applyRules="One"))
    assert [(rule, status) for rule, status, _ in found] == [("a", "error"), ("b", "fail")]


def test_k14_a_broken_rule_keeps_no_other_from_answering() -> None:
    broken = {
        "name": "a",
        "validate": {"foreach": [{"list": "to_upper(request.object.spec)", "deny": {}}]},
    }
    found = judged(Resource(pod("x")), rules(broken, {"name": "b", "validate": DENIED}))
    assert [(rule, status) for rule, status, _ in found] == [("a", "error"), ("b", "fail")]


def test_patterns_say_nothing_of_what_is_deleted_and_denials_do() -> None:
    policy = rules(
        {"name": "a", "validate": {"pattern": {"kind": "x"}}},
        {"name": "b", "validate": {**DENIED, "message": "kept {{ request.object.metadata.name }}"}},
    )
    assert judged(of_request(pod("x"), "DELETE"), policy) == [("b", "fail", "kept pod")]


def test_generated_rules() -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"template": {"spec": {"hostNetwork": True}}},
    }
    policy = rule_policy(validate={"pattern": {"spec": {"=(hostNetwork)": False}}})
    path = "/spec/template/spec/hostNetwork/"
    assert judged(Resource(deployment), policy) == [
        ("autogen-rule", "fail", f"validation error: rule autogen-rule failed at path {path}")
    ]


# --- violations that were there before -----------------------------------------------------------------

LABELLED = {"message": "m", "pattern": {"metadata": {"labels": {"app": "?*"}}}}
BARE, GOOD = pod("x"), pod("x", metadata={"labels": {"app": "a"}})
KEPT = ("rule", "skip", "skipping the rule evaluation as pre-existing violations are allowed")


def enforced(**validate: Any) -> str:
    return rule_policy(validate={"failureAction": "Enforce", **LABELLED, **validate})


def statuses(resource: Resource, policy: str) -> list[str]:
    return [status for _, status, _ in judged(resource, policy)]


def test_an_update_may_keep_a_violation() -> None:
    assert judged(of_request(BARE, "UPDATE", BARE), enforced()) == [KEPT]


def test_an_update_may_not_add_a_violation() -> None:
    assert statuses(of_request(BARE, "UPDATE", GOOD), enforced()) == ["fail"]
    assert statuses(of_request(GOOD, "UPDATE", BARE), enforced()) == ["pass"]


def test_violations_are_not_kept_where_they_are_not_allowed_or_only_audited() -> None:
    assert statuses(of_request(BARE, "UPDATE", BARE), enforced(allowExistingViolations=False)) == ["fail"]
    assert statuses(of_request(BARE, "UPDATE", BARE), enforced(failureAction="Audit")) == ["fail"]
    assert statuses(of_request(BARE), enforced()) == ["fail"]


def test_the_old_object_must_be_matched_as_one_that_nobody_made() -> None:
    match = {"any": [{"resources": {"kinds": ["Pod"]}, "subjects": [{"kind": "User", "name": "dev"}]}]}
    policy = json.loads(enforced())
    policy["spec"]["rules"][0]["match"] = match
    policy["spec"]["background"] = False
    update = of_request(BARE, "UPDATE", BARE, requester=Requester(username="dev"))
    assert statuses(update, json.dumps(policy)) == ["fail"]


def test_preconditions_must_hold_for_the_old_object() -> None:
    condition = {"key": "{{ request.object.metadata.name }}", "operator": "Equals", "value": "new"}
    policy = json.loads(enforced())
    policy["spec"]["rules"][0]["preconditions"] = {"all": [condition]}
    new, old = pod("x", metadata={"name": "new"}), pod("x", metadata={"name": "old"})
    assert statuses(of_request(new, "UPDATE", new), json.dumps(policy)) == ["skip"]
    assert statuses(of_request(new, "UPDATE", old), json.dumps(policy)) == ["fail"]


# --- Pod security --------------------------------------------------------------------------------------

BASELINE = {"podSecurity": {"level": "baseline", "version": "latest"}}


def secured(*exceptions: str, host: bool = True) -> list[tuple[str, str]]:
    """Return status and message of a rule about Pod security, under exceptions."""
    data = pod("x")
    data["spec"]["hostNetwork"] = host
    plan = Plan(read(rule_policy(validate=BASELINE)).policies)
    resource = Resource(data)
    engine = Engine(plan, exemptions=exemptions(*exceptions))
    results = run_now(engine.judge(resource, applicable(plan, resource)))
    return [(str(result.status), result.message) for result in results]


def test_pod_security() -> None:
    ((status, message),) = secured()
    assert status == "fail"
    assert 'It violates PodSecurity "baseline:latest": ' in message
    assert secured(host=False) == [("pass", "Validation rule 'rule' passed.")]


def test_exceptions_lift_single_controls_of_pod_security() -> None:
    lifts = exception(podSecurity=[{"controlName": "Host Namespaces"}])
    assert secured(lifts) == [("skip", "rule is skipped due to policy exceptions ops/let")]
    assert secured(lifts, host=False) == [("pass", "Validation rule 'rule' passed.")]
    assert secured(exception(podSecurity=[{"controlName": "Seccomp"}]))[0][0] == "fail"
    whole = exception()
    assert secured(whole, lifts, host=False) == [("skip", "rule is skipped due to policy exception ops/let")]


def test_pod_security_of_an_object_that_was_no_better_before() -> None:
    data = pod("x")
    data["spec"]["hostNetwork"] = True
    rule = {"name": "r", "validate": {**BASELINE, "failureAction": "Enforce"}}
    before = of_request(data, "UPDATE", data)
    assert [status for _, status, _ in judged(before, rules(rule))] == ["skip"]
    assert judged(of_request(data, "DELETE"), rules(rule)) == []


# --- mutations -----------------------------------------------------------------------------------------


def label(key: str, value: str = "yes", **match: Any) -> dict[str, Any]:
    return {"name": key, "mutate": {"patchStrategicMerge": {"metadata": {"labels": {key: value}}}}, **match}


def mutated(resource: Resource, *policies: str, targets: Any = None) -> list[tuple[str, str, str]]:
    """Return rule, status and message of each result, with targets."""
    lowered = read("\n---\n".join(policies))
    assert not lowered.errors, [str(e) for e in lowered.errors]
    plan = Plan(lowered.policies)
    results = run_now(Engine(plan, targets=targets).judge(resource, applicable(plan, resource)))
    return [(result.rule, str(c.status), c.message) for result in results for c in result.checks]


def test_later_rules_see_what_earlier_ones_left() -> None:
    by_label = {"any": [{"resources": {"kinds": ["Pod"], "selector": {"matchLabels": {"a": "yes"}}}}]}
    copied = label("c", "{{ request.object.metadata.labels.b }}")
    found = judged(Resource(pod("x")), rules(label("a"), label("b", match=by_label), copied))
    assert [(rule, status) for rule, status, _ in found] == [("a", "pass"), ("b", "pass"), ("c", "pass")]


def test_validation_comes_after_all_mutation() -> None:
    asked = {"name": "v", "validate": {"pattern": {"metadata": {"labels": {"a": "yes"}}}}}
    validates = rule_policy(metadata={"name": "first"}, spec={"rules": [{"match": PODS, **asked}]})
    found = judged(Resource(pod("x")), validates, rules(label("a")))
    assert sorted((rule, status) for rule, status, _ in found) == [("a", "pass"), ("v", "pass")]


def test_one_mutation_is_enough_where_the_policy_says_so() -> None:
    found = judged(Resource(pod("x")), rules(label("a"), label("b"), applyRules="One"))
    assert [(rule, status) for rule, status, _ in found] == [("a", "pass")]


def test_nothing_is_mutated_on_delete() -> None:
    assert judged(of_request(pod("x"), "DELETE"), rules(label("a"))) == []


def test_values_beside_a_request_follow_the_object() -> None:
    copied = label("b", "{{ request.object.metadata.labels.a }}")
    found = judged(of_request(pod("x"), "UPDATE", pod("x")), rules(label("a"), copied))
    assert [status for _, status, _ in found] == ["pass", "pass"]


EXISTING: dict[str, Any] = {
    "name": "e",
    "mutate": {
        "targets": [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": "c*",
                "namespace": "{{ request.object.metadata.name }}",
            }
        ],
        "patchStrategicMerge": {"data": {"was": "{{ target.data.a }}"}},
    },
}


def config_map(name: str, namespace: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}


def test_existing_objects_are_changed_and_the_resource_is_not() -> None:
    data = pod("x")
    data["metadata"]["name"] = "ns"
    objects = [config_map("c1", "ns"), config_map("c2", "other"), config_map("d", "ns")]
    asked = {"name": "v", "validate": {"pattern": {"X(data)": None}}}
    found = mutated(Resource(data), rules(EXISTING, asked), targets=objects)
    assert found == [
        ("e", "pass", "mutated ConfigMap/c1 in namespace ns"),
        ("v", "pass", "validation rule 'v' passed."),
    ]
    assert objects[0]["data"] == {"a": "1"}


def test_targets_that_nobody_knows_are_an_error() -> None:
    ((_, status, message),) = mutated(Resource(pod("x")), rules(EXISTING))
    assert (status, message) == ("error", NO_CLUSTER)


def test_preconditions_of_targets() -> None:
    data = pod("x")
    data["metadata"]["name"] = "ns"
    only = {"all": [{"key": "{{ target.data.a }}", "operator": "Equals", "value": "2"}]}
    target = {**EXISTING["mutate"]["targets"][0], "preconditions": only}
    rule = {"name": "e", "mutate": {**EXISTING["mutate"], "targets": [target]}}
    objects = [config_map("c1", "ns"), {**config_map("c2", "ns"), "data": {"a": "2"}}]
    found = mutated(Resource(data), rules(rule), targets=objects)
    assert [status for _, status, _ in found] == ["skip", "pass"]


# --- facts for reports ----------------------------------------------------------------------------------


def properties(written: dict[str, str], resource: Resource | None = None, **rule: Any) -> dict[str, str]:
    policy = rules({"name": "a", "validate": DENIED, "reportProperties": written, **rule})
    plan = Plan(read(policy).policies)
    resource = resource or Resource(pod("x"))
    (result,) = run_now(Engine(plan).judge(resource, applicable(plan, resource)))
    return dict(result.properties)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("fixed", "fixed"),
        ("{{ request.object.metadata.name }}!", "pod!"),
        ("{{ request.object.metadata.nothing }}", "{{ request.object.metadata.nothing }}"),
        ("{{ request.object.spec }}", "{{ request.object.spec }}"),
    ],
)
def test_facts_for_reports_may_hold_variables(written: str, found: str) -> None:
    assert properties({"b": "1", "a": written}) == {"a": found, "b": "1"}


def test_facts_are_those_of_the_resource_not_of_the_old_one() -> None:
    old = pod("x", metadata={"name": "old"})
    resource = of_request(pod("x"), "UPDATE", old)
    assert properties({"a": "{{ request.object.metadata.name }}"}, resource) == {"a": "pod"}


def test_facts_of_rules_that_are_not_judged_stay_as_written() -> None:
    unmet = {"all": [{"key": "a", "operator": "Equals", "value": "b"}]}
    written = "{{ request.object.metadata.name }}"
    assert properties({"a": written}, preconditions=unmet) == {"a": written}


# --- generations ---------------------------------------------------------------------------------------

COPY = {
    "name": "g",
    "generate": {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "copy",
        "namespace": "{{ request.object.metadata.name }}",
        "clone": {"namespace": "default", "name": "source"},
    },
}


def generated(resource: Resource, *, as_in_suites: bool = False, sources: Any = None) -> list[Any]:
    """Return status, message and made objects of a rule that copies."""
    plan = Plan(read(rules(COPY)).policies)
    engine = Engine(plan, as_in_suites=as_in_suites, sources=sources)
    results = run_now(engine.judge(resource, applicable(plan, resource)))
    return [(str(c.status), c.message, len(c.made)) for result in results for c in result.checks]


def test_rules_generate_from_their_sources() -> None:
    sources = {("p", "g"): [config_map("source", "default")]}
    assert generated(Resource(pod("x")), sources=sources) == [("pass", "generated ConfigMap/copy", 1)]
    assert generated(of_request(pod("x"), "DELETE"), sources=sources) == []


def test_what_cannot_be_generated_is_an_error_but_in_suites() -> None:
    ((status, message, made),) = generated(Resource(pod("x")))
    assert (status, made) == ("error", 0)
    assert message.startswith("failed to generate: source resource ConfigMap/")
    assert generated(Resource(pod("x")), as_in_suites=True) == [("pass", "", 0)]


# --- where it cannot be evaluated -----------------------------------------------------------------------

UNKNOWN = "{{ request.object.nothing }}"
CONDITION = {"key": UNKNOWN, "operator": "Equals", "value": "b"}


def blamed(rule: dict[str, Any]) -> tuple[str, str]:
    """Return the code of an error, and the text of the policy where it is."""
    plan = Plan(read(rules({"name": "a", **rule})).policies)
    resource = Resource(pod("x"))
    (result,) = run_now(Engine(plan).judge(resource, applicable(plan, resource)))
    (check,) = result.checks
    assert check.reason is not None
    assert check.reason.location is not None
    place = check.reason.location
    first, *lines = place.source.text.splitlines()[place.span.start.line - 1 :]
    return check.reason.code, "".join("\n".join([first[place.span.start.column - 1 :], *lines]).split())


@pytest.mark.parametrize(
    ("rule", "code", "place"),
    [
        ({"validate": {"deny": {"conditions": [CONDITION]}}}, "unknown-key", '{"conditions":['),
        ({"validate": {"pattern": {"spec": {"a": UNKNOWN}}}}, "unknown-key", '{"spec":{"a"'),
        ({"validate": {"anyPattern": [{"spec": {"a": UNKNOWN}}]}}, "unknown-key", '[{"spec":{"a"'),
        (
            {
                "validate": {
                    "foreach": [{"list": "request.object.spec | `5`", "deny": {"conditions": [CONDITION]}}]
                }
            },
            "unknown-key",
            '{"conditions":[',
        ),
        (
            {"validate": {"foreach": [{"list": "abs('a')", "deny": {}}]}},
            "invalid-argument",
            '{"list":"abs',
        ),
        (
            {"validate": {"foreach": [{"list": "[`1`]", "elementScope": True, "pattern": {"a": 1}}]}},
            "wrong-type",
            '{"list":"[`1`]"',
        ),
        (
            {
                "context": [{"name": "v", "variable": {"jmesPath": "request.object.nothing"}}],
                "validate": {"deny": {"conditions": [{**CONDITION, "key": "{{ v }}"}]}},
            },
            "unknown-key",
            '"v","variable"',
        ),
    ],
)
def test_errors_say_where(rule: dict[str, Any], code: str, place: str) -> None:
    found, text = blamed(rule)
    assert found == code
    assert text.startswith(place), text[:60]
