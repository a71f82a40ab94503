"""Policies over requests of HTTP and Envoy: what expressions see, which answer counts, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.compiler.cel.libraries.kyverno import envoy_messages
from pratique.compiler.cel.libraries.kyverno.http_authorization import canonical, request_of
from pratique.compiler.cel_policies.authorizing import AuthorizingPolicy, read_authorizing_policy
from pratique.compiler.cel_policies.checks import authorizing_mode, read_policy
from pratique.compiler.cel_policies.evaluation import Outcome
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


def policy(*validations: str, **spec: Any) -> AuthorizingPolicy:
    found, errors = read_authorizing_policy(document(*validations, **spec))
    assert found is not None, [str(error) for error in errors]
    return found


def answer(*validations: str, request: dict[str, Any] | None = None, **spec: Any) -> Outcome:
    return policy(*validations, **spec).evaluate(request_of(REQUEST if request is None else request))


def mistakes(*validations: str, **spec: Any) -> list[str]:
    found, errors = read_authorizing_policy(document(*validations, **spec))
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
        ("http.Get('http://x') == null ? null : null", "`http.Get` in policies over requests"),
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
    [
        ("NamespacedValidatingPolicy", "HTTP"),
        ("ValidatingPolicy", "Kubernetes"),
        ("ValidatingPolicy", "JSON"),
    ],
)
def test_policies_that_are_not_over_requests(kind: str, mode: str) -> None:
    assert not authorizing_mode(document(ALLOW, kind=kind, mode=mode))


# --- Envoy ---------------------------------------------------------------------------------------------

ALLOWED = "envoy.Allowed().Response()"
FORBIDDEN = "envoy.Denied(403).Response()"
CHECK: dict[str, Any] = {
    "attributes": {
        "source": {"address": {"socket_address": {"address": "10.1.1.1", "port_value": 8080, "protocol": 1}}},
        "request": {
            "time": "2026-01-02T03:04:05Z",
            "http": {"method": "GET", "headers": {"x-user": "ann"}, "size": -1, "raw_body": b"{}"},
        },
        "context_extensions": {},
        "metadata_context": {"filter_metadata": {"jwt": {"sub": "ann", "level": 3}}},
    }
}


def told(*validations: str, **spec: Any) -> Outcome:
    return policy(*validations, mode="Envoy", **spec).evaluate(envoy_messages.request_of(CHECK))


@pytest.mark.parametrize(
    ("validations", "status", "message"),
    [
        ([ALLOWED], "pass", "request allowed"),
        ([FORBIDDEN], "fail", "request denied with status code 403"),
        (["null", FORBIDDEN, ALLOWED], "fail", "request denied with status code 403"),
        (["null"], "skip", "request does not match"),
        ([f"object.attributes.request.http.method == 'GET' ? {ALLOWED} : null"], "pass", "request allowed"),
        (
            [f"object.attributes.request.http.headers['n'] == '' ? {ALLOWED} : null"],
            "error",
            "no such key: n",
        ),
        (["envoy.Denied(3000000000).Response()"], "error", "integer overflow"),
        (
            [f"{ALLOWED} == {ALLOWED} ? null : null"],
            "error",
            "answers to Envoy cannot be compared by this version",
        ),
    ],
)
def test_what_envoy_is_told(validations: list[str], status: str, message: str) -> None:
    assert told(*validations) == Outcome(status=status, message=message)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "condition",
    [
        "object.attributes.request.http.headers['x-user'] == 'ann'",
        "object.attributes.request.http.headers[?'none'].orValue('-') == '-'",
        "object.attributes.request.http.size == -1 && !has(object.attributes.request.http.host)",
        "object.attributes.request.http.path == '' && object.attributes.destination.address.pipe.path == ''",
        "object.attributes.source.address.socket_address.port_value == 8080u",
        "object.attributes.source.address.socket_address.protocol == 1",
        "has(object.attributes.source) && !has(object.attributes.destination)",
        "!has(object.attributes.context_extensions) && size(object.attributes.context_extensions) == 0",
        "object.attributes.request.time == timestamp('2026-01-02T03:04:05Z')",
        "object.attributes.metadata_context.filter_metadata['jwt'].level == 3.0",
        "json.Unmarshal(string(object.attributes.request.http.raw_body)) == {}",
    ],
)
def test_what_expressions_see_of_envoy(condition: str) -> None:
    assert told(f"{condition} ? {ALLOWED} : {FORBIDDEN}").message == "request allowed"


def test_what_answers_hold_besides_changes_no_verdict() -> None:
    header = "envoy.Header('a', 'b').KeepEmptyValue().KeepEmptyValue(true)"
    parameter = "envoy.QueryParam('a', 'b')"
    allowed = (
        f"envoy.Allowed().WithHeader({header}).WithHeader('a', 'b').WithoutHeader('a')"
        f".WithQueryParam({parameter}).WithQueryParam('a', 'b').WithoutQueryParam('a')"
        f".WithResponseHeader('a', 'b').WithResponseHeader({header})"
        ".Response().WithMessage('m').WithMetadata({'a': 1})"
    )
    denied = f"envoy.Denied(401).WithBody('b').WithHeader({header}).WithHeader('a', 'b').Response()"
    assert told(allowed).status == "pass"
    assert told(denied).message == "request denied with status code 401"


def test_an_empty_check_has_zero_values() -> None:
    seen = "!has(object.attributes) && object.attributes.request.time == timestamp(0)"
    empty = policy(f"{seen} ? {ALLOWED} : {FORBIDDEN}", mode="Envoy").evaluate(envoy_messages.request_of({}))
    assert empty.status == "pass"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("http.Allowed().Response()", "undeclared reference to 'http'"),
        ("envoy.Allowed()", "output is expected to be of type envoy.service.auth.v3.CheckResponse"),
        ("envoy.Denied('403').Response()", "found no matching overload"),
        ("object.attributes.request.http.header_map", "undefined field 'header_map'"),
        ("envoy.service.auth.v3.CheckResponse{}", "`envoy.service.auth.v3.CheckResponse{}`"),
        ("envoy.Denied(envoy.type.v3.StatusCode.Forbidden).Response()", "`envoy.type`"),
        ("jwt.Decode('a', 'b').Valid ? null : null", "`jwt.Decode`"),
    ],
)
def test_refused_of_envoy(expression: str, expected: str) -> None:
    found = mistakes(expression, mode="Envoy")
    assert expected in found[0]


def test_everything_else_refuses_them() -> None:
    written = document(ALLOW)
    assert authorizing_mode(written) == "HTTP"
    found, (error,) = read_policy(written)
    assert found is None
    assert error.code == "unsupported-field"
    assert "judged by `pratique test` alone" in error.message
    assert "over Envoy requests" in read_policy(document("null", mode="Envoy"))[1][0].message
