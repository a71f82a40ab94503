"""Writes OCI image layouts that `LayoutStore` reads: the throwaway images of `pratique lab` and of tests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from pratique.grammar.errors import UsageError
from pratique.runtime.ports import Descriptor, Digest
from pratique.runtime.registry.layout_files import INDEX, MARKER, MARKER_BODY, DirectoryFiles, LayoutFiles
from pratique.runtime.registry.media_types import OCI_INDEX, REF_NAME

MAX_INDEX_BYTES = 32 << 20
"""Limit on `index.json`: some hundred thousand images."""

MAX_NAME = 1024


class LayoutWriter:
    """Adds content to a layout folder, new or existing; names become visible only on `close`.

    A context manager: leaving it by an exception leaves the layout's `index.json` as it was. What the caller
    writes is not judged, so that tests can write hostile content too; readers check everything.

    The same calls give the same bytes: `index.json` is sorted by name and digest and has no times in it.
    Two writers at the same time do not corrupt a layout, but the later `close` wins.

    Args:
        layout: folder (made if absent), or files such as `MemoryFiles`.

    Raises:
        UsageError: the folder holds an `index.json` that is no image index.

    References: OCI image specification 1.1, image layout.
    """

    def __init__(self, layout: Path | LayoutFiles) -> None:
        self._files = DirectoryFiles(layout) if isinstance(layout, Path) else layout
        self._rest, self._entries = self._read_index()
        self._closed = False

    def blob(self, data: bytes) -> Digest:
        """Store bytes and return their sha256 digest."""
        digest = Digest("sha256:" + hashlib.sha256(data).hexdigest())
        name = f"blobs/sha256/{digest.removeprefix('sha256:')}"
        if self._files.stamp(name) is None:
            self._files.write(name, data)
        return digest

    def manifest(
        self,
        body: bytes,
        media_type: str,
        names: Sequence[str] = (),
        *,
        artifact_type: str = "",
        annotations: Mapping[str, str] | None = None,
    ) -> Descriptor:
        """Store a manifest or index and list it under `names`.

        A name that something else had moves here, as a pushed tag does.

        Args:
            body: the manifest's bytes, kept as they are.
            media_type: written into the entry of `index.json`.
            names: full references `registry/path:tag`; without one it is reachable by its digest only.
            artifact_type: written into the entry, for referrers.
            annotations: further annotations of the entry.

        Returns:
            The descriptor, with `annotations` but without names.

        Raises:
            UsageError: a name is empty, too long, or has spaces or control characters in it.
        """
        for name in names:
            if not name or len(name) > MAX_NAME or not name.isprintable() or " " in name:
                raise UsageError(f"not a name for an image in a layout: {name[:80]!r}")
        digest = self.blob(body)
        entry: dict[str, Any] = {"mediaType": media_type, "digest": digest, "size": len(body)}
        if artifact_type:
            entry["artifactType"] = artifact_type
        if annotations:
            entry["annotations"] = dict(annotations)
        self._entries = [_without_name(e) if _name(e) in names else e for e in self._entries]
        self._entries += [_with_name(entry, name) for name in names] or [entry]
        return Descriptor(media_type, digest, len(body), dict(annotations or {}), artifact_type)

    def close(self) -> None:
        """Write `oci-layout` and `index.json`. Further calls do nothing."""
        if self._closed:
            return
        self._closed = True
        if self._files.stamp(MARKER) is None:
            self._files.write(MARKER, MARKER_BODY)
        named = {e["digest"] for e in self._entries if _name(e)}
        # Each entry once; one without a name says nothing where the same content has one.
        unique = {
            json.dumps(e, sort_keys=True): e for e in self._entries if _name(e) or e["digest"] not in named
        }
        entries = sorted(
            unique.values(), key=lambda e: (_name(e), e["digest"], json.dumps(e, sort_keys=True))
        )
        index = {**self._rest, "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
        self._files.write(INDEX, json.dumps(index, sort_keys=True, separators=(",", ":")).encode() + b"\n")

    def __enter__(self) -> LayoutWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def _read_index(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the present index without its entries, and the entries."""
        body = self._files.read(INDEX, MAX_INDEX_BYTES)
        if body is None:
            return {}, []
        try:
            index = json.loads(body)
            entries = [{**entry, "digest": str(entry["digest"])} for entry in index.pop("manifests") or []]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise UsageError(f"{self._files.label}: {INDEX} is not an OCI image index") from error
        return index, entries


def _name(entry: Mapping[str, Any]) -> str:
    annotations = entry.get("annotations")
    return str(annotations.get(REF_NAME, "")) if isinstance(annotations, dict) else ""


def _with_name(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {**entry, "annotations": {**entry.get("annotations", {}), REF_NAME: name}}


def _without_name(entry: Mapping[str, Any]) -> dict[str, Any]:
    annotations = {key: value for key, value in entry["annotations"].items() if key != REF_NAME}
    rest = {key: value for key, value in entry.items() if key != "annotations"}
    return {**rest, "annotations": annotations} if annotations else rest
