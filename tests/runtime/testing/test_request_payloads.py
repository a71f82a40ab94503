"""Requests of HTTP and Envoy in suites: files, rows, and policies that answer about them and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pratique.compiler.cel.values.numbers import Uint
from pratique.grammar.errors import PolicyErrors
from pratique.runtime.testing.model import SuiteResult
from pratique.runtime.testing.request_payloads import read_envoy, read_http
from tests.support_cel_policies import text
from tests.support_suites import POD, ran, reasons, row

OK = [("Pass", "Ok")]
RULES = """evaluation: {mode: HTTP}
matchConditions: [{name: api, expression: object.attributes.path.startsWith('/api')}]
validations:
- expression: >-
    object.attributes.Header('authorization').exists(v, v.startsWith('Bearer '))
    ? null : http.Denied('no token').Response()
- expression: http.Allowed().Response()
"""
GOOD = {"attributes": {"path": "/api", "header": {"Authorization": ["Bearer x"]}}}
BAD = {"Attributes": {"Path": "/api", "header": {"authorization": ["Bearer x"]}, "host": None}}
OTHER = {"attributes": {"path": "/"}}


def said(result: str, *names: str, **more: Any) -> dict[str, Any]:
    found = row(result, resources=list(names), isValidatingPolicy=True, **more)
    del found["rule"]
    return found


def suite(folder: Path, rows: list[dict[str, Any]], written: str = RULES, **more: Any) -> SuiteResult:
    policies = more.pop("policies", [text("ValidatingPolicy", written, rules="")])
    files = more.pop("files", {"good.json": GOOD, "bad.json": BAD, "other.json": OTHER})
    payloads = more.pop("httpPayloads", [*files])
    return ran(folder, rows, policies=policies, files=files, httpPayloads=payloads, **more)


def test_rows_name_the_files(tmp_path: Path) -> None:
    """Names of headers that are not canonical are not found, as in Go; names of fields may be."""
    rows = [said("pass", "good.json"), said("fail", "bad.json"), said("skip", "other.json")]
    result = suite(tmp_path, rows)
    assert reasons(result) == OK * 3
    assert [row.message for row in result.rows] == [
        "request allowed",
        "request denied, reason: no token",
        "request does not match",
    ]
    assert result.rows[0].rule == "p"
    assert result.policies == 1


def test_a_row_that_names_none_is_about_all(tmp_path: Path) -> None:
    """Nothing is said of resources, which is no row that passes."""
    result = suite(tmp_path, [said("pass")], files={"good.json": GOOD})
    assert reasons(result) == [("Fail", "Not found"), ("Pass", "Ok")]


def test_files_in_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    files = {"in/good.json": GOOD, "in/bad.json": BAD}
    rows = [said("pass", "in/good.json"), said("fail", "in/bad.json")]
    assert reasons(suite(tmp_path, rows, files=files)) == OK * 2


def test_other_policies_beside(tmp_path: Path) -> None:
    labelled = 'validations: [{expression: "has(object.metadata.labels)", message: no label}]\n'
    pods = text("ValidatingPolicy", labelled).replace("name: p", "name: pods")
    rows = [said("fail", "bad.json"), {**said("pass", "web"), "policy": "pods"}]
    policies = [text("ValidatingPolicy", RULES, rules=""), pods]
    assert reasons(suite(tmp_path, rows, policies=policies, resources=[POD])) == OK * 2


def test_a_policy_that_is_not_scored_warns(tmp_path: Path) -> None:
    name = '{name: p, annotations: {policies.kyverno.io/scored: "false"}}'
    written = text("ValidatingPolicy", RULES, rules="").replace("{name: p}", name)
    assert reasons(suite(tmp_path, [said("warn", "bad.json")], policies=[written])) == OK


def test_a_policy_that_does_not_compile(tmp_path: Path) -> None:
    written = "evaluation: {mode: HTTP}\nvalidations: [{expression: 'true'}]\n"
    result = suite(tmp_path, [said("pass", "good.json")], written)
    assert "output is expected to be of type http.CheckResponse" in result.problem
    assert "policies.yaml:" in result.problem


def test_policies_of_a_namespace_are_refused(tmp_path: Path) -> None:
    policies = [text("NamespacedValidatingPolicy", RULES, rules="")]
    assert "and only if cluster-wide" in suite(tmp_path, [said("pass")], policies=policies).problem


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("attributes: {path: /}", "a.json must be one JSON object"),
        ("[]", "a.json"),
        ('{"attributes": {"body": "%"}}', "must be bytes in base64"),
        ('{"attributes": {"headers": {}}}', "has no field `headers`"),
        ('{"attributes": {"header": {"A": "x"}}}', "a.json:1:"),
        ('{"attributes": {"contentLength": "1"}}', "a.json:1:"),
    ],
)
def test_files_that_are_no_requests(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "a.json").write_text(content, "utf-8")
    with pytest.raises(PolicyErrors) as raised:
        read_http(tmp_path / "a.json")
    assert told in raised.value.render()


ENVOY = """evaluation: {mode: Envoy}
validations:
- expression: >-
    object.attributes.request.http.headers[?'x-user'].orValue('') == 'ann'
    ? envoy.Allowed().Response() : envoy.Denied(403).Response()
"""


def test_requests_of_envoy(tmp_path: Path) -> None:
    """Policies are about the requests of their mode; the names of fields have both forms."""
    http = text("ValidatingPolicy", RULES, rules="").replace("{name: p}", "{name: http}")
    files = {
        "ann.json": {"attributes": {"request": {"http": {"headers": {"x-user": "ann"}}}}},
        "bob.json": {"attributes": {"tlsSession": {"sni": "a"}, "request": {"http": {"size": "12"}}}},
    }
    rows = [
        said("pass", "ann.json"),
        said("fail", "bob.json"),
        {**said("pass", "good.json"), "policy": "http"},
    ]
    result = suite(
        tmp_path,
        rows,
        policies=[text("ValidatingPolicy", ENVOY, rules=""), http],
        files={**files, "good.json": GOOD},
        httpPayloads=["good.json"],
        envoyPayloads=[*files],
    )
    assert reasons(result) == OK * 3
    assert result.rows[1].message == "request denied with status code 403"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"attributes": {"tlsSession": {"sni": "a"}}}', {"tls_session"}),
        ('{"attributes": {"tls_session": {}, "source": null}}', {"tls_session"}),
        ('{"attributes": {}}', set()),
    ],
)
def test_fields_of_envoy(tmp_path: Path, content: str, expected: set[str]) -> None:
    (tmp_path / "a.json").write_text(content, "utf-8")
    assert read_envoy(tmp_path / "a.json").fields["attributes"].present == expected


def test_values_of_envoy(tmp_path: Path) -> None:
    written = '{"size": "-1", "rawBody": "_-8", "id": ""}'
    address = '{"address": {"socketAddress": {"protocol": "UDP", "portValue": "80"}}}'
    text = f'{{"attributes": {{"source": {address}, "request": {{"http": {written}}}}}}}'
    (tmp_path / "a.json").write_text(text, "utf-8")
    attributes = read_envoy(tmp_path / "a.json").fields["attributes"].fields
    http = attributes["request"].fields["http"]
    assert (http.fields["size"], http.fields["raw_body"]) == (-1, b"\xff\xef")
    assert http.present == {"size", "raw_body"}
    socket = attributes["source"].fields["address"].fields["socket_address"].fields
    assert (socket["protocol"], socket["port_value"]) == (1, Uint(80))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"attributes": {"request": {"time": "noon"}}}', "is not a timestamp"),
        ('{"attributes": {"request": {"http": {"size": 1.5}}}}', "a.json:1:"),
        ('{"attributes": {"request": {"http": {"size": "9223372036854775808"}}}}', "a.json:1:"),
        ('{"attributes": {"request": {"http": {"headers": {"a": null}}}}}', "a.json:1:"),
        ('{"attributes": {"request": {"http": {"headerMap": {}}}}}', "has no field `headerMap`"),
        ('{"Attributes": {}}', "has no field `Attributes`"),
        ("attributes: {}", "a.json must be one JSON object"),
    ],
)
def test_files_that_are_no_requests_of_envoy(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "a.json").write_text(content, "utf-8")
    with pytest.raises(PolicyErrors) as raised:
        read_envoy(tmp_path / "a.json")
    assert told in raised.value.render()


def test_what_is_null_is_not_set(tmp_path: Path) -> None:
    written = '{"attributes": {"header": {"A": null, "B": ["x", null]}, "body": "aGk=\\n", "query": null}}'
    (tmp_path / "a.json").write_text(written, "utf-8")
    attributes = read_http(tmp_path / "a.json").fields["attributes"]
    assert attributes.fields["header"] == {"A": [], "B": ["x", ""]}
    assert attributes.fields["body"] == b"hi"
    assert attributes.fields["query"] == {}
    assert sorted(attributes.present) == ["body", "header"]
