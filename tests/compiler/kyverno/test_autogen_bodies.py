"""Bodies of rules for controllers: nested under the Pod template, or rewritten as text."""

from __future__ import annotations

from typing import Any

from pratique.compiler import bodies, ir
from pratique.compiler.kyverno.lower import lower_policy
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from tests.support_policies import rule_policy


def rules(**rule: Any) -> tuple[ir.Rule, ...]:
    (document,) = read_policies(Source("p.yaml", rule_policy(**rule))).policies
    return lower_policy(document).rules


def checks(**validate: Any) -> list[bodies.Check]:
    found = [rule.body for rule in rules(validate=validate)]
    return [body.check for body in found if isinstance(body, bodies.Validation)]


def test_patterns_are_nested() -> None:
    pattern = {"spec": {"a": "{{ request.object.metadata.name }}"}}
    pod, controller, cron_job = checks(pattern=pattern)
    assert pod == bodies.Pattern(data=pattern)
    inner = {"spec": {"a": "{{ request.object.spec.template.metadata.name }}"}}
    assert controller == bodies.Pattern(data={"spec": {"template": inner}})
    inner = {"spec": {"a": "{{ request.object.spec.jobTemplate.spec.template.metadata.name }}"}}
    template = {"spec": {"template": inner}}
    assert cron_job == bodies.Pattern(data={"spec": {"jobTemplate": template}})


def test_each_of_several_patterns_is_nested() -> None:
    _, controller, _ = checks(anyPattern=[{"a": 1}, {"b": 2}])
    assert controller == bodies.AnyPattern(
        data=[{"spec": {"template": {"a": 1}}}, {"spec": {"template": {"b": 2}}}]
    )


def test_denials_and_loops_are_rewritten() -> None:
    conditions = {"any": [{"key": "{{ request.oldObject.spec.x }}", "operator": "Equals", "value": "b"}]}
    _, controller, _ = checks(deny={"conditions": conditions})
    assert isinstance(controller, bodies.Deny)
    assert controller.conditions["any"][0]["key"] == "{{ request.oldObject.spec.template.spec.x }}"
    _, controller, _ = checks(foreach=[{"list": "request.object.spec.containers", "pattern": {"a": 1}}])
    assert isinstance(controller, bodies.ForEach)
    assert controller.loops[0].list == "request.object.spec.template.spec.containers"
    assert controller.loops[0].check == bodies.Pattern(data={"a": 1})


def test_cel_has_words_of_its_own() -> None:
    expressions = [{"expression": "object.spec.x && oldObject.metadata.name == object.metadata.name"}]
    _, controller, cron_job = checks(cel={"expressions": expressions})
    assert isinstance(controller, bodies.Cel)
    assert isinstance(cron_job, bodies.Cel)
    assert controller.expressions[0].expression == (
        "object.spec.template.spec.x && oldObject.spec.template.metadata.name =="
        " object.spec.template.metadata.name"
    )
    assert "object.spec.jobTemplate.spec.template.spec.x" in cron_job.expressions[0].expression


def test_messages_are_rewritten() -> None:
    for rule, path in zip(
        rules(validate={"deny": {}, "message": "{{ request.object.spec.x }}"}),
        ("spec.x", "spec.template.spec.x", "spec.jobTemplate.spec.template.spec.x"),
        strict=True,
    ):
        assert isinstance(rule.body, bodies.Validation)
        assert rule.body.message == f"{{{{ request.object.{path} }}}}"


def changes(**mutate: Any) -> list[bodies.Change]:
    return [rule.body.change for rule in rules(mutate=mutate) if isinstance(rule.body, bodies.Mutation)]


def test_overlays_are_nested() -> None:
    _, controller, cron_job = changes(patchStrategicMerge={"a": 1})
    assert controller == bodies.StrategicMerge(overlay={"spec": {"template": {"a": 1}}})
    nested = {"spec": {"jobTemplate": {"spec": {"template": {"a": 1}}}}}
    assert cron_job == bodies.StrategicMerge(overlay=nested)


def test_loops_of_mutations_lose_their_order() -> None:
    loop = {"list": "request.object.spec.x", "order": "Descending", "patchStrategicMerge": {"a": 1}}
    _, controller, _ = changes(foreach=[loop])
    assert isinstance(controller, bodies.MutationLoops)
    (found,) = controller.loops
    assert (found.list, found.order) == ("request.object.spec.template.spec.x", "")
    assert found.change == bodies.StrategicMerge(overlay={"spec": {"template": {"a": 1}}})


def test_targets_are_lost() -> None:
    target = {"apiVersion": "v1", "kind": "Secret", "name": "s"}
    found = rules(mutate={"patchStrategicMerge": {"a": 1}, "targets": [target]})
    assert [len(r.body.targets) for r in found if isinstance(r.body, bodies.Mutation)] == [1, 0, 0]


def test_nothing_is_made_of_loops_inside_loops() -> None:
    inner = {"list": "y", "patchStrategicMerge": {"a": 1}}
    assert len(changes(foreach=[{"list": "x", "foreach": [inner]}])) == 1


def test_policies_that_patch_by_operations_or_generate_have_no_generated_rules() -> None:
    assert len(rules(mutate={"patchesJson6902": "[]"})) == 1
    assert len(rules(mutate={"foreach": [{"list": "x", "patchesJson6902": "[]"}]})) == 1
    assert len(rules(generate={"kind": "Secret", "data": {}})) == 1
