"""The signatures of one artifact, tried in order until one holds.

References: notation-go 1.3.2, `notation.Verify`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from pratique.compiler.evidence_limits import MAX_NOTARY_SIGNATURES
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.signatures.notary.model import Attempt, Check, NotaryVerdict
from pratique.runtime.signatures.notary.wording import quoted


def judge_signatures(attempts: Iterable[Attempt], *, reference: str) -> NotaryVerdict:
    """Return the first signature that holds, or notation's text of why none does.

    At most `MAX_NOTARY_SIGNATURES` are looked at, and none behind the first that holds. Kyverno puts
    `failed to verify REF: ` before the text for images, and nothing for attestations. `reference` is the
    artifact's `registry/path@digest` in texts.

    Raises:
        TransportError: a signature that had to be looked at could not be fetched (rule R6).
    """
    rejections: list[Attempt] = []
    for attempt in islice(attempts, MAX_NOTARY_SIGNATURES):
        match attempt.stored.fault:
            case None:
                pass
            case TransportError() as fault:
                raise fault
            case VerificationError() as fault:
                text = (
                    f"unable to retrieve digital signature with digest {quoted(attempt.stored.manifest)}"
                    f" associated with {quoted(reference)} from the Repository, error : {fault.message}"
                )
                return NotaryVerdict(accepted=None, rejections=tuple(rejections), code=fault.code, text=text)
        if attempt.refusal is None:
            return NotaryVerdict(accepted=attempt.stored, rejections=tuple(rejections))
        rejections.append(attempt)
    code, text = _refusal(rejections, reference)
    return NotaryVerdict(accepted=None, rejections=tuple(rejections), code=code, text=text)


def missing(reference: str) -> str:
    """Return notation's text for an artifact without any signature."""
    return (
        f"no signature is associated with {quoted(reference)}, make sure the artifact was signed successfully"
    )


def _refusal(rejections: Sequence[Attempt], reference: str) -> tuple[str, str]:
    refusals = [(attempt.stored.manifest, attempt.refusal) for attempt in rejections if attempt.refusal]
    if not refusals:
        return Check.MISSING.value, missing(reference)
    if len(refusals) >= MAX_NOTARY_SIGNATURES:
        text = (
            f"signature evaluation stopped. The configured limit of {MAX_NOTARY_SIGNATURES} signatures to"
            " verify per artifact exceeded"
        )
        return Check.ATTEMPTS.value, text
    lines = [
        f"failed to verify signature with digest {manifest}, {refusal.message}"
        for manifest, refusal in refusals
    ]
    return refusals[0][1].code, "\n".join(["signature verification failed", *lines])
