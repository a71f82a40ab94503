"""Suites of policies in CEL: rows, context files, payloads, existing objects, parameters, bindings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support_cel_policies import text
from tests.support_suites import POD, ran, reasons, row

OK = [("Pass", "Ok")]
LABELLED = 'validations: [{expression: "has(object.metadata.labels)", message: no label}]\n'
BARE = {**POD, "metadata": {"name": "bare"}}
MAP: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "limits", "namespace": "shop"},
    "data": {"app": "web", "replicas": "3"},
}


def said(result: str, name: str = "web", flag: str = "isValidatingPolicy", **more: Any) -> dict[str, Any]:
    found = row(result, resources=[name], **{flag: True}, **more)
    del found["rule"]
    return found


def test_rows_of_a_policy_in_cel(tmp_path: Path) -> None:
    policy = text("ValidatingPolicy", LABELLED)
    result = ran(tmp_path, [said("pass"), said("fail", "bare")], policies=[policy], resources=[POD, BARE])
    assert reasons(result) == OK * 2


@pytest.mark.parametrize(("value", "expected"), [("web", "pass"), ("api", "fail")])
def test_context_files(tmp_path: Path, value: str, expected: str) -> None:
    expression = "resource.Get('v1', 'configmaps', 'shop', 'limits').data.app == object.metadata.labels.app"
    policy = text("ValidatingPolicy", f'validations: [{{expression: "{expression}"}}]\n')
    file = {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "Context",
        "metadata": {"name": "context"},
        "spec": {"resources": [{**MAP, "data": {"app": value}}]},
    }
    rows = [said(expected)]
    result = ran(tmp_path, rows, policies=[policy], files={"context.yaml": file}, context="context.yaml")
    assert reasons(result) == OK


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("globalContext.Get('limits', '').app == 'web'", "pass"),
        ("globalContext.Get('limits', 'app') == 'api'", "fail"),
        ("globalContext.Get('limits', 'nothing') == 'api'", "error"),
        ("globalContext.Get('others', '') == null", "pass"),
    ],
)
def test_global_entries(tmp_path: Path, expression: str, expected: str) -> None:
    policy = text("ValidatingPolicy", f'validations: [{{expression: "{expression}"}}]\n')
    entries = [{"name": "limits", "data": {"app": "web"}}]
    rows = [said(expected)]
    assert reasons(ran(tmp_path, rows, policies=[policy], globalContextEntries=entries)) == OK


def test_payloads(tmp_path: Path) -> None:
    """Rows name the files of payloads; only policies about JSON answer."""
    spec = "evaluation: {mode: JSON}\nvalidations: [{expression: object.replicas > 2, message: too few}]\n"
    policies = [text("ValidatingPolicy", spec, rules="")]
    files = {"few.json": {"replicas": 1}, "many.json": {"replicas": 3}}
    rows = [said("fail", "few.json"), said("pass", "many.json")]
    result = ran(tmp_path, rows, policies=policies, files=files, jsonPayloads=[*files])
    assert reasons(result) == OK * 2


def test_payloads_that_are_no_object(tmp_path: Path) -> None:
    policies = [text("ValidatingPolicy", LABELLED)]
    rows = [said("pass", "a.json")]
    result = ran(tmp_path, rows, policies=policies, files={"a.json": "[1]"}, jsonPayloads=["a.json"])
    assert result.problem is not None
    assert "a.json must be one JSON object" in result.problem


CHANGE = """\
mutations:
- patchType: ApplyConfiguration
  applyConfiguration:
    expression: 'Object{data: Object.data{seen: string(has(object.data.app))}}'
targetMatchConstraints:
  resourceRules:
  - {apiGroups: [""], apiVersions: [v1], operations: ["*"], resources: [configmaps]}
evaluation: {mutateExisting: {enabled: true}}
"""


def test_existing_objects(tmp_path: Path) -> None:
    """Rows name what was changed; it is compared with what the row gives."""
    patched = {**MAP, "data": {**MAP["data"], "seen": "true"}}
    expected = [
        said("pass", "limits", "isMutatingPolicy", kind="ConfigMap", patchedResources="patched.yaml"),
    ]
    result = ran(
        tmp_path,
        expected,
        policies=[text("MutatingPolicy", CHANGE)],
        files={"patched.yaml": patched, "targets.yaml": MAP},
        targetResources=["targets.yaml"],
    )
    assert reasons(result) == OK


BOUND = """\
paramKind: {apiVersion: v1, kind: ConfigMap}
validations: [{expression: object.metadata.labels.app == params.data.app}]
"""
BINDING = """\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: b}
spec:
  policyName: p
  validationActions: [Deny]
  paramRef: {name: limits, namespace: shop, parameterNotFoundAction: Deny}
"""


@pytest.mark.parametrize(("app", "expected"), [("web", "pass"), ("api", "fail")])
def test_parameters(tmp_path: Path, app: str, expected: str) -> None:
    pod = {**POD, "metadata": {"name": "web", "labels": {"app": app}}}
    result = ran(
        tmp_path,
        [said(expected, flag="isValidatingAdmissionPolicy")],
        policies=[
            text("ValidatingAdmissionPolicy", BOUND, group="admissionregistration.k8s.io/v1"),
            BINDING,
        ],
        resources=[pod],
        files={"parameters.yaml": MAP},
        paramResources=["parameters.yaml"],
    )
    assert reasons(result) == OK


def test_made_objects(tmp_path: Path) -> None:
    spec = """\
variables:
- name: made
  expression: >-
    [{"apiVersion": dyn("v1"), "kind": dyn("Secret"), "metadata": dyn({"name": object.metadata.name})}]
generate: [{expression: "generator.Apply('shop', variables.made)"}]
"""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web", "namespace": "shop"}}
    rows = [said("pass", flag="isGeneratingPolicy", generatedResource="made.yaml")]
    policies = [text("GeneratingPolicy", spec)]
    assert reasons(ran(tmp_path, rows, policies=policies, files={"made.yaml": secret})) == OK


def test_deletions(tmp_path: Path) -> None:
    spec = "schedule: '* * * * *'\nconditions: [{name: c, expression: 'has(object.metadata.labels)'}]\n"
    rows = [said("pass", flag="isDeletingPolicy"), said("fail", "bare", "isDeletingPolicy")]
    result = ran(tmp_path, rows, policies=[text("DeletingPolicy", spec)], resources=[POD, BARE])
    assert reasons(result) == OK * 2
