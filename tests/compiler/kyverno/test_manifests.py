"""`validate.manifests`: the IR, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler import bodies, ir
from pratique.compiler.body_phrases import body
from tests.support_policies import KEYLESS, read, rule_policy

KEY = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n"
BY_KEY = {"entries": [{"keys": {"publicKeys": KEY}}]}


def errors(**written: Any) -> list[str]:
    found = read(rule_policy(validate={"manifests": written})).errors
    assert all(error.location is not None for error in found)
    return [error.message.removeprefix("invalid policy p: ") for error in found]


def lowered(**written: Any) -> bodies.SignedManifest:
    found = read(rule_policy(validate={"manifests": {"attestors": [BY_KEY], **written}}))
    assert not found.errors, [str(error) for error in found.errors]
    validation = found.policies.policies[0].rules[0].body
    assert isinstance(validation, bodies.Validation)
    assert isinstance(validation.check, bodies.SignedManifest)
    assert body(validation).startswith("the resource is as ")
    return validation.check


def attestor(threshold: ir.Threshold) -> ir.Attestor:
    (leaf,) = threshold.of
    assert isinstance(leaf, ir.Leaf)
    return leaf.attestor


def test_attestors_and_fields() -> None:
    ignored = {"objects": [{"kind": "Pod", "group": "-"}], "fields": ["spec.x"]}
    found = lowered(annotationDomain="acme.dev", ignoreFields=[ignored])
    assert (found.domain, found.ignored) == (
        "acme.dev",
        (bodies.IgnoredFields(objects=(bodies.ManifestObject(kind="Pod", group="-"),), fields=("spec.x",)),),
    )
    (threshold,) = found.signatures
    assert threshold.of[0].at.path == ".attestors[0].entries[0].keys"
    assert lowered().domain == "cosign.sigstore.dev"


def test_a_log_is_asked_of_keys_where_one_is_named() -> None:
    assert not attestor(lowered().signatures[0]).trust.log.required
    named = {"entries": [{"keys": {"publicKeys": KEY, "rekor": {"url": "https://rekor.sigstore.dev"}}}]}
    assert attestor(lowered(attestors=[named]).signatures[0]).trust.log.required
    keyless = {"entries": [{"keyless": KEYLESS}]}
    assert attestor(lowered(attestors=[keyless]).signatures[0]).trust.log.required
    nested = {"entries": [{"attestor": BY_KEY}]}
    (inner,) = lowered(attestors=[nested]).signatures[0].of
    assert isinstance(inner, ir.Threshold)
    assert not attestor(inner).trust.log.required


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"attestors": [{"entries": []}]}, "An entry is required"),
        ({"attestors": [{**BY_KEY, "count": 2}]}, "Count cannot exceed length of entries"),
        ({"attestors": [{"entries": [{}]}]}, "keys, certificates, keyless, or a nested attestor is required"),
        (
            {"attestors": [BY_KEY], "dryRun": {"enable": True}},
            "comparing a signed manifest by a dry run in rule 'rule' cannot be honoured",
        ),
        (
            {"attestors": [BY_KEY], "repository": "ghcr.io/acme/signed"},
            "looking for a signed manifest in a registry in rule 'rule' cannot be honoured",
        ),
        (
            {"attestors": [{"entries": [{**BY_KEY["entries"][0], "repository": "ghcr.io/acme/x"}]}]},
            "looking for a signed manifest in a registry in rule 'rule' cannot be honoured",
        ),
        (
            {"attestors": [{"entries": [{"keys": {"publicKeys": "-----BEGIN PGP PUBLIC KEY BLOCK-----"}}]}]},
            "a PGP key in rule 'rule' cannot be honoured",
        ),
        (
            {"attestors": [BY_KEY], "annotationDomain": "{{ request.namespace }}"},
            "variables in `validate.manifests` are not replaced",
        ),
    ],
)
def test_refused(written: dict[str, Any], told: str) -> None:
    (error,) = errors(**written)
    assert error.startswith(told)


@pytest.mark.parametrize("written", [{}, {"attestors": []}])
def test_deviation_attestors_are_needed(written: dict[str, Any]) -> None:
    """DEVIATION: in Kyverno a rule that names nobody passes."""
    assert "attestors are required" in errors(annotationDomain="x", **written)
