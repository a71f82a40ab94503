"""Cleanup policies: the IR, and what is refused, with its place."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import bodies
from pratique.compiler.body_phrases import body
from tests.support_cleanup import PODS, cleanup, condition, lowered

CALL = {"name": "v", "apiCall": {"urlPath": "/api/v1/namespaces/bank/secrets"}}


def errors(**written: Any) -> list[tuple[str, str]]:
    found = lowered(cleanup(**written)).errors
    assert all(error.location is not None for error in found)
    return [(error.code, error.message.removeprefix("invalid policy clean: ")) for error in found]


@pytest.mark.parametrize("api", ["kyverno.io/v2", "kyverno.io/v2beta1"])
@pytest.mark.parametrize(("kind", "namespace"), [("CleanupPolicy", "shop"), ("ClusterCleanupPolicy", None)])
def test_a_policy_is_one_rule_of_its_name(api: str, kind: str, namespace: str | None) -> None:
    found = lowered(cleanup(api=api, kind=kind, deletionPropagationPolicy="Orphan"))
    assert not found.errors
    (policy,) = found.policies.policies
    (rule,) = policy.rules
    assert (policy.kind, policy.namespace, rule.name) == (kind, namespace, "clean")
    assert rule.resources.namespace == namespace
    assert rule.body == bodies.Cleanup(schedule="*/5 * * * *", propagation="Orphan")


def test_what_is_explained() -> None:
    conditions = condition("{{ target.metadata.name }}", "x")
    (policy,) = lowered(cleanup(conditions=conditions)).policies.policies
    assert policy.rules[0].body is not None
    told = body(policy.rules[0].body)
    assert told == "is deleted at `*/5 * * * *` where `{{ target.metadata.name }}` Equals `x`"


def test_operations_do_not_count() -> None:
    match = {"any": [{"resources": {"kinds": ["Pod"], "operations": ["DELETE"]}}]}
    (policy,) = lowered(cleanup(match=match)).policies.policies
    assert policy.rules[0].resources.match.filters[0].operations == ()


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"schedule": "* * *"}, "schedule spec in the cleanupPolicy is not in proper cron format"),
        ({"schedule": "61 * * * *"}, "schedule spec in the cleanupPolicy is not in proper cron format"),
        (
            {"context": [{"name": "c", "configMap": {"name": "a", "namespace": "b"}}]},
            "ConfigMap is not allowed in CleanUp Policy",
        ),
        (
            {"context": [{"name": "c", "imageRegistry": {"reference": "nginx"}}]},
            "ImageRegistry is not allowed in CleanUp Policy",
        ),
        ({"match": {**PODS, "all": PODS["any"]}}, "Can't specify any and all together"),
        (
            {"match": {"any": [{"clusterRoles": ["admin"], "resources": {"kinds": ["Pod"]}}]}},
            "Usage of user info is forbidden",
        ),
        ({"exclude": PODS}, "CleanupPolicy is matching an empty set"),
        (
            {"kind": "CleanupPolicy", "match": {"any": [{"resources": {"namespaces": ["a"]}}]}},
            "Filtering namespaces not allowed in namespaced policies",
        ),
        ({"conditions": condition("{{ no_such_function('x') }}", 1)}, "unknown function: no_such_function"),
        ({"conditions": condition("{{ target.[ }}", 1)}, None),
        (
            {"context": [{"name": "v", "variable": {"jmesPath": "nope(@)"}}]},
            "unknown function",
        ),
    ],
)
def test_refused(spec: dict[str, Any], told: str | None) -> None:
    found = errors(**spec)
    assert len(found) == 1, found
    assert told is None or told in found[0][1]


def test_every_mistake_is_found() -> None:
    assert len(errors(schedule="x", match={}, conditions=condition("{{ a( }}", 1))) == 3


@pytest.mark.parametrize(("name", "other"), [("match", {}), ("exclude", {}), ("exclude", {"any": []})])
def test_deviation_empty_selections_are_refused(name: str, other: dict[str, Any]) -> None:
    """DEVIATION: for Kyverno an empty block stands for every object."""
    ((code, told),) = errors(**{name: other})
    assert (code, told) == ("empty-selection", f"{name} selects nothing")


def test_k25_a_policy_of_a_namespace_asks_about_nothing_else() -> None:
    ((code, _),) = errors(kind="CleanupPolicy", context=[CALL])
    assert code == "foreign-namespace"
    assert not errors(context=[CALL])


def test_conditions_know_no_deprecated_operators() -> None:
    from pratique.grammar.documents import read_policies
    from pratique.grammar.source import Source

    text = cleanup(conditions=condition("{{ target.metadata.name }}", ["x"], "In"))
    (error,) = read_policies(Source("clean.yaml", text)).errors
    assert "operator" in str(error)
