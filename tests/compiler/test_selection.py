"""match and exclude, attribute by attribute."""

from dataclasses import replace
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.selection import Requester, Target, failure_action, selects
from pratique.grammar.errors import EvaluationError
from tests.support_policies import cluster_policy, read

POD = Target(
    group="",
    version="v1",
    kind="Pod",
    namespace="shop",
    name="web-1",
    labels={"app": "web", "tier": "front"},
    annotations={"owner": "team-a"},
    namespace_labels={"env": "prod"},
)


def kinds(*names: str) -> tuple[ir.KindSelector, ...]:
    return tuple(ir.KindSelector(kind=name) for name in names)


def region(*filters: ir.ResourceFilter, every: bool = False, **more: object) -> ir.ResourceRegion:
    match = ir.Selection(filters=filters, every=every)
    exclude = more.get("exclude")
    namespace = more.get("namespace")
    assert exclude is None or isinstance(exclude, ir.Selection)
    assert namespace is None or isinstance(namespace, str)
    return ir.ResourceRegion(namespace=namespace, match=match, exclude=exclude)


F = ir.ResourceFilter


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (F(kinds=kinds("Pod")), True),
        (F(kinds=kinds("P*")), True),
        (F(kinds=kinds("Deployment")), False),
        (F(kinds=kinds("Deployment", "Pod")), True),
        (F(kinds=(ir.KindSelector(group="apps", kind="*"),)), False),
        (F(kinds=(ir.KindSelector(group="", version="v1", kind="Pod"),)), True),
        (F(names=("web-*",)), True),
        (F(names=("db-?", "web-?")), True),
        (F(names=("web",)), False),
        (F(namespaces=("shop",)), True),
        (F(namespaces=("sho?", "x")), True),
        (F(namespaces=("kube-*",)), False),
        (F(annotations=(("own*", "team-?"),)), True),
        (F(annotations=(("owner", "team-b"),)), False),
        (F(selector=ir.LabelSelector(match_labels=(("app", "web"),))), True),
        (F(selector=ir.LabelSelector(match_labels=(("a*", "w*"),))), True),
        (F(selector=ir.LabelSelector(match_labels=(("app", "web"), ("tier", "back")))), False),
        (F(operations=("CREATE", "UPDATE")), True),
        (F(operations=("DELETE",)), False),
        (F(namespace_selector=ir.LabelSelector(match_labels=(("env", "prod"),))), True),
        (F(namespace_selector=ir.LabelSelector(match_labels=(("env", "dev"),))), False),
        (F(), False),
    ],
)
def test_filter(wanted: ir.ResourceFilter, expected: bool) -> None:
    assert selects(region(wanted), POD) is expected


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("In", ("web", "api"), True),
        ("In", ("api",), False),
        ("NotIn", ("api",), True),
        ("NotIn", ("web",), False),
        ("Exists", (), True),
        ("DoesNotExist", (), False),
    ],
)
def test_label_requirements(operator: str, values: tuple[str, ...], expected: bool) -> None:
    requirement = ir.LabelRequirement(key="app", operator=operator, values=values)
    assert selects(region(F(selector=ir.LabelSelector(requirements=(requirement,)))), POD) is expected
    absent = replace(requirement, key="nothing")
    expected_absent = operator in ("NotIn", "DoesNotExist")
    assert selects(region(F(selector=ir.LabelSelector(requirements=(absent,)))), POD) is expected_absent


def test_unknown_operator_is_an_error() -> None:
    selector = ir.LabelSelector(requirements=(ir.LabelRequirement(key="app", operator="Like"),))
    with pytest.raises(EvaluationError, match="Like"):
        selects(region(F(selector=selector)), POD)


def test_any_and_all() -> None:
    pod, shop, other = F(kinds=kinds("Pod")), F(namespaces=("shop",)), F(namespaces=("x",))
    assert selects(region(pod, other), POD)
    assert not selects(region(pod, other, every=True), POD)
    assert selects(region(pod, shop, every=True), POD)


def test_nothing_matches_without_filters() -> None:
    assert not selects(region(), POD)


def test_exclude() -> None:
    pod = F(kinds=kinds("Pod"))
    one = ir.Selection(filters=(F(namespaces=("shop",)), F(names=("x",))))
    both = replace(one, every=True)
    assert not selects(region(pod, exclude=one), POD)
    assert selects(region(pod, exclude=both), POD)
    assert selects(region(pod, exclude=ir.Selection(filters=(F(),))), POD), "an empty filter excludes nothing"


def test_namespaced_policy() -> None:
    pod = F(kinds=kinds("Pod", "Node"))
    assert selects(region(pod, namespace="shop"), POD)
    assert not selects(region(pod, namespace="other"), POD)
    node = Target(group="", version="v1", kind="Node", name="n1")
    assert not selects(region(pod, namespace="default"), node), "a resource without namespace never matches"


def test_namespace_object_is_in_itself() -> None:
    target = Target(group="", version="v1", kind="Namespace", name="shop", labels={"env": "prod"})
    assert selects(region(F(namespaces=("shop",))), target)
    selector = ir.LabelSelector(match_labels=(("env", "prod"),))
    assert not selects(region(F(namespace_selector=selector)), target), "a Namespace is in no namespace"


def test_k11_unknown_namespace_is_an_error_not_a_mismatch() -> None:
    selector = ir.LabelSelector(match_labels=(("env", "prod"),))
    unknown = replace(POD, namespace_labels=None)
    with pytest.raises(EvaluationError, match="shop") as caught:
        selects(region(F(namespace_selector=selector)), unknown)
    assert caught.value.code == "namespace-unknown"
    assert not selects(region(F(kinds=kinds("Node"), namespace_selector=selector)), unknown)


def test_ephemeral_containers_of_pods() -> None:
    debug = replace(POD, subresource="ephemeralcontainers")
    assert selects(region(F(kinds=kinds("Pod"))), debug)
    status = replace(POD, subresource="status")
    assert not selects(region(F(kinds=kinds("Pod"))), status)
    wanted = F(kinds=(ir.KindSelector(kind="Pod", subresource="stat*"),))
    assert selects(region(wanted), status)
    assert not selects(region(wanted), POD)


ALICE = Requester(
    username="alice", groups=("dev", "qa"), roles=("shop:editor",), cluster_roles=("view", "admin")
)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (F(roles=("shop:editor",)), True),
        (F(roles=("shop:viewer",)), False),
        (F(cluster_roles=("adm*",)), True),
        (F(cluster_roles=("edit",), roles=("shop:editor",)), False),
        (F(subjects=(ir.Subject(kind="User", name="al*"),)), True),
        (F(subjects=(ir.Subject(kind="Group", name="qa"),)), True),
        (F(subjects=(ir.Subject(kind="ServiceAccount", name="alice", namespace="shop"),)), False),
    ],
)
def test_user_info(wanted: ir.ResourceFilter, expected: bool) -> None:
    asked = replace(POD, requester=ALICE)
    assert selects(region(wanted), asked) is expected
    excluded = region(F(kinds=kinds("Pod")), exclude=ir.Selection(filters=(wanted,)))
    assert selects(excluded, asked) is not expected


def test_service_account() -> None:
    wanted = F(subjects=(ir.Subject(kind="ServiceAccount", name="bot", namespace="ci"),))
    bot = Requester(username="system:serviceaccount:ci:bot")
    assert selects(region(wanted), replace(POD, requester=bot))


def test_user_info_is_dropped_from_match_in_background_but_never_excludes() -> None:
    user = F(kinds=kinds("Pod"), subjects=(ir.Subject(kind="User", name="alice"),))
    assert selects(region(user), POD)
    only_user = F(subjects=(ir.Subject(kind="User", name="alice"),))
    assert not selects(region(only_user), POD), "what is left is empty, and an empty filter matches nothing"
    assert selects(region(F(kinds=kinds("Pod")), exclude=ir.Selection(filters=(only_user,))), POD)


AUDIT_PROD = {"action": "Audit", "namespaceSelector": {"matchLabels": {"env": "prod"}}}
ENFORCE_HERE = {"action": "Enforce", "namespaces": ["default"]}


@pytest.mark.parametrize(
    ("action", "overrides", "labels", "wanted"),
    [
        ("Enforce", [{"action": "Audit", "namespaces": ["de*"]}], None, "Audit"),
        ("Enforce", [{"action": "Audit", "namespaces": ["other"]}], None, "Enforce"),
        ("Enforce", [{"action": "Audit"}], None, "Enforce"),
        ("Enforce", [AUDIT_PROD], {"env": "prod"}, "Audit"),
        ("Enforce", [AUDIT_PROD], {"env": "test"}, "Enforce"),
        ("Enforce", [AUDIT_PROD], None, "Enforce"),
        ("Audit", [AUDIT_PROD, ENFORCE_HERE], None, "Enforce"),
        ("Audit", [AUDIT_PROD, ENFORCE_HERE], {"env": "prod"}, "Audit"),
    ],
)
def test_the_first_override_for_a_namespace_decides(
    action: str, overrides: list[Any], labels: dict[str, str] | None, wanted: str
) -> None:
    spec = {"validationFailureAction": action, "validationFailureActionOverrides": overrides}
    [policy] = read(cluster_policy({"mutateDigest": False}, spec=spec)).policies.policies
    target = replace(POD, namespace="default", namespace_labels=labels)
    assert failure_action(policy.rules[0], target) == wanted
