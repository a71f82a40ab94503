"""Which Secrets a namespaced policy may name, at load time and once variables have values (R10, K20)."""

from typing import Any

import pytest

from pratique.compiler.expressions.context import Context
from pratique.compiler.rule_expressions import RuleExpressions
from pratique.compiler.secret_references import is_foreign, secrets_of
from pratique.grammar.errors import EvaluationError
from tests.support_policies import cluster_policy, policy, read


def namespaced(entry: dict[str, Any], kind: str = "Policy") -> str:
    return cluster_policy(entry, kind=kind, metadata={"namespace": "a"} if kind == "Policy" else {})


def keys(**block: Any) -> dict[str, Any]:
    return {"attestors": [{"entries": [{"keys": block}]}]}


FOREIGN = [
    (keys(publicKeys="k8s://b/key"), "k8s://b/key"),
    (keys(publicKeys=" k8s://b/key\n"), "k8s://b/key"),
    (keys(publicKeys="k8s://key"), "k8s://key"),
    (keys(publicKeys="k8s:///a/key"), None),
    (keys(secret={"name": "key", "namespace": "b"}), "k8s://b/key"),
    (keys(secret={"name": "../b/key", "namespace": "a"}), None),
    ({"imageRegistryCredentials": {"secrets": ["b/pull"]}}, "b/pull"),
    ({"imageRegistryCredentials": {"secrets": ["/b/pull"]}}, "/b/pull"),
    ({"imageRegistryCredentials": {"secrets": ["pull"]}}, "pull"),
    ({"attestations": [{"type": "t", **keys(publicKeys="k8s://b/key")}]}, "k8s://b/key"),
    (
        {"attestors": [{"entries": [{"attestor": keys(publicKeys="k8s://b/key")["attestors"][0]}]}]},
        "k8s://b/key",
    ),
]


@pytest.mark.parametrize(("entry", "name"), FOREIGN)
def test_k20_a_namespaced_policy_names_secrets_of_its_own_namespace(
    entry: dict[str, Any], name: str | None
) -> None:
    errors = read(namespaced(entry)).errors
    assert [error.code for error in errors] == (["foreign-secret"] if name else [])
    if name:
        text = f"a policy of namespace a may name Secrets of that namespace only, and {name} is none"
        assert errors[0].message == f"invalid policy p: {text}"


@pytest.mark.parametrize(("entry", "name"), FOREIGN)
def test_a_cluster_policy_names_any(entry: dict[str, Any], name: str | None) -> None:
    assert not read(namespaced(entry, "ClusterPolicy")).errors


@pytest.mark.parametrize(
    ("name", "foreign"),
    [("k8s://a/x", False), ("a/x", False), ("k8s://ab/x", True), ("A/x", True), ("x", True), ("", True)],
)
def test_foreign(name: str, foreign: bool) -> None:
    assert is_foreign(name, "a") is foreign


def test_k20_the_check_is_repeated_on_what_variables_hold() -> None:
    label = "{{request.object.metadata.labels.ns}}"
    entry = {
        **keys(publicKeys=f"k8s://{label}/key"),
        "imageRegistryCredentials": {"secrets": [f"{label}/pull"]},
    }
    (rule, *_) = policy(namespaced(entry)).rules
    expressions = RuleExpressions.of(rule)

    def rendered(namespace: str) -> list[str]:
        resource = {"metadata": {"labels": {"ns": namespace}}}
        context = Context({"request": {"object": resource}})
        (requirement,) = expressions.requirements(rule, context)
        return list(secrets_of(requirement))

    assert rendered("a") == ["k8s://a/key", "a/pull"]
    with pytest.raises(EvaluationError, match="and k8s://b/key is none") as caught:
        rendered("b")
    assert caught.value.code == "foreign-secret"


def test_a_bad_expression_in_the_name_of_a_secret_is_refused() -> None:
    text = cluster_policy({"imageRegistryCredentials": {"secrets": ["{{ nope( }}"]}})
    assert read(text).errors


def test_an_unknown_provider_is_refused() -> None:
    from pratique.grammar.documents import read_policies
    from pratique.grammar.source import Source

    text = cluster_policy({"imageRegistryCredentials": {"providers": ["oracle"]}})
    assert read_policies(Source("p.json", text)).errors


def test_secrets_of_all_places() -> None:
    entry = {
        **keys(publicKeys="k8s://a/one"),
        "attestations": [{"type": "t", **keys(secret={"name": "two", "namespace": "a"})}],
        "imageRegistryCredentials": {"secrets": ["a/three"]},
    }
    (requirement,) = policy(namespaced(entry)).rules[0].requirements
    assert list(secrets_of(requirement)) == ["k8s://a/one", "k8s://a/two", "a/three"]
