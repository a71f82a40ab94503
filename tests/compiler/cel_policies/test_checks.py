from __future__ import annotations

import pytest

from pratique.compiler import ir
from pratique.compiler.lower import lower, lower_cel_exceptions
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from tests.support_cel_policies import mistakes, policy, text

SPEC = """\
matchConditions:
- {name: a, expression: "object.kind == 'Pod'"}
variables:
- name: images
  expression: >-
    object.spec.containers
      .map(c, c.image)
validations:
- expression: variables.images.size() > 1
  messageExpression: "'not ' + string(1)"
auditAnnotations:
- {key: k, valueExpression: "'v'"}
"""


def test_nothing_is_wrong() -> None:
    assert mistakes(text("ValidatingPolicy", SPEC)) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("object.kind", "objct.kind", "p.yaml:7:28: error[cel-type]: undeclared reference to 'objct'"),
        ("c.image)", "d.image)", "p.yaml:12:17: error[cel-type]: undeclared reference to 'd'"),
        (".map(c,", ".mapp(c,", "p.yaml:12:10"),
        ("images.size() > 1", "imagez.size() > 1", "p.yaml:14:27: error[cel-type]: undefined field 'imagez'"),
        ("images.size() > 1", "images.size()", "output is expected to be of type bool"),
        ("string(1)", "1", "p.yaml:15:32: error[cel-type]: found no matching overload for '_+_'"),
        ("\"'not ' + string(1)\"", "object.x", "p.yaml:15:24: error[cel-type]: output is expected to be"),
        ("\"'v'\"", "object.x", "p.yaml:17:31: error[cel-type]: output is expected to be of type string"),
        ("object.kind == 'Pod'", "variables.images.size() > 0", "p.yaml:7:"),
        ("size() > 1", "size() >", "error[cel-syntax]"),
    ],
)
def test_mistakes_in_expressions(old: str, new: str, found: str) -> None:
    assert old in SPEC
    (only,) = mistakes(text("ValidatingPolicy", SPEC.replace(old, new)))
    assert found in only


def test_all_mistakes_are_found_at_once() -> None:
    spec = SPEC.replace("object.kind", "objct.kind").replace("'v'", "v").replace("c.image)", "d.image)")
    found = mistakes(text("ValidatingPolicy", spec))
    assert [each.split(":")[1] for each in found] == ["7", "12", "17"], "in the order of the text"


@pytest.mark.parametrize(
    ("kind", "spec", "found"),
    [
        ("ValidatingPolicy", "evaluation: {mode: Envoy}", "5:22: error[unsupported-field]"),
        (
            "ValidatingPolicy",
            "variables: [{name: a, expression: '1'}, {name: b, expression: '2'}, {name: a, expression: '1'}]",
            "duplicate-name]: 'a' is declared twice",
        ),
        (
            "MutatingPolicy",
            "mutations: [{patchType: JSONPatch, applyConfiguration: {expression: 'Object{}'}}]",
            "patchType JSONPatch needs an expression under `jsonPatch`",
        ),
        (
            "MutatingPolicy",
            "evaluation: {admission: {enabled: false}}",
            "disabling both admission and mutateExisting evaluation modes is not allowed",
        ),
        ("GeneratingPolicy", "generate: [{}]", "exactly one of expression or template must be set"),
        ("DeletingPolicy", "schedule: often", "not in proper cron format"),
    ],
)
def test_mistakes_besides_expressions(kind: str, spec: str, found: str) -> None:
    rules = "" if "Envoy" in spec else None
    written = text(kind, spec) if rules is None else text(kind, spec, rules="")
    (only,) = mistakes(written)
    assert found in only


def test_constraints_must_be_there() -> None:
    (only,) = mistakes(text("ValidatingPolicy", SPEC, rules=""))
    assert "a matchConstraints with at least one resource rule is required" in only
    assert mistakes(text("ValidatingPolicy", f"evaluation: {{mode: JSON}}\n{SPEC}", rules="")) == []


def test_services_are_not_asked_by_namespaced_policies() -> None:
    spec = "validations:\n- expression: >-\n    1 == 1 && http.Get('https://example.com/').ok == true\n"
    (only,) = mistakes(text("NamespacedValidatingPolicy", spec))
    assert only.startswith(
        "p.yaml:8:17: error[http-not-allowed]: http.* is not allowed in namespaced policies"
    )
    assert mistakes(text("ValidatingPolicy", spec)) == []


# --- the IR --------------------------------------------------------------------------------------------


def test_settings_of_a_policy() -> None:
    more = "failurePolicy: Ignore\nvalidationActions: [Audit]\nevaluation: {background: {enabled: false}}\n"
    found = policy(text("NamespacedValidatingPolicy", more + SPEC))
    assert (found.kind, found.key) == ("NamespacedValidatingPolicy", "shop/p")
    assert (found.fail_open, found.background, found.rules[0].action) == (True, False, ir.Action.AUDIT)
    assert found.rules[0].resources.namespace == "shop"
    plain = policy(text("ValidatingPolicy", SPEC))
    assert (plain.fail_open, plain.background, plain.rules[0].action) == (False, True, ir.Action.ENFORCE)


def test_regions_hold_what_a_policy_is_about() -> None:
    rules = (
        '{apiGroups: ["", x.io], apiVersions: [v1], operations: [CREATE], resources: [pods/status, things]}'
    )
    (selected,) = policy(text("ValidatingPolicy", SPEC, rules=rules)).rules[0].resources.match.filters
    assert selected.kinds == (
        ir.KindSelector(group="", version="v1", kind="Pod", subresource="status"),
        ir.KindSelector(group="", version="v1", kind="*"),
        ir.KindSelector(group="x.io", version="v1", kind="*", subresource="status"),
        ir.KindSelector(group="x.io", version="v1", kind="*"),
    )


def test_equal_policies_are_equal_wherever_they_stand() -> None:
    one, other = (policy(text("ValidatingPolicy", spec)).rules for spec in (SPEC, f"# note\n{SPEC}"))
    assert one == other
    assert hash(one) == hash(other)


def test_policies_are_lowered_after_classic_ones() -> None:
    written = text("ValidatingPolicy", SPEC)
    file = read_policies(Source("p.yaml", f"{written}---\n{written}"))
    found = lower(file.policies, file.cel_policies, file.bindings)
    assert [each.kind for each in found.policies.policies] == ["ValidatingPolicy"] * 2
    assert [error.code for error in found.errors] == ["duplicate-policy"]


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ("policyRefs: []", "must specify at least one policy ref"),
        ("policyRefs: [{name: p, kind: k}]\n  expiresAt: soon", "`spec.expiresAt` is no time"),
        (
            "policyRefs: [{name: p, kind: k}]\n  matchConditions: [{name: a, expression: objct.x == 1}]",
            "e.yaml:6:43: error[cel-type]: undeclared reference to 'objct'",
        ),
    ],
)
def test_mistakes_in_exceptions(spec: str, found: str) -> None:
    head = "apiVersion: policies.kyverno.io/v1\nkind: PolicyException\nmetadata: {name: e}\n"
    file = read_policies(Source("e.yaml", f"{head}spec:\n  {spec}\n"))
    assert not file.errors
    lowered, errors = lower_cel_exceptions(file.cel_exceptions)
    assert (lowered, len(errors)) == ((), 1)
    assert found in str(errors[0])
