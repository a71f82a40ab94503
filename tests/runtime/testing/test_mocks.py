"""Mocked answers of suites: calls, global context entries, objects of a cluster; what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.testing.model import SuiteResult
from tests.support_policies import rule_policy
from tests.support_suites import POD, ran, reasons, row

OK = [("Pass", "Ok")]
URL = "https://auth.example/check"


def denying(key: str, *context: dict[str, Any], value: Any = "yes") -> str:
    """Return a policy that fails unless `key` is `value`."""
    condition = {"key": key, "operator": "NotEquals", "value": value}
    deny = {"message": "no", "deny": {"conditions": {"any": [condition]}}}
    return rule_policy(validate=deny, context=list(context))


def service(**more: Any) -> dict[str, Any]:
    return {"name": "call", "apiCall": {"service": {"url": URL}, **more}}


def answer(body: Any = None, **more: Any) -> dict[str, Any]:
    status = {"statusCode": more.pop("status")} if "status" in more else {}
    return {"url": URL, "response": {"body": {"said": "yes"} if body is None else body, **status}, **more}


def found(folder: Path, policy: str, expected: str = "pass", **suite: Any) -> SuiteResult:
    return ran(folder, [row(expected)], policies=[policy], **suite)


# --- calls ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "responses", "expected"),
    [
        (service(), [answer()], "pass"),
        (service(), [answer(method="GET")], "pass"),
        (service(), [answer(method="get", status=204)], "pass"),
        (service(), [answer({"said": "no"}, method="POST"), answer()], "pass"),
        (service(), [answer(method="POST")], "error"),
        (service(method="POST", data=[{"key": "a", "value": "b"}]), [answer(method="POST")], "pass"),
        (service(jmesPath="{said: a.b}"), [answer({"a": {"b": "yes"}})], "pass"),
        (service(), [answer(status=404)], "error"),
        (service(default={"said": "yes"}), [answer(status=500)], "error"),
        (service(), [answer({"said": "no"})], "fail"),
    ],
)
def test_services(tmp_path: Path, entry: dict[str, Any], responses: list[Any], expected: str) -> None:
    policy = denying("{{ call.said }}", entry)
    assert reasons(found(tmp_path, policy, expected, apiCallResponses=responses)) == OK


def test_a_failure_says_what_was_answered(tmp_path: Path) -> None:
    policy = denying("{{ call.said }}", service())
    (wrong,) = found(tmp_path, policy, "error", apiCallResponses=[answer(status=503)]).rows
    assert 'HTTP 503 from apiCall mock for context entry "call"' in wrong.message


def test_paths_of_the_api_may_hold_variables(tmp_path: Path) -> None:
    path = "/api/v1/namespaces/{{ request.namespace }}/pods/{{ request.object.metadata.name }}"
    entry = {"name": "call", "apiCall": {"urlPath": path, "jmesPath": "spec.said"}}
    response = {
        "urlPath": "/api/v1/namespaces/default/pods/web",
        "response": {"body": {"spec": {"said": "yes"}}},
    }
    policy = denying("{{ call }}", entry)
    assert reasons(found(tmp_path, policy, apiCallResponses=[response])) == OK
    other = {**response, "urlPath": "/api/v1/namespaces/default/pods/other"}
    # What nobody answers is not there, as without any mock.
    policy = denying("{{ call || 'yes' }}", entry)
    assert reasons(found(tmp_path, policy, apiCallResponses=[other])) == OK
    assert reasons(found(tmp_path, policy)) == OK


def test_answers_of_calls_win_over_values(tmp_path: Path) -> None:
    values = {"policies": [{"name": "p", "rules": [{"name": "rule", "values": {"call.said": "no"}}]}]}
    policy = denying("{{ call.said }}", service())
    assert reasons(found(tmp_path, policy, "fail", values=values)) == OK
    assert reasons(found(tmp_path, policy, values=values, apiCallResponses=[answer()])) == OK


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"response": {"body": {}}}, "exactly one of `url` and `urlPath`"),
        ({"url": URL, "urlPath": "/a", "response": {"body": {}}}, "exactly one of `url` and `urlPath`"),
        ({"url": "ftp://a.example", "response": {"body": {}}}, "no URL of http or https"),
        ({"url": "https://", "response": {"body": {}}}, "no URL of http or https"),
        ({"urlPath": "api/v1", "response": {"body": {}}}, "must begin with `/`"),
        (answer(method="DELETE"), "neither GET nor POST"),
        (answer(status=99), "from 100 to 599"),
        (answer(status=600), "599"),
        (answer([]), "body"),
        ({"url": URL, "response": {}}, "body"),
    ],
)
def test_answers_that_are_refused(tmp_path: Path, response: dict[str, Any], text: str) -> None:
    result = found(tmp_path, denying("a", value="a"), apiCallResponses=[response])
    assert text in result.problem
    assert "kyverno-test.yaml:1:" in result.problem


def test_two_answers_to_one_call_are_refused(tmp_path: Path) -> None:
    result = found(tmp_path, denying("a", value="a"), apiCallResponses=[answer(), answer()])
    assert "already" in result.problem


# --- global context entries -----------------------------------------------------------------------------


def reference(name: str = "known", **more: Any) -> dict[str, Any]:
    return {"name": "entry", "globalReference": {"name": name, **more}}


DEPLOYMENTS = [
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}} for name in ("yes", "no")
]


@pytest.mark.parametrize(
    ("entry", "key", "known", "expected"),
    [
        (reference(), "{{ entry.a }}", {"data": {"a": "yes"}}, "pass"),
        (reference(jmesPath="a.b"), "{{ entry }}", {"data": {"a": {"b": "yes"}}}, "pass"),
        (reference(), "{{ entry }}", {"data": {"a": "yes"}, "fieldPath": "a"}, "pass"),
        (
            reference("known.one"),
            "{{ entry }}",
            {"data": {"a": {"b": "yes"}}, "fieldPath": "a", "projections": [{"name": "one", "path": "b"}]},
            "pass",
        ),
        (
            reference("known.two"),
            "{{ entry }}",
            {"data": {"a": 1}, "projections": [{"name": "one", "path": "a"}]},
            "error",
        ),
        (reference("other"), "{{ entry }}", {"data": {"a": "yes"}}, "error"),
        (reference(), "{{ entry[0].metadata.name }}", {"resources": DEPLOYMENTS}, "pass"),
        (reference(), "{{ length(entry) }}", {"resources": []}, "fail"),
        (reference(), "{{ entry }}", {"data": {"a": 1}, "fieldPath": "a.b("}, "error"),
        (reference("known.a"), "{{ entry }}", {"resources": DEPLOYMENTS}, "error"),
    ],
)
def test_global_entries(tmp_path: Path, entry: Any, key: str, known: Any, expected: str) -> None:
    entries = [{"name": "known", **known}]
    policy = denying(key, entry)
    assert reasons(found(tmp_path, policy, expected, globalContextEntries=entries)) == OK


def test_global_entries_out_of_files(tmp_path: Path) -> None:
    entries = [{"name": "known", "resourceFiles": ["d.yaml"]}]
    files = {"d.yaml": "\n---\n".join(map(json.dumps, DEPLOYMENTS))}
    policy = denying("{{ entry[?metadata.name == 'yes'] | length(@) }}", reference(), value=1)
    assert reasons(found(tmp_path, policy, globalContextEntries=entries, files=files)) == OK


def test_without_global_entries_a_reference_is_not_there(tmp_path: Path) -> None:
    assert reasons(found(tmp_path, denying("{{ entry || 'yes' }}", reference()))) == OK


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"name": "a"}, "exactly one of `data`"),
        ({"name": "a", "data": {}, "resources": []}, "exactly one of `data`"),
        ({"name": " ", "data": {}}, "needs a name"),
        ({"name": "a", "resourceFiles": ["../b.yaml"]}, "below the folder"),
        ({"name": "a", "resourceFiles": ["/b.yaml"]}, "below the folder"),
        ({"name": "a", "data": {}, "projections": [{"name": "", "path": "a"}]}, "a name and a path"),
    ],
)
def test_global_entries_that_are_refused(tmp_path: Path, entry: dict[str, Any], text: str) -> None:
    assert text in found(tmp_path, denying("a", value="a"), globalContextEntries=[entry]).problem


def test_two_global_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    entries = [{"name": "a", "data": {}}, {"name": "a ", "data": {}}]
    assert "already" in found(tmp_path, denying("a", value="a"), globalContextEntries=entries).problem


# --- a cluster ------------------------------------------------------------------------------------------


def cluster(*objects: dict[str, Any], **spec: Any) -> dict[str, Any]:
    document = {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "ClusterResource",
        "metadata": {"name": "c"},
        "spec": {"resources": list(objects), **spec},
    }
    return {"clusterResources": ["cluster.yaml"], "files": {"cluster.yaml": document}}


NAMES = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "names", "namespace": "ops"},
    "data": {"allowed": "yes"},
}
CONFIG_MAP = {"name": "names", "configMap": {"name": "names", "namespace": "ops"}}


def test_config_maps_are_in_the_cluster(tmp_path: Path) -> None:
    policy = denying("{{ names.data.allowed }}", CONFIG_MAP)
    assert reasons(found(tmp_path, policy, **cluster(NAMES))) == OK
    assert reasons(found(tmp_path, policy, "error", **cluster())) == OK
    assert reasons(found(tmp_path, policy, "error", resources=[POD, NAMES])) == [
        *OK,
        *[("Pass", "Excluded")][:0],
    ]


def test_policies_in_cel_see_the_cluster(tmp_path: Path) -> None:
    asked = 'resource.Get("v1", "configmaps", "ops", "names").data.said == "yes"'
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    policy = {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ValidatingPolicy",
        "metadata": {"name": "p"},
        "spec": {"matchConstraints": {"resourceRules": [pods]}, "validations": [{"expression": asked}]},
    }
    for said, expected in (("yes", "pass"), ("no", "fail")):
        names = {**NAMES, "data": {"said": said}}
        assert ("Pass", "Ok") in reasons(found(tmp_path, json.dumps(policy), expected, **cluster(names)))


def test_the_cluster_wins_over_values(tmp_path: Path) -> None:
    values = {
        "policies": [{"name": "p", "rules": [{"name": "rule", "values": {"names.data.allowed": "no"}}]}]
    }
    policy = denying("{{ names.data.allowed }}", CONFIG_MAP)
    assert reasons(found(tmp_path, policy, "fail", values=values)) == OK
    assert reasons(found(tmp_path, policy, values=values, **cluster(NAMES))) == OK


def test_the_api_is_asked(tmp_path: Path) -> None:
    call = {"name": "call", "apiCall": {"urlPath": "/api/v1/pods", "jmesPath": "items[].metadata.name"}}
    policy = denying("{{ call }}", call, value=["web"])
    assert reasons(found(tmp_path, policy, **cluster(NAMES))) == OK
    posting = {"name": "call", "apiCall": {"urlPath": "/api/v1/pods", "method": "POST"}}
    assert reasons(found(tmp_path, denying("{{ call }}", posting), "error", **cluster())) == OK


def test_services_are_not_called(tmp_path: Path) -> None:
    (wrong,) = found(tmp_path, denying("{{ call.said }}", service()), "error", **cluster()).rows
    assert "no service is called" in wrong.message
    policy = denying("{{ call.said }}", service(default={"said": "yes"}))
    assert reasons(found(tmp_path, policy, **cluster())) == OK


def test_definitions_of_custom_resources(tmp_path: Path) -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "data.acme.example"},
        "spec": {
            "group": "acme.example",
            "names": {"plural": "data", "kind": "Datum"},
            "versions": [{"name": "v1"}],
        },
    }
    call = {"name": "call", "apiCall": {"urlPath": "/apis/acme.example/v1/data", "jmesPath": "length(items)"}}
    suite = cluster(crds=["crd.yaml"])
    suite["files"]["crd.yaml"] = definition
    assert reasons(found(tmp_path, denying("{{ call }}", call, value=0), **suite)) == OK


def test_labels_of_namespaces_are_in_the_cluster(tmp_path: Path) -> None:
    selected = {"kinds": ["Pod"], "namespaceSelector": {"matchLabels": {"env": "prod"}}}
    policy = rule_policy(match={"any": [{"resources": selected}]}, validate={"message": "no", "deny": {}})
    default = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "default", "labels": {"env": "prod"}},
    }
    assert reasons(found(tmp_path, policy, "fail", **cluster(default))) == OK
    assert reasons(found(tmp_path, policy)) == [("Pass", "Excluded")]
    assert reasons(found(tmp_path, policy, "error", **cluster())) == OK
