from __future__ import annotations

import pytest

from pratique.compiler.kyverno.releases import OLDEST, ReleaseRange, field_since, value_since


@pytest.mark.parametrize(
    ("path", "since"),
    [
        ("spec.rules.verifyImages.skipImageReferences", "1.12"),
        ("spec.rules.verifyImages.attestors.entries.keyless.subjectRegExp", "1.13"),
        ("spec.rules.verifyImages.attestations.attestors.entries.attestor.entries.keyless.ctlog", "1.11"),
        ("spec.rules.verifyImages.attestors.entries.keyless.ctlog.tsaCertChain", "1.13"),
        ("spec.rules.verifyImages.attestors.entries.keyless.ctlog.pubkey", "1.9"),
        ("spec.rules.verifyImages.attestors.entries.keyless.rekor.pubkey", "1.11"),
        ("spec.rules.verifyImages.attestors.entries.keyless.subject", "1.9"),
        ("spec.rules.verifyImages.type", "1.10"),
        ("spec.rules.verifyImages.attestations.type", "1.11"),
        ("spec.rules.imageExtractors.Task.jmesPath", "1.10"),
        ("spec.rules.context.apiCall.jmesPath", "1.9"),
        ("spec.rules.context.apiCall.default", "1.13"),
        ("spec.rules.context.variable.default", "1.9"),
        ("spec.failurePolicy", "1.9"),
        ("spec.webhookConfiguration", "1.12"),
        ("spec.webhookConfiguration.failurePolicy", "1.13"),
        ("type", "1.9"),
    ],
)
def test_fields(path: str, since: str) -> None:
    assert str(field_since(tuple(path.split(".")))) == since


def test_values() -> None:
    path = ("spec", "rules", "verifyImages", "type")
    assert str(value_since(path, "SigstoreBundle")) == "1.13"
    assert value_since(path, "Cosign") == value_since(path, None) == OLDEST
    assert value_since(("spec", "type"), "SigstoreBundle") == OLDEST


@pytest.mark.parametrize("text", ["", "1", "1.x", "1.10-1.12", "1.10..", "1.19..1.9", "1.8", "1.10.1.2"])
def test_what_is_no_range_of_releases(text: str) -> None:
    with pytest.raises(ValueError, match=r"^'"):
        ReleaseRange.parse(text)
