from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.cel.questions import ParameterQuestion
from pratique.compiler.ir import LabelSelector
from pratique.grammar.errors import EvaluationError
from tests.support_cel_policies import DEPLOYMENTS, outcome, policy, request, said, text

GROUP = "admissionregistration.k8s.io/v1"
CHECKS = "validations:\n- {expression: \"object.metadata.name == 'db'\", message: ' it is not '}\n"
PARAMETERS = "paramKind: {apiVersion: v1, kind: ConfigMap}\n"
LIMIT = (
    "validations: [{expression: 'object.metadata.name.size() <= int(params.data.limit)', message: long}]\n"
)


def validating(spec: str = CHECKS, **options: Any) -> str:
    return text("ValidatingAdmissionPolicy", spec, group=GROUP, **options)


def bound(spec: str, *bindings: str, kind: str = "ValidatingAdmissionPolicy", **options: Any) -> str:
    written = text(kind, spec, group=GROUP, **options)
    for number, each in enumerate(bindings):
        written += (
            f"---\napiVersion: {GROUP}\nkind: {kind}Binding\nmetadata: {{name: b{number}}}\n"
            f"spec: {{policyName: p, {each}}}\n"
        )
    return written


def answers(*objects: dict[str, Any]) -> Any:
    asked: list[ParameterQuestion] = []

    def ask(question: ParameterQuestion) -> list[dict[str, Any]]:
        asked.append(question)
        return list(objects)

    ask.asked = asked  # type: ignore[attr-defined]
    return ask


def limit(number: str) -> dict[str, Any]:
    return {"kind": "ConfigMap", "data": {"limit": number}}


# --- what Kubernetes says ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (CHECKS, ("fail", "it is not")),
        (CHECKS.replace("'db'", "'web'"), ("pass", "")),
        (
            "validations: [{expression: ' 1 > 2 '}]",
            ("fail", "failed expression: 1 > 2"),
        ),
        (
            "validations: [{expression: '1 > 2', messageExpression: \"' not ' + object.metadata.name\"}]",
            ("fail", "not web"),
        ),
        (
            "validations: [{expression: '1 > 2', message: m, messageExpression: object.x.y}]".replace(
                "object.x.y", "string(object.x)"
            ),
            ("fail", "m"),
        ),
        (
            "validations: [{expression: '1 > 2', message: m, messageExpression: \"'a\\\\nb'\"}]",
            ("fail", "m"),
        ),
        (
            "validations: [{expression: object.x == 1}]",
            ("error", "expression 'object.x == 1' resulted in error: no such key: x"),
        ),
        (
            "variables: [{name: v, expression: object.x.y}]\nvalidations: [{expression: variables.v == 1}]",
            (
                "error",
                "expression 'variables.v == 1' resulted in error: composited variable \"v\" fails to"
                " evaluate: no such key: x",
            ),
        ),
        (
            "matchConditions: [{name: a, expression: 'false'}]\nvalidations: [{expression: 'false'}]",
            ("skip", "match conditions aren't met"),
        ),
        ("validations: [{expression: oldObject == null}]", ("pass", "")),
        ('validations: [{expression: "!has(request.object)"}]', None),
    ],
)
def test_validations(spec: str, expected: tuple[str, str] | None) -> None:
    if expected is None:
        with pytest.raises(AssertionError, match="undefined field 'object'"):
            said(validating(spec))
    else:
        assert said(validating(spec)) == expected


# --- bindings ------------------------------------------------------------------------------------------

OTHERS = f"matchResources: {{resourceRules: [{DEPLOYMENTS}]}}"


def test_a_policy_without_bindings_counts_everywhere() -> None:
    assert policy(validating()).rules[0].body.scope.bindings is None  # type: ignore[union-attr]
    assert said(validating()) == ("fail", "it is not")


def test_bindings_narrow_a_policy() -> None:
    assert said(bound(CHECKS, "validationActions: [Deny]")) == ("fail", "it is not")
    assert said(bound(CHECKS, OTHERS)) is None
    assert said(bound(CHECKS, OTHERS, "validationActions: [Deny]")) == ("fail", "it is not")
    assert said(bound(CHECKS, "validationActions: [Deny]", rules=DEPLOYMENTS)) is None


def test_bindings_of_other_policies_and_kinds_do_not_count() -> None:
    other = bound(CHECKS, OTHERS).replace("policyName: p", "policyName: q")
    assert said(other) == ("fail", "it is not")


def test_actions_are_those_of_the_bindings() -> None:
    assert policy(bound(CHECKS, "validationActions: [Audit]")).rules[0].action == "Audit"
    deny = bound(CHECKS, "validationActions: [Audit]", "validationActions: [Warn, Deny]")
    assert policy(deny).rules[0].action == "Enforce"
    assert policy(validating()).rules[0].action == "Enforce"


# --- parameters ----------------------------------------------------------------------------------------

NAMED = "paramRef: {name: limits, parameterNotFoundAction: Deny}"


def test_parameters() -> None:
    ask = answers(limit("3"))
    assert said(bound(PARAMETERS + LIMIT, NAMED), ask=ask) == ("pass", "")
    assert ask.asked == [ParameterQuestion("v1", "ConfigMap", "shop", "limits")]
    assert said(bound(PARAMETERS + LIMIT, NAMED), ask=answers(limit("2"))) == ("fail", "long")


def test_each_parameter_is_an_evaluation() -> None:
    selected = "paramRef: {namespace: conf, selector: {matchLabels: {a: b}}, parameterNotFoundAction: Deny}"
    ask = answers(limit("3"), limit("2"), limit("4"))
    assert said(bound(PARAMETERS + LIMIT, selected), ask=ask) == ("fail", "long")
    selector = LabelSelector(match_labels=(("a", "b"),))
    assert ask.asked == [ParameterQuestion("v1", "ConfigMap", "conf", "", selector)]


def test_no_parameters() -> None:
    message = (
        "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
    )
    assert said(bound(PARAMETERS + LIMIT, NAMED), ask=answers()) == ("error", message)
    allowed = NAMED.replace("Deny", "Allow")
    assert said(bound(PARAMETERS + LIMIT, allowed), ask=answers()) is None


def test_parameters_that_nobody_can_tell() -> None:
    def ask(question: ParameterQuestion) -> Any:
        raise EvaluationError("not-given", f"no {question.name}")

    assert said(bound(PARAMETERS + LIMIT, NAMED), ask=ask) == (
        "error",
        "failed to configure binding: no limits",
    )


def test_a_policy_with_parameters_and_a_binding_without() -> None:
    found = said(bound(PARAMETERS + LIMIT, "validationActions: [Deny]"))
    assert found is not None
    assert found[0] == "error"
    assert found[1].endswith("resulted in error: no such key: data")


def test_the_worst_outcome_counts() -> None:
    other = f"{NAMED.replace('limits', 'others')}, validationActions: [Audit]"

    def ask(question: ParameterQuestion) -> list[Any]:
        return [limit("2" if question.name == "limits" else "9")]

    assert said(bound(PARAMETERS + LIMIT, NAMED, other), ask=ask) == ("fail", "long")


def test_changes_follow_each_other_binding_by_binding() -> None:
    spec = (
        PARAMETERS
        + "mutations:\n- patchType: JSONPatch\n  jsonPatch:\n    expression: >-\n"
        + "      [JSONPatch{op: 'add', path: '/metadata/labels/' + params.data.name, value: 'x'}]\n"
    )

    def ask(question: ParameterQuestion) -> list[Any]:
        return [{"data": {"name": question.name}}]

    bindings = [f"paramRef: {{name: {name}, parameterNotFoundAction: Deny}}" for name in ("a", "b")]
    found = outcome(bound(spec, *bindings, kind="MutatingAdmissionPolicy"), ask=ask)
    assert found is not None
    assert found.patched is not None
    assert found.patched["metadata"]["labels"] == {"app": "web", "a": "x", "b": "x"}
    assert outcome(bound(spec, OTHERS, kind="MutatingAdmissionPolicy"), request(), ask=ask) is None
