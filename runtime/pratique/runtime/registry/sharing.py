"""An image store that shares with other replicas what it was told.

Raw answers are shared, never verdicts. What is read back passes the same checks as what comes from a
registry: content must hash to its digest, and signatures are verified by each replica for itself. Before
that, a record must be one of this installation (`shared_cache.records`).

- What a digest names never changes, and is kept.
- Lists of referrers, and tags under which signatures are looked for, are believed for a minute.
- What the tag of an image means is never kept: only replicas that ask at the same time are told the same
  (K3). The same is true of what is not there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Descriptor, Digest, ImageStore, Manifest, Repository, for_lists
from pratique.runtime.registry.caching import Audience
from pratique.runtime.registry.content import check_digest, is_digest, read_manifest
from pratique.runtime.registry.faults import Operation
from pratique.runtime.registry.recorded import absence_in, absence_text, referrers_in, referrers_text
from pratique.runtime.shared_cache.cache import Flight, SharedCache
from pratique.runtime.shared_cache.records import Answer
from pratique.runtime.single_flight import SingleFlight
from pratique.runtime.strict_json import StrictJsonError

CONTENT_S: Final = 24 * 3600.0
"""For which content is kept; the server may forget it before."""
LIST_S: Final = 60.0

T = TypeVar("T")


class SharingStore:
    """A store with a shared cache before it.

    Args:
        store: is asked what nobody knows.
        cache: the cache.
        audience: who is asking; answers are kept apart by it.
    """

    def __init__(self, store: ImageStore, cache: SharedCache, audience: Audience) -> None:
        self.origin = store
        self.cache = cache
        self._audience = audience
        self._flights = SingleFlight[Any]()
        self._tag_s = 0.0

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        """See `ImageStore.manifest`."""
        operation = Operation(repository.registry, f"manifest {repository.path} {reference}")

        def read(answer: Answer) -> Manifest:
            return read_manifest(
                operation, repository, answer.body, reference=reference, media_type=answer.note
            )

        name = await self._name(repository, "manifest", reference)
        by_digest = is_digest(reference)
        manifest = await self._found(
            _Question(
                name=name,
                read=read,
                ask=lambda: self.origin.manifest(repository, reference),
                told=lambda found: Answer(found.body, found.media_type),
                seconds=CONTENT_S if by_digest else self._tag_s,
                max_age=None if by_digest else self._tag_s,
            )
        )
        if not by_digest and name is not None:
            # It is asked for by its digest next, here and elsewhere.
            kept = await self._name(repository, "manifest", manifest.digest)
            if kept is not None:
                self.cache.put(kept, Answer(manifest.body, manifest.media_type), CONTENT_S)
        return manifest

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        """See `ImageStore.blob`."""
        operation = Operation(repository.registry, f"blob {digest} of {repository.path}")

        def read(answer: Answer) -> bytes:
            check_digest(answer.body, digest, operation)
            if len(answer.body) > max_bytes:
                raise StrictJsonError("larger than was asked for")
            return answer.body

        question = _Question(
            name=await self._name(repository, "blob", digest),
            read=read,
            ask=lambda: self.origin.blob(repository, digest, max_bytes=max_bytes),
            told=Answer,
            seconds=CONTENT_S,
            max_age=None,
        )
        return await self._found(question, limit=max_bytes)

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """See `ImageStore.referrers`; a list that is at most `LIST_S` seconds old."""
        operation = Operation(repository.registry, f"referrers of {repository.path}@{digest}")
        return await self._found(
            _Question(
                name=await self._name(repository, "referrers", digest, artifact_type),
                read=lambda answer: referrers_in(answer.body, operation),
                ask=lambda: self.origin.referrers(repository, digest, artifact_type),
                told=lambda found: Answer(referrers_text(found)),
                seconds=LIST_S,
                max_age=LIST_S,
                is_kept=bool,
            )
        )

    def for_lists(self) -> SharingStore:
        """See `ports.TagWaryStore`."""
        other = copy(self)
        other.origin, other._tag_s = for_lists(self.origin), LIST_S
        return other

    async def aclose(self) -> None:
        """Close the store; the cache is closed by whoever opened it."""
        await self.origin.aclose()

    async def _name(self, repository: Repository, *question: str) -> bytes | None:
        """Return the name of a question; None where nobody knows who is asking."""
        try:
            return self.cache.name(await self._audience.name(repository), *repository, *question)
        except TransportError:
            return None  # the store finds out the same, and says so if it matters

    async def _found(self, question: _Question[T], limit: int = 0) -> T:
        """Return an answer: of the cache, of a flight under way, else of the store.

        Args:
            question: what is asked.
            limit: on its bytes; who has another one asks for himself.
        """
        name = question.name
        if name is None:
            return await question.ask()

        async def work() -> T:
            known = (
                _read(await self.cache.get(name, question.max_age), question) if question.seconds else None
            )
            if known is not None:
                return known
            flight = await self.cache.begin(name)
            if flight is None:
                return await question.ask()
            if flight.is_ours:
                return await self._flown(flight, question)
            joined = _outcome(await self.cache.joined(flight), question)
            if isinstance(joined, NotFoundError):
                raise joined
            return await question.ask() if joined is None else joined

        found: T = await self._flights.run((name, limit, question.seconds), work)
        return found

    async def _flown(self, flight: Flight, question: _Question[T]) -> T:
        """Return what a flight of ours brings: what is kept by now, else the answer of the store."""
        brought, keep_s = None, 0.0
        try:
            if question.seconds:
                kept = self.cache.kept(flight, question.max_age)
                known = _read(kept, question)
                if known is not None:
                    brought = kept
                    return known
            found = await question.ask()
            brought = question.told(found)
            keep_s = question.seconds if question.is_kept(found) else 0.0
        except NotFoundError as error:
            brought = Answer(absence_text(error), error.code, is_absent=True)
            raise
        finally:
            self.cache.land(flight, brought, keep_s)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question(Generic[T]):
    """A question to the store.

    Attributes:
        name: of the question; None to ask the store.
        read: makes of a record what the store would return; raises if it cannot be.
        ask: asks the store.
        told: makes a record of what the store returned.
        seconds: for which it is kept; 0 for not at all.
        max_age: for which it is believed; None for ever.
        is_kept: says whether an answer is kept, if any is.
    """

    name: bytes | None
    read: Callable[[Answer], T]
    ask: Callable[[], Awaitable[T]]
    told: Callable[[T], Answer]
    seconds: float
    max_age: float | None
    is_kept: Callable[[T], bool] = lambda _: True


def _read(answer: Answer | None, question: _Question[T]) -> T | None:
    """Return what a record holds; None if it does not stand the checks."""
    if answer is None or answer.is_absent:
        return None
    try:
        return question.read(answer)
    except (TransportError, StrictJsonError):
        return None


def _outcome(answer: Answer | None, question: _Question[T]) -> T | NotFoundError | None:
    """Return what a flight brought: an answer, that there is none, or None for nothing that can be used."""
    if answer is None or not answer.is_absent:
        return _read(answer, question)
    try:
        return absence_in(answer)
    except StrictJsonError:
        return None
