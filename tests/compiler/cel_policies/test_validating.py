from __future__ import annotations

import pytest

from tests.support_cel_policies import POD, exemptions, outcome, request, said, text

EXCEPTION = """\
apiVersion: policies.kyverno.io/v1
kind: PolicyException
metadata: {name: e, namespace: lifted}
spec:
  policyRefs: [{name: p, kind: ValidatingPolicy}]
"""


def validating(spec: str) -> str:
    return text("ValidatingPolicy", spec)


def one(expression: str, more: str = "") -> str:
    return validating(f"validations:\n- expression: {expression}\n{more}")


# --- what Kyverno says ---------------------------------------------------------------------------------


def test_a_check_that_holds() -> None:
    assert said(one("object.kind == 'Pod'")) == ("pass", "success")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("", "CEL expression validation failed at index 0"),
        ("  message: wrong", "wrong"),
        ("  message: wrong\n  messageExpression: \"'not ' + object.metadata.name\"", "not web"),
        (
            "  messageExpression: \"'not ' + object.metadata.nme\"",
            "failed to evaluate message expression: no such key: nme",
        ),
        ("  messageExpression: \"''\"", "CEL expression validation failed at index 0"),
    ],
)
def test_a_check_that_does_not_hold(more: str, message: str) -> None:
    assert said(one("object.kind == 'Service'", more)) == ("fail", message)


def test_the_first_check_that_does_not_hold_decides() -> None:
    spec = "validations:\n" + "".join(
        f"- {{expression: \"{e}\", message: '{m}'}}\n"
        for e, m in (("true", "a"), ("1 > 2", "b"), ("object.x.y", "c"))
    ).replace("object.x.y", "object.x.y == 1")
    found = outcome(validating(spec))
    assert found is not None
    assert (found.status, found.message) == ("fail", "b")
    assert found.properties == (("cel.validationIndex", "1"),)


def test_a_check_without_a_value_is_an_error() -> None:
    found = outcome(one("object.spec.replicas > 1"))
    assert found is not None
    assert (found.status, found.message) == ("error", "error: no such key: replicas")
    assert found.properties == (("cel.validationIndex", "0"),)


# --- conditions and variables --------------------------------------------------------------------------

CONDITIONS = "validations: [{expression: 'false'}]\nmatchConditions:\n"


@pytest.mark.parametrize(
    ("conditions", "said_of_it"),
    [
        ("- {name: a, expression: 'true'}", ("fail", "CEL expression validation failed at index 0")),
        ("- {name: a, expression: 'false'}", ("skip", "skip")),
        (
            "- {name: a, expression: 'object.x == 1'}\n- {name: b, expression: 'false'}",
            ("skip", "skip"),
        ),
        (
            "- {name: a, expression: 'object.x == 1'}\n- {name: b, expression: 'object.y == 1'}",
            ("error", "failed to load context: no such key: x; no such key: y"),
        ),
    ],
)
def test_conditions(conditions: str, said_of_it: tuple[str, str]) -> None:
    assert said(validating(CONDITIONS + conditions)) == said_of_it


def test_errors_of_conditions_do_not_count_where_failures_are_ignored() -> None:
    spec = f"failurePolicy: Ignore\n{CONDITIONS}- {{name: a, expression: 'object.x == 1'}}"
    assert said(validating(spec)) == ("skip", "skip")


def test_variables_are_computed_when_they_are_read() -> None:
    spec = """\
variables:
- {name: broken, expression: object.spec.nothing.at.all}
- {name: images, expression: 'object.spec.containers.map(c, c.image)'}
- {name: first, expression: 'variables.images[0]'}
validations:
- {expression: 'variables.first == "nginx:1.25"'}
- {expression: 'variables.broken == 1 || variables.images.size() == 1'}
"""
    assert said(validating(spec)) == ("pass", "success")
    assert said(validating(spec.replace(" ||", " &&"))) == ("error", "error: no such key: nothing")


def test_audit_annotations_are_properties() -> None:
    notes = """\
auditAnnotations:
- {key: name, valueExpression: 'object.metadata.name'}
- {key: none, valueExpression: 'null'}
- {key: empty, valueExpression: "''"}
""".replace("'object.metadata.name'", "'string(object.metadata.name)'")
    found = outcome(one("'true'", notes))
    assert found is not None
    assert found.properties == (("name", "web"),)
    found = outcome(one("'false'", notes))
    assert found is not None
    assert found.properties == (("cel.validationIndex", "0"), ("name", "web"))


# --- requests ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "request.operation == 'CREATE' && request.name == 'web' && request.namespace == 'shop'",
        "request.kind.kind == 'Pod' && request.resource.resource == 'pods'",
        "request.requestKind.kind == 'Pod' && !has(request.subResource) && request.dryRun == false",
        "oldObject == {} && request.oldObject == null && request.object == object",
        "namespaceObject.metadata.labels.team == 'a'",
        "request.userInfo.username == 'ann' && !has(request.userInfo.groups)",
    ],
)
def test_what_expressions_see(expression: str) -> None:
    asked = request(
        user={"username": "ann", "groups": []},
        namespace_object={"metadata": {"name": "shop", "labels": {"team": "a"}}},
    )
    assert said(one(f'"{expression}"'), asked) == ("pass", "success")


def test_a_deleted_object() -> None:
    asked = request(None, old=POD, operation="DELETE")
    assert said(one("\"object == {} && oldObject.kind == 'Pod'\""), asked) == ("pass", "success")


# --- exceptions ----------------------------------------------------------------------------------------


def test_a_policy_that_is_lifted() -> None:
    message = "rule is skipped due to policy exception: lifted/e"
    assert said(one("'false'"), lifting=exemptions(EXCEPTION)) == ("skip", message)
    passing = exemptions(EXCEPTION + "  reportResult: pass\n")
    assert said(one("'false'"), lifting=passing) == ("pass", message.replace("skipped", "passed"))


def test_an_exception_with_conditions() -> None:
    lifting = EXCEPTION + "  matchConditions: [{name: a, expression: 'object.metadata.name == \"db\"'}]\n"
    assert said(one("'false'"), lifting=exemptions(lifting)) == (
        "fail",
        "CEL expression validation failed at index 0",
    )
    assert said(one("'false'"), lifting=exemptions(lifting.replace("db", "web")))[0] == "skip"  # type: ignore[index]


def test_an_exception_that_cannot_be_judged() -> None:
    broken = EXCEPTION + "  matchConditions: [{name: a, expression: 'object.x == 1'}]\n"
    assert said(one("'false'"), lifting=exemptions(broken)) == (
        "error",
        "failed to load context: no such key: x",
    )
    # Behind one that lifts the policy it does not matter.
    assert said(one("'false'"), lifting=exemptions(EXCEPTION, broken))[0] == "skip"  # type: ignore[index]


def test_values_that_exceptions_allow() -> None:
    check = one('"object.spec.containers.all(c, c.image in exceptions.allowedImages)"')
    lifting = exemptions(EXCEPTION + "  images: ['nginx:1.25']\n")
    assert said(check, lifting=lifting) == ("pass", "success")
    assert said(check)[0] == "fail"  # type: ignore[index]


def test_an_exception_that_has_run_out() -> None:
    lifting = EXCEPTION + "  expiresAt: 2024-01-02T03:04:05Z\n"
    assert said(one("'false'"), lifting=exemptions(lifting))[0] == "fail"  # type: ignore[index]
    later = lifting.replace("2024", "2025")
    assert said(one("'false'"), lifting=exemptions(later))[0] == "skip"  # type: ignore[index]


def test_of_several_exceptions_the_first_in_rank_says_what_it_counts_as() -> None:
    ranked = EXCEPTION.replace("lifted}", 'lifted, labels: {polex.kyverno.io/priority: "7"}}').replace(
        "name: e", "name: f"
    )
    lifting = exemptions(EXCEPTION, ranked + "  reportResult: pass\n")
    message = "rule is passed due to policy exception: lifted/e, lifted/f"
    assert said(one("'false'"), lifting=lifting) == ("pass", message)
