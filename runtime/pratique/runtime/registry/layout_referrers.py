"""Referrers of a layout: what a registry answers by its referrers API, found by reading `subject` fields."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from pratique.runtime.ports import Descriptor, Digest
from pratique.runtime.registry.content import descriptor_in, is_descriptor
from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.registry.media_types import INDEXES, MANIFESTS
from pratique.runtime.strict_json import StrictJsonError, parse

MAX_SCANNED = 100_000
"""Manifests that a scan looks at; referrers of a larger layout are an error, never a part of them."""

MAX_NESTING = 3
"""Levels of indexes in indexes that a scan follows."""


def scan_referrers(
    listed: Iterable[Descriptor], read: Callable[[Descriptor], bytes | None], operation: Operation
) -> dict[Digest, tuple[Descriptor, ...]]:
    """Return subject -> its referrers, in the order in which the scan meets them.

    What is absent (a layout may hold a part of an index) or is no manifest has no subject and is passed over:
    less evidence never lets more images in.

    Args:
        listed: entries of `index.json`.
        read: gives the checked bytes of a manifest, None where they are absent.
        operation: for messages.

    Raises:
        TransportError: `too-large` beyond `MAX_SCANNED` manifests; what `read` raises.

    References: OCI distribution specification 1.1, listing referrers (which fields a descriptor gets).
    """
    found: dict[Digest, dict[Digest, Descriptor]] = {}
    queue = deque((descriptor, 1) for descriptor in listed)
    seen: set[Digest] = set()
    while queue:
        descriptor, depth = queue.popleft()
        if descriptor.digest in seen or descriptor.media_type not in INDEXES | MANIFESTS:
            continue
        seen.add(descriptor.digest)
        if len(seen) > MAX_SCANNED:
            raise operation.fault(FaultCode.TOO_LARGE, f"the layout has more than {MAX_SCANNED} manifests")
        data = _object(read(descriptor))
        subject = data.get("subject")
        if is_descriptor(subject):
            referrers = found.setdefault(Digest(subject["digest"]), {})
            referrers[descriptor.digest] = _referrer(descriptor, data)
        children = data.get("manifests")
        if depth < MAX_NESTING and isinstance(children, list):
            queue.extend((descriptor_in(child), depth + 1) for child in children if is_descriptor(child))
    return {subject: tuple(referrers.values()) for subject, referrers in found.items()}


def _object(body: bytes | None) -> dict[str, Any]:
    try:
        data = parse(body or b"{}")
    except StrictJsonError:
        return {}
    return data if isinstance(data, dict) else {}


def _referrer(descriptor: Descriptor, data: dict[str, Any]) -> Descriptor:
    artifact_type = data.get("artifactType")
    config = data.get("config")
    if not artifact_type and isinstance(config, dict):
        artifact_type = config.get("mediaType")
    annotations = data.get("annotations")
    pairs = annotations.items() if isinstance(annotations, dict) else ()
    return Descriptor(
        media_type=descriptor.media_type,
        digest=descriptor.digest,
        size=descriptor.size,
        annotations={key: value for key, value in pairs if isinstance(value, str)},
        artifact_type=artifact_type if isinstance(artifact_type, str) else "",
    )
