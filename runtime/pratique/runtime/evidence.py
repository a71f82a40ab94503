"""Everything that is learned about images, each thing once: the questions of the decision graph, on demand.

`Evidence` is shared by all evaluations of a process and remembers, within bounds, what it was told. An answer
is kept under everything it depends on (rule R3): the terms it was asked on, repository and **digest**, never
a reference; the format of the listing, the very signatures found, method, trust, and the version of the trust
root. `Evaluation` is the view of one verdict: an image is resolved once, its signatures are listed once and
each is verified once per method and trust, whatever the number of rules and attestors (rule R1).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, TypeVar

from pratique.compiler import ir
from pratique.compiler.graph import Listing, Op, Resolve, Verification, questions
from pratique.grammar.errors import NotFoundError, PratiqueError, TransportError, VerificationError
from pratique.grammar.image_reference import ImageReference
from pratique.runtime.discovery import stored_signatures
from pratique.runtime.judgement import (
    Candidate,
    Finding,
    document_finding,
    judge,
    judge_notary,
    judge_statements,
    unasked,
)
from pratique.runtime.lifetimes import ONE_RUN, USUAL, Lifetimes, Terms
from pratique.runtime.memory import Memory, Worth
from pratique.runtime.phases import Phase, during
from pratique.runtime.platforms import Coverage, Part, Platform, Reach, choose, parts_of
from pratique.runtime.ports import (
    Access,
    Digest,
    ImageStore,
    KeySource,
    Manifest,
    Repository,
    SignatureVerifier,
    for_lists,
    uncached,
)
from pratique.runtime.repository_names import RepositoryNameError, parse_repository
from pratique.runtime.signatures.model import Statement, Stored, StoredBlob, StoredNotarySignature
from pratique.runtime.signatures.notary.discovery import attestation_statement
from pratique.runtime.watching import UNWATCHED, Watch, Watched

T = TypeVar("T")

RUN_BYTES: Final = 512 << 20
"""Bound on what a run of the command line keeps in memory."""

Describe: TypeAlias = Callable[[ImageStore, Digest], Coroutine[Any, Any, dict[str, Any]]]
"""Reads what describes an image; always the same, so that answers can be kept by digest."""

RESOLUTION: Final = Watched(Op.RESOLVE, Resolve())

_PHASES: Final = {"verification": Phase.SIGNATURE}
"""The phase in which a question is answered that does not ask registries."""

_PARSED: Final = 6
"""Bytes in memory per byte of parsed JSON: what small objects and short texts come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What evidence is about: a repository and a digest, and on what terms it is asked for."""

    terms: Terms = USUAL
    repository: Repository
    digest: Digest


class Listed:
    """The signatures of a digest as they were found; equal by content, which is hashed once.

    `listing` is the question that they are the answer to.
    """

    __slots__ = ("_hash", "listing", "signatures", "weight")

    def __init__(self, signatures: tuple[Stored, ...], listing: Listing) -> None:
        self.signatures = signatures
        self.listing = listing
        self.weight = sum(map(_bytes, signatures))
        self._hash = hash(signatures)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Listed) and self.signatures == other.signatures)


@dataclass(frozen=True, slots=True)
class Settled:
    """That an attestor is met, with what it rests on: a list of signatures, and the question for it."""

    listing: tuple[Subject, Listing]
    listed: Listed
    finding: Finding


class Evidence:
    """What a process knows about images. Nothing is asked but through an `Evaluation`.

    Args:
        store: answers what nobody asked lately; the way of all who name no other (`Evaluation.through`).
        verifier: the cryptography.
        keys: finds keys that policies name by reference.
        lifetimes: how long answers are kept.
        memory: where.
        tags: where it is kept what tags mean, if somewhere else: who believes it for longer tells nobody.
        coverage: which manifests of a multi-platform image are judged.
        watch: is told what is asked and answered.
    """

    def __init__(
        self,
        store: ImageStore,
        verifier: SignatureVerifier,
        keys: KeySource | None = None,
        *,
        lifetimes: Lifetimes = ONE_RUN,
        memory: Memory | None = None,
        tags: Memory | None = None,
        coverage: Coverage = Reach.INDEX,
        watch: Watch = UNWATCHED,
    ) -> None:
        self.coverage = coverage
        self.watch = watch
        self.verifier = verifier
        self.keys = keys
        self.usual = Access(store=store, id="")
        self._lifetimes = lifetimes
        self._memory = Memory(max_bytes=RUN_BYTES) if memory is None else memory
        self._tags = self._memory if tags is None else tags
        self.verifications = 0
        """Signatures whose cryptography was checked, each counted once per method and trust."""

    def evaluation(self, *, fresh_tags: bool = False) -> Evaluation:
        """Return a view for one verdict; `fresh_tags` where an entry of it has `useCache: false`.

        One resolution serves all entries of an evaluation (rule R1), so one that wants it anew is enough.
        """
        return Evaluation(self, fresh_tags=fresh_tags)

    async def resolve(self, terms: Terms, store: ImageStore, image: ImageReference) -> Digest:
        """Return the digest that the tag of `image` names now; with a platform, that of its manifest."""
        repository = Repository(image.registry, image.path)
        tag = image.digest or image.tag or "latest"

        async def ask() -> Digest:
            with self.watch.answering(RESOLUTION):
                manifest = await store.manifest(repository, tag)
                if isinstance(self.coverage, Platform) and "manifests" in manifest.data:
                    parts = await parts_of(store, repository, manifest)
                    return choose(parts, self.coverage, image.match_string)
                return manifest.digest

        def worth(answer: object) -> Worth:
            return self._worth(terms, answer, self._lifetimes.tag)

        return await self._tags.ask((terms, repository, tag), ask, worth)

    async def listed(self, subject: Subject, store: ImageStore, listing: Listing) -> Listed:
        """Return the stored signatures of a digest."""

        async def ask() -> Listed:
            named = listing.repository
            repository = signature_repository(named) if named else subject.repository
            with self.watch.answering(Watched(Op.LIST, listing)):
                found = await stored_signatures(for_lists(store), repository, subject.digest, listing)
            return Listed(found, listing)

        def worth(answer: object) -> Worth:
            return self._worth(subject.terms, answer, self._lifetimes.listing)

        return await self._memory.ask((subject, listing), ask, worth)

    async def described(self, subject: Subject, store: ImageStore, read: Describe) -> dict[str, Any]:
        """Return what `read` makes of the manifests and the configuration of a digest."""

        async def ask() -> dict[str, Any]:
            return await read(store, subject.digest)

        def worth(answer: object) -> Worth:
            return self._worth(subject.terms, answer, self._lifetimes.listing)

        return await self._memory.ask((subject, Describe), ask, worth)

    async def parts(self, subject: Subject, store: ImageStore) -> tuple[Part, ...]:
        """Return the manifests of all platforms of an image; none if it is of one platform."""

        async def ask() -> tuple[Part, ...]:
            manifest = await store.manifest(subject.repository, subject.digest)
            return await parts_of(store, subject.repository, manifest)

        def worth(answer: object) -> Worth:
            return self._worth(subject.terms, answer, self._lifetimes.listing)

        return await self._memory.ask((subject, Part), ask, worth)

    async def verified(
        self, subject: Subject, listed: Listed, verification: Verification, version: str
    ) -> tuple[Candidate, ...]:
        """Return what became of each listed signature; `version` is that of the trust root."""

        async def ask() -> tuple[Candidate, ...]:
            with self.watch.answering(Watched(Op.VERIFY, verification, listed.listing)):
                return tuple(
                    self.candidate(stored, verification, subject.digest) for stored in listed.signatures
                )

        def worth(answer: object) -> Worth:
            return self._worth(subject.terms, answer, self._lifetimes.verified)

        return await self._memory.ask((subject, listed, verification, version), ask, worth)

    async def found(self, subject: Subject, listed: Listed, attestor: ir.Attestor, version: str) -> Finding:
        """Return whether one of the listed signatures meets `attestor`; known as long as what it rests on."""
        basis = (subject, listed, questions(attestor)[1], version)

        async def ask() -> Finding:
            reference = f"{subject.repository}@{subject.digest}"
            self.watch.asked(Watched(Op.VERIFY, basis[2], listed.listing))
            candidates = await self.verified(*basis)
            with self.watch.answering(Watched(Op.ATTESTOR, attestor, listed.listing)):
                return judge(attestor, candidates, reference)

        def worth(_: object) -> Worth:
            return Worth(self._memory.remaining(basis), listed.weight)

        return await self._memory.ask((subject, listed, attestor, version), ask, worth)

    def settled(self, subject: Subject, attestor: ir.Attestor, version: str) -> Settled | None:
        """Return how `attestor` is known to be met; None where somebody has to look."""
        found: Settled | None = self._memory.kept((subject, attestor, version, Settled))
        return found

    def settle(self, subject: Subject, attestor: ir.Attestor, version: str, met: Settled) -> None:
        """Keep that `attestor` is met, for as long as everything that this rests on is kept."""
        basis = (met.listing, (subject, met.listed, attestor, version))
        seconds = min(map(self._memory.remaining, basis))
        self._memory.keep((subject, attestor, version, Settled), met, Worth(seconds, met.listed.weight))

    def _worth(self, terms: Terms, answer: object, seconds: float) -> Worth:
        """Return how much an answer weighs, and how long it is kept: `seconds` if it is a usual one."""
        match answer:
            case NotFoundError() | Listed(signatures=()):
                seconds = self._lifetimes.absent
            case Listed(signatures=found) if any(map(_fault, found)):
                seconds = self._lifetimes.fault
            case TransportError() | VerificationError():
                seconds = self._lifetimes.fault
            case _:
                pass
        return Worth(seconds if terms.use_cache else self._lifetimes.uncached, _weight(answer))

    async def statement(
        self, subject: Subject, store: ImageStore, document: Manifest, type: str
    ) -> Statement:
        """Return what a document states, a signature of which has held: its manifest names its content."""

        async def ask() -> Statement:
            found = await attestation_statement(store, subject.repository, document, type)
            return Statement(
                type=document.media_type,
                predicate_type=str(found["type"]),
                predicate=found["predicate"],
                subjects=(),
            )

        def worth(answer: object) -> Worth:
            return self._worth(subject.terms, answer, self._lifetimes.listing)

        return await self._memory.ask((subject, document.digest, type), ask, worth)

    def candidate(self, stored: Stored, verification: Verification, digest: Digest) -> Candidate:
        """Return what became of a signature: verified anew."""
        if fault := _fault(stored):
            return Candidate(stored=stored, rejection=fault)
        self.verifications += 1
        try:
            verified = self.verifier.verify(stored, verification.method, verification.trust, digest)
        except VerificationError as error:
            return Candidate(stored=stored, rejection=error)
        return Candidate(stored=stored, verified=verified)


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


def _fault(stored: Stored) -> TransportError | VerificationError | None:
    """Return why the bytes of a listed signature could not be had."""
    return stored.fault if isinstance(stored, StoredNotarySignature) else None


def _bytes(stored: Stored) -> int:
    """Estimate the memory of a stored signature."""
    fields = (getattr(stored, name) for name in stored.__slots__)
    return 512 + sum(len(field) for field in fields if isinstance(field, str | bytes))


def _weight(answer: object) -> int:
    """Estimate the memory of an answer with all that it keeps alive."""
    match answer:
        case Listed(weight=weight):
            return weight
        case dict():
            return _PARSED * len(repr(answer))
        case tuple() if all(isinstance(c, Candidate) for c in answer):
            return sum(
                _bytes(c.stored) * (1 + _PARSED * bool(c.verified and c.verified.statement)) for c in answer
            )
        case _:
            return 0


def registry_name(image: ImageReference) -> str:
    """Return `image` as registry clients spell it, Docker Hub's own names included."""
    registry, path = image.registry, image.path
    if registry == "docker.io":
        registry, path = "index.docker.io", path if "/" in path else f"library/{path}"
    end = f"@{image.digest}" if image.digest else f":{image.tag or 'latest'}"
    return f"{registry}/{path}{end}"


def signature_repository(text: str) -> Repository:
    """Return the repository that a policy's `repository` field names.

    Raises:
        VerificationError: `bad-repository`, with the text of Kyverno and the registry library it uses.
    """
    try:
        return parse_repository(text)
    except RepositoryNameError as error:
        message = f"failed to parse signature repository {text}: {error}"
        raise VerificationError("bad-repository", message) from error
