"""What a registry knows of an image, as the context entry `imageRegistry` shows it.

References: Kyverno 1.19 `pkg/engine/context/loaders/imagedata.go`, `pkg/engine/adapters/rclient.go`;
go-containerregistry `v1/remote` (the child of an index that a platform-neutral reader takes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pratique.grammar.errors import EvaluationError, TransportError
from pratique.grammar.image_reference import ImageReference, ImageReferenceError, parse_image
from pratique.runtime.ports import Digest, ImageStore, Manifest, Repository
from pratique.runtime.strict_json import StrictJsonError, parse

if TYPE_CHECKING:
    from pratique.runtime.evaluation import Evaluation

MAX_CONFIG_BYTES: Final = 4 << 20
_PLATFORM: Final = {"os": "linux", "architecture": "amd64"}
_HUB: Final = "index.docker.io"


async def image_data(evidence: Evaluation, reference: str) -> dict[str, Any]:
    """Return `image`, `resolvedImage`, `registry`, `repository`, `identifier`, manifests and configuration.

    Everything is read by the digest that the image means in this evaluation (R1).

    Raises:
        EvaluationError: the reference cannot be read.
        TransportError: the registry could not be asked, or its answer cannot be used.
    """
    try:
        image = parse_image(reference)
    except ImageReferenceError as error:
        text = f"failed to fetch image descriptor: {reference:.200}, error: {error}"
        raise EvaluationError("bad-image-reference", text) from error
    try:
        return await evidence.described(
            image, lambda store, digest: _described(store, image, digest, reference)
        )
    except TransportError as error:
        said = error.detail or error.message
        text = f"failed to fetch image descriptor: {reference:.200}, error: {said}"
        raise TransportError(error.code, text) from error


async def _described(
    store: ImageStore, image: ImageReference, digest: Digest, reference: str
) -> dict[str, Any]:
    repository = Repository(image.registry, image.path)
    manifest = await store.manifest(repository, digest)
    index: Manifest | None = None
    if "manifests" in manifest.data:  # never beside layers: stores refuse what has two readings
        index, manifest = manifest, await store.manifest(repository, _child(manifest))
    config = await _config(store, manifest)
    registry, path = image.registry, image.path
    if registry == "docker.io":
        registry, path = _HUB, path if "/" in path else f"library/{path}"
    return {
        "image": reference,
        "resolvedImage": f"{registry}/{path}@{digest}",
        "registry": registry,
        "repository": path,
        "identifier": _identifier(image),
        "manifestList": index.data if index else None,
        "manifest": manifest.data,
        "configData": config,
    }


def _identifier(image: ImageReference) -> str:
    if not image.digest:
        return image.tag or "latest"
    return f"{image.tag}@{image.digest}" if image.tag else image.digest


def _child(index: Manifest) -> Digest:
    """Return the digest of the image for Linux on amd64; an entry without platform counts as that one."""
    entries = index.data.get("manifests")
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("digest"), str):
            continue
        platform = entry.get("platform") or _PLATFORM
        if isinstance(platform, dict) and all(platform.get(k) == v for k, v in _PLATFORM.items()):
            return Digest(entry["digest"])
    raise TransportError(
        "bad-manifest", f"no child with platform linux/amd64 in index {index.repository}@{index.digest}"
    )


async def _config(store: ImageStore, manifest: Manifest) -> Any:
    described = manifest.data.get("config")
    digest = described.get("digest") if isinstance(described, dict) else None
    where = f"{manifest.repository}@{manifest.digest}"
    if not isinstance(digest, str):
        raise TransportError("bad-manifest", f"the manifest of {where} names no configuration")
    body = await store.blob(manifest.repository, Digest(digest), max_bytes=MAX_CONFIG_BYTES)
    try:
        return parse(body)
    except StrictJsonError as error:
        raise TransportError("bad-manifest", f"the configuration of {where} is unusable: {error}") from error
