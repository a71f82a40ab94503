from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.lint.base import Severity
from tests.support_attestors import PEM, holder, signer, some_of, verify
from tests.support_lint import findings

CODE = "PRQ038"
EXACT = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"
ISSUER = "https://token.actions.githubusercontent.com"
LOG = {"url": "https://rekor.sigstore.dev"}
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def bundle(*, entry: dict[str, Any] | None = None, **keyless: Any) -> str:
    block = {"issuer": ISSUER, "subject": EXACT, "rekor": LOG, **keyless}
    named = {name: value for name, value in block.items() if value is not None}
    return verify(type="SigstoreBundle", attestors=[some_of({"keyless": named, **(entry or {})})])


@pytest.mark.parametrize(
    ("text", "severity", "words"),
    [
        (
            bundle(subject="https://github.com/acme/*"),
            Severity.WARNING,
            "`subject` of bundles letter by",
        ),
        (bundle(issuer="https://*.acme.example"), Severity.WARNING, "`issuer` of bundles letter by"),
        (bundle(subject=None), Severity.WARNING, "`issuer` has no `subject`"),
        (bundle(issuer=None), Severity.WARNING, "`subject` has no `issuer`"),
        (bundle(roots=CERTIFICATE), Severity.INFO, "overlooks `roots`"),
        (bundle(rekor=LOG | {"pubkey": PEM}), Severity.INFO, "overlooks `rekor.pubkey`"),
        (bundle(ctlog={"tsaCertChain": CERTIFICATE}), Severity.INFO, "overlooks `ctlog.tsaCertChain`"),
        (bundle(entry={"repository": "ghcr.io/x/y"}), Severity.INFO, "overlooks `repository`"),
        (
            bundle(entry={"annotations": {"a": "b"}}),
            Severity.WARNING,
            "signatures that are refused here",
        ),
        (bundle(additionalExtensions={"githubWorkflowRef": "x"}), Severity.WARNING, "`additionalExtensions`"),
    ],
)
def test_what_kyverno_reads_otherwise(text: str, severity: Severity, words: str) -> None:
    (found,) = findings(text, CODE)
    assert found.severity is severity
    assert words in found.problem.message


def test_what_both_read_alike() -> None:
    assert findings(bundle(), CODE) == []
    assert findings(bundle(subject=None, subjectRegExp=f"^{EXACT}$"), CODE) == []
    assert findings(verify(type="SigstoreBundle", attestors=[some_of(holder())]), CODE) == []
    cosign = [some_of(signer("https://github.com/acme/*", annotations={"a": "b"}, repository="ghcr.io/x/y"))]
    assert findings(verify(attestors=cosign), CODE) == []


def test_the_setting_is_marked() -> None:
    (found,) = findings(bundle(additionalExtensions={"githubWorkflowRef": "x"}), CODE)
    assert found.location is not None
    span = found.location.span
    assert found.location.source.line(span.start.line)[span.start.column - 1 :].startswith('"additional')


@pytest.mark.parametrize(
    ("entry", "attestor", "idle"),
    [
        ({"repository": "ghcr.io/x/y"}, {}, "repository"),
        ({"cosignOCI11": True}, {}, "cosignOCI11"),
        ({}, {"repository": "ghcr.io/x/y"}, "repository"),
        ({}, {"certificates": {"cert": CERTIFICATE, "rekor": LOG}}, "rekor"),
        ({}, {"certificates": {"cert": CERTIFICATE, "ctlog": {"ignoreSCT": True}}}, "ctlog"),
    ],
)
def test_what_has_no_effect_for_notary(entry: dict[str, Any], attestor: dict[str, Any], idle: str) -> None:
    one = {"certificates": {"cert": CERTIFICATE}, **attestor}
    nested = {"attestor": some_of(one)}
    for given in (one, nested):
        (found,) = findings(verify(type="Notary", attestors=[some_of(given)], **entry), CODE)
        assert found.problem.message.startswith(f"`{idle}` has no effect")
        assert found.severity is Severity.INFO


def test_bundles_are_referrers_anyway() -> None:
    text = bundle().replace('"type"', '"cosignOCI11": true, "type"')
    (found,) = findings(text, CODE)
    assert found.problem.message.startswith("`cosignOCI11` has no effect")


@pytest.mark.parametrize(
    ("keys", "algorithm", "told"),
    [({}, "sha512", True), ({"signatureAlgorithm": "sha512"}, "sha512", False), ({}, "sha256", False)],
)
def test_an_algorithm_that_nothing_reads(keys: dict[str, str], algorithm: str, told: bool) -> None:
    entry = {"keys": {"publicKeys": PEM, **keys}, "signatureAlgorithm": algorithm}
    found = findings(verify(attestors=[some_of(entry)]), CODE)
    assert [each.severity for each in found] == [Severity.WARNING] * told


@pytest.mark.parametrize(("type", "told"), [("Cosign", True), (None, True), ("SigstoreBundle", False)])
@pytest.mark.parametrize(
    "build", ["https://actions.github.io/buildtypes/workflow/v1", "https://a.example/v1"]
)
def test_attestations_of_github_are_bundles(type: str | None, told: bool, build: str) -> None:
    key = "{{ buildDefinition.buildType }}"
    condition = {"all": [{"key": key, "operator": "Equals", "value": build}]}
    stated = {"type": "https://slsa.dev/provenance/v1", "conditions": [condition]}
    by = {"attestors": [some_of(signer(EXACT))]}
    text = verify(attestations=[stated | by], **({"type": type} if type else {}))
    assert len(findings(text, CODE)) == (told and "github" in build)
