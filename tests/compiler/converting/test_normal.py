"""What both sides are taken for."""

from __future__ import annotations

from pratique.compiler import ir
from pratique.compiler.cel_images import NamedAttestor
from pratique.compiler.converting.normal import in_format, normal
from tests.support_policies import KEYLESS, cluster_policy, policy

COSIGN, BUNDLE = ir.SignatureFormat.COSIGN, ir.SignatureFormat.SIGSTORE_BUNDLE


def test_settled_parts_are_gone() -> None:
    statement = {
        "type": "t",
        "name": "s",
        "attestors": [{"entries": [{"keyless": KEYLESS}]}],
        "conditions": [{"all": [{"key": "{{ a }}", "operator": "Equals", "value": "b"}]}],
    }
    key = "{{ request.object.x || '' }}"
    rule = {"preconditions": {"all": [{"key": key, "operator": "Equals", "value": "y"}]}}
    found = normal(policy(cluster_policy({"attestations": [statement], "attestors": []}, rule=rule)))
    for each in found.rules:
        assert not each.preconditions
        (demand,) = each.requirements
        assert [(a.type, a.name, a.conditions) for a in demand.attestations] == [("t", "", ())]
        kinds = {selector.kind for f in each.resources.match.filters for selector in f.kinds}
        assert kinds
        assert "ReplicationController" not in kinds


def test_kinds_without_images_are_gone() -> None:
    rule = {"match": {"any": [{"resources": {"kinds": ["ConfigMap"]}}]}}
    assert normal(policy(cluster_policy(rule=rule))).rules == ()


def test_attestors_in_one_format() -> None:
    one, other = (
        ir.Attestor(signer=ir.KeySigner(key=k), format=f) for k, f in (("a", COSIGN), ("b", BUNDLE))
    )
    named = NamedAttestor(name="n", layers=(one,), bundles=(other,), unbundled="never")
    as_layers = in_format(named, COSIGN)
    assert [a.signer for a in (*as_layers.layers, *as_layers.bundles)] == [one.signer, one.signer]
    assert not as_layers.unbundled
    assert in_format(named, BUNDLE).layers == ()
    usable = NamedAttestor(name="n", layers=(one,), bundles=(other,))
    assert [a.signer for a in in_format(usable, BUNDLE).layers] == [other.signer]
