from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.cel_bodies import Constraints, Dialect, ResourceRule
from pratique.compiler.cel_policies.constraints import is_about, is_simple
from pratique.compiler.cel_policies.request import Coordinates, Request
from pratique.compiler.ir import LabelRequirement, LabelSelector
from pratique.grammar.errors import EvaluationError
from tests.support_cel_policies import POD, request

KYVERNO = Dialect.KYVERNO


def rule(**fields: Any) -> ResourceRule:
    given = {"groups": ("",), "versions": ("v1",), "resources": ("pods",), "operations": ("*",)}
    return ResourceRule(**{**given, **fields})


def about(asked: Request, *rules: ResourceRule, dialect: Dialect = KYVERNO, **fields: Any) -> bool:
    return is_about(Constraints(rules=rules, **fields), asked, dialect)


NODE = request({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}, resource="nodes")
SPACE = request(
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"env": "prod"}}},
    resource="namespaces",
)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"groups": ("apps",)}, False),
        ({"groups": ("*",)}, True),
        ({"versions": ("v2", "v1")}, True),
        ({"resources": ("services",)}, False),
        ({"resources": ("*",)}, True),
        ({"resources": ("*/*",)}, True),
        ({"resources": ("pods/*",)}, True),
        ({"resources": ("pods/status",)}, False),
        ({"operations": ("UPDATE",)}, False),
        ({"operations": ("CREATE", "UPDATE")}, True),
        ({"operations": ()}, False),
        ({"scope": "Namespaced"}, True),
        ({"scope": "Cluster"}, False),
        ({"names": ("web",)}, True),
        ({"names": ("we",)}, False),
    ],
)
def test_rules(fields: dict[str, Any], expected: bool) -> None:
    assert about(request(), rule(**fields)) is expected


def test_no_constraints_and_no_rules() -> None:
    assert not is_about(None, request(), KYVERNO)
    assert about(request())


def test_subresources() -> None:
    asked = request(subresource="status")
    assert not about(asked, rule())
    assert about(asked, rule(resources=("pods/status",)))
    assert about(asked, rule(resources=("pods/*",)))
    assert not about(asked, rule(resources=("*",)))
    assert about(asked, rule(resources=("*/*",)))


def test_excluding_rules_win() -> None:
    assert not about(request(), rule(), excluded=(rule(names=("web",)),))
    assert about(request(), rule(), excluded=(rule(names=("db",)),))


def test_objects_that_get_their_names_later() -> None:
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-", "namespace": "shop"}}
    asked = request(made)
    assert about(asked, rule(names=("web",)))
    assert not about(asked, rule(names=("db",)))


def test_scopes() -> None:
    assert about(NODE, rule(resources=("nodes",), scope="Cluster"))
    assert not about(NODE, rule(resources=("nodes",), scope="Namespaced"))
    of_the_api_server = Request(
        kind=Coordinates("", "v1", "Namespace"),
        resource=Coordinates("", "v1", "namespaces"),
        name="shop",
        namespace="shop",
        object=SPACE.object,
    )
    for asked in (SPACE, of_the_api_server):
        assert about(asked, rule(resources=("namespaces",), scope="Cluster"))
        assert not about(asked, rule(resources=("namespaces",), scope="Namespaced"))


# --- selectors -----------------------------------------------------------------------------------------


def selector(*requirements: tuple[str, str, tuple[str, ...]], **labels: str) -> LabelSelector:
    return LabelSelector(
        match_labels=tuple(labels.items()),
        requirements=tuple(LabelRequirement(key=k, operator=o, values=v) for k, o, v in requirements),
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (selector(), True),
        (selector(app="web"), True),
        (selector(app="w*"), False),
        (selector(app="db"), False),
        (selector(("app", "In", ("db", "web"))), True),
        (selector(("tier", "Exists", ())), False),
    ],
)
@pytest.mark.parametrize("dialect", list(Dialect))
def test_labels_of_objects(wanted: LabelSelector, expected: bool, dialect: Dialect) -> None:
    assert about(request(), rule(), object_selector=wanted, dialect=dialect) is expected


def test_the_old_object_counts_as_well() -> None:
    unlabelled = {**POD, "metadata": {"name": "web", "namespace": "shop"}}
    asked = request(unlabelled, old=POD, operation="UPDATE")
    assert about(asked, rule(), object_selector=selector(app="web"))


def test_an_object_that_is_not_there() -> None:
    unlabelled = selector(("app", "DoesNotExist", ()))
    assert about(request(), rule(), object_selector=unlabelled), "as Kyverno has it"
    assert not about(request(), rule(), object_selector=unlabelled, dialect=Dialect.KUBERNETES)


@pytest.mark.parametrize(
    ("labels", "wanted", "expected"),
    [
        ({"env": "prod"}, selector(env="prod"), True),
        ({"env": "test"}, selector(env="prod"), False),
        ({}, selector(("env", "NotIn", ("prod",))), True),
        ({}, selector(**{"kubernetes.io/metadata.name": "shop"}), True),
        (None, selector(**{"kubernetes.io/metadata.name": "shop"}), True),
        (None, selector(("kubernetes.io/metadata.name", "In", ("other",))), False),
    ],
)
def test_labels_of_namespaces(labels: Any, wanted: LabelSelector, expected: bool) -> None:
    asked = request(namespace_labels=labels)
    assert about(asked, rule(), namespace_selector=wanted) is expected


def test_k11_an_unknown_namespace_is_an_error() -> None:
    with pytest.raises(EvaluationError) as caught:
        about(request(), rule(), namespace_selector=selector(env="prod"))
    assert caught.value.code == "namespace-unknown"
    # Where another test already says no, nobody needs to know.
    assert not about(request(), rule(names=("db",)), namespace_selector=selector(env="prod"))


def test_what_is_in_no_namespace_is_never_left_out() -> None:
    nodes = rule(resources=("nodes",))
    assert about(NODE, nodes, namespace_selector=selector(env="prod"))


def test_namespaces_have_labels_of_their_own() -> None:
    spaces = rule(resources=("namespaces",))
    assert about(SPACE, spaces, namespace_selector=selector(env="prod"))
    assert not about(SPACE, spaces, namespace_selector=selector(env="test"))


def test_unknown_operators() -> None:
    with pytest.raises(EvaluationError, match="not a valid label selector operator"):
        about(request(), rule(), object_selector=selector(("app", "Has", ())))


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        (None, False),
        (Constraints(rules=(rule(),)), True),
        (Constraints(rules=(rule(), rule())), False),
        (Constraints(rules=(rule(names=("a",)),)), False),
        (Constraints(rules=(rule(),), excluded=(rule(),)), False),
        (Constraints(rules=(rule(),), object_selector=selector()), True),
        (Constraints(rules=(rule(),), object_selector=selector(a="b")), False),
    ],
)
def test_simple_constraints(constraints: Constraints | None, expected: bool) -> None:
    assert is_simple(constraints) is expected
