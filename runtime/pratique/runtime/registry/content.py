"""What every store checks about the bytes it hands out: digests, manifests, referrers.

Rules R2 and R9: a digest is computed from the bytes and never believed; all is bounded before it is read.
"""

from __future__ import annotations

import hashlib
import re
from ipaddress import ip_address
from typing import Any, TypeGuard

from pratique.grammar.errors import TransportError
from pratique.runtime.ports import Descriptor, Digest, Manifest, Repository
from pratique.runtime.registry.faults import FaultCode, Operation
from pratique.runtime.registry.media_types import INDEXES, MANIFESTS, SCHEMA_1
from pratique.runtime.strict_json import StrictJsonError, parse

MAX_MANIFEST_BYTES = 4 << 20
"""Limit on a manifest, index or page of referrers: the size that the distribution specification names."""

MAX_REFERRERS = 1000
"""Limit on the referrers of one digest over all pages."""

NO_REFERRERS_INDEX = "the fallback tag of referrers is not an index"

MAX_SIZE = (1 << 63) - 1

_DIGEST_HEX = {"sha256": 64, "sha512": 128}
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9A-Za-z=_-]+")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_SEGMENT = re.compile(r"[a-z0-9._-]+")
_HOST = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
)

_FIELDS = frozenset(
    {"schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations"}
)


def is_digest(reference: str) -> bool:
    """Say whether a reference is meant as a digest, supported or not (a tag never has a colon)."""
    return ":" in reference


def algorithm_of(digest: str, operation: Operation) -> str:
    """Return `sha256` or `sha512`.

    Raises:
        TransportError: `unsupported-digest` for other algorithms, `bad-reference` for what is no digest.
    """
    if not is_well_formed(digest):
        raise operation.fault(FaultCode.BAD_REFERENCE, "malformed digest")
    algorithm = digest.partition(":")[0]
    if not is_supported(digest):
        text = f"digest algorithm {algorithm[:32]} is not supported"
        raise operation.fault(FaultCode.UNSUPPORTED_DIGEST, text)
    return algorithm


def is_supported(digest: str) -> bool:
    """Say whether the algorithm of a well-formed digest is one that stores verify."""
    return digest.partition(":")[0] in _DIGEST_HEX


def is_well_formed(digest: str) -> bool:
    """Say whether a text reads as a digest, of an algorithm that is known here or not."""
    if len(digest) > 256 or not _DIGEST.fullmatch(digest):
        return False
    algorithm, _, text = digest.partition(":")
    width = _DIGEST_HEX.get(algorithm)
    return width is None or (len(text) == width and not text.strip("0123456789abcdef"))


def digest_of(body: bytes, algorithm: str = "sha256") -> Digest:
    """Return the digest of bytes under `sha256` or `sha512`."""
    return Digest(f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}")


def check_digest(body: bytes, digest: str, operation: Operation) -> Digest:
    """Return `digest` if the bytes hash to it.

    Raises:
        TransportError: `digest-mismatch`, besides those of `algorithm_of`.
    """
    actual = digest_of(body, algorithm_of(digest, operation))
    if actual != digest:
        raise operation.fault(FaultCode.DIGEST_MISMATCH, f"bytes hash to {actual}, not to {digest}")
    return actual


def check_repository(repository: Repository, operation: Operation) -> None:
    """Refuse names that would change the URL or path they are put into.

    Kyverno's and the distribution grammar are stricter in other ways and belong to the grammar layer; this
    is what keeps a name one name on the wire (threats I10, K21 to K24).

    Raises:
        TransportError: `bad-reference`.
    """
    if not is_host(repository.registry) or not is_path(repository.path):
        raise operation.fault(FaultCode.BAD_REFERENCE, "malformed repository name")


def is_host(text: str) -> bool:
    """Say whether a text is a DNS name, an IPv4 address or a bracketed IPv6 address, maybe with a port.

    Other spellings of IPv4 addresses (`127.1`, `2130706433`) are none: programs differ on their meaning.
    """
    found = _HOST.fullmatch(text) if len(text) <= 255 else None
    if found is None or not 0 < int(found["port"] or 1) <= 65535:
        return False
    name = found["name"].strip("[]")
    if name != found["name"] or not name.strip("0123456789."):
        try:
            return ip_address(name).version == (6 if name != found["name"] else 4)
        except ValueError:
            return False
    return True


def is_path(text: str) -> bool:
    """Say whether a text is a repository path that stays one path on the wire: no empty or dotted segment."""
    return len(text) <= 255 and all(_SEGMENT.fullmatch(s) and s.strip(".") for s in text.split("/"))


def check_reference(reference: str, operation: Operation) -> None:
    """Refuse what is neither a tag nor a supported digest.

    Raises:
        TransportError: `bad-reference` or `unsupported-digest`.
    """
    if is_digest(reference):
        algorithm_of(reference, operation)
    elif not _TAG.fullmatch(reference):
        raise operation.fault(FaultCode.BAD_REFERENCE, "malformed tag")


def fallback_tag(digest: Digest) -> str:
    """Return the tag under which registries without referrers API keep the index of referrers.

    References: OCI distribution specification 1.1, referrers tag schema (64 characters of the hash at most).
    """
    algorithm, _, text = digest.partition(":")
    return f"{algorithm}-{text[:64]}"


def read_manifest(
    operation: Operation,
    repository: Repository,
    body: bytes,
    *,
    reference: str,
    media_type: str,
    claimed: str = "",
    may_be_empty: bool = False,
) -> Manifest:
    """Return the manifest in `body` after every check that does not need another request.

    Args:
        operation: for messages.
        repository: where it was asked for.
        body: at most `MAX_MANIFEST_BYTES`.
        reference: the tag or digest that was asked for.
        media_type: as the other side declared it (`Content-Type` without parameters); empty where it did not.
        claimed: digest that the other side claims beside the bytes; empty for none.
        may_be_empty: accept an index without entries, as the index of referrers may be.

    Raises:
        TransportError: `digest-mismatch`, `unsupported-digest`, `bad-reference`, `bad-manifest` or
            `ambiguous-manifest`.
    """
    digest = check_digest(body, reference, operation) if is_digest(reference) else digest_of(body)
    if claimed:
        _check_claim(body, claimed, operation)
    kind, data = _checked(body, media_type, operation)
    if kind in INDEXES and not data.get("manifests") and not may_be_empty:
        raise operation.fault(FaultCode.BAD_MANIFEST, "index without entries")
    return Manifest(repository=repository, digest=digest, media_type=kind, body=body, data=data)


def read_index(body: bytes, media_type: str, operation: Operation) -> dict[str, Any]:
    """Return the JSON of an index that has no digest of its own: a page of the referrers API.

    Raises:
        TransportError: `bad-manifest` or `ambiguous-manifest`.
    """
    return _checked(body, media_type, operation)[1]


def referrers_in(data: dict[str, Any], operation: Operation) -> tuple[Descriptor, ...]:
    """Return the entries of a checked index as descriptors.

    Raises:
        TransportError: `too-large` beyond `MAX_REFERRERS`.
    """
    entries = data.get("manifests") or ()
    if len(entries) > MAX_REFERRERS:
        raise operation.fault(FaultCode.TOO_LARGE, f"more than {MAX_REFERRERS} referrers")
    return tuple(descriptor_in(entry) for entry in entries)


def descriptor_in(entry: dict[str, Any]) -> Descriptor:
    """Return a checked JSON descriptor as a value."""
    return Descriptor(
        media_type=entry["mediaType"],
        digest=Digest(entry["digest"]),
        size=entry["size"],
        annotations=dict(entry.get("annotations") or {}),
        artifact_type=entry.get("artifactType") or "",
    )


def with_artifact_type(descriptors: tuple[Descriptor, ...], artifact_type: str) -> tuple[Descriptor, ...]:
    """Return the descriptors of that artifact type, in order; all for an empty type."""
    return tuple(d for d in descriptors if not artifact_type or d.artifact_type == artifact_type)


def _check_claim(body: bytes, claimed: str, operation: Operation) -> None:
    """Compare with the digest that the other side states; one under an unknown algorithm says nothing."""
    try:
        check_digest(body, claimed, operation)
    except TransportError as error:
        if error.code == FaultCode.BAD_REFERENCE:
            text = "the digest claimed for it is malformed"
            raise operation.fault(FaultCode.DIGEST_MISMATCH, text) from error
        if error.code != FaultCode.UNSUPPORTED_DIGEST:
            raise


def _checked(body: bytes, media_type: str, operation: Operation) -> tuple[str, dict[str, Any]]:
    """Return media type and JSON of a manifest or index that has exactly one reading."""
    data = _object(body, operation)
    kind = _media_type(data, media_type, operation)
    _check_shape(data, kind, operation)
    return kind, data


def _object(body: bytes, operation: Operation) -> dict[str, Any]:
    try:
        data = parse(body)
    except StrictJsonError as error:
        raise operation.fault(FaultCode.BAD_MANIFEST, str(error)) from error
    if not isinstance(data, dict):
        raise operation.fault(FaultCode.BAD_MANIFEST, "not a JSON object")
    return data


def _media_type(data: dict[str, Any], declared: str, operation: Operation) -> str:
    inner = data.get("mediaType")
    version = data.get("schemaVersion")
    if inner is not None and not isinstance(inner, str):
        raise operation.fault(FaultCode.BAD_MANIFEST, "mediaType is not text")
    if declared in SCHEMA_1 or inner in SCHEMA_1 or version == 1:
        raise operation.fault(FaultCode.BAD_MANIFEST, "image manifest schema 1 has no verifiable content")
    if version != 2 or isinstance(version, bool):
        raise operation.fault(FaultCode.BAD_MANIFEST, "schemaVersion is not 2")
    kind = declared or inner or ""
    if kind not in INDEXES | MANIFESTS:
        raise operation.fault(FaultCode.BAD_MANIFEST, "media type is not that of an image manifest or index")
    if inner is not None and inner != kind:
        text = "mediaType in the manifest differs from the one it was served as"
        raise operation.fault(FaultCode.AMBIGUOUS_MANIFEST, text)
    return kind


def _check_shape(data: dict[str, Any], kind: str, operation: Operation) -> None:
    """One document, one reading: no field of the other kind, none that other readers take for a known one."""
    folded = {field.casefold() for field in _FIELDS}
    if any(key not in _FIELDS and key.casefold() in folded for key in data):
        text = "a field in other letter case, which some programs read and others do not"
        raise operation.fault(FaultCode.AMBIGUOUS_MANIFEST, text)
    foreign = ("config", "layers", "fsLayers") if kind in INDEXES else ("manifests", "fsLayers")
    if any(data.get(field) is not None for field in foreign):
        text = "it can be read both as an image and as an index"
        raise operation.fault(FaultCode.AMBIGUOUS_MANIFEST, text)
    # An index without entries may have `null` there: that is how Go writes an empty list.
    entries = data.get("manifests") or [] if kind in INDEXES else data.get("layers")
    parts = [] if kind in INDEXES else [data.get("config")]
    if data.get("subject") is not None:
        parts.append(data["subject"])
    if not isinstance(entries, list) or not all(map(is_descriptor, [*entries, *parts])):
        raise operation.fault(FaultCode.BAD_MANIFEST, "a descriptor is missing or malformed")
    if not _is_annotations(data.get("annotations")):
        raise operation.fault(FaultCode.BAD_MANIFEST, "annotations are not a map of texts")
    if not isinstance(data.get("artifactType", ""), str):
        raise operation.fault(FaultCode.BAD_MANIFEST, "artifactType is not text")


def is_descriptor(entry: Any) -> TypeGuard[dict[str, Any]]:
    """Say whether a JSON value is a well-formed descriptor."""
    if not isinstance(entry, dict):
        return False
    digest, size = entry.get("digest"), entry.get("size")
    return (
        isinstance(entry.get("mediaType"), str)
        and isinstance(digest, str)
        and is_well_formed(digest)
        and type(size) is int
        and 0 <= size <= MAX_SIZE
        and isinstance(entry.get("artifactType") or "", str)
        and _is_annotations(entry.get("annotations"))
    )


def _is_annotations(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
    )
