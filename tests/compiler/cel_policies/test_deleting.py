from __future__ import annotations

from pratique.compiler.cel_bodies import CelDeletion, Dialect
from pratique.compiler.cel_policies.constraints import is_about, of_any
from tests.support_cel_policies import exemptions, policy, request, said, text


def deleting(conditions: str) -> str:
    return text("DeletingPolicy", f"schedule: '*/5 * * * *'\nconditions:\n{conditions}")


def named(name: str) -> str:
    return f"- {{name: {name}, expression: \"variables.name == '{name}'\"}}"


VARIABLES = "\nvariables: [{name: name, expression: object.metadata.name}]"


def test_what_goes_passes() -> None:
    assert said(deleting(named("web") + VARIABLES)) == ("pass", "resource matched")
    assert said(deleting(named("db") + VARIABLES)) == ("fail", "resource did not match")


def test_conditions_without_a_value() -> None:
    assert said(deleting("- {name: a, expression: object.x == 1}")) == ("error", "no such key: x")
    both = "- {name: a, expression: object.x == 1}\n- {name: b, expression: 'false'}"
    assert said(deleting(both)) == ("fail", "resource did not match")


def test_exceptions_spare() -> None:
    lifting = exemptions(
        "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: e, namespace: lifted}\n"
        "spec: {policyRefs: [{name: p, kind: DeletingPolicy}], images: [a]}\n"
    )
    assert said(deleting(named("web") + VARIABLES), lifting=lifting) == ("fail", "resource did not match")


def test_operations_do_not_count() -> None:
    rules = '{apiGroups: [""], apiVersions: [v1], operations: [DELETE], resources: [pods]}'
    written = text("DeletingPolicy", "schedule: '@daily'\nconditions: []", rules=rules)
    body = policy(written).rules[0].body
    assert isinstance(body, CelDeletion)
    assert not is_about(body.scope.constraints, request(), Dialect.KYVERNO)
    assert is_about(of_any(body.scope.constraints), request(), Dialect.KYVERNO)
    assert (body.schedule, body.propagation) == ("@daily", "")
