"""A ClusterImagePolicy in the IR."""

from __future__ import annotations

from typing import Any

from pratique.compiler import ir
from tests.support_sigstore import ISSUER, key, keyless, policy, written


def requirement(*authorities: str, **options: Any) -> ir.ImageRequirement:
    (rule,) = policy(written(*authorities, **options)).rules
    (found,) = rule.requirements
    return found


def signed(*authorities: str) -> tuple[ir.Formula, ...]:
    (found,) = requirement(*authorities).signatures
    assert found.count == 1
    return found.of


def leaf(authority: str) -> ir.Attestor:
    (found,) = signed(authority)
    assert isinstance(found, ir.Leaf)
    return found.attestor


def paths(*of: ir.Formula) -> list[str]:
    return [each.at.path for each in of]


def test_any_authority_and_any_of_its_identities_does() -> None:
    found = signed(keyless("a"), key("b"), keyless("c", "d"))
    assert paths(*found) == [
        ".authorities[0].keyless",
        ".authorities[1].key",
        ".authorities[2].keyless.identities[0]",
        ".authorities[2].keyless.identities[1]",
    ]


def test_identities() -> None:
    found = leaf("{keyless: {identities: [{issuerRegExp: i, subject: s}]}}").signer
    assert found == ir.IdentitySigner(
        issuer=ir.TextTests(tests=(ir.Search(text="i"),)), subject=ir.TextTests(tests=(ir.Exactly(text="s"),))
    )


def test_keys() -> None:
    algorithm = "{key: {kms: 'awskms:///x', hashAlgorithm: SHA512}}"
    assert leaf(algorithm).signer == ir.KeySigner(key="awskms:///x", hash_algorithm="sha512")
    secret = leaf("{key: {secretRef: {name: team}}}").signer
    assert secret == ir.KeySigner(key="k8s://cosign-system/team")
    secret = leaf("{key: {secretRef: {name: team, namespace: sigstore}}}").signer
    assert secret == ir.KeySigner(key="k8s://sigstore/team")


def test_logs() -> None:
    """Signatures of identities must be in the log, those of keys if the policy names one."""
    assert leaf(keyless("a")).trust == ir.Trust()
    assert leaf(keyless("a", more=", insecureIgnoreSCT: true")).trust.sct == ir.SctPolicy(required=False)
    assert leaf(key()).trust.log == ir.LogPolicy(required=False)
    assert leaf(key(around=", ctlog: {url: u}")).trust.log == ir.LogPolicy(required=True, url="u")


def test_where_signatures_are() -> None:
    assert leaf(key(around=", source: [{oci: r.example/s}]")).repository == "r.example/s"
    assert leaf(keyless("a")).format is ir.SignatureFormat.COSIGN
    bundled = keyless("a", around=", signatureFormat: bundle")
    assert leaf(bundled).format is ir.SignatureFormat.SIGSTORE_BUNDLE


def test_static_verdicts() -> None:
    passing = requirement("{static: {action: pass}}", key())
    assert not passing.signatures
    assert not passing.attestations
    (nobody,) = requirement("{static: {action: fail, message: never}}").signatures
    assert (nobody.count, nobody.of, nobody.at.path) == (1, (), ".authorities[0].static")
    assert paths(*signed("{static: {action: fail}}", key())) == [".authorities[1].key"]


def test_statements() -> None:
    two = ", attestations: [{name: a, predicateType: vuln}, {name: b, predicateType: 'https://x.example/y'}]"
    found = requirement(keyless("a", "b", around=two))
    assert not found.signatures
    assert [each.type for each in found.attestations] == [
        "https://cosign.sigstore.dev/attestation/vuln/v1",
        "https://x.example/y",
    ]
    for each in found.attestations:
        (by,) = each.by
        assert (by.count, len(by.of), each.exclusive) == (1, 2, False)
    assert [each.at.path for each in found.attestations] == [
        ".authorities[0].attestations[0]",
        ".authorities[0].attestations[1]",
    ]


def test_settings() -> None:
    found = requirement(key())
    assert (found.pin_digest, found.demand_digest, found.demand_proof) == (True, False, False)
    enforced, warned = policy(written(key())), policy(written(key(), more="  mode: warn\n"))
    assert (enforced.rules[0].action, enforced.emit_warning) == (ir.Action.ENFORCE, False)
    assert (warned.rules[0].action, warned.emit_warning) == (ir.Action.AUDIT, True)
    assert (enforced.kind, enforced.key, enforced.fail_open) == ("ClusterImagePolicy", "p", False)


def test_regions_without_gaps_are_one_requirement() -> None:
    images = ("ghcr.io/acme/**", "quay.io/**", "gcr.io/acme/*", "gcr.io/acme/*")
    (rule,) = policy(written(key(), images=images)).rules
    whole, other = rule.requirements
    assert [each.text for each in whole.images.include] == ["ghcr.io/acme/*", "quay.io/*"]
    assert [each.text for each in other.images.include] == ["gcr.io/acme/*"]
    assert [each.text for each in other.images.skip] == ["gcr.io/acme/*/*"]
    assert other.images.include[0].at.location
    assert str(other.images.include[0].at.location) == "p.yaml:5:68"


def kinds(more: str = "") -> list[tuple[str, str, str]]:
    parts = policy(written(key(), more=more)).rules[0].resources.match.filters
    return [(kind.group, kind.version, kind.kind) for part in parts for kind in part.kinds]


def test_resources() -> None:
    assert [kind for _, _, kind in kinds()] == [
        *("Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"),
    ]
    more = (
        "  match:\n  - {group: apps, version: '*', resource: deployments, selector: {matchLabels: {a: b}}}\n"
    )
    assert kinds(more) == [("apps", "*", "Deployment")]
    (part,) = policy(written(key(), more=more)).rules[0].resources.match.filters
    assert part.selector == ir.LabelSelector(match_labels=(("a", "b"),))


def test_both_versions_say_the_same() -> None:
    assert policy(written(keyless("a"), version="v1alpha1")) == policy(written(keyless("a")))
    assert ISSUER in repr(policy(written(keyless("a"))))
