"""The signatures of one artifact, tried in order until one holds.

References: notation-go 1.3.2, `notation.Verify`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.signatures.notary.limits import MAX_ATTEMPTS
from pratique.runtime.signatures.notary.model import (
    Check,
    NotaryVerdict,
    Rejection,
    StoredNotarySignature,
    Target,
)
from pratique.runtime.signatures.notary.revocation import NOTHING_KNOWN, RevocationSource
from pratique.runtime.signatures.notary.trust_store import TrustStore
from pratique.runtime.signatures.notary.verification import check_target, verify_envelope
from pratique.runtime.signatures.notary.wording import quoted


def judge_signatures(
    signatures: Sequence[StoredNotarySignature],
    target: Target,
    *,
    reference: str,
    trust_store: TrustStore,
    now: datetime,
    tsa_store: TrustStore | None = None,
    signing_authorities: TrustStore | None = None,
    revocation: RevocationSource = NOTHING_KNOWN,
) -> NotaryVerdict:
    """Return the first signature that holds for `target`, or notation's text of why none does.

    At most `MAX_ATTEMPTS` are tried. Kyverno puts `failed to verify REF: ` before the text for images, and
    nothing for attestations. `signatures` come from `discovery.notary_signatures`, `reference` is the
    artifact's `registry/path@digest` in texts; the others are those of `verify_envelope`.

    Raises:
        TransportError: a signature that had to be looked at could not be fetched (rule R6).
    """
    rejections: list[Rejection] = []
    for stored in signatures[:MAX_ATTEMPTS]:
        match stored.fault:
            case None:
                pass
            case TransportError():
                raise stored.fault
            case VerificationError():
                text = (
                    f"unable to retrieve digital signature with digest {quoted(stored.manifest)} associated"
                    f" with {quoted(reference)} from the Repository, error : {stored.fault.message}"
                )
                return NotaryVerdict(
                    verified=None, rejections=tuple(rejections), code=stored.fault.code, text=text
                )
        try:
            verified = verify_envelope(
                stored.envelope,
                stored.media_type,
                trust_store=trust_store,
                now=now,
                tsa_store=tsa_store,
                signing_authorities=signing_authorities,
                revocation=revocation,
            )
            check_target(verified, target)
        except VerificationError as error:
            rejections.append(Rejection(manifest=stored.manifest, error=error))
            continue
        return NotaryVerdict(verified=verified, rejections=tuple(rejections))
    code, text = _refusal(rejections, reference)
    return NotaryVerdict(verified=None, rejections=tuple(rejections), code=code, text=text)


def _refusal(rejections: Sequence[Rejection], reference: str) -> tuple[str, str]:
    if not rejections:
        text = (
            f"no signature is associated with {quoted(reference)}, make sure the artifact was signed"
            " successfully"
        )
        return Check.MISSING.value, text
    if len(rejections) >= MAX_ATTEMPTS:
        text = (
            f"signature evaluation stopped. The configured limit of {MAX_ATTEMPTS} signatures to verify per"
            " artifact exceeded"
        )
        return Check.ATTEMPTS.value, text
    lines = [
        f"failed to verify signature with digest {rejection.manifest}, {rejection.error.message}"
        for rejection in rejections
    ]
    return rejections[0].error.code, "\n".join(["signature verification failed", *lines])
