"""Points inside some zones and outside others, against going through all points of a small world."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.compiler import ir
from pratique.compiler.analysis.points import Point, Zone, cells, find
from pratique.compiler.languages.search import Proof, Unknown
from tests.support_policies import cluster_policy, policy

POD = (ir.KindSelector(kind="Pod"),)


def everything() -> ir.ResourceRegion:
    return region(ir.ResourceFilter(kinds=(ir.KindSelector(kind="*", subresource="*"),)))


def region(*filters: ir.ResourceFilter, exclude: tuple[ir.ResourceFilter, ...] = ()) -> ir.ResourceRegion:
    return ir.ResourceRegion(
        namespace=None,
        match=ir.Selection(filters=filters),
        exclude=ir.Selection(filters=exclude) if exclude else None,
    )


def images(*include: str, skip: tuple[str, ...] = ()) -> ir.ImageRegion:
    return ir.ImageRegion(
        include=tuple(ir.ImagePattern(text=text) for text in include),
        skip=tuple(ir.ImagePattern(text=text) for text in skip),
    )


SELECTORS = st.sampled_from(
    [
        None,
        ir.LabelSelector(match_labels=(("app", "web"),)),
        ir.LabelSelector(match_labels=(("app", "w*"), ("tier", "*"))),
        ir.LabelSelector(requirements=(ir.LabelRequirement(key="app", operator="NotIn", values=("web",)),)),
        ir.LabelSelector(requirements=(ir.LabelRequirement(key="app", operator="Exists"),)),
        ir.LabelSelector(requirements=(ir.LabelRequirement(key="tier", operator="DoesNotExist"),)),
        ir.LabelSelector(requirements=(ir.LabelRequirement(key="app", operator="In", values=("db", "web")),)),
    ]
)
FILTERS = st.builds(
    ir.ResourceFilter,
    kinds=st.sampled_from(
        [(), POD, (ir.KindSelector(kind="Deployment", group="apps"),), (*POD, ir.KindSelector(kind="Job"))]
    ),
    names=st.sampled_from([(), ("web",), ("w*", "db")]),
    namespaces=st.sampled_from([(), ("prod",), ("prod", "dev*"), ("?ev",)]),
    operations=st.sampled_from([(), ("CREATE",), ("UPDATE", "DELETE")]),
    selector=SELECTORS,
    namespace_selector=SELECTORS,
)
REGIONS = st.builds(
    ir.ResourceRegion,
    namespace=st.sampled_from([None, "prod"]),
    match=st.builds(
        ir.Selection, filters=st.tuples(FILTERS) | st.tuples(FILTERS, FILTERS), every=st.booleans()
    ),
    exclude=st.none() | st.builds(ir.Selection, filters=st.tuples(FILTERS), every=st.booleans()),
)
ZONES = st.builds(
    Zone,
    REGIONS,
    st.sampled_from(
        [None, images("ghcr.io/acme/*"), images("*", skip=("ghcr.io/*",)), images("docker.io/nginx")]
    ),
)

LABELS: list[tuple[tuple[str, str], ...]] = [
    (),
    (("app", "web"),),
    (("app", "db"),),
    (("app", "x"),),
    (("tier", "1"),),
    (("app", "web"), ("tier", "1")),
    (("app", "wx"), ("tier", "1")),
]
WORLD = [
    Point(
        image=image,
        kind=kind,
        namespace=namespace,
        name=name,
        labels=labels,
        namespace_labels=namespace_labels,
        operation=operation,
    )
    for kind, namespace, name, operation, labels, namespace_labels, image in product(
        [
            ("", "v1", "Pod", ""),
            ("apps", "v1", "Deployment", ""),
            ("batch", "v1", "Job", ""),
            ("x", "v1", "X", ""),
        ],
        ["prod", "dev", "devx", "other"],
        ["web", "wx", "db", "other"],
        ["CREATE", "UPDATE"],
        LABELS,
        LABELS,
        ["ghcr.io/acme/app:1", "quay.io/app:1"],
    )
]


@settings(max_examples=150, deadline=None)
@given(inside=st.lists(ZONES, min_size=1, max_size=2), outside=st.lists(ZONES, max_size=2))
def test_answers_agree_with_a_walk_through_a_small_world(inside: list[Zone], outside: list[Zone]) -> None:
    answer = find(inside, outside)
    assert not isinstance(answer, Unknown), answer.why
    if isinstance(answer, Point):
        assert all(zone.contains(answer) for zone in inside)
        assert not any(zone.contains(answer) for zone in outside)
        return
    for point in WORLD[:: 7 if len(inside) == 1 else 3]:
        assert not (
            all(zone.contains(point) for zone in inside) and not any(zone.contains(point) for zone in outside)
        ), point


def test_a_rule_of_a_namespaced_policy_keeps_to_its_namespace() -> None:
    zone = Zone(ir.ResourceRegion(namespace="kube-system", match=everything().match))
    answer = find([zone])
    assert isinstance(answer, Point)
    assert answer.namespace == "kube-system"
    elsewhere = Zone(region(ir.ResourceFilter(kinds=POD, namespaces=("default",))))
    assert isinstance(find([zone, elsewhere]), Proof)


def test_the_name_label_of_a_namespace_is_its_name() -> None:
    by_label = ir.LabelSelector(match_labels=(("kubernetes.io/metadata.name", "prod"),))
    zone = Zone(region(ir.ResourceFilter(kinds=POD, namespace_selector=by_label)))
    prod = Zone(region(ir.ResourceFilter(kinds=POD, namespaces=("prod",))))
    assert isinstance(find([zone], [prod]), Proof)
    assert isinstance(find([prod], [zone]), Proof)


def test_wildcards_in_label_keys_give_examples_but_no_proofs() -> None:
    wild = Zone(
        region(ir.ResourceFilter(kinds=POD, selector=ir.LabelSelector(match_labels=(("app*", "x"),))))
    )
    assert isinstance(find([wild]), Point)
    assert isinstance(find([wild], [wild]), Unknown | Proof)


def test_a_requirement_names_its_key_and_no_others() -> None:
    """`*` is a wildcard in keys of `matchLabels` alone: a label called `*` is one label."""
    absent = ir.LabelRequirement(key="*", operator="DoesNotExist")
    labelled = ir.LabelSelector(match_labels=(("app", "web"),), requirements=(absent,))
    answer = find([Zone(region(ir.ResourceFilter(kinds=POD, selector=labelled)))])
    assert isinstance(answer, Point)
    assert answer.labels == (("app", "web"),)


def test_conditions_are_assumptions() -> None:
    zone = Zone(everything(), condition='{"all": []}')
    (assumption,) = find([zone]).assumptions  # type: ignore[union-attr]
    assert assumption == 'condition {"all": []}'
    assert isinstance(find([zone], [zone]), Proof)
    sent = Zone(region(ir.ResourceFilter(kinds=POD, cluster_roles=("admin",))))
    assert find([sent]).assumptions == ("condition sent by cluster role admin",)  # type: ignore[union-attr]


def test_cells_are_the_parts_that_zones_make() -> None:
    whole = Zone(everything(), images("ghcr.io/*"))
    acme, apps = Zone(everything(), images("ghcr.io/acme/*")), Zone(everything(), images("*/app:*"))
    none = Zone(everything(), images("quay.io/*"))
    parts = dict(cells([acme, apps, none], [whole]))
    assert set(parts) == {frozenset(), frozenset({0}), frozenset({1}), frozenset({0, 1})}
    for numbers, point in parts.items():
        assert isinstance(point, Point)
        assert {n for n, zone in enumerate([acme, apps, none]) if zone.contains(point)} == numbers


def test_zones_of_a_policy() -> None:
    rule = policy(cluster_policy({"skipImageReferences": ["ghcr.io/acme/sandbox*"]})).rules[0]
    point = find([Zone.of(rule, rule.requirements[0])])
    assert str(point) == "ghcr.io/acme/app:1.4.2 in Pod default/app"


@pytest.mark.parametrize(
    ("point", "text"),
    [
        (Point(image="a/b:1", labels=(("k", "v"),)), "a/b:1 in Pod default/app, labels k=v"),
        (
            Point(image="a/b:1", kind=("", "v1", "Pod", "ephemeralcontainers"), operation="UPDATE"),
            "a/b:1 in Pod/ephemeralcontainers default/app, on UPDATE",
        ),
    ],
)
def test_points_read_well(point: Point, text: str) -> None:
    assert str(point) == text
