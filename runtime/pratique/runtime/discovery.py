"""Where signatures and attestations of a digest are: the one order in which stores are asked, and its limits.

References: cosign `specs/SIGNATURE_SPEC.md` and `specs/BUNDLE_SPEC.md`, OCI distribution specification 1.1
(referrers).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, assert_never

from pratique.compiler.evidence_limits import MAX_BUNDLES, MAX_SIGNATURES, MAX_TOTAL_BYTES
from pratique.compiler.graph import Listing
from pratique.compiler.ir import SignatureFormat
from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.ports import Digest, ImageStore, Manifest, Repository
from pratique.runtime.signatures.model import Stored, StoredBundle, StoredEnvelope, StoredSignature
from pratique.runtime.signatures.notary.discovery import notary_documents, notary_signatures
from pratique.runtime.signatures.notary.model import SIGNATURE_ARTIFACT

MAX_PAYLOAD_BYTES: Final = 1 << 20
"""Bytes of one signed payload; cosign's are a few hundred."""
MAX_ENVELOPE_BYTES: Final = 16 << 20
"""Bytes of one attestation; lists of software in large images have a few million."""
MAX_BUNDLE_BYTES: Final = 10 << 20
"""Bytes of one bundle, as in Kyverno."""

SIMPLE_SIGNING: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
COSIGN_ARTIFACT: Final = "application/vnd.dev.cosign.artifact.sig.v1+json"
DSSE_ENVELOPE: Final = "application/vnd.dsse.envelope.v1+json"
BUNDLE_PREFIX: Final = "application/vnd.dev.sigstore.bundle"

_UNTOLD: Final = frozenset({"", "application/vnd.oci.empty.v1+json"})
"""Artifact types in a list of referrers that say nothing: none, and that of an empty configuration."""

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


class Place(StrEnum):
    """Where signatures of a digest may lie; the text is for people."""

    COSIGN_REFERRER = f"last referrer of type {COSIGN_ARTIFACT}"
    SIGNATURE_TAG = "tag sha256-HEX.sig"
    ATTESTATION_TAG = "tag sha256-HEX.att"
    BUNDLES = f"referrers of type {BUNDLE_PREFIX}*, listed or in the manifest"
    NOTARY_SIGNATURES = f"referrers of type {SIGNATURE_ARTIFACT}"
    NOTARY_DOCUMENTS = f"first referrer of the attestation's type, its referrers of type {SIGNATURE_ARTIFACT}"


def places(listing: Listing) -> tuple[Place, ...]:
    """Return where signatures are looked for, in this order; only the first place that has any is read.

    Referrers are those of the registry's API, or of the index under the fallback tag where there is no API.
    Which bundles are signatures and which attestations is known only once they are verified, so both listings
    have all of them.
    """
    match listing.format:
        case SignatureFormat.SIGSTORE_BUNDLE:
            return (Place.BUNDLES,)
        case SignatureFormat.NOTARY:
            return (Place.NOTARY_DOCUMENTS if listing.attestations else Place.NOTARY_SIGNATURES,)
        case SignatureFormat.COSIGN if listing.attestations:
            return (Place.ATTESTATION_TAG,)
        case SignatureFormat.COSIGN if listing.referrers:
            return (Place.COSIGN_REFERRER, Place.SIGNATURE_TAG)
        case SignatureFormat.COSIGN:
            return (Place.SIGNATURE_TAG,)
        case _:
            assert_never(listing.format)


async def stored_signatures(
    store: ImageStore, repository: Repository, digest: Digest, listing: Listing
) -> tuple[Stored, ...]:
    """Return the signatures or attestations of `digest` as they are stored, none of them verified.

    Cosign's layers cost one request for the manifest and one for each distinct payload; bundles one for the
    list, and two for each bundle; Notary's as `notary_signatures` says.

    Raises:
        VerificationError: nobody signed the Notary document that is asked for.
        TransportError: `too-many-signatures`, `too-large`, `bad-manifest` and all that the store raises; a
            signature manifest that is not there is no error but an empty result.
    """
    blobs = _Blobs(store, repository)
    for place in places(listing):
        found = await _at(place, store, repository, digest, listing, blobs)
        if found is not None:
            return found
    return ()


async def _at(
    place: Place, store: ImageStore, repository: Repository, digest: Digest, listing: Listing, blobs: _Blobs
) -> tuple[Stored, ...] | None:
    """Return what is stored at a place; None where there is nothing and the next place is to be asked."""
    match place:
        case Place.COSIGN_REFERRER:
            manifest = await _referred(store, repository, digest)
            return await _signatures(manifest, blobs) if manifest else None
        case Place.SIGNATURE_TAG:
            manifest = await _tagged(store, repository, digest, "sig")
            return await _signatures(manifest, blobs) if manifest else None
        case Place.ATTESTATION_TAG:
            manifest = await _tagged(store, repository, digest, "att")
            return await _envelopes(manifest, blobs) if manifest else None
        case Place.BUNDLES:
            return await _bundles(store, repository, digest, blobs)
        case Place.NOTARY_SIGNATURES:
            return await notary_signatures(store, repository, digest)
        case Place.NOTARY_DOCUMENTS:
            return await notary_documents(store, repository, digest, listing.type)
        case _:
            assert_never(place)


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
            self.spend(len(body))
            self._read[digest] = body
        return self._read[digest]

    def spend(self, size: int) -> None:
        """Take bytes off the budget: those of a payload, or of a manifest of many."""
        self._left -= size
        if self._left < 0:
            raise TransportError(
                "too-large",
                f"the signatures and attestations in {self._repository} have more than"
                f" {MAX_TOTAL_BYTES} bytes together",
            )


async def _signatures(manifest: Manifest, blobs: _Blobs) -> tuple[StoredSignature, ...]:
    found = []
    for layer in _layers(manifest):
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


async def _envelopes(manifest: Manifest, blobs: _Blobs) -> tuple[StoredEnvelope, ...]:
    """Return cosign's attestations: those under the tag alone, as cosign has no referrers of this kind."""
    found = []
    for layer in _layers(manifest):
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
    """Return the bundles among the referrers, in their order; of each manifest the first layer counts.

    DEVIATION: Kyverno leaves aside what is not listed as a bundle. Cosign before 3.1 lists its bundles under
    the type of their empty configuration where a registry has no referrers API, as that of GitHub; what the
    list does not tell, the manifest does
    (`tests/runtime/test_discovery.py::test_bundles_that_the_list_does_not_call_so`).
    """
    referrers = [
        referrer
        for referrer in await store.referrers(repository, digest)
        if referrer.artifact_type in _UNTOLD or referrer.artifact_type.startswith(BUNDLE_PREFIX)
    ]
    if len(referrers) > MAX_BUNDLES:
        text = f"{len(referrers)} bundles refer to {repository}@{digest}, the limit is {MAX_BUNDLES}"
        raise TransportError("too-many-signatures", text)
    found = []
    for referrer in referrers:
        manifest = await store.manifest(repository, referrer.digest)
        blobs.spend(len(manifest.body))
        listed = referrer.artifact_type
        artifact_type = _bundle_type(manifest) if listed in _UNTOLD else listed
        if not artifact_type:
            continue
        layers = _layers(manifest)
        if not layers:
            raise TransportError("bad-manifest", f"a bundle's manifest in {repository} has no layers")
        name = _digest(layers[0])
        found.append(
            StoredBundle(
                body=await blobs.get(name, MAX_BUNDLE_BYTES),
                layer=name,
                artifact_type=artifact_type,
                predicate_type=str(_annotations(manifest.data).get(_BUNDLE_PREDICATE_TYPE, "")),
            )
        )
    return tuple(found)


def _bundle_type(manifest: Manifest) -> str:
    """Return the type of bundle that a manifest names: itself, by its configuration or by its first layer."""
    data = manifest.data
    layers = data.get("layers")
    first = layers[0] if isinstance(layers, list) and layers else None
    told = (part.get("mediaType") for part in (data.get("config"), first) if isinstance(part, dict))
    types = (str(name) for name in (data.get("artifactType"), *told))
    return next((name for name in types if name.startswith(BUNDLE_PREFIX)), "")


async def _referred(store: ImageStore, repository: Repository, digest: Digest) -> Manifest | None:
    """Return the last referrer of cosign's type, as Kyverno 1.19 does in its experimental OCI 1.1 mode."""
    referrers = await store.referrers(repository, digest, COSIGN_ARTIFACT)
    return await store.manifest(repository, referrers[-1].digest) if referrers else None


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
