"""Everything that is learned about images, each thing once: the questions of the decision graph, on demand.

`Evidence` is shared by all evaluations of a process and remembers, within bounds, what it was told. An answer
is kept under everything it depends on (rule R3): the terms it was asked on, repository and **digest**, never
a reference; the format of the listing, the very signatures found, method, trust, and the version of the trust
root. What one verdict makes of it is its `Evaluation`.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pratique.compiler import ir
from pratique.compiler.graph import Listing, Op, Resolve, Verification, questions
from pratique.grammar.errors import NotFoundError, TransportError, VerificationError
from pratique.grammar.image_reference import ImageReference
from pratique.runtime.discovery import stored_signatures
from pratique.runtime.judgement import (
    Candidate,
    Finding,
    judge,
)
from pratique.runtime.lifetimes import ONE_RUN, USUAL, Lifetimes, Terms
from pratique.runtime.memory import Memory, Worth
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
)
from pratique.runtime.repository_names import RepositoryNameError, parse_repository
from pratique.runtime.signatures.model import Statement, Stored, StoredNotarySignature
from pratique.runtime.signatures.notary.discovery import attestation_statement
from pratique.runtime.watching import UNWATCHED, Watch, Watched

if TYPE_CHECKING:
    from pratique.runtime.evaluation import Evaluation

RUN_BYTES: Final = 512 << 20
"""Bound on what a run of the command line keeps in memory."""

Describe: TypeAlias = Callable[[ImageStore, Digest], Coroutine[Any, Any, dict[str, Any]]]
"""Reads what describes an image; always the same, so that answers can be kept by digest."""

RESOLUTION: Final = Watched(Op.RESOLVE, Resolve())

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
        from pratique.runtime.evaluation import Evaluation

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
