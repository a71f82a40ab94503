"""Tiny images: one layer with one small file, of content that follows from a label.

INVARIANT: nothing is compressed. The output of a compressor differs between its versions, and with it the
digests that people write into policies and tests.

References: OCI image specification 1.1; POSIX ustar.
"""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pratique.runtime.lab.keys import derive_bytes
from pratique.runtime.lab.oci import compact, described, digest_of
from pratique.runtime.registry.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST

LAYER = "application/vnd.oci.image.layer.v1.tar"

_BLOCK = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image manifest with its blobs; `platform` is `os/architecture` or `os/architecture/variant`."""

    platform: str
    manifest: bytes
    blobs: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageIndex:
    """A multi-platform image."""

    manifest: bytes
    images: tuple[Image, ...]


def make_image(seed: str, reference: str, platform: str, at: datetime) -> Image:
    """Return the image that `seed` and `reference` give for a platform, created `at`."""
    content = derive_bytes(seed, f"image/{reference}/{platform}", 32).hex().encode() + b"\n"
    layer = _archive("etc/pratique-lab", content, at)
    operating_system, architecture, *variant = platform.split("/")
    created = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    config = compact(
        {
            "architecture": architecture,
            **({"variant": variant[0]} if variant else {}),
            "os": operating_system,
            "created": created,
            "config": {"Labels": {"org.opencontainers.image.ref.name": reference}},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
            "history": [{"created": created, "created_by": "pratique lab"}],
        }
    )
    manifest = compact(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described(OCI_CONFIG, config),
            "layers": [described(LAYER, layer)],
        }
    )
    return Image(platform=platform, manifest=manifest, blobs=(config, layer))


def make_index(images: Sequence[Image]) -> ImageIndex:
    """Return the index over the images of several platforms."""
    entries = []
    for image in images:
        operating_system, architecture, *variant = image.platform.split("/")
        platform = {"architecture": architecture, "os": operating_system}
        if variant:
            platform["variant"] = variant[0]
        entries.append(described(OCI_MANIFEST, image.manifest) | {"platform": platform})
    manifest = compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    return ImageIndex(manifest=manifest, images=tuple(images))


def _archive(name: str, content: bytes, at: datetime) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mtime = int(at.timestamp())
    padding = bytes(-len(content) % _BLOCK)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + padding + bytes(2 * _BLOCK)
