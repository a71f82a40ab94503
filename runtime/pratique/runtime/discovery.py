"""Where signatures and attestations of a digest are: the one order in which stores are asked, and its limits.

References: cosign `specs/SIGNATURE_SPEC.md` and `specs/BUNDLE_SPEC.md`, OCI distribution specification 1.1
(referrers).
"""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.graph import Listing
from pratique.compiler.ir import SignatureFormat
from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Digest, ImageStore, Manifest, Repository
from pratique.runtime.signatures.model import Stored, StoredBundle, StoredEnvelope, StoredSignature

MAX_SIGNATURES: Final = 1000
"""Layers of a signature manifest that are looked at; more are refused (C5), as cosign does."""
MAX_PAYLOAD_BYTES: Final = 1 << 20
"""Bytes of one signed payload; cosign's are a few hundred."""
MAX_ENVELOPE_BYTES: Final = 16 << 20
"""Bytes of one attestation; lists of software in large images have a few million."""
MAX_BUNDLE_BYTES: Final = 10 << 20
"""Bytes of one bundle, as in Kyverno."""
MAX_BUNDLES: Final = 1000
MAX_TOTAL_BYTES: Final = 128 << 20
"""Bytes of all that is read about one digest (C6)."""

SIMPLE_SIGNING: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
COSIGN_ARTIFACT: Final = "application/vnd.dev.cosign.artifact.sig.v1+json"
DSSE_ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
BUNDLE_PREFIX: Final = "application/vnd.dev.sigstore.bundle"

_SIGNATURE: Final = "dev.cosignproject.cosign/signature"
_CERTIFICATE: Final = "dev.sigstore.cosign/certificate"
_CHAIN: Final = "dev.sigstore.cosign/chain"
_BUNDLE: Final = "dev.sigstore.cosign/bundle"
_TIMESTAMP: Final = "dev.sigstore.cosign/rfc3161timestamp"
_PREDICATE_TYPE: Final = "predicateType"
_BUNDLE_PREDICATE_TYPE: Final = "dev.sigstore.bundle.predicateType"


def signature_tag(digest: Digest, suffix: str = "sig") -> str:
    """Return cosign's tag for the signatures of a digest: `sha256-<hex>.sig`."""
    return f"{digest.replace(':', '-')}.{suffix}"


async def stored_signatures(
    store: ImageStore, repository: Repository, digest: Digest, listing: Listing
) -> tuple[Stored, ...]:
    """Return the signatures or attestations of `digest` as they are stored, none of them verified.

    Cosign's layers cost one request for the manifest and one for each distinct payload; bundles one for the
    list, and two for each bundle. Which bundles are signatures and which attestations is known only once they
    are verified, so both listings have all of them.

    Raises:
        ValueError: `listing` is of a format that is not stored as Sigstore signatures are.
        TransportError: `too-many-signatures`, `too-large`, `bad-manifest` and all that the store raises; a
            signature manifest that is not there is no error but an empty result.
    """
    blobs = _Blobs(store, repository)
    match listing.format:
        case SignatureFormat.SIGSTORE_BUNDLE:
            return await _bundles(store, repository, digest, blobs)
        case SignatureFormat.COSIGN if listing.attestations:
            return await _envelopes(store, repository, digest, blobs)
        case SignatureFormat.COSIGN:
            return await _signatures(store, repository, digest, listing, blobs)
        case _:
            raise ValueError(f"no listing of signatures in format {listing.format}")


class _Blobs:
    """The payloads of one listing: each read once, all within one budget."""

    def __init__(self, store: ImageStore, repository: Repository) -> None:
        self._store = store
        self._repository = repository
        self._read: dict[Digest, bytes] = {}
        self._left = MAX_TOTAL_BYTES

    async def get(self, digest: Digest, max_bytes: int) -> bytes:
        if digest not in self._read:
            body = await self._store.blob(self._repository, digest, max_bytes=max_bytes)
            self._left -= len(body)
            if self._left < 0:
                raise TransportError(
                    "too-large",
                    f"the signatures and attestations in {self._repository} have more than"
                    f" {MAX_TOTAL_BYTES} bytes together",
                )
            self._read[digest] = body
        return self._read[digest]


async def _signatures(
    store: ImageStore, repository: Repository, digest: Digest, listing: Listing, blobs: _Blobs
) -> tuple[StoredSignature, ...]:
    manifest = await _manifest(store, repository, digest, listing)
    found = []
    for layer in _layers(manifest) if manifest else ():
        name, notes = _digest(layer), _annotations(layer)
        signature = notes.get(_SIGNATURE)
        found.append(
            StoredSignature(
                payload=await blobs.get(name, MAX_PAYLOAD_BYTES),
                layer=name,
                signature=signature if isinstance(signature, str) else None,
                certificate=str(notes.get(_CERTIFICATE, "")),
                chain=str(notes.get(_CHAIN, "")),
                bundle=str(notes.get(_BUNDLE, "")),
                timestamp=str(notes.get(_TIMESTAMP, "")),
            )
        )
    return tuple(found)


async def _envelopes(
    store: ImageStore, repository: Repository, digest: Digest, blobs: _Blobs
) -> tuple[StoredEnvelope, ...]:
    """Return cosign's attestations: those under the tag alone, as cosign has no referrers of this kind."""
    manifest = await _tagged(store, repository, digest, "att")
    found = []
    for layer in _layers(manifest) if manifest else ():
        if layer.get("mediaType") != DSSE_ENVELOPE:
            continue
        name, notes = _digest(layer), _annotations(layer)
        found.append(
            StoredEnvelope(
                envelope=await blobs.get(name, MAX_ENVELOPE_BYTES),
                layer=name,
                certificate=str(notes.get(_CERTIFICATE, "")),
                chain=str(notes.get(_CHAIN, "")),
                bundle=str(notes.get(_BUNDLE, "")),
                timestamp=str(notes.get(_TIMESTAMP, "")),
                predicate_type=str(notes.get(_PREDICATE_TYPE, "")),
            )
        )
    return tuple(found)


async def _bundles(
    store: ImageStore, repository: Repository, digest: Digest, blobs: _Blobs
) -> tuple[StoredBundle, ...]:
    """Return the bundles among the referrers, in their order; of each manifest the first layer counts."""
    referrers = await store.referrers(repository, digest)
    named = [referrer for referrer in referrers if referrer.artifact_type.startswith(BUNDLE_PREFIX)]
    if len(named) > MAX_BUNDLES:
        text = f"{len(named)} bundles refer to {repository}@{digest}, the limit is {MAX_BUNDLES}"
        raise TransportError("too-many-signatures", text)
    found = []
    for referrer in named:
        manifest = await store.manifest(repository, referrer.digest)
        layers = _layers(manifest)
        if not layers:
            raise TransportError("bad-manifest", f"a bundle's manifest in {repository} has no layers")
        name = _digest(layers[0])
        found.append(
            StoredBundle(
                body=await blobs.get(name, MAX_BUNDLE_BYTES),
                layer=name,
                artifact_type=referrer.artifact_type,
                predicate_type=str(_annotations(manifest.data).get(_BUNDLE_PREDICATE_TYPE, "")),
            )
        )
    return tuple(found)


async def _manifest(
    store: ImageStore, repository: Repository, digest: Digest, listing: Listing
) -> Manifest | None:
    if listing.referrers:
        referrers = await store.referrers(repository, digest, COSIGN_ARTIFACT)
        if referrers:
            # Kyverno 1.19 (cosign's experimental OCI 1.1 mode) takes the last one of the list.
            return await store.manifest(repository, referrers[-1].digest)
    return await _tagged(store, repository, digest, "sig")


async def _tagged(store: ImageStore, repository: Repository, digest: Digest, suffix: str) -> Manifest | None:
    try:
        return await store.manifest(repository, signature_tag(digest, suffix))
    except NotFoundError:
        return None


def _digest(layer: dict[str, Any]) -> Digest:
    return Digest(str(layer.get("digest", "")))


def _annotations(holder: dict[str, Any]) -> dict[str, Any]:
    found = holder.get("annotations")
    return found if isinstance(found, dict) else {}


def _layers(manifest: Manifest) -> list[dict[str, Any]]:
    layers = manifest.data.get("layers")
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise TransportError("bad-manifest", f"the signature manifest in {manifest.repository} has no layers")
    if len(layers) > MAX_SIGNATURES:
        raise TransportError(
            "too-many-signatures",
            f"the signature manifest in {manifest.repository} has {len(layers)} layers, the limit is"
            f" {MAX_SIGNATURES}",
        )
    return layers
