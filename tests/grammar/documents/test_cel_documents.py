from __future__ import annotations

import pytest

from pratique.grammar.documents import PolicyFile, read_policies
from pratique.grammar.source import Source
from tests.support_grammar import codes, place

VALIDATING = """\
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata: {name: p}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  validations:
  - expression: >-
      object.spec.containers.all(
        c, has(c.image))
    message: every container has an image
"""


def read(text: str) -> PolicyFile:
    return read_policies(Source("p.yaml", text))


def spec(kind: str, body: str, group: str = "policies.kyverno.io/v1") -> PolicyFile:
    return read(f"apiVersion: {group}\nkind: {kind}\nmetadata: {{name: p}}\nspec: {body}\n")


def test_a_validating_policy() -> None:
    file = read(VALIDATING)
    assert (file.errors, file.others, file.policies) == ((), (), ())
    (found,) = file.cel_policies
    assert found.model.kind == "ValidatingPolicy"
    path = ("spec", "validations", 0, "expression")
    offset = found.model.model_dump()["spec"]["validations"][0]["expression"].index("has")
    assert str(found.character(*path, offset=offset)) == "p.yaml:11:12"
    assert str(found.character("spec", "validations", 0, offset=3)) == "p.yaml:9:5"


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha1"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("ValidatingPolicy", "{evaluation: {mode: JSON}}"),
        ("MutatingPolicy", '{mutations: [{patchType: JSONPatch, jsonPatch: {expression: "[]"}}]}'),
        ("GeneratingPolicy", '{generate: [{template: {value: "a: 1", interpolate: cel}}]}'),
        ("DeletingPolicy", '{schedule: "* * * * *", conditions: [{name: a, expression: "true"}]}'),
        ("ImageValidatingPolicy", "{attestors: [{name: a, cosign: {key: {data: k}}}], validations: []}"),
    ],
)
def test_kinds_of_kyverno(kind: str, body: str, version: str) -> None:
    group = f"policies.kyverno.io/{version}"
    (found,) = spec(kind, body, group).cel_policies
    assert (found.api_version, found.model.kind) == (group, kind)
    namespaced = spec(f"Namespaced{kind}", body, group)
    if version == "v1alpha1":
        assert namespaced.others[0].is_policy
    else:
        assert namespaced.cel_policies[0].model.kind == f"Namespaced{kind}"


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha1"])
def test_kinds_of_kubernetes(version: str) -> None:
    group = f"admissionregistration.k8s.io/{version}"
    for kind in ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"):
        assert spec(kind, "{paramKind: {apiVersion: v1, kind: ConfigMap}}", group).cel_policies
        (binding,) = spec(f"{kind}Binding", "{policyName: p, paramRef: {name: x}}", group).bindings
        assert binding.model.spec.policy_name == "p"


def test_exceptions_of_both_groups_are_told_apart() -> None:
    body = "{policyRefs: [{name: a, kind: ValidatingPolicy}], reportResult: pass}"
    file = spec("PolicyException", body)
    assert (file.exceptions, len(file.cel_exceptions)) == ((), 1)


@pytest.mark.parametrize(
    ("kind", "body", "code", "at"),
    [
        ("ValidatingPolicy", "{validation: []}", "unknown-field", (4, 8)),
        ("ValidatingPolicy", "{failurePolicy: Fial}", "wrong-value", (4, 23)),
        ("GeneratingPolicy", "{generate: []}", "wrong-value", (4, 18)),
        ("DeletingPolicy", "{}", "missing-field", (4, 1)),
        (
            "ValidatingPolicy",
            "{matchConstraints: {resourceRules: [{operations: [PATCH]}]}}",
            "wrong-value",
            (4, 57),
        ),
    ],
)
def test_mistakes_have_places(kind: str, body: str, code: str, at: tuple[int, int]) -> None:
    file = spec(kind, body)
    assert (codes(file.errors), [place(error) for error in file.errors]) == ([code], [at])
    assert file.cel_policies == ()


def test_lists_of_policies() -> None:
    item = "".join("  " + line for line in VALIDATING.splitlines(keepends=True))
    text = f"apiVersion: policies.kyverno.io/v1\nkind: ValidatingPolicyList\nitems:\n-{item[1:]}"
    (found,) = read(text).cel_policies
    assert str(found.location("metadata", "name")) == "p.yaml:6:20"
