"""What an attestor makes of the stored signatures of an image, once their cryptography is known.

Pure functions: evidence is gathered in `evidence.py`, and judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from pratique.compiler import ir
from pratique.grammar.errors import NotFoundError, TransportError, VerificationError
from pratique.runtime.decision import Reason
from pratique.runtime.signatures.identity import IdentityMismatch, claims_missing, mismatch
from pratique.runtime.signatures.model import Stored, StoredNotarySignature, VerifiedSignature
from pratique.runtime.signatures.notary.judgement import judge_signatures
from pratique.runtime.signatures.notary.model import Attempt

NO_BUNDLE: Final = "sigstore bundle verification failed: no matching signatures found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stored signature and what became of it: exactly one of `verified` and `rejection` is set.

    A rejection that is a `TransportError` is of a signature whose bytes could not be had.
    """

    stored: Stored
    verified: VerifiedSignature | None = None
    rejection: VerificationError | TransportError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer of an attestor: met by `signatures`, or not and why.

    Attributes:
        text: Kyverno's wording of why it is not met; empty where it is.
        broken: the question could not be asked (outage, missing trust root): an error, never a failure.
        reasons: one reason per stored signature.
    """

    code: str
    text: str = ""
    signatures: tuple[VerifiedSignature, ...] = ()
    broken: bool = False
    reasons: tuple[Reason, ...] = ()

    @property
    def met(self) -> bool:
        """Say whether some signature meets the attestor; never without one (rule R5)."""
        return bool(self.signatures)


def judge(attestor: ir.Attestor, candidates: tuple[Candidate, ...], reference: str = "") -> Finding:
    """Return which verified candidates the attestor accepts, and why it does not accept the others.

    `reference` is the `registry/path@digest` that they lie with, for texts.

    References: Kyverno 1.19 `pkg/imageverification/imagedataloader`, cosign verifier: identity first, then
    signed annotations, over the signatures whose cryptography holds.

    DEVIATION: one and the same signature must satisfy identity and annotations; Kyverno lets two signatures
    share the work (`tests/runtime/test_engine.py::test_identity_and_annotations_by_one_signature`).
    """
    if attestor.format is ir.SignatureFormat.NOTARY:
        return judge_notary(attestor, candidates, reference)
    finding = _judge(attestor, candidates)
    if finding.met or attestor.format is not ir.SignatureFormat.SIGSTORE_BUNDLE:
        return finding
    # Kyverno has one text for bundles, whatever is wrong with them; the reasons hold the rest.
    return replace(finding, text=NO_BUNDLE)


def _judge(attestor: ir.Attestor, candidates: tuple[Candidate, ...]) -> Finding:
    if not candidates:
        return Finding(code="no-signature", text="no signatures found")
    rejections = [c.rejection for c in candidates if c.rejection]
    verified = [c.verified for c in candidates if c.verified]
    if not verified:
        reasons = tuple(_rejected(error) for error in rejections)
        text = "no matching signatures: " + "\n ".join(error.message for error in rejections)
        return Finding(code=rejections[0].code, text=text, reasons=reasons)
    accepted, reasons_list, refusals = [], [_rejected(error) for error in rejections], []
    for signature in verified:
        error = _refusal(attestor, signature)
        if error is None:
            accepted.append(signature)
        else:
            refusals.append(error)
        reasons_list.append(_described(signature, error))
    if accepted:
        return Finding(code="signed", signatures=tuple(accepted), reasons=tuple(reasons_list))
    # Kyverno reports identities before annotations: an image that nobody wanted signed comes first.
    identity = [e for e in refusals if e.code != "annotations-missing"]
    claims = [e for e in refusals if e.code == "annotations-missing"]
    if claims:
        return Finding(code=claims[0].code, text=claims[0].message, reasons=tuple(reasons_list))
    text = "; ".join(error.message for error in identity)
    return Finding(code=identity[0].code, text=text, reasons=tuple(reasons_list))


def judge_notary(attestor: ir.Attestor, candidates: Sequence[Candidate], reference: str) -> Finding:
    """Return the first signature that `attestor` accepts, as notation does: none behind it is looked at."""
    attempts, reasons = [], []
    for candidate in candidates:
        assert isinstance(candidate.stored, StoredNotarySignature)  # noqa: S101 (the listing's format)
        refusal = candidate.rejection
        if candidate.verified:
            refusal = _refusal(attestor, candidate.verified)
            reasons.append(_described(candidate.verified, refusal))
        elif refusal:
            reasons.append(_rejected(refusal))
        unmet = refusal if isinstance(refusal, VerificationError) else None
        attempts.append(Attempt(stored=candidate.stored, refusal=unmet))
    try:
        verdict = judge_signatures(attempts, reference=reference)
    except TransportError as error:
        text = error.detail or error.message
        return Finding(code=error.code, text=text, broken=True, reasons=tuple(reasons))
    accepted = tuple(c.verified for c in candidates if c.stored is verdict.accepted and c.verified)
    if accepted:
        return Finding(code="signed", signatures=accepted, reasons=tuple(reasons))
    return Finding(code=verdict.code, text=verdict.text, reasons=tuple(reasons))


def document_finding(
    type: str, signatures: tuple[VerifiedSignature, ...], reasons: tuple[Reason, ...]
) -> Finding:
    """Return the finding of a signed document of `type`; one that calls itself otherwise is none of it."""
    if any(s.statement is None or s.statement.predicate_type != type for s in signatures):
        text = f"attestions not found for predicate type {type}"
        return Finding(code="attestation-missing", text=text, reasons=reasons)
    return Finding(code="attested", signatures=signatures, reasons=reasons)


def judge_statements(
    attestor: ir.Attestor, type: str, candidates: Sequence[Candidate], *, exclusive: bool = True
) -> Finding:
    """Return the verified statements of `type` that `attestor` accepts.

    In cosign's format it must accept all of them where that is `exclusive`: one statement of the type by
    another identity fails the whole. Among bundles those of others are left aside. Statements of other types
    are not looked at. Code `attestation-missing` says that statements were verified, but none of the type
    (C2).

    References: Kyverno 1.19 `pkg/image/verifiers/cpol/cosign` (`FetchAttestations`, `verifyBundles`).
    """
    bundles = attestor.format is ir.SignatureFormat.SIGSTORE_BUNDLE
    rejections = [c.rejection for c in candidates if c.rejection]
    verified = [c.verified for c in candidates if c.verified and c.verified.statement]
    reasons = tuple(_rejected(error) for error in rejections)
    if not verified:
        text = "no matching attestations: " + "\n ".join(error.message for error in rejections)
        code = rejections[0].code if rejections else "no-attestation"
        return Finding(code=code, text=NO_BUNDLE if bundles else text, reasons=reasons)
    wanted = [v for v in verified if v.statement and v.statement.predicate_type == type]
    if not wanted:
        text = f"attestions not found for predicate type {type}"
        if bundles:
            reasons += (Reason(code="attestation-missing", text=text, met=False),)
            return Finding(code="no-attestation", text=NO_BUNDLE, reasons=reasons)
        return Finding(code="attestation-missing", text=text, reasons=reasons)
    judged = [(signature, _refusal(attestor, signature)) for signature in wanted]
    reasons += tuple(_described(signature, refusal) for signature, refusal in judged)
    accepted = tuple(signature for signature, refusal in judged if refusal is None)
    refused = next((refusal for _, refusal in judged if refusal), None)
    if refused and not (accepted and (bundles or not exclusive)):
        return Finding(code=refused.code, text=NO_BUNDLE if bundles else refused.message, reasons=reasons)
    return Finding(code="attested", signatures=accepted, reasons=reasons)


def stated_by(
    attestor: ir.Attestor, type: str, candidates: Sequence[Candidate]
) -> tuple[VerifiedSignature, ...]:
    """Return the verified statements of `type` that `attestor` accepts; those of others are left aside.

    References: Kyverno 1.19 `pkg/image/verifiers/ivpol/cosign` (`VerifyAttestationSignature`).
    """
    verified = (c.verified for c in candidates if c.verified and c.verified.statement)
    return tuple(
        found
        for found in verified
        if found.statement and found.statement.predicate_type == type and _refusal(attestor, found) is None
    )


def unasked(
    attestor: ir.Attestor,
    image: str,
    error: VerificationError | TransportError,
    *,
    attestations: bool = False,
) -> Finding:
    """Return the finding of an attestor that came to judge no signature at all, in Kyverno's words.

    Args:
        attestor: what the policy asks for.
        image: name of the image as messages write it.
        error: why: its own material cannot be used, there is no such image, or nobody could be asked.
        attestations: the question was about attestations.

    References: Kyverno 1.19 `pkg/image/verifiers/cpol/cosign` (`verifier.go`, `sigstore.go`).
    """
    text = (error.detail if isinstance(error, TransportError) else "") or error.message
    broken = isinstance(error, TransportError) and not isinstance(error, NotFoundError)
    if attestor.format is ir.SignatureFormat.SIGSTORE_BUNDLE:
        text = _of_bundles(error, image, text)
    elif isinstance(error, NotFoundError) and attestations:
        text = "not found" if "MANIFEST_UNKNOWN: manifest unknown" in text else text
    elif isinstance(error, NotFoundError):
        text = f"image tag not found: {text}"
    return Finding(code=error.code, text=text, broken=broken)


def _of_bundles(error: VerificationError | TransportError, image: str, text: str) -> str:
    if isinstance(error, NotFoundError) and text.startswith("GET "):
        url = text.removeprefix("GET ").partition(": ")[0]
        text = (
            f"HEAD {url}: unexpected status code 404 Not Found"
            " (HEAD responses have no body, use GET for details)"
        )
    if isinstance(error, TransportError) and error.code != "trust-unavailable":
        return f"failed to fetch bundles: {image}: {text}"
    text = text.replace("failed to load public key from PEM: ", "failed to load public key: ", 1)
    return f"failed to get trusted material: {image}: {text}"


def _refusal(attestor: ir.Attestor, signature: VerifiedSignature) -> VerificationError | None:
    if isinstance(attestor.signer, ir.IdentitySigner):
        if signature.identity is None:
            return VerificationError("certificate-missing", "no certificate found on signature")
        if attestor.format is ir.SignatureFormat.SIGSTORE_BUNDLE and not _names_anyone(attestor.signer):
            text = "the policy names no identity, and a bundle is verified for a named one only"
            return VerificationError("identity-mismatch", text)
        if error := mismatch(attestor.signer, signature.identity):
            return error
    if attestor.annotations and claims_missing(attestor.annotations, signature.claims):
        return VerificationError("annotations-missing", "no signature matched the required annotations")
    return None


def _names_anyone(signer: ir.IdentitySigner) -> bool:
    return bool(signer.issuer.tests or signer.subject.tests)


def _rejected(error: VerificationError | TransportError) -> Reason:
    return Reason(code=error.code, text=error.message, met=False)


def _described(signature: VerifiedSignature, refusal: VerificationError | None) -> Reason:
    details = [("digest", str(signature.image_digest)), ("key", f"sha256:{signature.key}")]
    if signature.identity:
        details.append(("signer", ", ".join(signature.identity.subjects)))
        details.append(("issuer", signature.identity.issuer))
    if signature.signed_at is not None:
        details.append(("signed at", datetime.fromtimestamp(signature.signed_at, UTC).isoformat()))
    if signature.log_index is not None:
        details.append(("log index", str(signature.log_index)))
    if signature.root:
        details.append(("root", signature.root))
    who = ", ".join(signature.identity.subjects) if signature.identity else "the given key"
    if isinstance(refusal, IdentityMismatch):
        details += [("expected", refusal.expected), ("received", refusal.received)]
    if refusal:
        return Reason(code=refusal.code, text=refusal.message, met=False, details=tuple(details))
    return Reason(code="signed", text=f"signed by {who}", met=True, details=tuple(details))
