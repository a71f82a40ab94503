"""The store of a run that must not touch the network and has no layout: it has nothing and says so."""

from __future__ import annotations

from typing import NoReturn

from pratique.runtime.ports import Descriptor, Digest, Manifest, Repository
from pratique.runtime.registry.faults import FaultCode, Operation


class OfflineStore:
    """Refuses every question with code `offline`, and opens no socket."""

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        """See `ImageStore.manifest`."""
        self._refuse(repository, f"manifest {repository.path} {reference}")

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        """See `ImageStore.blob`."""
        self._refuse(repository, f"blob {digest} of {repository.path}")

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """See `ImageStore.referrers`."""
        self._refuse(repository, f"referrers of {repository.path}@{digest}")

    async def aclose(self) -> None:
        """Nothing is open."""

    def _refuse(self, repository: Repository, what: str) -> NoReturn:
        text = "the run is offline: give images as a layout (--registry-layout DIR) or leave out --offline"
        raise Operation(repository.registry, what).fault(FaultCode.OFFLINE, text)
