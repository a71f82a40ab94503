"""A lab as a registry: what `pratique lab serve` needs besides the server itself."""

from __future__ import annotations

from pathlib import Path

from pratique.grammar.errors import NotFoundError
from pratique.runtime.lab.inventory import Inventory
from pratique.runtime.lab.oci import compact, digest_of
from pratique.runtime.ports import Repository
from pratique.runtime.registry.content import fallback_tag
from pratique.runtime.registry.layout import LayoutStore, Stored
from pratique.runtime.registry.layout_files import LayoutFiles
from pratique.runtime.registry.media_types import OCI_EMPTY, OCI_INDEX


class FallbackStore(LayoutStore):
    """A layout that answers as registries without the referrers API have to be asked.

    There, whoever adds a referrer keeps an index of them under a tag made of the subject's digest. Layouts
    have no such tags: they are made up here, by `learn`.

    With `untyped`, the indexes are those of cosign before 3.1, which lists every referrer under the media
    type of its empty configuration; what is a bundle stands in the manifests alone.

    References: OCI distribution specification 1.1, referrers tag schema.
    """

    def __init__(self, layout: Path | LayoutFiles, *, untyped: bool = False) -> None:
        super().__init__(layout)
        self._untyped = untyped
        self._indexes: dict[str, Stored] = {}

    async def learn(self, lab: Inventory) -> None:
        """Make the indexes of all images that have referrers."""
        for image in lab.images:
            registry, _, rest = image.image.partition("/")
            repository = Repository(registry, rest.rpartition(":")[0])
            for digest in (image.digest, *image.platforms.values()):
                found = await self.referrers(repository, digest)
                if found:
                    entries = [
                        {
                            "mediaType": d.media_type,
                            "digest": d.digest,
                            "size": d.size,
                            "artifactType": OCI_EMPTY if self._untyped else d.artifact_type,
                            "annotations": d.annotations,
                        }
                        for d in found
                    ]
                    body = compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
                    self._indexes[fallback_tag(digest)] = Stored(
                        media_type=OCI_INDEX, digest=digest_of(body), body=body
                    )

    def stored(self, repository: Repository, reference: str) -> Stored:
        """Return what a tag or digest names, see `LayoutStore.stored`."""
        try:
            return super().stored(repository, reference)
        except NotFoundError:
            if reference not in self._indexes:
                raise
            return self._indexes[reference]


def registries_of(lab: Inventory) -> tuple[str, ...]:
    """Return the registries that a lab's images are named after, sorted."""
    return tuple(sorted({image.image.partition("/")[0] for image in lab.images}))
