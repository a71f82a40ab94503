"""Where the signatures of a digest are: the one order in which stores are asked, and its limits.

References: cosign `specs/SIGNATURE_SPEC.md` (tag scheme), OCI distribution specification 1.1 (referrers).
"""

from __future__ import annotations

from typing import Any, Final

from pratique.compiler.graph import Listing
from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Digest, ImageStore, Manifest, Repository
from pratique.runtime.signatures.model import StoredSignature

MAX_SIGNATURES: Final = 1000
"""Layers of a signature manifest that are looked at; more are refused (C5), as cosign does."""
MAX_PAYLOAD_BYTES: Final = 1 << 20
"""Bytes of one signed payload; cosign's are a few hundred."""

SIMPLE_SIGNING: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
COSIGN_ARTIFACT: Final = "application/vnd.dev.cosign.artifact.sig.v1+json"

_SIGNATURE: Final = "dev.cosignproject.cosign/signature"
_CERTIFICATE: Final = "dev.sigstore.cosign/certificate"
_CHAIN: Final = "dev.sigstore.cosign/chain"
_BUNDLE: Final = "dev.sigstore.cosign/bundle"
_TIMESTAMP: Final = "dev.sigstore.cosign/rfc3161timestamp"


def signature_tag(digest: Digest, suffix: str = "sig") -> str:
    """Return cosign's tag for the signatures of a digest: `sha256-<hex>.sig`."""
    return f"{digest.replace(':', '-')}.{suffix}"


async def stored_signatures(
    store: ImageStore, repository: Repository, digest: Digest, listing: Listing
) -> tuple[StoredSignature, ...]:
    """Return the cosign signatures of `digest` as they are stored, none of them verified.

    One request for the manifest and one for each distinct payload.

    Raises:
        TransportError: `too-many-signatures`, `bad-manifest` and all that the store raises; a signature
            manifest that is not there is no error but an empty result.
    """
    manifest = await _manifest(store, repository, digest, listing)
    if manifest is None:
        return ()
    layers = _layers(manifest)
    payloads: dict[str, bytes] = {}
    found = []
    for layer in layers:
        name = Digest(str(layer.get("digest", "")))
        if name not in payloads:
            payloads[name] = await store.blob(repository, name, max_bytes=MAX_PAYLOAD_BYTES)
        notes = layer.get("annotations")
        notes = notes if isinstance(notes, dict) else {}
        signature = notes.get(_SIGNATURE)
        found.append(
            StoredSignature(
                payload=payloads[name],
                layer=name,
                signature=signature if isinstance(signature, str) else None,
                certificate=str(notes.get(_CERTIFICATE, "")),
                chain=str(notes.get(_CHAIN, "")),
                bundle=str(notes.get(_BUNDLE, "")),
                timestamp=str(notes.get(_TIMESTAMP, "")),
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
    try:
        return await store.manifest(repository, signature_tag(digest))
    except NotFoundError:
        return None


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
