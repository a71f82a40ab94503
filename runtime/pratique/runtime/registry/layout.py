"""Image store over an OCI image layout: the embedded registry for demos, tests, CI and air-gapped sites."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from pratique.runtime.ports import Descriptor, Digest, Manifest, Repository
from pratique.runtime.registry.content import (
    MAX_MANIFEST_BYTES,
    NO_REFERRERS_INDEX,
    algorithm_of,
    check_digest,
    check_reference,
    check_repository,
    descriptor_in,
    fallback_tag,
    is_descriptor,
    is_digest,
    is_supported,
    is_well_formed,
    read_manifest,
    referrers_in,
    with_artifact_type,
)
from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.registry.layout_files import INDEX, MARKER, DirectoryFiles, LayoutFiles
from pratique.runtime.registry.layout_referrers import scan_referrers
from pratique.runtime.registry.layout_writer import MAX_INDEX_BYTES
from pratique.runtime.registry.media_types import (
    CONTAINERD_NAME,
    COSIGN_IMAGES,
    COSIGN_KIND,
    COSIGN_SUFFIXES,
    INDEXES,
    OCI_INDEX,
    OCI_MANIFEST,
    REF_NAME,
)
from pratique.runtime.registry.names import canonical_name
from pratique.runtime.strict_json import StrictJsonError, parse

_MARKER_BYTES = 64 << 10
_BARE_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class _Listing:
    """What `index.json` said at one moment.

    Attributes:
        entries: descriptors by digest, in the order of the file.
        names: canonical `registry/path:tag` -> digests; more than one: the layout contradicts itself.
        tags: the same for tags without a repository, which answer for every repository.
    """

    stamp: Hashable
    entries: dict[Digest, Descriptor] = field(default_factory=dict)
    names: dict[str, set[Digest]] = field(default_factory=dict)
    tags: dict[str, set[Digest]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A manifest as a layout keeps it: its bytes have this digest, and nothing else is known.

    Attributes:
        media_type: from the listing, else from the manifest itself; empty where neither says.
    """

    media_type: str
    digest: Digest
    body: bytes


class LayoutStore:
    """Images of a layout, named by the annotations of `index.json`.

    - `org.opencontainers.image.ref.name` is a full `registry/path:tag` (`pratique lab`), or a bare tag, which
      then answers for every repository (`skopeo copy … oci:DIR:TAG`); `io.containerd.image.name` is read too.
    - `cosign save` names nothing: its image is found by digest, its signatures and attestations under the
      tags that a registry would have for them. `name` says what the image is called.
    - Digests are looked up in the whole layout, whatever the repository.
    - Referrers are the manifests with a `subject`, then the index under the fallback tag.

    `index.json` is read again whenever it changes. Files are read on the event loop: they are local.

    Args:
        layout: folder, or files such as `MemoryFiles`.
        name: `registry/path:tag` of the one image that the layout does not name.

    References: OCI image specification 1.1, image layout; cosign 3, `pkg/oci/layout`.
    """

    def __init__(self, layout: Path | LayoutFiles, *, name: str = "") -> None:
        self._files = DirectoryFiles(layout) if isinstance(layout, Path) else layout
        self._name = name
        self._place = f"layout {self._files.label}"
        self._listing = _Listing(stamp=None)
        self._referrers: tuple[Hashable, dict[Digest, tuple[Descriptor, ...]]] = (None, {})

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        """Return the manifest that a tag or digest names, see `ImageStore.manifest`."""
        return self._manifest(repository, reference, _operation(self._place, repository, reference))

    def stored(self, repository: Repository, reference: str) -> Stored:
        """Return what a tag or digest names without judging its content.

        Raises:
            NotFoundError: it is not there.
            TransportError: `digest-mismatch`, `bad-layout`, `too-large`, `bad-reference` or
                `unsupported-digest`.
        """
        return self._stored(repository, reference, _operation(self._place, repository, reference))

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        """Return a blob, see `ImageStore.blob`."""
        operation = Operation(self._place, f"blob {digest}")
        check_repository(repository, operation)
        body = self._read(digest, max_bytes, operation)
        if body is None:
            raise operation.missing(FaultCode.BLOB_NOT_FOUND)
        return body

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        """Return the referrers of a digest in the order of `index.json`, see `ImageStore.referrers`."""
        operation = Operation(self._place, f"referrers of {digest}")
        check_repository(repository, operation)
        algorithm_of(digest, operation)
        listing = self._current(operation)
        if self._referrers[0] != listing.stamp:
            manifests = chain(listing.entries.values(), self._unlisted(listing, operation))
            scanned = scan_referrers(manifests, lambda d: self._read_listed(d, operation), operation)
            self._referrers = (listing.stamp, scanned)
        found = {d.digest: d for d in self._referrers[1].get(digest, ())}
        tagged = self._tagged(listing, repository, fallback_tag(digest), operation)
        if tagged is not None and tagged != digest:
            index = self._manifest(repository, tagged, operation, may_be_empty=True)
            if index.media_type not in INDEXES:
                raise operation.fault(FaultCode.BAD_MANIFEST, NO_REFERRERS_INDEX)
            found = {d.digest: d for d in referrers_in(index.data, operation)} | found
        return with_artifact_type(tuple(found.values()), artifact_type)

    def tags(self, repository: Repository) -> tuple[str, ...]:
        """Return the tags that the layout names for a repository, sorted."""
        listing = self._current(Operation(self._place, f"tags of {repository}"))
        prefix = canonical_name(repository, "")
        named = {name.removeprefix(prefix) for name in listing.names if name.startswith(prefix)}
        return tuple(sorted(named | set(listing.tags)))

    async def aclose(self) -> None:
        """Nothing is kept open."""

    def _manifest(
        self, repository: Repository, reference: str, operation: Operation, *, may_be_empty: bool = False
    ) -> Manifest:
        found = self._stored(repository, reference, operation)
        return read_manifest(
            operation,
            repository,
            found.body,
            reference=found.digest,
            media_type=found.media_type,
            may_be_empty=may_be_empty,
        )

    def _stored(self, repository: Repository, reference: str, operation: Operation) -> Stored:
        check_repository(repository, operation)
        check_reference(reference, operation)
        listing = self._current(operation)
        if is_digest(reference):
            digest: Digest | None = Digest(reference)
        else:
            digest = self._tagged(listing, repository, reference, operation)
        body = None if digest is None else self._read(digest, MAX_MANIFEST_BYTES, operation)
        if digest is None or body is None:
            raise operation.missing(FaultCode.IMAGE_NOT_FOUND, self._hint(listing, reference))
        entry = listing.entries.get(digest)
        if entry is not None and entry.size != len(body):
            raise operation.fault(FaultCode.DIGEST_MISMATCH, f"size is {len(body)}, not {entry.size} bytes")
        media_type = entry.media_type if entry else _own_media_type(body)
        return Stored(media_type=media_type, digest=digest, body=body)

    def _tagged(
        self, listing: _Listing, repository: Repository, tag: str, operation: Operation
    ) -> Digest | None:
        digests = listing.names.get(canonical_name(repository, tag)) or listing.tags.get(tag) or set()
        if len(digests) > 1:
            raise operation.fault(FaultCode.BAD_LAYOUT, f"the layout has {len(digests)} images of this name")
        return next(iter(digests), None)

    def _hint(self, listing: _Listing, reference: str) -> str:
        if not is_digest(reference) and listing.entries and not listing.names:
            return "not found; the layout does not name its image: ask by digest, or say its name"
        return "not found"

    def _read(self, digest: Digest, max_bytes: int, operation: Operation) -> bytes | None:
        algorithm = algorithm_of(digest, operation)
        body = self._files.read(f"blobs/{algorithm}/{digest.removeprefix(algorithm + ':')}", max_bytes)
        if body is not None:
            check_digest(body, digest, operation)
        return body

    def _read_listed(self, descriptor: Descriptor, operation: Operation) -> bytes | None:
        """Return a manifest for the scan; None for what is absent or cannot be checked."""
        if descriptor.size > MAX_MANIFEST_BYTES or not is_supported(descriptor.digest):
            return None
        return self._read(descriptor.digest, MAX_MANIFEST_BYTES, operation)

    def _unlisted(self, listing: _Listing, operation: Operation) -> Iterable[Descriptor]:
        """Yield the manifests with a subject that `cosign save` (3.1) leaves behind without listing them.

        It writes every referrer of the image, Sigstore bundles among them, and each time a new `index.json`.
        """
        if not any(COSIGN_KIND in entry.annotations for entry in listing.entries.values()):
            return
        for name in self._files.small("blobs/sha256", MAX_MANIFEST_BYTES):
            digest = Digest(f"sha256:{name}")
            if digest in listing.entries or not is_well_formed(digest):
                continue
            body = self._read(digest, MAX_MANIFEST_BYTES, operation) or b""
            if body.startswith(b"{") and b'"subject"' in body:
                yield Descriptor(_own_media_type(body), digest, len(body))

    def _current(self, operation: Operation) -> _Listing:
        stamp = self._files.stamp(INDEX)
        if self._listing.stamp is None or self._listing.stamp != stamp:
            self._listing = self._load(stamp, operation)
        return self._listing

    def _load(self, stamp: Hashable, operation: Operation) -> _Listing:
        marker = self._document(MARKER, _MARKER_BYTES, operation)
        if not isinstance(marker.get("imageLayoutVersion"), str):
            raise operation.fault(FaultCode.BAD_LAYOUT, f"{MARKER} names no version")
        entries = self._document(INDEX, MAX_INDEX_BYTES, operation).get("manifests")
        if not isinstance(entries, list) or not all(map(is_descriptor, entries)):
            raise operation.fault(FaultCode.BAD_LAYOUT, f"{INDEX} is not an OCI image index")
        descriptors = [descriptor_in(entry) for entry in entries]
        listing = _Listing(stamp=stamp)
        for descriptor in descriptors:
            listing.entries.setdefault(descriptor.digest, descriptor)
            for name in _names_of(descriptor):
                table = listing.tags if _BARE_TAG.fullmatch(name) else listing.names
                key = name if table is listing.tags else canonical_name(name)
                table.setdefault(key, set()).add(descriptor.digest)
        self._add_cosign(listing, descriptors)
        return listing

    def _add_cosign(self, listing: _Listing, descriptors: Iterable[Descriptor]) -> None:
        """Add the names that `cosign save` leaves out."""
        kinds = [(d.annotations.get(COSIGN_KIND, ""), d.digest) for d in descriptors]
        images = {digest for kind, digest in kinds if kind in COSIGN_IMAGES}
        for kind, digest in kinds:
            for image in images if kind in COSIGN_SUFFIXES else ():
                tag = fallback_tag(image) + COSIGN_SUFFIXES[kind]
                listing.tags.setdefault(tag, set()).add(digest)
        if self._name:
            unnamed = images or set(listing.entries)
            listing.names.setdefault(canonical_name(self._name), set()).update(unnamed)

    def _document(self, name: str, max_bytes: int, operation: Operation) -> dict[str, Any]:
        body = self._files.read(name, max_bytes)
        if body is None:
            raise operation.fault(FaultCode.BAD_LAYOUT, f"not an OCI image layout: it has no {name}")
        try:
            data = parse(body)
        except StrictJsonError as error:
            raise operation.fault(FaultCode.BAD_LAYOUT, f"{name}: {error}") from error
        if not isinstance(data, dict):
            raise operation.fault(FaultCode.BAD_LAYOUT, f"{name} is not a JSON object")
        return data


def _names_of(descriptor: Descriptor) -> tuple[str, ...]:
    """Return the names of an entry: the full one of containerd replaces the bare tag beside it."""
    full = descriptor.annotations.get(CONTAINERD_NAME, "")
    name = descriptor.annotations.get(REF_NAME, "")
    if full:
        return (full,) if not name or _BARE_TAG.fullmatch(name) else (full, name)
    return (name,) if name else ()


def _own_media_type(body: bytes) -> str:
    """Return the media type of a manifest that nothing lists: what it says, else what its fields say."""
    try:
        data = parse(body)
    except StrictJsonError:
        return ""
    if not isinstance(data, dict):
        return ""
    stated = data.get("mediaType")
    if stated is None:
        return OCI_INDEX if "manifests" in data else OCI_MANIFEST
    return stated if isinstance(stated, str) and stated.isascii() and stated.isprintable() else ""


def _operation(place: str, repository: Repository, reference: str) -> Operation:
    joint = "@" if is_digest(reference) else ":"
    return Operation(place, f"manifest {repository}{joint}{reference}"[:512])
