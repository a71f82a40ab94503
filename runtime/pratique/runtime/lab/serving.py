"""A lab as a registry on loopback, whatever registries its images are named after."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from pratique.grammar.errors import NotFoundError, UsageError
from pratique.runtime.lab.inventory import Inventory
from pratique.runtime.lab.oci import compact, digest_of
from pratique.runtime.ports import Descriptor, Digest, Manifest, Repository
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.media_types import OCI_INDEX

_FALLBACK_TAG = re.compile(r"sha256-([0-9a-f]{64})")


class LabStore:
    """Answers for the images of a layout by their paths alone: one server stands for all registries.

    `registry.k8s.io/etcd` is found as `etcd`, at any registry. Without the referrers API, clients look for an
    index under a fallback tag: with `fallback` that is answered too, from the referrers of the layout.

    Raises:
        UsageError: two registries have an image of the same path.
    """

    def __init__(self, layout: LayoutStore, lab: Inventory, *, fallback: bool = False) -> None:
        self._layout = layout
        self._registries = _registries(lab)
        self._fallback = fallback

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        """Return the manifest that a tag or digest names."""
        repository = self._actual(repository)
        try:
            return await self._layout.manifest(repository, reference)
        except NotFoundError:
            tag = _FALLBACK_TAG.fullmatch(reference)
            if not (self._fallback and tag):
                raise
            found = await self._layout.referrers(repository, Digest(f"sha256:{tag[1]}"))
            if not found:
                raise
            return _index(repository, found)

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        """Return a blob."""
        return await self._layout.blob(self._actual(repository), digest, max_bytes=max_bytes)

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """Return the referrers of a digest."""
        return await self._layout.referrers(self._actual(repository), digest, artifact_type)

    def tags(self, repository: Repository) -> tuple[str, ...]:
        """Return the tags of a repository, sorted."""
        return self._layout.tags(self._actual(repository))

    async def aclose(self) -> None:
        """Give back what the layout keeps open."""
        await self._layout.aclose()

    def _actual(self, repository: Repository) -> Repository:
        return Repository(self._registries.get(repository.path, repository.registry), repository.path)


def registries_of(lab: Inventory) -> tuple[str, ...]:
    """Return the registries that a lab's images are named after, sorted."""
    return tuple(sorted({_split(name).registry for name in _names(lab)}))


def _registries(lab: Inventory) -> dict[str, str]:
    """Return path -> registry."""
    found: dict[str, str] = {}
    for registry, path in map(_split, _names(lab)):
        if found.setdefault(path, registry) != registry:
            raise UsageError(
                f"both {found[path]} and {registry} have {path}; one server cannot stand for both of them"
            )
    return found


def _names(lab: Inventory) -> Iterable[str]:
    for image in lab.images:
        yield image.image
        for made in (*image.signatures, *image.attestations):
            if "/" in made.stored:
                yield made.stored


def _split(name: str) -> Repository:
    registry, _, rest = name.partition("/")
    return Repository(registry, rest.rpartition(":")[0])


def _index(repository: Repository, descriptors: Iterable[Descriptor]) -> Manifest:
    entries = [
        {
            "mediaType": d.media_type,
            "digest": d.digest,
            "size": d.size,
            "artifactType": d.artifact_type,
            "annotations": d.annotations,
        }
        for d in descriptors
    ]
    body = compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    return Manifest(
        repository=repository,
        digest=digest_of(body),
        media_type=OCI_INDEX,
        body=body,
        data=json.loads(body),
    )
