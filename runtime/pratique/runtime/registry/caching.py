"""An image store that remembers on disk what it was told, for runs that follow each other.

Raw answers are kept, never verdicts: all cryptography is done anew, and what is read back passes the same
checks as what comes from a registry. So who can change the folder has the power of a registry and no more:
content under a digest is what hashes to it, signatures that are added must verify, and signatures that are
left out or tags that lead elsewhere are what a hostile registry could answer too. These two are why answers
that are not fixed by a digest are believed for a stated time only, and never from a folder that others may
write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Descriptor, Digest, ImageStore, Manifest, Repository, for_lists
from pratique.runtime.registry.content import (
    MAX_MANIFEST_BYTES,
    check_digest,
    is_digest,
    read_manifest,
)
from pratique.runtime.registry.disk_cache import DiskCache, Record
from pratique.runtime.registry.faults import Operation
from pratique.runtime.registry.recorded import absence_in, absence_text, referrers_in, referrers_text
from pratique.runtime.strict_json import StrictJsonError

DEFAULT_TTL_S: Final = 300.0
"""Seconds for which tags and lists of signatures are believed, unless `--cache-ttl` says otherwise."""

MAX_ABSENT_S: Final = 60.0
"""Seconds for which it is believed that something is not there, at most: it may be signed any moment."""

SLOW_S: Final = 2.0
"""A folder that takes longer for one answer is not asked again (F23)."""

MAX_LIST_BYTES: Final = 16 << 20
"""A longer list of signatures is asked for anew each time."""

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Audience(Protocol):
    """Tells who is asking, so that nobody is told what only another may know."""

    async def name(self, repository: Repository) -> str:
        """Return a text that is equal for equal rights and equal ways to a repository; shows no secret.

        Raises:
            TransportError: it cannot be known, as credentials cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Question:
    """A question to the store: what the answer is kept under, and how long it is good for (None for ever)."""

    key: tuple[str, ...]
    max_age: float | None
    max_bytes: int

    @property
    def absence(self) -> _Question:
        """Whether it is known that there is nothing."""
        max_age = MAX_ABSENT_S if self.max_age is None else min(self.max_age, MAX_ABSENT_S)
        return replace(self, key=(*self.key, "absent"), max_age=max_age)


class CachingStore:
    """A store with a disk cache before it.

    Layouts are not cached, as they are files already: wrap registries only.

    Args:
        store: is asked what the cache does not know.
        disk: the cache.
        audience: who is asking.
        ttl_s: for how long answers that may change are believed; 0 for not at all.
        believes_tags: for so long, too; else what a tag means is asked each time.
    """

    def __init__(
        self,
        store: ImageStore,
        disk: DiskCache,
        audience: Audience,
        *,
        ttl_s: float = DEFAULT_TTL_S,
        believes_tags: bool = True,
    ) -> None:
        self.origin = store
        self.disk = disk
        self._audience = audience
        self._ttl_s = ttl_s
        self.believes_tags = believes_tags

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        """See `ImageStore.manifest`; a tag means what it meant at most `ttl_s` seconds ago."""
        operation = Operation(repository.registry, f"manifest {repository.path} {reference}")
        tag_ttl_s = self._ttl_s if self.believes_tags else 0
        max_age = None if is_digest(reference) else tag_ttl_s
        asked = await self._question(
            repository, "manifest", reference, max_age=max_age, max_bytes=MAX_MANIFEST_BYTES
        )

        def read(record: Record) -> Manifest:
            return read_manifest(
                operation, repository, record.body, reference=reference, media_type=record.note
            )

        if (found := await self._recall(asked, read)) is not None:
            return found
        if asked and (absence := await self._recall(asked.absence, absence_in)) is not None:
            raise absence
        self.disk.misses += 1
        try:
            manifest = await self.origin.manifest(repository, reference)
        except NotFoundError as error:
            await self._keep(asked and asked.absence, error.code, absence_text(error))
            raise
        await self._keep(asked, manifest.media_type, manifest.body)
        return manifest

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        """See `ImageStore.blob`."""
        operation = Operation(repository.registry, f"blob {digest} of {repository.path}")
        asked = await self._question(repository, "blob", digest, max_age=None, max_bytes=max_bytes)

        def read(record: Record) -> bytes:
            check_digest(record.body, digest, operation)
            return record.body

        if (found := await self._recall(asked, read)) is not None:
            return found
        self.disk.misses += 1
        body = await self.origin.blob(repository, digest, max_bytes=max_bytes)
        await self._keep(asked, "", body)
        return body

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """See `ImageStore.referrers`; a list that is at most `ttl_s` seconds old."""
        operation = Operation(repository.registry, f"referrers of {repository.path}@{digest}")
        asked = await self._question(
            repository, "referrers", digest, artifact_type, max_age=self._ttl_s, max_bytes=MAX_LIST_BYTES
        )
        for question in (asked, asked and asked.absence):
            found = await self._recall(question, lambda record: referrers_in(record.body, operation))
            if found is not None:
                return found
        self.disk.misses += 1
        descriptors = await self.origin.referrers(repository, digest, artifact_type)
        kept = asked if descriptors else asked and asked.absence
        await self._keep(kept, "", referrers_text(descriptors))
        return descriptors

    def for_lists(self) -> CachingStore:
        """See `ports.TagWaryStore`."""
        other = copy(self)
        other.origin, other.believes_tags = for_lists(self.origin), True
        return other

    async def aclose(self) -> None:
        """Keep the cache within its bounds, and close the store."""
        if not self.disk.is_slow:
            await asyncio.to_thread(self.disk.trim)
        await self.origin.aclose()

    async def _question(
        self, repository: Repository, *asked: str, max_age: float | None, max_bytes: int
    ) -> _Question | None:
        """Return the question; None where the cache cannot be asked, as nobody knows who is asking."""
        try:
            name = await self._audience.name(repository)
        except TransportError:
            return None  # the store finds out the same, and says so if it matters
        return _Question((name, *repository, *asked), max_age, max_bytes)

    async def _recall(self, asked: _Question | None, read: Callable[[Record], T]) -> T | None:
        """Return what is kept, if it stands the checks of `read`; what does not is deleted."""
        if asked is None or asked.max_age == 0:
            return None
        key, max_age, max_bytes = asked.key, asked.max_age, asked.max_bytes
        record = await self._on_disk(lambda: self.disk.read(key, max_age=max_age, max_bytes=max_bytes))
        if record is None:
            return None
        try:
            found = read(record)
            self.disk.hits += 1
            return found
        except (TransportError, StrictJsonError) as error:
            _log.debug("a cached answer is deleted: %s", error)
            await self._on_disk(lambda: self.disk.discard(key))
            return None

    async def _keep(self, asked: _Question | None, note: str, body: bytes) -> None:
        if asked is None or asked.max_age == 0 or len(body) > asked.max_bytes:
            return
        key = asked.key
        await self._on_disk(lambda: self.disk.write(key, note, body))

    async def _on_disk(self, work: Callable[[], T]) -> T | None:
        """Do what may block in a thread; give up on a folder that is too slow."""
        if self.disk.is_slow:
            return None
        try:
            return await asyncio.wait_for(asyncio.to_thread(work), SLOW_S)
        except TimeoutError:
            if not self.disk.is_slow:
                self.disk.is_slow = True
                _log.warning("the cache %s is too slow, and not used any more", self.disk.folder)
            return None
