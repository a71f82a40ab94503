"""Questions of policies in CEL about images, answered by evidence.

References: Kyverno 1.19 `pkg/image/verifiers/ivpol` (`cosign/verifier.go`, `notary/verifier.go`);
github.com/kyverno/sdk `extensions/imagedataloader`; cosign 3 `pkg/policy` (`AttestationToPayloadJSON`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pratique.compiler import ir
from pratique.compiler.cel.libraries.kyverno.images import parse_reference
from pratique.compiler.cel.questions import ImageDataQuestion, SignedQuestion
from pratique.grammar.errors import EvaluationError, TransportError, VerificationError
from pratique.grammar.image_reference import ImageReference, ImageReferenceError, parse_image
from pratique.runtime.evaluation import Evaluation
from pratique.runtime.image_data import image_data
from pratique.runtime.judgement import Finding, stated_by
from pratique.runtime.signatures.model import Statement, VerifiedSignature


async def described(question: ImageDataQuestion, evidence: Evaluation) -> dict[str, Any]:
    """Return what is known of an image.

    Raises:
        EvaluationError: the reference is none.
        TransportError: the image could not be asked for.
    """
    known = await image_data(evidence, question.reference)
    parts = parse_reference(question.reference)
    digest = known["resolvedImage"].partition("@")[2]
    name = f"{parts.registry}/{parts.repository}"
    resolved = f"{name}:{parts.tag}@{digest}" if parts.tag else f"{name}@{digest}"
    data = {
        "image": question.reference,
        "resolvedImage": resolved,
        "registry": parts.registry,
        "repository": parts.repository,
        "identifier": parts.digest or parts.tag,
        "tag": parts.tag,
        "digest": digest,
        "imageIndex": known["manifestList"],
        "manifest": known["manifest"],
        "config": known["configData"],
    }
    return {name: value for name, value in data.items() if value not in (None, "")}


async def signed(question: SignedQuestion, evidence: Evaluation) -> list[dict[str, Any]] | None:
    """Return the statements that one of the attestors has signed; None for nothing, whatever the reason.

    An image signed without a statement is signed with none: an empty list.

    Raises:
        EvaluationError: the reference is none.
        TransportError: nobody could be asked: that somebody has not signed cannot be told then.
    """
    try:
        image = parse_image(question.reference)
    except ImageReferenceError as error:
        text = f"could not parse reference: {question.reference:.200}"
        raise EvaluationError("bad-image-reference", text) from error
    first = question.layers[0]
    if first.format is ir.SignatureFormat.NOTARY:
        return await _documents(question, image, evidence)
    if await _has_bundles(image, first, evidence):
        return await _by_any(question, question.bundles, image, evidence)
    if question.type and not first.trust.log.required:
        # Kyverno demands the log's word for attestations even where it is told not to ask for it.
        return None
    return await _by_any(question, question.layers, image, evidence)


async def _has_bundles(image: ImageReference, attestor: ir.Attestor, evidence: Evaluation) -> bool:
    """Say whether an image has Sigstore bundles, whoever made them; then nothing else counts."""
    in_bundles = replace(attestor, format=ir.SignatureFormat.SIGSTORE_BUNDLE, annotations=())
    try:
        return bool(await evidence.candidates(image, in_bundles))
    except VerificationError:
        return False


async def _by_any(
    question: SignedQuestion,
    attestors: Sequence[ir.Attestor],
    image: ImageReference,
    evidence: Evaluation,
) -> list[dict[str, Any]] | None:
    for attestor in attestors:
        if not question.type:
            finding = await evidence.attested(image, attestor)
            _raise_if_broken(finding)
            if finding.met:
                return []
            continue
        try:
            candidates = await evidence.candidates(image, attestor, attestations=True, type=question.type)
        except VerificationError:
            continue
        found = stated_by(attestor, question.type, candidates)
        if found:
            return list(_statements(found))
    return None


async def _documents(
    question: SignedQuestion, image: ImageReference, evidence: Evaluation
) -> list[dict[str, Any]] | None:
    (attestor,) = question.layers
    if not question.type:
        finding = await evidence.attested(image, attestor)
        _raise_if_broken(finding)
        return [] if finding.met else None
    finding = await evidence.stated(image, attestor, question.type)
    _raise_if_broken(finding)
    if not finding.met:
        return None
    return [s.statement.predicate for s in finding.signatures if s.statement]


def _raise_if_broken(finding: Finding) -> None:
    if finding.broken:
        raise TransportError(finding.code, finding.text)


def _statements(signatures: Sequence[VerifiedSignature]) -> Iterator[dict[str, Any]]:
    for signature in signatures:
        if signature.statement is not None:
            yield _document(signature.statement)


def _document(statement: Statement) -> dict[str, Any]:
    """Return a statement as it was signed."""
    return {
        "_type": statement.type,
        "predicateType": statement.predicate_type,
        "subject": [
            {"name": subject.name, "digest": dict(subject.digests)} for subject in statement.subjects
        ],
        "predicate": statement.predicate,
    }
