"""What is refused in a ClusterImagePolicy, with its place."""

from __future__ import annotations

import pytest

from tests.support_sigstore import PEM, key, keyless, lowered, mistakes, written


@pytest.mark.parametrize(
    ("authority", "code", "text"),
    [
        ("{}", "wrong-value", "expected exactly one, got neither: key, keyless, static"),
        (f'{{static: {{action: pass}}, key: {{data: "{PEM}"}}}}', "wrong-value", "got both: key, static"),
        ("{static: {action: pass}, ctlog: {url: u}}", "wrong-value", "got both: ctlog, static"),
        ("{key: {}}", "wrong-value", "expected exactly one of data, kms, secretRef"),
        ("{key: {data: k8s://a/b}}", "wrong-value", "no public key in PEM"),
        ("{key: {kms: vault://x}}", "wrong-value", "malformed KMS format"),
        ("{key: {kms: 'gcpkms://x', hashAlgorithm: md5}}", "wrong-value", "unknown digest algorithm: md5"),
        (key(around=", signatureFormat: bundle"), "wrong-value", "the authority must be keyless"),
        ("{keyless: {}}", "missing-value", "missing field: identities"),
        ("{keyless: {identities: [{issuer: i}]}}", "missing-value", "exactly one of subject, subjectRegExp"),
        (
            "{keyless: {identities: [{issuer: i, issuerRegExp: i, subject: s}]}}",
            "wrong-value",
            "exactly one of issuer, issuerRegExp",
        ),
        (
            "{keyless: {identities: [{issuer: i, subjectRegExp: '['}]}}",
            "wrong-value",
            "regex is invalid",
        ),
        (
            keyless("s", more=", trustRootRef: r"),
            "missing-value",
            "there is no TrustRoot r among the policies",
        ),
        (keyless("s", more=", ca-cert: {data: x}"), "unsupported-field", "ca-cert"),
        (key(around=", rfc3161timestamp: {trustRootRef: r}"), "missing-value", "there is no TrustRoot r"),
        (key(around=", ctlog: {trustRootRef: r}"), "missing-value", "there is no TrustRoot r"),
        (key(around=", ctlog: {}"), "missing-value", "a log without a URL is not looked into"),
        (key(around=", source: [{oci: a.io/b}, {oci: a.io/c}]"), "wrong-value", "only single source"),
        (key(around=", source: [{tagPrefix: x}]"), "unsupported-field", "tags with a prefix"),
        (
            key(around=", source: [{signaturePullSecrets: [{name: s}]}]"),
            "unsupported-field",
            "credentials for signatures alone",
        ),
        (
            key(around=", attestations: [{name: a, predicateType: x}]"),
            "wrong-value",
            "invalid predicate type: x",
        ),
        (
            key(around=", attestations: [{name: a, predicateType: vuln, policy: {type: cue, data: x}}]"),
            "unsupported-field",
            "programs in CUE and Rego",
        ),
    ],
)
def test_authorities(authority: str, code: str, text: str) -> None:
    found = mistakes(written(authority))
    assert [each[1] for each in found] == [code]
    place, _, message = found[0]
    assert place.startswith("6:")
    assert text in message


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        ("  policy: {type: rego, data: x}\n", "unsupported-field", "programs in CUE and Rego"),
        (
            "  match: [{group: apps, version: v1, resource: pods}]\n",
            "wrong-value",
            "unsupported resource name",
        ),
        (
            "  match: [{group: '', version: v1, resource: services}]\n",
            "wrong-value",
            "unsupported resource name",
        ),
        ("  match: [{resource: pods}]\n", "missing-value", "no resource is of no version"),
        (
            "  match: [{version: v1, resource: pods, selector: {matchLabels: {a: 'b*'}}}]\n",
            "wrong-value",
            "labels are compared as they are",
        ),
        (
            "  match: [{version: v1, resource: pods, selector: {matchExpressions: [{key: a, operator: X}]}}]",
            "wrong-value",
            "wrong match label selector",
        ),
    ],
)
def test_the_rest_of_a_policy(more: str, code: str, text: str) -> None:
    ((place, found, message),) = mistakes(written(key(), more=more))
    assert (place[:2], found) == ("7:", code)
    assert text in message


def test_images() -> None:
    assert mistakes(written(key(), images=())) == [("5:11", "missing-value", "missing field: images")]
    ((place, code, _),) = mistakes(written(key(), images=("ghcr.io/**", "ghcr.io/a:v1")))
    assert (place, code) == ("5:41", "wrong-value")


def test_without_authorities() -> None:
    assert mistakes(written()) == [("6:16", "missing-value", "missing field: authorities")]


STATING = ", attestations: [{name: a, predicateType: vuln}]"


@pytest.mark.parametrize(
    ("authorities", "accepted"),
    [
        ((key("a"), key("b")), True),
        ((key("a", STATING),), True),
        ((key("a", STATING), key("b", STATING)), True),
        ((key("a", STATING.replace("]", ", {name: b, predicateType: link}]")),), True),
        ((key("a", STATING), "{static: {action: fail}}"), True),
        ((key("a", STATING), key("b"), "{static: {action: pass}}"), True),
        ((key("a", STATING), key("b")), False),
        ((key("a", STATING), key("b", STATING.replace("vuln", "link"))), False),
        (tuple(key(n, STATING.replace("]", ", {name: b, predicateType: link}]")) for n in "ab"), False),
    ],
)
def test_statements_beside_signatures(authorities: tuple[str, ...], accepted: bool) -> None:
    found = mistakes(written(*authorities))
    assert [code for _, code, _ in found] == ([] if accepted else ["unsupported-field"])


def test_mistakes_are_told_in_order_and_cost_their_policy_alone() -> None:
    bad = written("{}", images=("ghcr.io/a",), name="q")
    found = lowered(bad, written(keyless("s")))
    assert [policy.name for policy in found.policies.policies] == ["p"]
    assert [str(error.location) for error in found.errors] == ["p.yaml:5:19", "p.yaml:6:17"]


def test_two_of_a_name() -> None:
    found = lowered(written(key()), written(key()))
    assert [error.code for error in found.errors] == ["duplicate-policy"]
