"""Which rules apply: conditions on the request, as the API server would have judged them."""

from __future__ import annotations

import pytest

from pratique.compiler.explain.reasons import Answer
from pratique.compiler.plan import Plan
from pratique.compiler.selection import Requester
from pratique.runtime.applicable import applicable
from pratique.runtime.context_sources import GivenContext
from pratique.runtime.engine import Engine
from pratique.runtime.now import run_now
from pratique.runtime.resource import Resource
from pratique.runtime.rule_reasons import reasons
from tests.support_admission import APP, judge, world
from tests.support_engine import pod
from tests.support_policies import read, rule_policy

DENIED = {"message": "denied", "deny": {}}


def plan_of(*expressions: str, failure_policy: str = "Fail") -> Plan:
    conditions = [{"name": f"c{n}", "expression": text} for n, text in enumerate(expressions)]
    webhook = {"matchConditions": conditions, "failurePolicy": failure_policy}
    lowered = read(rule_policy(validate=DENIED, spec={"webhookConfiguration": webhook}))
    assert not lowered.errors, [str(error) for error in lowered.errors]
    return Plan(lowered.policies)


def judged(plan: Plan, resource: Resource) -> list[tuple[str, str]]:
    results = run_now(Engine(plan).judge(resource, applicable(plan, resource)))
    return [(str(result.status), result.message) for result in results]


@pytest.mark.parametrize(
    ("expressions", "applies"),
    [
        (("request.operation == 'CREATE'",), True),
        (("request.operation == 'UPDATE'",), False),
        (("request.userInfo.username == 'alice'",), True),
        (("request.kind.kind == 'Pod' && request.resource.resource == 'pods'",), True),
        (("request.namespace == 'default' && request.name == object.metadata.name",), True),
        (("object.metadata.name == 'pod'", "!has(object.spec.hostNetwork)"), True),
        (("object.metadata.name == 'pod'", "has(object.spec.hostNetwork)"), False),
        # What is not there is null, as for the API server.
        (("oldObject == null",), True),
        (("namespaceObject == null",), True),
        # One that is false decides, whatever others are.
        (("object.none == 1", "false"), False),
    ],
)
def test_conditions_narrow(expressions: tuple[str, ...], applies: bool) -> None:
    resource = Resource(pod("x"), requester=Requester(username="alice"))
    assert bool(judged(plan_of(*expressions), resource)) is applies


def test_what_is_deleted_is_the_old_object() -> None:
    resource = Resource(pod("x"), operation="DELETE")
    plan = plan_of("object == null && oldObject.metadata.name == 'pod' && request.operation == 'DELETE'")
    assert judged(plan, resource) == [("fail", "denied")]


@pytest.mark.parametrize(("failure_policy", "status"), [("Fail", ["error"]), ("Ignore", [])])
def test_a_condition_that_cannot_be_evaluated_is_an_error_unless_the_policy_fails_open(
    failure_policy: str, status: list[str]
) -> None:
    plan = plan_of("object.spec.none == 1", failure_policy=failure_policy)
    found = judged(plan, Resource(pod("x")))
    assert [each for each, _ in found] == status
    for _, message in found:
        assert message == (
            "failed to evaluate match conditions: expression 'object.spec.none == 1' resulted in error:"
            " no such key: none"
        )


def test_rules_see_what_mutations_left() -> None:
    labelled = {"metadata": {"labels": {"seen": "yes"}}}
    first = rule_policy(metadata={"name": "a"}, mutate={"patchStrategicMerge": labelled})
    webhook = {"matchConditions": [{"name": "c", "expression": "'labels' in object.metadata"}]}
    second = rule_policy(metadata={"name": "b"}, validate=DENIED, spec={"webhookConfiguration": webhook})
    for policies, count in (([second], 0), ([first, second], 2)):
        plan = Plan(read("\n---\n".join(policies)).policies)
        assert len(judged(plan, Resource(pod("x")))) == count


@pytest.mark.parametrize(
    ("expression", "answer", "why"),
    [
        ("true", Answer.YES, "its kind is `v1/Pod`, and the match conditions hold of its request"),
        ("false", Answer.NO, "the match conditions do not hold of its request"),
        ("object.none == 1", Answer.UNKNOWN, "failed to evaluate match conditions: "),
    ],
)
def test_explanations(expression: str, answer: Answer, why: str) -> None:
    plan = plan_of(expression)
    rule = reasons(plan, Resource(pod("x")), GivenContext()).rules[0]
    assert rule.answer is answer
    assert rule.why.startswith(why)


@pytest.mark.parametrize(
    ("expression", "allowed"), [("true", False), ("false", True), ("object.none == 1", False)]
)
def test_a_review_that_does_not_meet_them_is_not_judged(expression: str, allowed: bool) -> None:
    webhook = {"webhookConfiguration": {"matchConditions": [{"name": "c", "expression": expression}]}}
    given = world(spec=webhook, signed=False)
    verdict = judge(given, pod(APP))
    assert verdict.allowed is allowed
