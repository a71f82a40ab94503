"""What is proved is so because the new text says it: a change of the text is a difference, or not decided."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.converting.proof import Status
from tests.support_converting import conversion, converted, proved
from tests.support_policies import KEYLESS, cluster_policy

TYPE = "https://slsa.dev/provenance/v1"
CONDITION = {"key": "{{ builder.id }}", "operator": "Equals", "value": "https://acme.example/*"}
ATTESTED = {
    "attestors": [],
    "attestations": [
        {
            "type": TYPE,
            "attestors": [{"entries": [{"keyless": KEYLESS}]}],
            "conditions": [{"all": [CONDITION]}],
        }
    ],
}


def test_what_is_proved() -> None:
    assert proved(converted()).status is Status.EQUIVALENT
    assert proved(converted(ATTESTED)).status is Status.EQUIVALENT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("subject: dev@acme.example", "subject: ops@acme.example"),
        ("> 0", ">= 2"),
        ("- Audit", "- Deny"),
        ("mutateDigest: false", "verifyDigest: false"),
        ("spec:", "spec:\n  failurePolicy: Ignore"),
    ],
)
def test_changes_are_differences(old: str, new: str) -> None:
    found = proved(converted(), (old, new))
    assert found.status is Status.DIFFERENT
    assert found.comparison is not None
    assert found.comparison.changes[0].regions[0].point.image


@pytest.mark.parametrize(
    ("old", "new", "image"),
    [
        ("ghcr.io/acme/*", "ghcr.io/acme/a*", "ghcr.io/acme/1:a"),
        ("ghcr.io/acme/*", "ghcr.io/*", "ghcr.io/a:a"),
    ],
)
def test_changes_of_images_are_differences_with_a_name(old: str, new: str, image: str) -> None:
    found = proved(converted(), (f"glob: {old}", f"glob: {new}"))
    assert found.status is Status.DIFFERENT
    assert [name for _, name in found.images] == [image]


@pytest.mark.parametrize(
    ("entry", "old", "new"),
    [
        ({}, "images.initContainers + ", ""),
        ({}, "verifyImageSignatures(image, [attestors.keyless])", "size(image)"),
        (ATTESTED, "acme\\.example", "evil\\.example"),
        (ATTESTED, ".builder.id", ".builder.name"),
        (
            ATTESTED,
            "extractPayload(image, attestations.provenance).predicate.builder.id.matches",
            "image.matches",
        ),
        (
            ATTESTED,
            "images.initContainers + images.ephemeralContainers)\n        .all(image, extract",
            "images.initContainers)\n        .all(image, extract",
        ),
    ],
)
def test_changes_of_expressions_are_never_equivalent(entry: dict[str, Any], old: str, new: str) -> None:
    assert proved(converted(entry), (old, new)).status is not Status.EQUIVALENT


def test_changes_of_conditions_are_never_equivalent() -> None:
    rule = {"exclude": {"any": [{"resources": {"namespaces": ["kube-system"]}}]}}
    made = converted(rule=rule)
    assert proved(made).status is Status.EQUIVALENT
    assert proved(made, ('"kube-system"', '"default"')).status is Status.DIFFERENT
    assert proved(made, ("!(request", "(request")).status is Status.DIFFERENT
    assert proved(made, ("request.?namespace", "request.?name")).status is Status.UNKNOWN


def test_preconditions_are_compared_in_all_forms() -> None:
    key = "{{ request.object.metadata.labels.check || '' }}"
    rule = {"preconditions": {"all": [{"key": key, "operator": "Equals", "value": "yes"}]}}
    made = converted(rule=rule)
    assert proved(made).status is Status.EQUIVALENT
    # Autogen does not find the path here, so that controllers are judged by labels of their own.
    assert proved(made, ("object.metadata", "object.?metadata")).status is not Status.EQUIVALENT


def test_bundles_are_compared_with_bundles() -> None:
    log = {"url": "https://rekor.sigstore.dev"}
    keyless = {"issuer": "https://accounts.google.com", "subjectRegExp": "@acme", "rekor": log}
    entry = {"type": "SigstoreBundle", "attestors": [{"entries": [{"keyless": keyless}]}]}
    made = converted(entry)
    assert proved(made).status is Status.EQUIVALENT
    assert proved(made, ("@acme", "@evil")).status is Status.DIFFERENT


def test_digests_of_repositories_by_two_patterns() -> None:
    """`mutateDigest` turns what one of them matches into what the other does."""
    entries = [
        {
            "imageReferences": ["quay.io/a/b:*", "quay.io/a/b@*"],
            "attestors": [{"entries": [{"keyless": signer}]}],
        }
        for signer in (KEYLESS, {**KEYLESS, "subject": "ops@acme.example"})
    ]
    rules = [
        {"name": name, "match": {"any": [{"resources": {"kinds": ["Pod"]}}]}, "verifyImages": [entry]}
        for name, entry in zip("ab", entries, strict=True)
    ]
    spec = {"validationFailureAction": "Enforce", "rules": rules}
    made = conversion(cluster_policy(spec=spec))
    assert len(made.drafts) == 1
    assert proved(made).status is Status.EQUIVALENT


def test_a_failure_of_the_proof_is_no_proof() -> None:
    keyless = {**KEYLESS, "subjectRegExp": r"\bdev\b"}
    found = proved(converted({"attestors": [{"entries": [{"keyless": keyless}]}]}))
    assert found.status is Status.UNKNOWN
    assert found.unknown
