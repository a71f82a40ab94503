"""What an attestor makes of verified and rejected signatures, and the words for what was never judged."""

from typing import Any

import pytest

from pratique.compiler import ir
from pratique.grammar.errors import NotFoundError, TransportError, VerificationError
from pratique.runtime.judgement import NO_BUNDLE, Candidate, judge, judge_statements, unasked
from pratique.runtime.ports import Digest
from pratique.runtime.signatures.model import (
    Identity,
    Statement,
    StoredBundle,
    VerifiedSignature,
)

ISSUER = "https://accounts.google.com"
SLSA, VULN = "https://slsa.dev/provenance/v1", "https://cosign.sigstore.dev/attestation/vuln/v1"
DIGEST = Digest("sha256:" + "1" * 64)
IMAGE = "reg.example/app:v1"
COSIGN, BUNDLE = ir.SignatureFormat.COSIGN, ir.SignatureFormat.SIGSTORE_BUNDLE


def wanted(
    format: ir.SignatureFormat, subject: str = "dev@acme.example", issuer: str = ISSUER
) -> ir.Attestor:
    signer = ir.IdentitySigner(
        issuer=ir.TextTests(tests=(ir.Glob(text=issuer),) if issuer else ()),
        subject=ir.TextTests(tests=(ir.Glob(text=subject),) if subject else ()),
    )
    return ir.Attestor(signer=signer, format=format)


def verified(subject: str = "dev@acme.example", type: str = "") -> Candidate:
    statement = Statement(type="s", predicate_type=type, predicate={}, subjects=()) if type else None
    signature = VerifiedSignature(
        image_digest=DIGEST,
        identity=Identity(subjects=(subject,), issuer=ISSUER),
        key="k",
        claims=None,
        statement=statement,
    )
    return Candidate(stored=stored(), verified=signature)


def rejected(text: str) -> Candidate:
    return Candidate(stored=stored(), rejection=VerificationError("signature-invalid", text))


def stored() -> StoredBundle:
    return StoredBundle(body=b"", layer=DIGEST, artifact_type="", predicate_type="")


def test_r5_nothing_never_meets_anything() -> None:
    for format in (COSIGN, BUNDLE):
        assert not judge(wanted(format), ()).met
        assert not judge_statements(wanted(format), SLSA, ()).met


def test_a_strangers_statement_fails_cosigns_format_and_is_left_aside_among_bundles() -> None:
    both = verified(type=SLSA), verified("mallory@acme.example", SLSA)
    found = judge_statements(wanted(COSIGN), SLSA, both)
    text = "subject mismatch: expected dev@acme.example, received mallory@acme.example"
    assert (found.met, found.text) == (False, text)
    found = judge_statements(wanted(BUNDLE), SLSA, both)
    assert [s.identity and s.identity.subjects for s in found.signatures] == [("dev@acme.example",)]
    assert [reason.met for reason in found.reasons] == [True, False]


def test_a_strangers_statement_is_left_aside_where_that_is_demanded() -> None:
    both = verified(type=SLSA), verified("mallory@acme.example", SLSA)
    found = judge_statements(wanted(COSIGN), SLSA, both, exclusive=False)
    assert [s.identity and s.identity.subjects for s in found.signatures] == [("dev@acme.example",)]
    only = verified("mallory@acme.example", SLSA)
    assert not judge_statements(wanted(COSIGN), SLSA, [only], exclusive=False).met


@pytest.mark.parametrize(
    "candidates",
    [
        [],
        [rejected("bad")],
        [verified("mallory@acme.example", SLSA)],
        [verified(type=VULN)],
    ],
)
def test_kyverno_has_one_text_for_bundles(candidates: list[Candidate]) -> None:
    found = judge_statements(wanted(BUNDLE), SLSA, candidates)
    assert (found.met, found.text) == (False, NO_BUNDLE)
    assert found.code != "attestation-missing"  # no path is put before this text


def test_a_bundle_is_verified_for_a_named_identity_only() -> None:
    nobody = wanted(BUNDLE, subject="", issuer="")
    assert judge(nobody, (verified(),)).text == NO_BUNDLE
    assert judge_statements(nobody, SLSA, (verified(type=SLSA),)).text == NO_BUNDLE
    assert judge(wanted(BUNDLE, subject=""), (verified(),)).met
    assert judge(wanted(COSIGN, subject="", issuer=""), (verified(),)).met


def test_rejections_are_told_one_by_one() -> None:
    found = judge_statements(wanted(COSIGN), SLSA, [rejected("one"), rejected("two")])
    assert found.text == "no matching attestations: one\n two"


MISSING = NotFoundError(
    "image-not-found",
    "reg.example: manifest app:v1: not found",
    detail="GET https://reg.example/v2/app/manifests/v1: MANIFEST_UNKNOWN: manifest unknown; map[Tag:v1]",
)
DOWN = TransportError(
    "registry-unreachable", "reg.example: down", detail='Get "https://reg.example/v2/": dial tcp: refused'
)
BAD_KEY = VerificationError("bad-key", "failed to load public key from PEM: pem to public key: x")
NO_ROOT = TransportError("trust-unavailable", "failed to get roots from fulcio: there is none")
NO_BODY = "unexpected status code 404 Not Found (HEAD responses have no body, use GET for details)"


@pytest.mark.parametrize(
    ("format", "error", "attestations", "text", "broken"),
    [
        (COSIGN, MISSING, False, f"image tag not found: {MISSING.detail}", False),
        (COSIGN, MISSING, True, "not found", False),
        (COSIGN, DOWN, False, DOWN.detail, True),
        (COSIGN, DOWN, True, DOWN.detail, True),
        (COSIGN, BAD_KEY, False, BAD_KEY.message, False),
        (COSIGN, NO_ROOT, False, NO_ROOT.message, True),
        (
            BUNDLE,
            MISSING,
            False,
            f"failed to fetch bundles: {IMAGE}: HEAD https://reg.example/v2/app/manifests/v1: {NO_BODY}",
            False,
        ),
        (BUNDLE, DOWN, True, f"failed to fetch bundles: {IMAGE}: {DOWN.detail}", True),
        (
            BUNDLE,
            BAD_KEY,
            False,
            f"failed to get trusted material: {IMAGE}: failed to load public key: pem to public key: x",
            False,
        ),
        (BUNDLE, NO_ROOT, False, f"failed to get trusted material: {IMAGE}: {NO_ROOT.message}", True),
    ],
)
def test_what_was_never_judged(
    format: ir.SignatureFormat, error: Any, text: str, *, attestations: bool, broken: bool
) -> None:
    found = unasked(wanted(format), IMAGE, error, attestations=attestations)
    assert (found.met, found.text, found.broken, found.code) == (False, text, broken, error.code)
