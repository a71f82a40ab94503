"""Finding the rules of a resource by index: complete always, and flat in what cannot match."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler import ir
from pratique.compiler.plan import Plan
from pratique.compiler.selection import Target, selects
from pratique.grammar import wildcard


def make_rule(
    name: str,
    pattern: str = "ghcr.io/*",
    kinds: tuple[str, ...] = ("Pod",),
    namespaces: tuple[str, ...] = (),
    policy_namespace: str | None = None,
    every: bool = False,
) -> ir.Rule:
    filters = tuple(
        ir.ResourceFilter(kinds=(ir.KindSelector(kind=kind),), namespaces=namespaces) for kind in kinds
    )
    return ir.Rule(
        name=name,
        resources=ir.ResourceRegion(
            namespace=policy_namespace, match=ir.Selection(filters=filters, every=every)
        ),
        requirements=(ir.ImageRequirement(images=ir.ImageRegion(include=(ir.ImagePattern(text=pattern),))),),
    )


def plan_of(*rules: ir.Rule) -> Plan:
    policy = ir.Policy(kind="ClusterPolicy", name="p", rules=rules)
    return Plan(ir.PolicySet(policies=(policy,)))


def names(plan: Plan, kind: str, namespace: str, *images: str) -> list[str]:
    return [planned.rule.name for planned in plan.candidates(kind, namespace, images)]


def test_filed_by_kind_namespace_and_image() -> None:
    plan = plan_of(
        make_rule("pods"),
        make_rule("deployments", kinds=("Deployment",)),
        make_rule("any-kind", kinds=("*",)),
        make_rule("shop", namespaces=("shop",)),
        make_rule("wild-namespace", namespaces=("sh*",)),
        make_rule("policy-of-shop", policy_namespace="shop"),
        make_rule("quay", pattern="quay.io/*"),
    )
    image = "ghcr.io/acme/app:v1"
    assert names(plan, "Pod", "shop", image) == [
        "pods",
        "any-kind",
        "shop",
        "wild-namespace",
        "policy-of-shop",
    ]
    assert names(plan, "Pod", "x", image) == ["pods", "any-kind", "wild-namespace"]
    assert names(plan, "Deployment", "x", image) == ["deployments", "any-kind"]
    assert names(plan, "Pod", "x", "quay.io/a:b") == ["quay"]
    assert names(plan, "Pod", "x") == []


def test_rules_with_extractors_are_always_candidates() -> None:
    custom = replace(make_rule("custom", kinds=("Task",)), extractors=(("Task", ({"path": "/x"},)),))
    assert names(plan_of(custom), "Task", "shop") == ["custom"]


KINDS = ["Pod", "Deployment", "*", "P*"]
SPACES = ["", "shop", "sh*", "kube-system"]
IMAGES = ["ghcr.io/acme/app:v1", "registry.k8s.io/etcd:3.5.6-0", "docker.io/nginx:latest"]
PATTERNS = ["*", "ghcr.io/*", "registry.k8s.io/etcd:*", "*/app:*", "docker.io/nginx:latest", "nginx*"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PATTERNS),
            st.lists(st.sampled_from(KINDS), min_size=1, max_size=2),
            st.lists(st.sampled_from(SPACES[1:]), max_size=2),
            st.sampled_from([None, "shop"]),
            st.booleans(),
        ),
        max_size=8,
    ),
    st.sampled_from(["Pod", "Deployment", "Job"]),
    st.sampled_from(["", "shop", "kube-system"]),
    st.sampled_from(IMAGES),
)
def test_no_rule_that_matches_is_missed(
    drawn: list[tuple[str, list[str], list[str], str | None, bool]], kind: str, namespace: str, image: str
) -> None:
    rules = [
        make_rule(f"r{n}", pattern, tuple(kinds), tuple(spaces), own, every)
        for n, (pattern, kinds, spaces, own, every) in enumerate(drawn)
    ]
    target = Target(group="", version="v1", kind=kind, namespace=namespace, name="x")
    expected = {
        r.name
        for r in rules
        if selects(r.resources, target)
        and any(wildcard.matches(p.text, image) for p in r.requirements[0].images.include)
    }
    assert expected <= set(names(plan_of(*rules), kind, namespace, image))


@pytest.mark.parametrize("spread", ["images", "namespaces", "policies"])
def test_candidates_do_not_grow_with_rules_that_cannot_match(spread: str) -> None:
    rules = {
        "images": [make_rule(f"r{n}", pattern=f"ghcr.io/team-{n:05}/*") for n in range(3000)],
        "namespaces": [make_rule(f"r{n}", namespaces=(f"team-{n}",)) for n in range(3000)],
        "policies": [make_rule(f"r{n}", policy_namespace=f"team-{n}") for n in range(3000)],
    }[spread]
    found = names(plan_of(*rules), "Pod", "team-7", "ghcr.io/team-00007/app:v1")
    assert found == ["r7"]
