"""What one verdict is made from: one digest for each image, one answer to each question.

`Evaluation` is the view of one verdict on what the process knows (`Evidence`): an image is resolved once, its
signatures are listed once and each is verified once per method and trust, whatever the number of rules and
attestors (rule R1).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Final, TypeVar

from pratique.compiler import ir
from pratique.compiler.graph import Listing, Op, Verification, questions
from pratique.grammar.errors import PratiqueError, TransportError, VerificationError
from pratique.grammar.image_reference import ImageReference
from pratique.runtime.evidence import RESOLUTION, Describe, Evidence, Listed, Settled, Subject
from pratique.runtime.judgement import (
    Candidate,
    Finding,
    document_finding,
    judge,
    judge_notary,
    judge_statements,
    unasked,
)
from pratique.runtime.lifetimes import Terms
from pratique.runtime.phases import Phase, during
from pratique.runtime.platforms import Part, Platform, Reach
from pratique.runtime.ports import (
    Access,
    Digest,
    ImageStore,
    Repository,
    uncached,
)
from pratique.runtime.signatures.model import StoredBlob, StoredNotarySignature
from pratique.runtime.watching import UNWATCHED, Watched

T = TypeVar("T")

_PHASES: Final = {"verification": Phase.SIGNATURE}
"""The phase in which a question is answered that does not ask registries."""


class Evaluation:
    """What one verdict is made from. A question has one answer as long as it lasts, errors included.

    INVARIANT: an image means one digest in it, whatever its tag does meanwhile, whoever asks and by which way
    (R1); everything else is shared between equal ways only (R3).
    """

    def __init__(self, evidence: Evidence, *, fresh_tags: bool = False) -> None:
        self._evidence = evidence
        self._watch = evidence.watch
        self._fresh_tags = fresh_tags
        self._pins: dict[str, Digest] = {}
        self._known: dict[Hashable, Any] = {}
        self._ended: list[bool] = []
        """Not empty once time is up; a list, because all views share it."""
        self._access = evidence.usual
        self._use_cache = True

    def close(self) -> None:
        """Answer from now on only what was answered before: time is up."""
        self._ended.append(True)

    def through(self, access: Access | None = None, *, use_cache: bool = True) -> Evaluation:
        """Return this evaluation on another way to the registries, or past the caches.

        Args:
            access: the way; None for the usual one.
            use_cache: answers of earlier evaluations may do (`useCache` of an entry).
        """
        view = copy(self)
        view._access, view._use_cache = access or self._evidence.usual, use_cache
        return view

    async def digest(self, image: ImageReference) -> Digest:
        """Return the digest that `image` means: its own, or that of the manifest its tag names now.

        Raises:
            NotFoundError: there is no such image.
            TransportError: it could not be asked, or the answer cannot be used.
        """
        if image.digest and not isinstance(self._evidence.coverage, Platform):
            return Digest(image.digest)
        name = image.match_string
        self._watch.asked(RESOLUTION)
        if pin := self._pins.get(name):
            return pin
        use_cache = self._use_cache and not self._fresh_tags
        terms, store = self._terms(use_cache), self._store(use_cache)
        digest = await self._once(
            (name, terms), lambda: self._evidence.resolve(terms, store, image), ("digest", image)
        )
        # Of two who found it out at the same time the first one counts.
        return self._pins.setdefault(name, digest)

    async def parts(self, image: ImageReference) -> tuple[tuple[str, ImageReference], ...]:
        """Return the further manifests of `image` that are to be judged, with the names of their platforms.

        Raises:
            TransportError: the image could not be asked for, or its indexes cannot be used.
        """
        if self._evidence.coverage is not Reach.ALL:
            return ()
        subject, store = await self._subject(image), self._store(self._use_cache)
        parts = await self._once(
            (subject, Part), lambda: self._evidence.parts(subject, store), ("platforms", image)
        )
        return tuple(
            (str(part.platform or "platform not named"), replace(image, tag="", digest=part.digest))
            for part in parts
        )

    async def candidates(
        self, image: ImageReference, attestor: ir.Attestor, *, attestations: bool = False, type: str = ""
    ) -> tuple[Candidate, ...]:
        """Return every stored signature of `image` with what the attestor's method made of it.

        With `attestations`, every stored statement; in formats that list them by type, those of `type`.

        Raises:
            VerificationError: the attestor's own key material cannot be used.
            TransportError: the image or its signatures could not be asked for.
        """
        attestor, version = await self._prepared(attestor)
        listing, verification = questions(attestor, attestations=attestations, type=type)
        subject, listed = await self._listed(image, listing)
        key = (subject, listed, verification, version)
        self._watch.asked(Watched(Op.VERIFY, verification, listing))
        return await self._once(key, lambda: self._evidence.verified(*key), ("verification", image))

    async def described(self, image: ImageReference, read: Describe) -> dict[str, Any]:
        """Return what `read` makes of the manifests and the configuration of `image`.

        Raises:
            TransportError: the image could not be asked for, or what there is cannot be used.
        """
        subject = await self._subject(image)
        store = self._store(self._use_cache)
        key = (subject, Describe)
        question = ("description", image)
        return await self._once(key, lambda: self._evidence.described(subject, store, read), question)

    async def attested(self, image: ImageReference, attestor: ir.Attestor) -> Finding:
        """Return whether a signature of `image` meets `attestor`. Never raises for what is wrong with it."""
        try:
            attestor, version = await self._prepared(attestor)
            is_watched = self._watch is not UNWATCHED
            if not is_watched and (met := self._settled(await self._subject(image), attestor, version)):
                return met
            listing = questions(attestor)[0]
            subject, listed = await self._listed(image, listing)
            key = (subject, listed, attestor, version)
            self._watch.asked(Watched(Op.ATTESTOR, attestor, listing))
            finding = await self._once(key, lambda: self._evidence.found(*key), ("verification", image))
            if finding.met and not is_watched:
                self._evidence.settle(
                    subject, attestor, version, Settled((subject, listing), listed, finding)
                )
        except (VerificationError, TransportError) as error:
            return unasked(attestor, image.match_string, error)
        if attestor.format is ir.SignatureFormat.NOTARY and not finding.met:
            return replace(finding, text=f"failed to verify {registry_name(image)}: {finding.text}")
        return finding

    def _settled(self, subject: Subject, attestor: ir.Attestor, version: str) -> Finding | None:
        """Return what is known to meet `attestor`, in one look instead of one for every step.

        INVARIANT: a verdict rests on one list of signatures (R1): the one that it rests on already, if any.
        """
        found = None if self._ended else self._evidence.settled(subject, attestor, version)
        if found is None or self._known.setdefault(found.listing, found.listed) is not found.listed:
            return None
        return found.finding

    async def stated(
        self, image: ImageReference, attestor: ir.Attestor, type: str, *, exclusive: bool = True
    ) -> Finding:
        """Return the statements of `type` about `image` that `attestor` vouches for. Never raises.

        `exclusive` as in `ir.Attestation`.
        """
        question = Watched(Op.ATTESTOR, attestor, questions(attestor, attestations=True, type=type)[0])
        self._watch.asked(question)
        with self._watch.answering(question):
            try:
                candidates = await self.candidates(image, attestor, attestations=True, type=type)
                if attestor.format is ir.SignatureFormat.NOTARY:
                    return await self._documented(image, attestor, type, candidates)
            except (VerificationError, TransportError) as error:
                return unasked(attestor, image.match_string, error, attestations=True)
            return judge_statements(attestor, type, candidates, exclusive=exclusive)

    async def _documented(
        self, image: ImageReference, attestor: ir.Attestor, type: str, candidates: tuple[Candidate, ...]
    ) -> Finding:
        """Return what the first document of `type` states, once a signature of it is accepted."""
        signed = next((c.stored for c in candidates), None)
        if not isinstance(signed, StoredNotarySignature) or signed.document is None:
            text = f"no matching attestations found for image {image.match_string} with type {type}"
            return Finding(code="no-attestation", text=text)
        subject, document = await self._subject(image), signed.document
        finding = judge_notary(attestor, candidates, f"{subject.repository}@{document.digest}")
        if not finding.met:
            return finding
        store = self._store(self._use_cache)
        statement = await self._once(
            (subject, document.digest, type),
            lambda: self._evidence.statement(subject, store, document, type),
            ("statement", image),
        )
        stated = tuple(replace(found, statement=statement) for found in finding.signatures)
        return document_finding(type, stated, finding.reasons)

    async def blob(self, stored: Sequence[StoredBlob], attestor: ir.Attestor) -> Finding:
        """Return whether one of some signatures of bytes meets `attestor`; nobody remembers the answer.

        Raises:
            VerificationError: the attestor's own material cannot be used.
            TransportError: it could not be had, or the trust root could not.
        """
        prepared, _ = await self._prepared(attestor)
        asked = Verification(prepared.method, prepared.trust)
        candidates = tuple(self._evidence.candidate(each, asked, each.digest) for each in stored)
        return judge(prepared, candidates)

    async def _prepared(self, attestor: ir.Attestor) -> tuple[ir.Attestor, str]:
        """Return `attestor` with its key at hand and the version of the trust root that it needs.

        Evidence is about the key that was found, not about its reference: a key that is exchanged behind the
        reference is another question.
        """
        keys, verifier = self._evidence.keys, self._evidence.verifier
        if keys is not None and isinstance(attestor.signer, ir.KeySigner):
            with during(Phase.KEYS):
                key = await keys.resolve(attestor.signer)
            if key is not attestor.signer:
                self._watch.resolved(attestor.signer, key)
                attestor = replace(attestor, signer=key)
        verifier.prepare(attestor.method, attestor.trust)
        return attestor, verifier.version(attestor)

    async def _subject(self, image: ImageReference) -> Subject:
        return Subject(
            terms=self._terms(self._use_cache),
            repository=Repository(image.registry, image.path),
            digest=await self.digest(image),
        )

    async def _listed(self, image: ImageReference, listing: Listing) -> tuple[Subject, Listed]:
        subject = await self._subject(image)
        store = self._store(self._use_cache)
        key = (subject, listing)
        self._watch.asked(Watched(Op.LIST, listing))
        listed = await self._once(
            key, lambda: self._evidence.listed(subject, store, listing), ("list of signatures", image)
        )
        return subject, listed

    def _terms(self, use_cache: bool) -> Terms:
        return Terms(access=self._access.id, use_cache=use_cache)

    def _store(self, use_cache: bool) -> ImageStore:
        return self._access.store if use_cache else uncached(self._access.store)

    async def _once(
        self, key: Hashable, question: Callable[[], Coroutine[Any, Any, T]], asked: tuple[str, ImageReference]
    ) -> T:
        known = self._known.get(key)
        if known is None:
            what, image = asked
            if self._ended:
                raise TransportError("deadline", f"unfinished: {what} of {image.match_string}")
            try:
                with during(_PHASES.get(what, Phase.REGISTRY), what, image.match_string):
                    answer: object = await question()
            except (TransportError, VerificationError) as error:
                answer = error
            known = self._known.setdefault(key, answer)
        if isinstance(known, PratiqueError):
            raise known
        result: T = known
        return result


def registry_name(image: ImageReference) -> str:
    """Return `image` as registry clients spell it, Docker Hub's own names included."""
    registry, path = image.registry, image.path
    if registry == "docker.io":
        registry, path = "index.docker.io", path if "/" in path else f"library/{path}"
    end = f"@{image.digest}" if image.digest else f":{image.tag or 'latest'}"
    return f"{registry}/{path}{end}"
