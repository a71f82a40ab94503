"""The lab's bundles before another verifier: sigstore-python's own, with the lab's trust root."""

from __future__ import annotations

import json

import pytest
from sigstore.errors import Error
from sigstore.hashes import Hashed
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy
from sigstore_models.common.v1 import HashAlgorithm
from sigstore_models.trustroot.v1 import TrustedRoot as RootMessage

from pratique.runtime.lab.faults import CATALOGUE, Fault, Format, Part
from tests.support_lab import EMAIL, ISSUER, MemoryLab, memory_lab

IDENTITY = policy.Identity(identity=EMAIL, issuer=ISSUER)
FORMATS = (Format.BUNDLE, Format.BUNDLE_MESSAGE)

ACCEPTED = {
    Fault.WRONG_DIGEST: "a DSSE bundle's claim is left to the caller",
    Fault.NOT_A_STATEMENT: "a DSSE bundle's payload is left to the caller",
    Fault.NO_SUBJECT: "a DSSE bundle's payload is left to the caller",
    Fault.MANY_SUBJECTS: "a DSSE bundle's payload is left to the caller",
    Fault.LONG_LIVED: "harmless",
    Fault.RETIRED_LOG: "version 4.5 does not look at the validity of log keys",
    Fault.TAMPERED_TIMESTAMP: "the log's promise is time enough; see `test_bad_timestamp_alone`",
    Fault.FOREIGN_TIMESTAMP: "likewise",
    Fault.IMPOSTOR_TIMESTAMP: "likewise",
    Fault.WRONG_TIMESTAMP: "likewise",
}
"""What this verifier takes, and why."""


def lab_with(form: Format, more: str = "", by: str = "dev") -> MemoryLab:
    return memory_lab(
        f"""
        signers:
          dev: {{issuer: {ISSUER}, subject: {EMAIL}}}
          workflow:
            issuer: https://token.actions.githubusercontent.com
            subject: https://github.com/acme/app/.github/workflows/release.yaml@refs/tags/v1
            extensions: {{githubWorkflowRepository: acme/app, sourceRepositoryURI: https://github.com/acme/app}}
        images:
          - image: lab.test/app:v1
            signatures: [{{by: {by}, format: {form}{more}}}]
        """
    )


def verify(lab: MemoryLab, who: policy.VerificationPolicy = IDENTITY) -> bytes:
    """Verify the first bundle; return the payload of an envelope."""
    verifier = Verifier(trusted_root=TrustedRoot(RootMessage.from_json(lab.trusted_root)))
    bundle = Bundle.from_json(json.dumps(lab.bundles()[0]))
    digest = bytes.fromhex(lab.image().digest.removeprefix("sha256:"))
    if bundle._dsse_envelope:
        return verifier.verify_dsse(bundle, who)[1]
    verifier.verify_artifact(Hashed(algorithm=HashAlgorithm.SHA2_256, digest=digest), bundle, who)
    return b""


@pytest.mark.parametrize("more", ["", ", timestamp: true", ", timestamp: true, fault: no-set"])
@pytest.mark.parametrize("form", FORMATS)
def test_good_bundle_is_accepted(form: Format, more: str) -> None:
    lab = lab_with(form, more)
    payload = verify(lab)
    if form is Format.BUNDLE:
        (subject,) = json.loads(payload)["subject"]
        assert f"sha256:{subject['digest']['sha256']}" == lab.image().digest


@pytest.mark.parametrize("form", FORMATS)
def test_identity_is_in_the_certificate(form: Format) -> None:
    with pytest.raises(Error):
        verify(lab_with(form), policy.Identity(identity="other@acme.example", issuer=ISSUER))
    with pytest.raises(Error):
        verify(lab_with(form), policy.Identity(identity=EMAIL, issuer="https://other.example"))


def test_workflow_extensions() -> None:
    lab = lab_with(Format.BUNDLE, by="workflow")
    good: list[policy.VerificationPolicy] = [
        policy.GitHubWorkflowRepository("acme/app"),
        policy.OIDCIssuerV2("https://token.actions.githubusercontent.com"),
        policy.OIDCSourceRepositoryURI("https://github.com/acme/app"),
    ]
    verify(lab, policy.AllOf(good))
    with pytest.raises(Error):
        verify(lab, policy.GitHubWorkflowRepository("acme/other"))


CASES = [
    (fault, form)
    for fault, info in CATALOGUE.items()
    for form in FORMATS
    if form in info.formats and not (info.statement and form is Format.BUNDLE_MESSAGE)
]


@pytest.mark.parametrize(("fault", "form"), CASES)
def test_faults(fault: Fault, form: Format) -> None:
    lab = lab_with(form, f", fault: {fault}")
    if fault in ACCEPTED and not (fault is Fault.WRONG_DIGEST and form is Format.BUNDLE_MESSAGE):
        verify(lab)
    else:
        with pytest.raises(Error):
            verify(lab)


@pytest.mark.parametrize("fault", [f for f in Fault if CATALOGUE[f].part is Part.TIMESTAMP])
@pytest.mark.parametrize("form", FORMATS)
def test_bad_timestamp_alone(form: Format, fault: Fault) -> None:
    with pytest.raises(Error):
        verify(lab_with(form, f", fault: [no-set, {fault}]"))


def test_trust_root_of_another_lab_accepts_nothing() -> None:
    lab, other = lab_with(Format.BUNDLE), memory_lab("sigstore: {seed: other}")
    verifier = Verifier(trusted_root=TrustedRoot(RootMessage.from_json(other.trusted_root)))
    with pytest.raises(Error):
        verifier.verify_dsse(Bundle.from_json(json.dumps(lab.bundles()[0])), IDENTITY)


def test_attestation() -> None:
    lab = memory_lab(
        f"""
        signers: {{dev: {{issuer: {ISSUER}, subject: {EMAIL}}}}}
        images:
          - image: lab.test/app:v1
            attestations: [{{by: dev, format: bundle, type: https://example/type, predicate: {{a: [1, x]}}}}]
        """
    )
    statement = json.loads(verify(lab))
    assert (statement["predicateType"], statement["predicate"]) == ("https://example/type", {"a": [1, "x"]})
