from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.compiler.lint.base import Finding, Severity
from tests.support_lint import findings
from tests.support_policies import cluster_policy

CODE = "PRQ041"
MATCH = {"any": [{"resources": {"kinds": ["Pod"]}}]}


def exception(name: str = "e", rules: tuple[str, ...] = ("*",), policy: str = "p", **spec: Any) -> str:
    resources = spec.pop("resources", {})
    content = {
        "exceptions": [{"policyName": policy, "ruleNames": list(rules)}],
        "match": {"any": [{"resources": {"kinds": ["Pod"], **resources}}]},
        **spec,
    }
    return json.dumps(
        {
            "apiVersion": "kyverno.io/v2",
            "kind": "PolicyException",
            "metadata": {"name": name, "namespace": "exceptions"},
            "spec": content,
        }
    )


def found(*exceptions: str, match: Any = MATCH, **policy: Any) -> list[Finding]:
    text = cluster_policy(rule={"match": match}, spec={"validationFailureAction": "Audit"}, **policy)
    return findings("\n---\n".join((text, *exceptions)), CODE)


NARROW = {"names": ["debug-*"], "namespaces": ["debugging"]}


@pytest.mark.parametrize("resources", [{}, {"names": ["*"]}, {"namespaces": ["*"]}])
def test_everything_is_exempt(resources: dict[str, Any]) -> None:
    (only,) = found(exception(resources=resources))
    assert only.severity is Severity.ERROR
    assert "leaves nothing of rule `verify` of policy `p`" in only.problem.message
    assert only.problem.examples[0].point is not None
    assert [label for label, _ in only.problem.related] == ["the rule"]


def test_all_that_the_rule_is_about() -> None:
    match = {"any": [{"resources": {"kinds": ["Pod"], "namespaces": ["prod", "stage"]}}]}
    (only,) = found(exception(resources={"namespaces": ["prod", "st*"]}), match=match)
    assert only.severity is Severity.ERROR
    assert found(exception(resources={"namespaces": ["prod"]}), match=match) == []


@pytest.mark.parametrize(
    "resources",
    [
        {"names": ["debug-*"]},
        {"selector": {"matchLabels": {"debug": "yes"}}},
        {"names": ["a"], "kinds": ["*/Pod"]},
    ],
)
def test_in_every_namespace(resources: dict[str, Any]) -> None:
    (only,) = found(exception(resources=resources))
    assert only.severity is Severity.WARNING
    assert "holds in every namespace" in only.problem.message
    point = only.problem.examples[0].point
    assert point is not None
    assert point.namespace == "team-4711"


@pytest.mark.parametrize(
    "given",
    [
        exception(resources=NARROW),
        exception(resources={"names": ["debug"], "namespaceSelector": {"matchLabels": {"debug": "yes"}}}),
        exception(resources={"names": ["a"]}, rules=("other",)),
        exception(resources={"names": ["a"]}, policy="q"),
        exception(resources={"names": ["a"]}, policy="default/p"),
        exception(resources={"names": ["a"], "kinds": ["Service"]}),
        exception(
            conditions={"all": [{"key": "{{ request.namespace }}", "operator": "Equals", "value": "x"}]}
        ),
        exception(
            background=False,
            match={"any": [{"resources": {"kinds": ["Pod"]}, "clusterRoles": ["admin"]}]},
        ),
    ],
)
def test_what_is_narrow_or_not_known(given: str) -> None:
    assert found(given) == []


def test_labels_of_namespaces_may_be_anywhere() -> None:
    labels = {"matchLabels": {"kubernetes.io/metadata.name": "debugging"}}
    assert found(exception(resources={"names": ["debug"], "namespaceSelector": labels})) == []


def test_a_policy_of_a_namespace_is_about_that_alone() -> None:
    given = exception(resources={"names": ["debug-*"]}, policy="team/p")
    assert found(given, kind="Policy", metadata={"namespace": "team"}) == []


@pytest.mark.parametrize(
    ("operations", "severity"),
    [(["CREATE"], Severity.WARNING), (["CREATE", "UPDATE", "DELETE"], Severity.INFO)],
)
def test_operations_limit_nothing(operations: list[str], severity: Severity) -> None:
    (only,) = found(exception(resources={**NARROW, "operations": operations}))
    assert only.severity is severity
    assert "are not looked at" in only.problem.message
    assert only.location is not None
    start = only.location.span.start
    assert only.location.source.line(start.line)[start.column - 1 :].startswith('"operations"')


def test_a_wider_exception_makes_a_narrow_one_superfluous() -> None:
    narrow = exception("narrow", resources={**NARROW, "names": ["debug-1"]})
    wide = exception("wide", resources=NARROW)
    for order in ((narrow, wide), (wide, narrow)):
        (only,) = found(*order)
        assert "`exceptions/narrow` limits nothing: `exceptions/wide`" in only.problem.message
        assert [label for label, _ in only.problem.related] == ["the wider exception"]


def test_of_two_that_are_equal_the_second_is_superfluous() -> None:
    one, two = exception("one", resources=NARROW), exception("two", resources=NARROW)
    (only,) = found(one, two)
    assert "`exceptions/two` limits nothing" in only.problem.message


def test_exceptions_that_overlap_are_both_needed() -> None:
    one = exception("one", resources={**NARROW, "names": ["a*"]})
    two = exception("two", resources={**NARROW, "names": ["*b"]})
    assert found(one, two) == []


def test_a_conditional_exception_is_not_wider() -> None:
    condition = {"all": [{"key": "{{ request.operation }}", "operator": "Equals", "value": "CREATE"}]}
    narrow = exception("narrow", resources={**NARROW, "names": ["debug-1"]})
    assert found(narrow, exception("wide", resources=NARROW, conditions=condition)) == []
    (only,) = found(
        exception("narrow", resources=NARROW, conditions=condition), exception("wide", resources=NARROW)
    )
    assert "`exceptions/narrow` limits nothing" in only.problem.message


def test_one_finding_however_many_rules() -> None:
    text = cluster_policy(spec={"validationFailureAction": "Audit"})
    data = json.loads(text)
    data["spec"]["rules"].append({**data["spec"]["rules"][0], "name": "again"})
    assert len(findings(f"{json.dumps(data)}\n---\n{exception(resources={'names': ['a']})}", CODE)) == 1


def test_without_exceptions() -> None:
    assert found() == []
