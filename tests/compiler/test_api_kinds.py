from __future__ import annotations

import pytest

from pratique.compiler.api_kinds import BUILT_IN, is_cluster_wide, kind_of, plural


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("Pod", "pods"),
        ("NetworkPolicy", "networkpolicies"),
        ("Ingress", "ingresses"),
        ("Endpoints", "endpoints"),
        ("EndpointSlice", "endpointslices"),
        ("ServiceCIDR", "servicecidrs"),
        ("CSIStorageCapacity", "csistoragecapacities"),
    ],
)
def test_plurals(kind: str, resource: str) -> None:
    assert plural(kind) == resource


def test_a_vowel_before_y() -> None:
    assert plural("Gateway") == "gateways"


def test_every_kind_is_found_by_its_resource() -> None:
    for group, kinds in BUILT_IN.items():
        assert [kind_of(group, plural(kind)) for kind in kinds] == list(kinds)
    assert kind_of("", "deployments") is None
    assert kind_of("example.com", "pods") is None


def test_kinds_that_are_in_no_namespace() -> None:
    assert is_cluster_wide("", "Namespace")
    assert is_cluster_wide("rbac.authorization.k8s.io", "ClusterRole")
    assert not is_cluster_wide("rbac.authorization.k8s.io", "Role")
    assert not is_cluster_wide("example.com", "Namespace")
