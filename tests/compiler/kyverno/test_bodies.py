"""Bodies of rules in the IR: each field at its place, and where it was written."""

from __future__ import annotations

import functools
from typing import Any

from pratique.compiler import bodies, ir
from pratique.compiler.kyverno.lower import lower_policy
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from tests.support_policies import rule_policy


def lowered(**rule: Any) -> ir.Rule:
    """Return the first rule of a policy, lowered without being checked."""
    (document,) = read_policies(Source("p.yaml", rule_policy(**rule))).policies
    return lower_policy(document).rules[0]


def validation(**fields: Any) -> bodies.Validation:
    body = lowered(validate=fields).body
    assert isinstance(body, bodies.Validation)
    return body


def test_patterns() -> None:
    found = validation(message="m", pattern={"a": 1}, allowExistingViolations=False)
    assert (found.message, found.allow_existing) == ("m", False)
    assert found.check == bodies.Pattern(data={"a": 1})
    assert validation(anyPattern=[{"a": 1}]).check == bodies.AnyPattern(data=[{"a": 1}])


def test_deny() -> None:
    assert validation(deny={}).check == bodies.Deny(conditions=None)
    conditions = {"any": [{"key": "a", "operator": "Equals", "value": "b"}]}
    assert validation(deny={"conditions": conditions}).check == bodies.Deny(conditions=conditions)


def test_loops_inside_loops() -> None:
    condition = {"key": "a", "operator": "Equals", "value": "b"}
    inner = {"list": "element.x", "elementScope": False, "pattern": {"a": 1}}
    outer = {
        "list": "request.object.spec.containers",
        "context": [{"name": "v", "variable": {"value": 1}}],
        "preconditions": {"all": [condition]},
        "foreach": [inner],
    }
    check = validation(foreach=[outer]).check
    assert isinstance(check, bodies.ForEach)
    (loop,) = check.loops
    assert (loop.list, loop.scoped, loop.preconditions) == (outer["list"], None, {"all": [condition]})
    assert [entry.name for entry in loop.context] == ["v"]
    (nested,) = loop.check.loops if isinstance(loop.check, bodies.ForEach) else ()
    assert (nested.list, nested.scoped, nested.check) == (
        "element.x",
        False,
        bodies.Pattern(data={"a": 1}),
    )


def test_pod_security() -> None:
    exclude = [{"controlName": "Sysctls", "restrictedField": "spec.x", "values": ["a"]}]
    assert validation(podSecurity={"level": "baseline", "exclude": exclude}).check == bodies.PodSecurity(
        level="baseline",
        version="latest",
        exclusions=(
            bodies.PodSecurityExclusion(control="Sysctls", restricted_field="spec.x", values=("a",)),
        ),
    )


def test_cel() -> None:
    rule = lowered(
        celPreconditions=[{"name": "p", "expression": "true"}],
        validate={
            "cel": {
                "expressions": [{"expression": "object.spec.x", "message": "m"}],
                "variables": [{"name": "v", "expression": "1"}],
                "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
                "paramRef": {"name": "c", "parameterNotFoundAction": "Deny"},
                "auditAnnotations": [{"key": "k", "valueExpression": "'x'"}],
            }
        },
    )
    assert isinstance(rule.body, bodies.Validation)
    assert rule.body.check == bodies.Cel(
        expressions=(bodies.CelExpression(expression="object.spec.x", message="m"),),
        preconditions=(bodies.NamedExpression(name="p", expression="true"),),
        variables=(bodies.NamedExpression(name="v", expression="1"),),
        parameters=bodies.CelParameters(api_version="v1", kind="ConfigMap", name="c", not_found="Deny"),
        audit_annotations=(bodies.NamedExpression(name="k", expression="'x'"),),
    )


def test_mutations() -> None:
    target = {"apiVersion": "v1", "kind": "Secret", "name": "s-*", "namespace": "n"}
    assert lowered(mutate={"patchStrategicMerge": {"a": 1}, "targets": [target]}).body == bodies.Mutation(
        change=bodies.StrategicMerge(overlay={"a": 1}),
        targets=(bodies.MutationTarget(api_version="v1", kind="Secret", name="s-*", namespace="n"),),
    )
    assert lowered(mutate={"patchesJson6902": "- op: remove"}).body == bodies.Mutation(
        change=bodies.JsonPatch(operations="- op: remove")
    )
    loop = {"list": "x", "order": "Descending", "patchesJson6902": "[]"}
    assert lowered(mutate={"foreach": [loop]}).body == bodies.Mutation(
        change=bodies.MutationLoops(
            loops=(
                bodies.MutationLoop(list="x", order="Descending", change=bodies.JsonPatch(operations="[]")),
            )
        )
    )


def test_generations() -> None:
    identity = {"apiVersion": "v1", "kind": "Secret", "namespace": "n", "name": "s"}
    made = functools.partial(bodies.Make, api_version="v1", kind="Secret", namespace="n", name="s")
    assert lowered(generate={**identity, "synchronize": True, "data": {"a": 1}}).body == bodies.Generation(
        makes=(made(source=bodies.ObjectData(data={"a": 1})),), synchronize=True
    )
    clone = {"namespace": "o", "name": "t"}
    assert lowered(generate={**identity, "clone": clone}).body == bodies.Generation(
        makes=(made(source=bodies.Copy(namespace="o", name="t")),)
    )
    copies = {"namespace": "o", "kinds": ["v1/Secret"]}
    assert lowered(generate={"cloneList": copies, "namespace": "n"}).body == bodies.Generation(
        makes=(bodies.Make(source=bodies.Copies(namespace="o", kinds=("v1/Secret",)), namespace="n"),)
    )
    loop = {"list": "x", "data": {}, **identity}
    body = lowered(generate={"foreach": [loop]}).body
    assert isinstance(body, bodies.Generation)
    assert body.makes == (bodies.GenerationLoop(list="x", make=made(source=bodies.ObjectData(data={}))),)


def test_actions() -> None:
    override = {"action": "Enforce", "namespaces": ["prod"]}
    spec = {"validationFailureActionOverrides": [{"action": "Audit", "namespaces": ["dev"]}]}
    named = lowered(
        validate={"deny": {}, "failureAction": "Enforce", "failureActionOverrides": [override]}, spec=spec
    )
    assert named.action is ir.Action.ENFORCE
    assert [o.namespaces for o in named.overrides] == [("prod",)]
    unnamed = lowered(validate={"deny": {}, "failureActionOverrides": [override]}, spec=spec)
    assert unnamed.action is ir.Action.AUDIT
    assert [o.namespaces for o in unnamed.overrides] == [("prod",), ("dev",)]


def test_places() -> None:
    body = validation(deny={"conditions": {}})
    assert isinstance(body.check, bodies.Deny)
    for at, field in ((body.at, '"validate"'), (body.check.at, '"deny"')):
        assert at.location is not None
        assert field in at.location.source.line(at.location.span.start.line)
