"""What an attestor makes of the stored signatures of an image, once their cryptography is known.

Pure functions: evidence is gathered in `evidence.py`, and judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.decision import Reason
from pratique.runtime.signatures.identity import claims_missing, mismatch
from pratique.runtime.signatures.model import Stored, VerifiedSignature

NO_BUNDLE: Final = "sigstore bundle verification failed: no matching signatures found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stored signature and what became of it: exactly one of `verified` and `rejection` is set."""

    stored: Stored
    verified: VerifiedSignature | None = None
    rejection: VerificationError | None = None


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


def judge(attestor: ir.Attestor, candidates: tuple[Candidate, ...]) -> Finding:
    """Return which verified candidates the attestor accepts, and why it does not accept the others.

    References: Kyverno 1.19 `pkg/imageverification/imagedataloader`, cosign verifier: identity first, then
    signed annotations, over the signatures whose cryptography holds.

    DEVIATION: one and the same signature must satisfy identity and annotations; Kyverno lets two signatures
    share the work (`tests/runtime/test_engine.py::test_identity_and_annotations_by_one_signature`).
    """
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


def judge_statements(attestor: ir.Attestor, type: str, candidates: Sequence[Candidate]) -> Finding:
    """Return the verified statements of `type`, all of which `attestor` must accept.

    Code `attestation-missing` says that statements were verified, but none of the type (C2).

    References: Kyverno 1.19 `pkg/imageverification`, cosign verifier: unlike signatures, one statement of the
    type by another identity fails the whole; statements of other types are not looked at.
    """
    rejections = [c.rejection for c in candidates if c.rejection]
    verified = [c.verified for c in candidates if c.verified and c.verified.statement]
    reasons = tuple(_rejected(error) for error in rejections)
    if not verified:
        if attestor.format is ir.SignatureFormat.SIGSTORE_BUNDLE:
            text = NO_BUNDLE
        elif not candidates:
            text = "no matching attestations: "
        elif isinstance(attestor.signer, ir.KeySigner):
            text = (
                "no matching attestations: accepted signatures do not match threshold, Found: 0, Expected 1"
            )
        else:
            text = "no matching attestations: " + "\n ".join(error.message for error in rejections)
        code = rejections[0].code if rejections else "no-attestation"
        return Finding(code=code, text=text, reasons=reasons)
    wanted = [v for v in verified if v.statement and v.statement.predicate_type == type]
    if not wanted:
        text = f"attestions not found for predicate type {type}"
        return Finding(code="attestation-missing", text=text, reasons=reasons)
    judged = [(signature, _refusal(attestor, signature)) for signature in wanted]
    reasons += tuple(_described(signature, refusal) for signature, refusal in judged)
    for _, refusal in judged:
        if refusal:
            return Finding(code=refusal.code, text=refusal.message, reasons=reasons)
    return Finding(code="attested", signatures=tuple(wanted), reasons=reasons)


def _refusal(attestor: ir.Attestor, signature: VerifiedSignature) -> VerificationError | None:
    if isinstance(attestor.signer, ir.IdentitySigner):
        if signature.identity is None:
            return VerificationError("certificate-missing", "no certificate found on signature")
        if error := mismatch(attestor.signer, signature.identity):
            return error
    if attestor.annotations and claims_missing(attestor.annotations, signature.claims):
        return VerificationError("annotations-missing", "no signature matched the required annotations")
    return None


def _rejected(error: VerificationError) -> Reason:
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
    who = ", ".join(signature.identity.subjects) if signature.identity else "the given key"
    if refusal:
        return Reason(code=refusal.code, text=refusal.message, met=False, details=tuple(details))
    return Reason(code="signed", text=f"signed by {who}", met=True, details=tuple(details))
