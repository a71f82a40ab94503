"""Policies over HTTP requests: what expressions see of a request, which answer counts, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.compiler.cel.libraries.kyverno.http_authorization import canonical, request_of
from pratique.compiler.cel_policies.checks import is_over_http, read_policy
from pratique.compiler.cel_policies.evaluation import Outcome
from pratique.compiler.cel_policies.http_requests import HttpPolicy, read_http_policy
from pratique.grammar.documents import CelDocument, read_policies
from pratique.grammar.source import Source
from tests.support_cel_policies import text

ALLOW = "http.Allowed().Response()"
DENY = "http.Denied('no').Response()"
REQUEST: dict[str, Any] = {
    "method": "GET",
    "path": "/orders",
    "header": {"X-User": ["ann", "bob"], "x-raw": ["1"]},
    "query": {"page": ["2"]},
    "body": b'{"count": 2}',
    "contentLength": 12,
}


def document(
    *validations: str, kind: str = "ValidatingPolicy", mode: str = "HTTP", **spec: Any
) -> CelDocument:
    written = {
        "evaluation": {"mode": mode},
        "validations": [{"expression": each} for each in validations],
        **spec,
    }
    lines = "".join(f"{name}: {json.dumps(value)}\n" for name, value in written.items())
    file = read_policies(Source("p.yaml", text(kind, lines, rules="")))
    assert not file.errors, [str(error) for error in file.errors]
    return file.cel_policies[0]


def policy(*validations: str, **spec: Any) -> HttpPolicy:
    found, errors = read_http_policy(document(*validations, **spec))
    assert found is not None, [str(error) for error in errors]
    return found


def answer(*validations: str, request: dict[str, Any] | None = None, **spec: Any) -> Outcome:
    return policy(*validations, **spec).evaluate(request_of(REQUEST if request is None else request))


def mistakes(*validations: str, **spec: Any) -> list[str]:
    found, errors = read_http_policy(document(*validations, **spec))
    assert found is None
    return [str(error) for error in errors]


@pytest.mark.parametrize(
    ("validations", "status", "message"),
    [
        ([ALLOW], "pass", "request allowed"),
        ([DENY], "fail", "request denied, reason: no"),
        (["null", DENY, ALLOW], "fail", "request denied, reason: no"),
        (["null", ALLOW, DENY], "pass", "request allowed"),
        (["null"], "skip", "request does not match"),
        ([], "skip", "request does not match"),
        ([f"object.attributes.method == 'PUT' ? {DENY} : null"], "skip", "request does not match"),
        ([f"object.attributes.method == 'GET' ? null : {DENY}", ALLOW], "pass", "request allowed"),
        ([f"object.attributes.header['None'][0] == 'x' ? {ALLOW} : null"], "error", "no such key: None"),
    ],
)
def test_the_first_answer_counts(validations: list[str], status: str, message: str) -> None:
    assert answer(*validations) == Outcome(status=status, message=message)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "condition",
    [
        "object.attributes.method == 'GET' && object.attributes.path.startsWith('/ord')",
        "object.attributes.Header('x-user') == ['ann', 'bob']",
        "object.attributes.Header('X-RAW') == []",
        "object.attributes.header['x-raw'] == ['1']",
        "object.attributes.Header('none').size() == 0",
        "object.attributes.QueryParam('page')[0] == '2' && object.attributes.QueryParam('Page').size() == 0",
        "json.Unmarshal(string(object.attributes.body)).count == 2.0",
        "object.attributes.contentLength == 12 && size(object.attributes.body) == 12",
        "has(object.attributes.header) && !has(object.attributes.host) && object.attributes.host == ''",
        "!object.attributes.?fragment.hasValue() && object.attributes.?path.orValue('/') == '/orders'",
        "http.Denied('x').reason == 'x' && http.Denied('x').Response().denied.reason == 'x'",
        "has(http.Allowed().Response().ok) && !has(http.Allowed().Response().denied)",
        "http.Denied('x') == http.Denied('x') && http.Denied('x') != http.Denied('y')",
        "http.Allowed().Response() == http.Allowed().Response() && object == object",
        "http.Allowed().Response() != http.Denied('').Response()",
        "image('nginx:1.25').tag() == '1.25'",
        "ip('10.0.0.1').family() == 4",
    ],
)
def test_what_expressions_see(condition: str) -> None:
    assert answer(f"{condition} ? {ALLOW} : {DENY}").message == "request allowed"


def test_an_empty_request() -> None:
    seen = "!has(object.attributes) && object.attributes.contentLength == 0 && object.attributes.header == {}"
    assert answer(f"{seen} ? {ALLOW} : {DENY}", request={}).status == "pass"
    given = "has(object.attributes.header) && has(object.attributes.body) && !has(object.attributes.query)"
    assert answer(f"{given} ? {ALLOW} : {DENY}", request={"header": {}, "body": b""}).status == "pass"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("x-api-KEY", "X-Api-Key"), ("host", "Host"), ("a b", "a b"), ("é-x", "é-x"), ("-a", "-A"), ("", "")],
)
def test_names_of_headers(name: str, expected: str) -> None:
    assert canonical(name) == expected


@pytest.mark.parametrize(
    ("expression", "failure_policy", "expected"),
    [
        ("object.attributes.method == 'GET'", "Fail", "pass"),
        ("object.attributes.method == 'PUT'", "Fail", "skip"),
        ("object.attributes.header['none'].size() == 0", "Fail", "error"),
        ("object.attributes.header['none'].size() == 0", "Ignore", "skip"),
    ],
)
def test_conditions(expression: str, failure_policy: str, expected: str) -> None:
    conditions = [{"name": "c", "expression": expression}]
    assert answer(ALLOW, matchConditions=conditions, failurePolicy=failure_policy).status == expected


def test_a_condition_that_is_false_decides() -> None:
    conditions = [
        {"name": "a", "expression": "object.attributes.header['none'].size() == 0"},
        {"name": "b", "expression": "false"},
    ]
    assert answer(ALLOW, matchConditions=conditions).status == "skip"


def test_errors_of_validations_and_the_failure_policy() -> None:
    wrong = f"object.attributes.header['none'].size() == 0 ? {ALLOW} : null"
    assert answer(wrong).status == "error"
    assert answer(wrong, failurePolicy="Ignore").status == "skip"


def test_variables() -> None:
    variables = [
        {"name": "user", "expression": "object.attributes.Header('X-User')[0]"},
        {"name": "known", "expression": "variables.user in ['ann']"},
    ]
    assert answer(f"variables.known ? {ALLOW} : {DENY}", variables=variables).status == "pass"


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("true", "output is expected to be of type http.CheckResponse"),
        ("http.Allowed()", "output is expected to be of type http.CheckResponse"),
        ("dyn(null)", "output is expected to be of type http.CheckResponse"),
        ("object.attributes.nothing", "undefined field 'nothing'"),
        ("oldObject", "undeclared reference to 'oldObject'"),
        ("http.Denied(403).Response()", "found no matching overload for 'http.Denied'"),
        ("jwt.Decode('a', 'b').Valid ? null : null", "unsupported-field"),
        ("http.Get('http://x') == null ? null : null", "`http.Get` in policies over HTTP requests"),
        ("resource.Get('v1', 'pods', 'a', 'b') == null ? null : null", "`resource.Get`"),
        ("mcp.ToolsCallMethod == '' ? null : null", "`mcp.ToolsCallMethod`"),
        ("http.CheckResponse{}", "`http.CheckResponse{}`"),
    ],
)
def test_refused(expression: str, told: str) -> None:
    (mistake,) = mistakes(expression)
    assert told in mistake
    assert mistake.startswith("p.yaml:6:")


def test_conditions_see_no_variables_and_are_of_bool() -> None:
    variables = [{"name": "a", "expression": "true"}]
    conditions = [{"name": "c", "expression": "variables.a"}, {"name": "d", "expression": "'x'"}]
    found = mistakes(ALLOW, variables=variables, matchConditions=conditions)
    assert len(found) == 2
    assert "variables" in found[0]
    assert "output is expected to be of type bool" in found[1]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("NamespacedValidatingPolicy", "HTTP"), ("ValidatingPolicy", "Envoy"), ("ValidatingPolicy", "JSON")],
)
def test_policies_that_are_not_over_http(kind: str, mode: str) -> None:
    assert not is_over_http(document(ALLOW, kind=kind, mode=mode))


def test_everything_else_refuses_them() -> None:
    written = document(ALLOW)
    assert is_over_http(written)
    found, (error,) = read_policy(written)
    assert found is None
    assert error.code == "unsupported-field"
    assert "judged by `pratique test` alone" in error.message
    (envoy,) = read_http_policy(document(ALLOW, mode="Envoy"))[1]
    assert "over Envoy requests" in envoy.message
