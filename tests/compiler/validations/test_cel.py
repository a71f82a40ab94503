from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import bodies
from pratique.compiler.cel_bodies import Dialect
from pratique.compiler.validations.cel import compile_cel_rule
from tests.support_cel import world
from tests.support_cel_policies import request


def said(
    *expressions: dict[str, Any],
    preconditions: tuple[str, ...] = (),
    variables: dict[str, str] | None = None,
    parameters: list[Any] | None = None,
    message: str = "",
    **fields: Any,
) -> tuple[str, str]:
    """Return what `validate.cel` says of a Pod."""
    check = bodies.Cel(
        expressions=tuple(bodies.CelExpression(**each) for each in expressions),
        preconditions=tuple(bodies.NamedExpression(name="c", expression=each) for each in preconditions),
        variables=tuple(
            bodies.NamedExpression(name=name, expression=each) for name, each in (variables or {}).items()
        ),
        parameters=bodies.CelParameters(api_version="v1", kind="ConfigMap") if parameters else None,
    )
    compiled, compiler = compile_cel_rule("r", check, message)
    assert not compiler.mistakes
    bindings = request(**fields).bindings(Dialect.KUBERNETES)
    outcome = compiled.evaluate(bindings, parameters or [None], world())
    return str(outcome.status), outcome.message


def test_an_expression_that_holds() -> None:
    assert said({"expression": "object.kind == 'Pod'"}) == ("pass", "Validation rule 'r' passed.")


@pytest.mark.parametrize(
    ("expression", "message", "found"),
    [
        ({"message": "own"}, "of the rule", "own"),
        ({}, "of the rule", "of the rule"),
        ({}, "", "failed expression: 1 > 2"),
        ({"message_expression": "'not ' + object.kind", "message": "own"}, "", "not Pod"),
        ({"message_expression": "string(object.x)", "message": "own"}, "", "own"),
        ({"message_expression": "'  '"}, "of the rule", "of the rule"),
    ],
)
def test_messages(expression: dict[str, str], message: str, found: str) -> None:
    assert said({"expression": "1 > 2", **expression}, message=message) == ("fail", found)


def test_an_expression_without_a_value_is_a_failure() -> None:
    text = "expression 'object.x == 1' resulted in error: no such key: x"
    assert said({"expression": "object.x == 1"}) == ("fail", text)


def test_preconditions() -> None:
    fails = {"expression": "1 > 2"}
    assert said(fails, preconditions=("object.kind == 'Service'",)) == ("skip", "cel preconditions not met")
    assert (
        said(fails, preconditions=("variables.pod",), variables={"pod": "object.kind == 'Pod'"})[0] == "fail"
    )
    broken = said(fails, preconditions=("object.x == 1",))
    assert broken == ("fail", "expression 'object.x == 1' resulted in error: no such key: x")


def test_variables() -> None:
    found = said({"expression": "variables.two == 2"}, variables={"one": "1", "two": "variables.one + 1"})
    assert found[0] == "pass"


def test_each_parameter_is_an_evaluation() -> None:
    expression = {"expression": "object.metadata.name == params.name", "message": "other"}
    assert said(expression, parameters=[{"name": "web"}, {"name": "web"}])[0] == "pass"
    assert said(expression, parameters=[{"name": "web"}, {"name": "db"}]) == ("fail", "other")


def test_the_namespace_has_a_name_at_least() -> None:
    assert said({"expression": "namespaceObject.metadata.name == 'shop'"})[0] == "pass"


def test_users_may_be_asked_about() -> None:
    expression = {"expression": "authorizer.requestResource.check('delete').allowed()"}
    assert said(expression) == ("fail", f"failed expression: {expression['expression']}")


def test_places_of_mistakes() -> None:
    check = bodies.Cel(
        expressions=(bodies.CelExpression(expression="true", message_expression="objct.x"),),
        variables=(bodies.NamedExpression(name="v", expression="1 +"),),
    )
    _, compiler = compile_cel_rule("r", check, "")
    first, second = compiler.mistakes
    assert (first.node, second.node) == (check.variables[0], check.expressions[0])
    assert second.error.path == ("messageExpression",)
