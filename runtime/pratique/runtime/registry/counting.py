"""Counts what a run asks of a store."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pratique.runtime.decision import Requests
from pratique.runtime.ports import Descriptor, Digest, ImageStore, Manifest, Repository
from pratique.runtime.registry.tally import Kind, Tally


@runtime_checkable
class Tallied(Protocol):
    """A store that counts by itself, nearer to where requests happen: retries, tokens, joined calls."""

    @property
    def tally(self) -> Tally:
        """Return the store's own counter."""
        ...


class CountingStore:
    """A store with the figures of what it was asked since it was wrapped.

    Where the store counts by itself (`DistributionClient`) these are its HTTP requests; else each call is one
    request, and `bytes` are those of its result.
    """

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self._is_tallied = isinstance(store, Tallied)
        self._tally = store.tally if isinstance(store, Tallied) else Tally()
        self._before = self._tally.requests

    @property
    def requests(self) -> Requests:
        """Return the figures so far."""
        now, before = self._tally.requests, self._before
        return Requests(
            manifests=now.manifests - before.manifests,
            blobs=now.blobs - before.blobs,
            referrers=now.referrers - before.referrers,
            tokens=now.tokens - before.tokens,
            bytes=now.bytes - before.bytes,
        )

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        """See `ImageStore.manifest`."""
        self._count("manifests")
        result = await self._store.manifest(repository, reference)
        self._read(result.body)
        return result

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        """See `ImageStore.blob`."""
        self._count("blobs")
        result = await self._store.blob(repository, digest, max_bytes=max_bytes)
        self._read(result)
        return result

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """See `ImageStore.referrers`."""
        self._count("referrers")
        return await self._store.referrers(repository, digest, artifact_type)

    async def aclose(self) -> None:
        """See `ImageStore.aclose`."""
        await self._store.aclose()

    def _count(self, kind: Kind) -> None:
        if not self._is_tallied:
            self._tally.count(kind)

    def _read(self, body: bytes) -> None:
        if not self._is_tallied:
            self._tally.bytes += len(body)
