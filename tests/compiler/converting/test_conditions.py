"""Conditions: translated, written as expressions, and read back."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.cel.environments import image_environment
from pratique.compiler.converting.conditions import (
    UnreadableError,
    UntranslatableError,
    foreign,
    is_exact,
    of_blocks,
    of_preconditions,
    plain,
    read,
    written,
)
from pratique.compiler.converting.identities import expression_of

ROOTS = {"request.object": "object", "request": "request"}


def one(key: str, operator: str, value: Any) -> dict[str, Any]:
    return {"all": [{"key": key, "operator": operator, "value": value}]}


@pytest.mark.parametrize(
    ("condition", "expression", "exact"),
    [
        (one("{{ request.object.kind }}", "Equals", "Pod"), "object.kind == 'Pod'", True),
        (one("{{ request.object.kind }}", "NotEquals", "Pod"), "object.kind != 'Pod'", False),
        (
            one("{{ request.operation }}", "AnyIn", ["CREATE", "UPDATE"]),
            "request.operation in ['CREATE', 'UPDATE']",
            False,
        ),
        (
            one("{{ request.object.metadata.labels.check || '' }}", "Equals", "yes"),
            "object.metadata.?labels.?check.orValue('') == 'yes'",
            True,
        ),
        (
            one("{{ request.object.metadata.name }}", "Equals", "web.*"),
            r"object.metadata.name.matches(r'^web\..*$')",
            True,
        ),
        (one("{{ request.object.spec.x }}", "Equals", True), "object.spec.x == true", True),
        (one("{{ request.object.spec.x }}", "GreaterThan", 5), "object.spec.x > 5", False),
        (one("{{ request.object.spec.x }}", "Equals", "5"), "object.spec.x == '5'", False),
        (one("{{ request.object.spec.x }}", "Equals", ".5m*"), r"object.spec.x.matches(r'^\.5m.*$')", False),
        (
            one("{{ request.object.spec.x }}", "Equals", ".github/*"),
            r"object.spec.x.matches(r'^\.github/.*$')",
            True,
        ),
        (
            one('{{ request.object.metadata."app/name" }}', "NotIn", ["a*"]),
            "!object.metadata['app/name'].matches('^a.*$')",
            False,
        ),
        (
            {
                "any": [
                    one("{{ request.object.a }}", "Equals", "x")["all"][0],
                    one("{{ request.object.b }}", "Equals", "y")["all"][0],
                ]
            },
            "object.a == 'x' || object.b == 'y'",
            True,
        ),
    ],
)
def test_translated_and_read_back(condition: dict[str, Any], expression: str, exact: bool) -> None:
    tree = of_preconditions(condition)
    assert written(tree, ROOTS) == expression
    assert is_exact(tree) is exact
    environment = image_environment("")
    roots = {name: environment.compile(name).root for name in ("object", "request")}
    of = {"object": ("request", "object"), "request": ("request",)}
    assert read(environment.compile(expression).root, roots, of) == tree


def test_blocks_must_all_hold() -> None:
    tree = of_blocks([one("{{ a }}", "Equals", "x"), one("{{ b }}", "Equals", "y")])
    assert written(tree, {"": "payload"}) == "payload.a == 'x' && payload.b == 'y'"


@pytest.mark.parametrize(
    "condition",
    [
        one("text", "Equals", "x"),
        one("{{ a }}-{{ b }}", "Equals", "x"),
        one("{{ length(a) }}", "Equals", 1),
        one("{{ a }}", "Equals", "{{ b }}"),
        one("{{ a }}", "AnyIn", "x"),
        one("{{ a }}", "DurationGreaterThan", "5s"),
        one("{{ a || 'b' }}", "Equals", "x"),
    ],
)
def test_what_cannot_be_said(condition: dict[str, Any]) -> None:
    with pytest.raises(UntranslatableError):
        written(of_preconditions(condition), {"": "payload"})


@pytest.mark.parametrize(
    "text", ["object.a", "size(object.a) == 1", "has(object.a)", "!(object.a == 'x')", "oldObject.a == 'x'"]
)
def test_what_is_not_read(text: str) -> None:
    environment = image_environment("")
    with pytest.raises(UnreadableError):
        read(environment.compile(text).root, {"object": environment.compile("object").root}, {"object": ()})


def test_a_plain_text_of_an_expression() -> None:
    assert plain(expression_of("v1.?*").removeprefix("^").removesuffix("$")) == "v1.xx"


@pytest.mark.parametrize(
    ("expression", "is_rewritten", "is_foreign"),
    [
        ("request.namespace != 'kube-system'", True, False),
        ("object.metadata.namespace != 'kube-system'", True, False),
        ("object.metadata.name != 'x'", False, False),
        ("object.metadata.name != 'x'", True, True),
        ("oldObject == null", False, True),
        ("authorizer.group('').resource('pods').check('get').allowed()", False, True),
    ],
)
def test_conditions_of_webhooks(expression: str, is_rewritten: bool, is_foreign: bool) -> None:
    assert bool(foreign(expression, is_rewritten=is_rewritten)) is is_foreign
