"""Everything that is learned about images, each thing once: the decision graph, executed on demand.

A question is a node of the graph about an image; its answer is a task that everyone who asks awaits. So an
image is resolved once, its signatures listed once and each verified once per method and trust, whatever the
number of rules, attestors, resources and concurrent requests (rule R1, design: evidence before judgement).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from pratique.compiler import ir
from pratique.compiler.graph import DecisionGraph, Listing, Node, Op, Verification, attestor_node
from pratique.grammar.errors import NotFoundError, TransportError, VerificationError
from pratique.grammar.image_reference import ImageReference, ImageReferenceError, parse_image
from pratique.runtime.decision import Reason
from pratique.runtime.discovery import stored_signatures
from pratique.runtime.ports import Digest, ImageStore, Repository, SignatureVerifier
from pratique.runtime.signatures.identity import claims_missing, mismatch
from pratique.runtime.signatures.model import Stored, VerifiedSignature


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What evidence is about: a repository and a digest. The digest is fixed once per image (rule R1)."""

    repository: Repository
    digest: Digest


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


Answer: TypeAlias = "Digest | tuple[Stored, ...] | tuple[Candidate, ...] | Finding"


NO_BUNDLE: Final = "sigstore bundle verification failed: no matching signatures found"


class Evidence:
    """Answers to the questions of a decision graph, for all images of one process (or one run)."""

    def __init__(self, graph: DecisionGraph, store: ImageStore, verifier: SignatureVerifier) -> None:
        self._graph = graph
        self._store = store
        self._verifier = verifier
        self._tasks: dict[tuple[object, int], asyncio.Task[Any]] = {}
        self.verifications = 0
        """Signatures whose cryptography was checked, each counted once per method and trust."""

    async def digest(self, image: ImageReference) -> Digest:
        """Return the digest that `image` means: its own, or that of the manifest its tag names now.

        Raises:
            NotFoundError: there is no such image.
            TransportError: it could not be asked, or the answer cannot be used.
        """
        if image.digest:
            return Digest(image.digest)
        key = (image.match_string, -1)
        digest: Digest = await self._once(key, lambda: self._resolve(image))
        return digest

    async def candidates(self, image: ImageReference, attestor: ir.Attestor) -> tuple[Candidate, ...]:
        """Return every stored signature of `image` with what the attestor's method made of it.

        Raises:
            VerificationError: the attestor's own key material cannot be used.
            TransportError: the image or its signatures could not be asked for.
        """
        self._verifier.prepare(attestor.method, attestor.trust)
        node = self._graph.nodes[attestor_node(self._graph, attestor)]
        found: tuple[Candidate, ...] = await self._ask(await self._subject(image), node.inputs[0])
        return found

    async def attested(self, image: ImageReference, attestor: ir.Attestor) -> Finding:
        """Return whether a signature of `image` meets `attestor`. Never raises for what is wrong with it."""
        try:
            self._verifier.prepare(attestor.method, attestor.trust)
            subject = await self._subject(image)
            finding: Finding = await self._ask(subject, attestor_node(self._graph, attestor))
        except VerificationError as error:
            return Finding(code=error.code, text=error.message)
        except NotFoundError as error:
            return Finding(code=error.code, text=f"image tag not found: {error.detail or error.message}")
        except TransportError as error:
            return Finding(code=error.code, text=error.detail or error.message, broken=True)
        return finding

    async def stated(self, image: ImageReference, attestor: ir.Attestor, type: str) -> Finding:
        """Return the statements of `type` about `image` that `attestor` vouches for. Never raises."""
        try:
            self._verifier.prepare(attestor.method, attestor.trust)
            number = attestor_node(self._graph, attestor, attestations=True)
            node = self._graph.nodes[number]
            candidates = await self._ask(await self._subject(image), node.inputs[0])
        except VerificationError as error:
            return Finding(code=error.code, text=error.message)
        except NotFoundError as error:
            return Finding(code=error.code, text=error.detail or error.message)
        except TransportError as error:
            return Finding(code=error.code, text=error.detail or error.message, broken=True)
        return judge_statements(attestor, type, candidates)

    async def _subject(self, image: ImageReference) -> Subject:
        return Subject(repository=Repository(image.registry, image.path), digest=await self.digest(image))

    async def _resolve(self, image: ImageReference) -> Digest:
        manifest = await self._store.manifest(Repository(image.registry, image.path), image.tag or "latest")
        return manifest.digest

    async def _ask(self, subject: Subject, number: int) -> Any:
        node = self._graph.nodes[number]
        return await self._once((subject, number), lambda: self._answer(subject, node))

    async def _once(self, key: tuple[object, int], question: Any) -> Any:
        task = self._tasks.get(key)
        if task is None:
            coroutine: Coroutine[Any, Any, Any] = question()
            task = self._tasks[key] = asyncio.ensure_future(coroutine)
        # A caller that gives up must not take the answer away from the others.
        return task.result() if task.done() else await asyncio.shield(task)

    async def _answer(self, subject: Subject, node: Node) -> Answer:
        match node.op, node.payload:
            case Op.LIST, Listing() as listing:
                return await self._list(subject, listing)
            case Op.VERIFY, Verification() as verification:
                listed = await self._ask(subject, node.inputs[0])
                return tuple(self._verify(stored, verification, subject.digest) for stored in listed)
            case Op.ATTESTOR, ir.Attestor() as attestor:
                return judge(attestor, await self._ask(subject, node.inputs[0]))
            case op, payload:
                raise AssertionError(f"no evidence answers {op.name} {payload!r}")

    async def _list(self, subject: Subject, listing: Listing) -> tuple[Stored, ...]:
        repository = signature_repository(listing.repository) if listing.repository else subject.repository
        return await stored_signatures(self._store, repository, subject.digest, listing)

    def _verify(self, stored: Stored, verification: Verification, digest: Digest) -> Candidate:
        self.verifications += 1
        try:
            verified = self._verifier.verify(stored, verification.method, verification.trust, digest)
        except VerificationError as error:
            return Candidate(stored=stored, rejection=error)
        return Candidate(stored=stored, verified=verified)


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


def signature_repository(text: str) -> Repository:
    """Return the repository that a policy's `repository` field names.

    Raises:
        VerificationError: `bad-repository`, with the text of Kyverno and the registry library it uses.
    """
    try:
        image = parse_image(text)
    except ImageReferenceError as error:
        raise VerificationError(
            "bad-repository", f"failed to parse signature repository {text}: {error}"
        ) from error
    return Repository(image.registry, image.path)
