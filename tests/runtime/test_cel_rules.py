"""Policies in CEL, judged by the engine: order, exceptions, what they ask, what becomes of the object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pratique.compiler.context_entries import Source
from pratique.compiler.context_questions import Question
from pratique.compiler.lower import lower, lower_cel_exceptions
from pratique.compiler.plan import Plan
from pratique.grammar.documents import read_policies
from pratique.grammar.errors import EvaluationError, TransportError
from pratique.grammar.source import Source as Text
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import RuleResult, Stage
from pratique.runtime.engine import Engine
from pratique.runtime.now import NotYetError, run_now
from pratique.runtime.resource import Resource
from tests.support_cel_policies import DEPLOYMENTS, POD, PODS, text
from tests.support_policies import rule_policy


class World:
    """A `ContextSource` that answers by the kind of question."""

    def __init__(self, answers: Mapping[str, Any] | None = None, *, knows_images: bool = True) -> None:
        self.knows_images = knows_images
        self.asked: list[Question] = []
        self._answers = answers or {}

    def given(self, policy: str, rule: str) -> Mapping[str, Any]:
        return {}

    def loads(self, source: Source, given: bool) -> bool:
        return True

    async def answer(self, question: Question) -> Any:
        self.asked.append(question)
        found = self._answers[type(question).__name__]
        if isinstance(found, Exception):
            raise found
        return found


def results(
    resource: Resource, *written: str, exceptions: str = "", source: World | None = None, **options: Any
) -> tuple[RuleResult, ...]:
    file = read_policies(Text("p.yaml", "\n---\n".join(written)))
    assert not file.errors, [str(error) for error in file.errors]
    lowered = lower(file.policies, file.cel_policies, file.bindings)
    assert not lowered.errors, [str(error) for error in lowered.errors]
    lifting = lower_cel_exceptions(read_policies(Text("e.yaml", exceptions)).cel_exceptions)[0]
    plan = Plan(lowered.policies)
    engine = Engine(plan, None, source or World(), exemptions=lifting, **options)
    return run_now(engine.judge(resource, applicable(plan, resource)))


def said(resource: Resource, *written: str, **options: Any) -> list[tuple[str, str, str]]:
    """Return policy, status and message of each result."""
    return [(r.policy, str(r.status), r.message) for r in results(resource, *written, **options)]


def named(name: str, policy: str) -> str:
    return policy.replace("{name: p", f"{{name: {name}")


def validating(expression: str, kind: str = "ValidatingPolicy", **options: Any) -> str:
    return text(kind, f"validations:\n- expression: >-\n    {expression}\n", **options)


def labelling(label: str, value: str = "'x'", kind: str = "MutatingPolicy", **options: Any) -> str:
    expression = f"Object{{metadata: Object.metadata{{labels: {{'{label}': {value}}}}}}}"
    spec = "mutations:\n- patchType: ApplyConfiguration\n  applyConfiguration:\n    expression: >-\n"
    return text(kind, f"{spec}      {expression}\n", **options)


# --- who is asked --------------------------------------------------------------------------------------


def test_policies_about_other_kinds_say_nothing() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}}
    assert said(Resource(service), validating("1 > 2")) == []
    assert said(Resource(POD), validating("1 > 2", rules=DEPLOYMENTS)) == []


def test_classic_policies_come_first() -> None:
    classic = rule_policy(validate={"deny": {}, "message": "denied"})
    found = results(Resource(POD), classic, validating("1 > 2"))
    assert [(r.kind, r.rule, str(r.status)) for r in found] == [
        ("ClusterPolicy", "rule", "fail"),
        ("ValidatingPolicy", "", "fail"),
    ]
    assert [result.number for result in found] == sorted(result.number for result in found)


def test_controllers_are_judged_by_their_form() -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"hostNetwork": True}}},
    }
    found = said(Resource(deployment), validating("object.spec.hostNetwork == false"))
    assert found == [("p", "fail", "CEL expression validation failed at index 0")]


def test_policies_of_a_namespace_judge_nothing_else() -> None:
    policy = validating("1 > 2", "NamespacedValidatingPolicy")
    assert [status for _, status, _ in said(Resource(POD), policy)] == ["fail"]
    elsewhere = {**POD, "metadata": {"name": "web", "namespace": "other"}}
    assert said(Resource(elsewhere), policy) == []


def test_k11_an_unknown_namespace_is_an_error() -> None:
    selector = f"{PODS}], namespaceSelector: {{matchLabels: {{env: prod}}}}, excludeResourceRules: ["
    policy = validating("1 > 2", rules=selector)
    ((_, status, message),) = said(Resource(POD), policy)
    assert status == "error"
    assert "namespace 'shop' are not known" in message
    assert said(Resource(POD, namespace_labels={"env": "test"}), policy) == []
    assert said(Resource(POD, namespace_labels={"env": "prod"}), policy)[0][1] == "fail"


# --- changes -------------------------------------------------------------------------------------------


def test_changes_come_before_checks_whatever_the_order_of_the_texts() -> None:
    check = named("check", validating("object.metadata.labels.?a.orValue('') == 'x'"))
    changed = results(Resource(POD), check, named("change", labelling("a")))
    assert [(r.policy, str(r.status)) for r in changed] == [("check", "pass"), ("change", "pass")]
    (check_result, change) = changed
    assert change.checks[0].stage is Stage.MUTATE
    assert change.checks[0].patched is not None
    assert change.checks[0].patched["metadata"]["labels"] == {"app": "web", "a": "x"}
    assert check_result.checks[0].patched is None


def test_changes_follow_each_other() -> None:
    found = results(
        Resource(POD),
        named("second", labelling("b", "object.metadata.labels.?a.orValue('none')")),
        named(
            "first", labelling("a", kind="MutatingAdmissionPolicy", group="admissionregistration.k8s.io/v1")
        ),
    )
    patched = {r.policy: r.checks[0].patched["metadata"]["labels"] for r in found}  # type: ignore[index]
    assert patched == {
        "first": {"app": "web", "a": "x"},
        "second": {"app": "web", "a": "x", "b": "x"},
    }


def test_a_changed_object_may_concern_other_policies() -> None:
    selector = f"{PODS}], objectSelector: {{matchLabels: {{a: x}}}}, excludeResourceRules: ["
    check = named("check", validating("1 > 2", rules=selector))
    assert [policy for policy, _, _ in said(Resource(POD), check, named("change", labelling("a")))] == [
        "check",
        "change",
    ]
    assert said(Resource(POD), check) == []


def test_changes_of_other_objects_leave_this_one_alone() -> None:
    more = "evaluation: {mutateExisting: {enabled: true}}\n"
    targets = f"targetMatchConstraints: {{resourceRules: [{DEPLOYMENTS}]}}\n"
    policy = labelling("a") + "".join(f"  {line}\n" for line in (more + targets).splitlines())
    assert said(Resource(POD), policy) == []
    assert len(said(Resource(POD), policy, as_in_suites=True)) == 1


def test_what_is_generated() -> None:
    made = '{"apiVersion": dyn("v1"), "kind": dyn("ConfigMap"), "metadata": dyn({"name": "c"})}'
    spec = f"generate:\n- expression: >-\n    generator.Apply('shop', [{made}])\n"
    (result,) = results(Resource(POD), text("GeneratingPolicy", spec))
    (check,) = result.checks
    assert (check.stage, [each["metadata"] for each in check.made]) == (
        Stage.GENERATE,
        [{"name": "c", "namespace": "shop"}],
    )


def test_what_is_deleted() -> None:
    spec = "schedule: '@daily'\nconditions: [{name: a, expression: \"object.metadata.name == 'web'\"}]"
    rules = PODS.replace('"*"', "DELETE")
    (result,) = results(Resource(POD), text("DeletingPolicy", spec, rules=rules))
    assert (result.checks[0].stage, str(result.status)) == (Stage.DELETE, "pass")


# --- exceptions and questions --------------------------------------------------------------------------


def test_exceptions() -> None:
    lifting = """\
apiVersion: policies.kyverno.io/v1
kind: PolicyException
metadata: {name: e, namespace: lifted}
spec: {policyRefs: [{name: p, kind: ValidatingPolicy}]}
"""
    message = "rule is skipped due to policy exception: lifted/e"
    assert said(Resource(POD), validating("1 > 2"), exceptions=lifting) == [("p", "skip", message)]
    other = validating("1 > 2", "NamespacedValidatingPolicy")
    assert said(Resource(POD), other, exceptions=lifting)[0][1] == "fail"


def test_questions_are_answered_once() -> None:
    check = "resource.Get('v1', 'configmaps', 'shop', 'c').data.a == 'b'"
    source = World({"ResourceQuestion": {"data": {"a": "b"}}})
    assert said(
        Resource(POD), named("a", validating(check)), named("b", validating(check)), source=source
    ) == [
        ("a", "pass", "success"),
        ("b", "pass", "success"),
    ]
    assert len(source.asked) == 1


@pytest.mark.parametrize(
    "trouble",
    [EvaluationError("not-given", "no answer"), TransportError("unreachable", "no answer")],
)
def test_an_outage_is_an_error(trouble: Exception) -> None:
    check = "resource.Get('v1', 'configmaps', 'shop', 'c').data.a == 'b'"
    ((_, status, message),) = said(
        Resource(POD), validating(check), source=World({"ResourceQuestion": trouble})
    )
    assert status == "error"
    assert message.endswith("no answer")


def test_registries_are_waited_for() -> None:
    policy = validating("image.GetMetadata('nginx').config.a == 1")
    with pytest.raises(NotYetError):
        said(Resource(POD), policy, source=World(knows_images=False))
    source = World({"ImageDataQuestion": {"config": {"a": 1}}})
    assert said(Resource(POD), policy, source=source) == [("p", "pass", "success")]


def test_facts_for_reports() -> None:
    policy = validating("1 > 2") + "  auditAnnotations: [{key: k, valueExpression: \"'v'\"}]\n"
    (result,) = results(Resource(POD), policy)
    assert result.properties == (("cel.validationIndex", "0"), ("k", "v"))


def test_rules_with_cel() -> None:
    cel = {"expressions": [{"expression": "object.metadata.name != 'web'", "message": "not web"}]}
    policy = rule_policy(validate={"cel": cel})
    assert said(Resource(POD), policy) == [("p", "fail", "not web")]
