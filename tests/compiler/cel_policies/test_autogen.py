from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.cel_bodies import CelMutation, CelValidation, ResourceRule
from tests.support_cel_policies import POD, PODS, outcome, policy, request, said, text

CHECK = """\
validations:
- expression: object.spec.containers.all(c, c.image.startsWith('nginx'))
  message: 'images of object.metadata.name'
"""


def forms(spec: str = CHECK, kind: str = "ValidatingPolicy", rules: str = PODS) -> list[Any]:
    return [rule.body for rule in policy(text(kind, spec, rules=rules)).rules]


def deployment(image: str = "nginx:1") -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"image": image}]}}
        },
    }


def test_a_policy_about_pods_has_two_more_forms() -> None:
    own, controllers, cron_jobs = forms()
    assert own.scope.constraints.rules[0].resources == ("pods",)
    assert controllers.scope.constraints.rules == (
        ResourceRule(
            groups=("apps",),
            versions=("v1",),
            resources=("daemonsets", "deployments", "replicasets", "statefulsets"),
            operations=("*",),
        ),
        ResourceRule(groups=("batch",), versions=("v1",), resources=("jobs",), operations=("*",)),
    )
    assert cron_jobs.scope.constraints.rules[0].resources == ("cronjobs",)
    assert controllers.validations[0].expression.startswith("object.spec.template.spec.containers.all(")
    assert cron_jobs.validations[0].expression.startswith("object.spec.jobTemplate.spec.template.spec.")
    assert controllers.validations[0].message == "images of object.spec.template.metadata.name"


def test_forms_judge_controllers() -> None:
    written = text("ValidatingPolicy", CHECK)
    good, bad = (request(deployment(i), resource="deployments") for i in ("nginx:1", "busybox"))
    assert said(written, good, form=1) == ("pass", "success")
    assert said(written, bad, form=1) == ("fail", "images of object.spec.template.metadata.name")


@pytest.mark.parametrize(
    ("rules", "more"),
    [
        ('{apiGroups: [""], apiVersions: [v1], operations: ["*"], resources: [pods, services]}', ""),
        ('{apiGroups: ["*"], apiVersions: [v1], operations: ["*"], resources: [pods]}', ""),
        ('{apiGroups: [""], apiVersions: ["*"], operations: ["*"], resources: [pods]}', ""),
        (
            '{apiGroups: [""], apiVersions: [v1], operations: ["*"], resources: [pods], resourceNames: [a]}',
            "",
        ),
        (f"{PODS}, {PODS}", ""),
        (f"{PODS}], objectSelector: {{matchLabels: {{a: b}}}}, excludeResourceRules: [", ""),
        (f"{PODS}], excludeResourceRules: [{PODS}", ""),
        (PODS, "autogen: {podControllers: {controllers: []}}"),
    ],
)
def test_policies_without_forms(rules: str, more: str) -> None:
    assert len(forms(CHECK + more, rules=rules)) == 1


def test_some_controllers_only() -> None:
    more = "autogen: {podControllers: {controllers: [deployments, cronjobs, replicationcontrollers]}}"
    _, controllers, cron_jobs = forms(CHECK + more)
    assert [rule.resources for rule in controllers.scope.constraints.rules] == [("deployments",)]
    assert cron_jobs.scope.constraints.rules[0].resources == ("cronjobs",)


def test_namespaces_are_still_selected() -> None:
    rules = f"{PODS}], namespaceSelector: {{matchLabels: {{env: prod}}}}, excludeResourceRules: ["
    found = [form.scope.constraints.namespace_selector for form in forms(rules=rules)]
    assert len(found) == 3
    assert found[0] == found[1] == found[2]


def test_the_namespace_of_the_object_is_kept() -> None:
    spec = """\
matchConditions:
- name: a
  expression: >-
    object.metadata.namespace != 'x' && object.metadata.namespaces == oldObject.metadata.name
validations:
- {expression: 'variables.a == oldObject.spec.hostNetwork'}
variables:
- {name: a, expression: object.spec.hostNetwork}
"""
    _, controllers, _ = forms(spec)
    assert isinstance(controllers, CelValidation)
    assert controllers.scope.conditions[0].expression == (
        "object.metadata.namespace != 'x' && object.spec.template.metadata.namespaces =="
        " oldObject.spec.template.metadata.name"
    )
    assert controllers.validations[0].expression == "variables.a == oldObject.spec.template.spec.hostNetwork"
    assert controllers.scope.variables[0].expression == "object.spec.template.spec.hostNetwork"


# --- mutations -----------------------------------------------------------------------------------------

CHANGE = """\
matchConditions:
- {name: a, expression: "object.spec.?x.orValue(1) == 1 && !has(object.metadata.labels.y)"}
variables:
- {name: v, expression: object.spec.containers}
mutations:
- patchType: ApplyConfiguration
  applyConfiguration:
    expression: "Object{spec: Object.spec{hostNetwork: false}}"
- patchType: JSONPatch
  jsonPatch: {expression: "[JSONPatch{op: 'test', path: '/kind', value: object.spec}]"}
"""


def test_forms_of_mutations() -> None:
    own, controllers, cron_jobs = forms(CHANGE, "MutatingPolicy")
    assert isinstance(controllers, CelMutation)
    assert controllers.scope.conditions[0].expression == (
        "object.spec.template.spec.?x.orValue(1) == 1 && !has(object.spec.template.metadata.labels.y)"
    )
    assert controllers.scope.variables == own.scope.variables
    assert controllers.patches[1] == own.patches[1]
    assert controllers.patches[0].expression == (
        "Object{spec: Object.spec{template: Object.spec.template{"
        "spec: Object.spec.template.spec{hostNetwork: false}}}}"
    )
    assert cron_jobs.patches[0].expression == (
        "Object{spec: Object.spec{jobTemplate: Object.spec.jobTemplate{spec:"
        " Object.spec.jobTemplate.spec{template: Object.spec.jobTemplate.spec.template{"
        "spec: Object.spec.jobTemplate.spec.template.spec{hostNetwork: false}}}}}}"
    )


def test_a_form_changes_the_template() -> None:
    only = CHANGE[: CHANGE.index("- patchType: JSONPatch")].replace(
        "matchConditions", "targetMatchConditions"
    )
    found = outcome(text("MutatingPolicy", only), request(deployment(), resource="deployments"), form=1)
    assert found is not None
    assert found.patched is not None
    assert found.patched["spec"]["template"]["spec"]["hostNetwork"] is False
    assert "hostNetwork" not in found.patched["spec"]
    found = outcome(text("MutatingPolicy", only), request(POD))
    assert found is not None
    assert found.patched is not None
    assert found.patched["spec"]["hostNetwork"] is False
