"""Which manifests of a multi-platform image are judged: the choice, and how indexes are read for it.

A reference to such an image means an index, and what must be signed is by default the digest of that index,
as in Kyverno. A node then runs one of the manifests that the index names. They are covered by its signature,
since it names them by digest; publishers who sign each platform by itself need another choice.

References: OCI image specification 1.1, image index; containerd `platforms` (normal forms).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from pratique.grammar.errors import TransportError
from pratique.runtime.ports import Digest, ImageStore, Manifest, Repository

MAX_MANIFESTS: Final = 128
"""Manifests of one image, in all its indexes; large images have some forty."""
MAX_DEPTH: Final = 2
"""Indexes within each other."""

_PLATFORM: Final = re.compile(r"([a-z0-9]{1,32})/([a-z0-9_-]{1,32})(?:/([a-z0-9.]{1,32}))?")
_ARCHITECTURES: Final = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}
_USUAL: Final = {"amd64": "v1", "arm64": "v8"}
_NO_PLATFORM: Final = "unknown"


class Reach(StrEnum):
    """A choice that names no platform."""

    INDEX = "index"
    """What the reference means: of a multi-platform image the index."""
    ALL = "all"
    """That, and the manifest of every platform."""


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and an architecture in normal form; an empty variant accepts the usual one."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def of(cls, os: str, architecture: str, variant: str = "") -> Platform:
        """Return the normal form."""
        architecture = _ARCHITECTURES.get(architecture, architecture)
        return cls(os, architecture, "" if variant == _USUAL.get(architecture) else variant)

    def __str__(self) -> str:
        """Return `os/architecture[/variant]`."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


Coverage: TypeAlias = Reach | Platform


def parse_coverage(text: str) -> Coverage:
    """Return the choice that `text` writes: `index`, `all` or `OS/ARCH[/VARIANT]`.

    Raises:
        ValueError: it is none of these.
    """
    if text in tuple(Reach):
        return Reach(text)
    match = _PLATFORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not index, all or OS/ARCH, such as linux/amd64")
    return Platform.of(match[1], match[2], match[3] or "")


@dataclass(frozen=True, slots=True)
class Part:
    """A manifest that an index names; `platform` is None where the index does not say."""

    digest: Digest
    platform: Platform | None


async def parts_of(store: ImageStore, repository: Repository, manifest: Manifest) -> tuple[Part, ...]:
    """Return the manifests of all platforms of an index, in its order; none for a single manifest.

    What builders put there beside images (provenance under the platform `unknown/unknown`) is no image that a
    node could run, and left out. One request for each index within the index.

    Raises:
        TransportError: `bad-manifest` for indexes too deep or too large, and all that the store raises.
    """
    found: dict[Digest, Part] = {}
    indexes = [(manifest, 1)]
    for index, depth in indexes:
        for entry in _entries(index):
            digest, platform = Digest(entry["digest"]), _platform(entry)
            if platform is not None and _NO_PLATFORM in (platform.os, platform.architecture):
                continue
            if len(found) + len(indexes) > MAX_MANIFESTS:
                text = f"{repository}@{manifest.digest} has more than {MAX_MANIFESTS} manifests"
                raise TransportError("bad-manifest", text)
            if "index" in entry["mediaType"] or "manifest.list" in entry["mediaType"]:
                if depth == MAX_DEPTH:
                    text = f"{repository}@{manifest.digest} has indexes more than {MAX_DEPTH} deep"
                    raise TransportError("bad-manifest", text)
                indexes.append((await store.manifest(repository, digest), depth + 1))
            else:
                found.setdefault(digest, Part(digest, platform))
    return tuple(found.values())


def choose(parts: Sequence[Part], platform: Platform, name: str) -> Digest:
    """Return the digest of the one manifest for `platform`.

    Raises:
        TransportError: `bad-manifest`: there is none, or it is not certain which one a node would take.
    """
    fitting = [part for part in parts if part.platform is not None and _fits(part.platform, platform)]
    exact = [part for part in fitting if part.platform == platform]
    chosen = exact or fitting
    if len(chosen) == 1:
        return chosen[0].digest
    there = ", ".join(str(part.platform or "one without platform") for part in parts) or "none at all"
    what = f"{len(chosen)} manifests" if chosen else "no manifest"
    text = f"{name} has {what} for {platform}; it has {there}"
    raise TransportError("bad-manifest", text)


def _fits(there: Platform, wanted: Platform) -> bool:
    if (there.os, there.architecture) != (wanted.os, wanted.architecture):
        return False
    return not wanted.variant or there.variant == wanted.variant


def _entries(manifest: Manifest) -> list[dict[str, Any]]:
    """Return the descriptors of an index, whose shape the store has checked."""
    entries = manifest.data.get("manifests")
    return entries if isinstance(entries, list) else []


def _platform(entry: dict[str, Any]) -> Platform | None:
    match entry.get("platform"):
        case {"os": str() as os, "architecture": str() as architecture, **more}:
            variant = more.get("variant")
            return Platform.of(os, architecture, variant if isinstance(variant, str) else "")
        case _:
            return None
