"""Where the Notary signatures of a digest are, and the signed documents about it.

References: Notary Project signature specification 1.1, "OCI signatures"; Kyverno 1.19
`pkg/image/verifiers/cpol/notary` (`ListSignatures`, `FetchSignatureBlob`, `FetchAttestations`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pratique.compiler.evidence_limits import MAX_NOTARY_SIGNATURES
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.ports import Descriptor, Digest, ImageStore, Manifest, Repository
from pratique.runtime.signatures.notary.judgement import missing
from pratique.runtime.signatures.notary.limits import (
    MAX_ENVELOPE_BYTES,
    MAX_REFERRERS,
    MAX_STATEMENT_BYTES,
)
from pratique.runtime.signatures.notary.model import (
    SIGNATURE_ARTIFACT,
    Check,
    NotaryRefusal,
    StoredNotarySignature,
    Target,
)
from pratique.runtime.strict_json import StrictJsonError, parse


async def notary_signatures(
    store: ImageStore, repository: Repository, digest: Digest
) -> tuple[StoredNotarySignature, ...]:
    """Return the Notary signatures of `digest` in the order of the listing, none of them verified.

    One request for the listing; where it has signatures, one for the manifest that they must be about and two
    for each of the first `MAX_NOTARY_SIGNATURES`. One that cannot be had does not spoil those before it: it
    comes back with its fault.

    Raises:
        TransportError: `too-many-signatures` for more than `MAX_REFERRERS` referrers of whatever type, and
            all that the store raises for the listing and the manifest.
    """
    listed = await _signatures(store, repository, digest)
    if not listed:
        return ()
    target = Target.of(await store.manifest(repository, digest))
    return await _fetched(store, repository, listed, target)


async def notary_documents(
    store: ImageStore, repository: Repository, digest: Digest, artifact_type: str
) -> tuple[StoredNotarySignature, ...]:
    """Return the signatures of the first document of `artifact_type` about `digest`; none for no document.

    INVARIANT: its content is not fetched before one of them holds (`attestation_statement`).

    Raises:
        VerificationError: nobody signed the document, or it says itself that it is about something else.
        TransportError: as for `notary_signatures`; also for the document's manifest.
    """
    matching = (
        d
        for d in await _referrers(store, repository, digest)
        if artifact_type and d.artifact_type == artifact_type
    )
    first = next(matching, None)
    if first is None:
        return ()
    manifest = await store.manifest(repository, first.digest)
    _check_subject(manifest, digest)
    listed = await _signatures(store, repository, manifest.digest)
    if not listed:
        raise NotaryRefusal(Check.MISSING, missing(f"{repository}@{manifest.digest}"))
    return await _fetched(store, repository, listed, Target.of(manifest), manifest)


async def attestation_statement(
    store: ImageStore, repository: Repository, manifest: Manifest, artifact_type: str
) -> dict[str, Any]:
    """Return the statement that conditions are evaluated on: the manifest, with `type` and `predicate` added.

    INVARIANT: to be called only after a signature of `manifest` held. The manifest's digest is
    signed, names the digest of its one layer, and the store compares the bytes with that (rule R2).

    `predicate` is the layer's JSON object; a manifest that has members of these names itself keeps them, as
    in Kyverno.

    Raises:
        VerificationError: not exactly one layer, too large, or no JSON object.
        TransportError: all that the store raises.
    """
    layer = _single_layer(manifest, MAX_STATEMENT_BYTES, Check.STATEMENT)
    body = await store.blob(repository, layer.digest, max_bytes=MAX_STATEMENT_BYTES)
    try:
        predicate = parse(body)
    except StrictJsonError as error:
        raise NotaryRefusal(Check.STATEMENT, f"predicate of {layer.digest} is not JSON: {error}") from error
    if not isinstance(predicate, dict):
        raise NotaryRefusal(Check.STATEMENT, f"predicate of {layer.digest} is no JSON object")
    statement = dict(manifest.data)
    for name, value in (("type", artifact_type), ("predicate", predicate)):
        if statement.get(name) is None:
            statement[name] = value
    return statement


async def _referrers(store: ImageStore, repository: Repository, digest: Digest) -> tuple[Descriptor, ...]:
    """Return all referrers, which Kyverno counts before it looks at their types (threats K17, N1)."""
    referrers = await store.referrers(repository, digest)
    if len(referrers) > MAX_REFERRERS:
        raise TransportError(
            "too-many-signatures",
            f"{repository}@{digest} has {len(referrers)} referrers, the limit is {MAX_REFERRERS}",
            detail=f"failed to fetch referrers: too many referrers found, max limit is {MAX_REFERRERS}",
        )
    return referrers


async def _signatures(store: ImageStore, repository: Repository, digest: Digest) -> tuple[Descriptor, ...]:
    referrers = await _referrers(store, repository, digest)
    return tuple(d for d in referrers if d.artifact_type == SIGNATURE_ARTIFACT)[:MAX_NOTARY_SIGNATURES]


def _check_subject(manifest: Manifest, digest: Digest) -> None:
    """Check that a document names `digest` as its subject.

    DEVIATION: Kyverno believes the registry, which could list a document that was signed for another image
    (`tests/runtime/signatures/notary/test_discovery.py::test_a_document_about_another_image`).
    """
    subject = manifest.data.get("subject")
    if not isinstance(subject, dict) or subject.get("digest") != digest:
        text = f"document {manifest.digest} does not name {digest} as its subject"
        raise NotaryRefusal(Check.TARGET, text)


async def _fetched(
    store: ImageStore,
    repository: Repository,
    listed: Sequence[Descriptor],
    target: Target,
    document: Manifest | None = None,
) -> tuple[StoredNotarySignature, ...]:
    fetches = (_fetch(store, repository, descriptor, target, document) for descriptor in listed)
    return tuple(await asyncio.gather(*fetches))


async def _fetch(
    store: ImageStore,
    repository: Repository,
    descriptor: Descriptor,
    target: Target,
    document: Manifest | None,
) -> StoredNotarySignature:
    found = StoredNotarySignature(manifest=descriptor.digest, target=target, document=document)
    try:
        manifest = await store.manifest(repository, descriptor.digest)
        layer = _single_layer(manifest, MAX_ENVELOPE_BYTES, Check.ENVELOPE)
        envelope = await store.blob(repository, layer.digest, max_bytes=MAX_ENVELOPE_BYTES)
        if len(envelope) != layer.size:
            text = f"{layer.digest} has {len(envelope)} bytes, its manifest says {layer.size}"
            raise NotaryRefusal(Check.ENVELOPE, text)
    except (TransportError, VerificationError) as error:
        return replace(found, fault=error)
    return replace(found, media_type=layer.media_type, envelope=envelope)


def _single_layer(manifest: Manifest, max_bytes: int, check: Check) -> Descriptor:
    """Return the only layer of a manifest, of at most `max_bytes` by its own word."""
    layers = manifest.data.get("layers")
    if not isinstance(layers, list) or len(layers) != 1:
        number = len(layers) if isinstance(layers, list) else 0
        text = f"manifest {manifest.digest} requires exactly one layer, got {number}"
        raise NotaryRefusal(check, text)
    match layers[0]:
        case {"mediaType": str() as media_type, "digest": str() as digest, "size": int() as size}:
            if size > max_bytes:
                text = f"payload size {size} exceeds {max_bytes} for digest {digest}"
                raise NotaryRefusal(check, text)
            return Descriptor(media_type, Digest(digest), size)
        case _:
            raise NotaryRefusal(check, f"manifest {manifest.digest} has a malformed layer")
