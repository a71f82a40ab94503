"""Everything that is learned about images, each thing once: the decision graph, executed on demand.

A question is a node of the graph about an image; its answer is a task that everyone who asks awaits. So an
image is resolved once, its signatures listed once and each verified once per method and trust, whatever the
number of rules, attestors, resources and concurrent requests (rule R1, design: evidence before judgement).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from pratique.compiler import ir
from pratique.compiler.graph import DecisionGraph, Listing, Node, Op, Verification, attestor_node
from pratique.grammar.errors import NotFoundError, TransportError, VerificationError
from pratique.grammar.image_reference import ImageReference, ImageReferenceError, parse_image
from pratique.runtime.discovery import stored_signatures
from pratique.runtime.judgement import Candidate, Finding, judge, judge_statements
from pratique.runtime.ports import Digest, ImageStore, Repository, SignatureVerifier
from pratique.runtime.signatures.model import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What evidence is about: a repository and a digest. The digest is fixed once per image (rule R1)."""

    repository: Repository
    digest: Digest


Answer: TypeAlias = "Digest | tuple[Stored, ...] | tuple[Candidate, ...] | Finding"


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
