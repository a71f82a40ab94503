"""What is listed for a digest: cosign's layers and bundles, in order and within limits."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import pytest

from pratique.compiler.evidence_limits import MAX_SIGNATURES
from pratique.compiler.graph import Listing
from pratique.compiler.ir import SignatureFormat
from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime import discovery
from pratique.runtime.discovery import (
    BUNDLE_PREFIX,
    COSIGN_ARTIFACT,
    DSSE_ENVELOPE,
    SIMPLE_SIGNING,
    Place,
    places,
    signature_tag,
    stored_signatures,
)
from pratique.runtime.ports import Descriptor, Digest, Manifest, Repository
from pratique.runtime.signatures.model import Stored, StoredBundle, StoredEnvelope, StoredSignature

WHERE = Repository("registry.test", "app")
IMAGE = Digest("sha256:" + "a" * 64)
SIGNATURES = Listing(SignatureFormat.COSIGN)
REFERRED = Listing(SignatureFormat.COSIGN, referrers=True)
ATTESTATIONS = Listing(SignatureFormat.COSIGN, attestations=True)
BUNDLES = Listing(SignatureFormat.SIGSTORE_BUNDLE)
BUNDLE = BUNDLE_PREFIX + ".v0.3+json"


def digest_of(data: bytes) -> Digest:
    return Digest("sha256:" + sha256(data).hexdigest())


@dataclass
class Store:
    """A store that remembers what it was asked for."""

    manifests: dict[str, dict[str, Any]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    listed: list[Descriptor] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def manifest(self, repository: Repository, reference: str) -> Manifest:
        self.asked.append(f"manifest {reference}")
        if reference not in self.manifests:
            raise NotFoundError("image-not-found", "there is no such manifest")
        data = self.manifests[reference]
        body = json.dumps(data).encode()
        return Manifest(repository, digest_of(body), "application/vnd.oci.image.manifest.v1+json", body, data)

    async def blob(self, repository: Repository, digest: Digest, *, max_bytes: int) -> bytes:
        self.asked.append(f"blob {digest}")
        body = self.blobs[digest]
        if len(body) > max_bytes:
            raise TransportError("too-large", "too large")
        return body

    async def referrers(
        self, repository: Repository, digest: Digest, artifact_type: str = ""
    ) -> tuple[Descriptor, ...]:
        self.asked.append(f"referrers {artifact_type}".strip())
        return tuple(d for d in self.listed if artifact_type in ("", d.artifact_type))

    async def aclose(self) -> None:
        pass

    def layer(self, body: bytes, media_type: str = SIMPLE_SIGNING, **annotations: object) -> dict[str, Any]:
        self.blobs[digest_of(body)] = body
        return {"mediaType": media_type, "digest": digest_of(body), "annotations": annotations}

    def refer(self, body: bytes, artifact_type: str = BUNDLE, **manifest: Any) -> None:
        name = digest_of(b"manifest of " + body)
        self.manifests[name] = {"layers": [self.layer(body, artifact_type)], **manifest}
        self.listed.append(Descriptor("application/json", name, 1, artifact_type=artifact_type))


def listed(store: Store, listing: Listing) -> tuple[Stored, ...]:
    return asyncio.run(stored_signatures(store, WHERE, IMAGE, listing))


def tagged(store: Store, *layers: dict[str, Any], suffix: str = "sig") -> Store:
    store.manifests[signature_tag(IMAGE, suffix)] = {"layers": list(layers)}
    return store


def test_tags() -> None:
    assert signature_tag(IMAGE) == "sha256-" + "a" * 64 + ".sig"
    assert signature_tag(IMAGE, "att") == "sha256-" + "a" * 64 + ".att"


@pytest.mark.parametrize("listing", [SIGNATURES, REFERRED, ATTESTATIONS, BUNDLES])
def test_nothing_stored_is_no_error(listing: Listing) -> None:
    assert listed(Store(), listing) == ()


def test_signatures_keep_their_order_and_equal_payloads_are_read_once() -> None:
    store = Store()
    notes = {"dev.cosignproject.cosign/signature": "AA==", "dev.sigstore.cosign/certificate": "leaf"}
    tagged(store, store.layer(b"1", **notes), store.layer(b"2"), store.layer(b"1"))
    first, second, third = listed(store, SIGNATURES)
    assert isinstance(first, StoredSignature)
    assert isinstance(second, StoredSignature)
    assert (first.payload, first.signature, first.certificate) == (b"1", "AA==", "leaf")
    assert (second.payload, second.signature) == (b"2", None)
    assert isinstance(third, StoredSignature)
    assert third.payload == b"1"
    assert len(store.asked) == 3


def test_a_signature_that_is_no_text_is_no_signature() -> None:
    store = Store()
    layer = store.layer(b"1") | {"annotations": {"dev.cosignproject.cosign/signature": 7}}
    tagged(store, layer, store.layer(b"2") | {"annotations": "none"})
    assert [s.signature for s in listed(store, SIGNATURES) if isinstance(s, StoredSignature)] == [None, None]


def test_the_last_referrer_comes_before_the_tag() -> None:
    store = Store()
    tagged(store, store.layer(b"tag"))
    store.refer(b"first", COSIGN_ARTIFACT)
    store.refer(b"last", COSIGN_ARTIFACT)
    (found,) = listed(store, REFERRED)
    assert isinstance(found, StoredSignature)
    assert found.payload == b"last"
    (found,) = listed(store, SIGNATURES)
    assert isinstance(found, StoredSignature)
    assert found.payload == b"tag"


def test_attestations_are_the_layers_with_envelopes() -> None:
    store = Store()
    envelope = store.layer(b"{}", DSSE_ENVELOPE, predicateType="https://example/type")
    tagged(store, store.layer(b"other"), envelope, suffix="att")
    (found,) = listed(store, ATTESTATIONS)
    assert found == StoredEnvelope(
        envelope=b"{}", layer=digest_of(b"{}"), predicate_type="https://example/type"
    )
    assert listed(store, SIGNATURES) == ()


@pytest.mark.parametrize("attestations", [False, True])
def test_bundles_are_referrers_of_their_type(attestations: bool) -> None:
    store = Store()
    store.refer(b"sbom", "application/spdx+json")
    store.refer(b"one", annotations={"dev.sigstore.bundle.predicateType": "https://example/type"})
    store.refer(b"two", BUNDLE_PREFIX + "+json;version=0.1")
    found = listed(store, Listing(SignatureFormat.SIGSTORE_BUNDLE, attestations=attestations))
    assert [(s.body, s.predicate_type) for s in found if isinstance(s, StoredBundle)] == [
        (b"one", "https://example/type"),
        (b"two", ""),
    ]
    assert store.asked[0] == "referrers"
    assert len(store.asked) == 5


@pytest.mark.parametrize("listed_as", ["", "application/vnd.oci.empty.v1+json"])
@pytest.mark.parametrize(
    "manifest",
    [
        {"artifactType": BUNDLE, "config": {"mediaType": "application/vnd.oci.empty.v1+json"}},
        {"config": {"mediaType": BUNDLE}},
        {"artifactType": "", "config": {"mediaType": "application/vnd.oci.empty.v1+json"}},
        {},
    ],
)
def test_bundles_that_the_list_does_not_call_so(listed_as: str, manifest: dict[str, Any]) -> None:
    store = Store()
    store.refer(b"one", **manifest)
    store.listed[0] = replace(store.listed[0], artifact_type=listed_as)
    (found,) = listed(store, BUNDLES)
    assert isinstance(found, StoredBundle)
    assert (found.body, found.artifact_type) == (b"one", BUNDLE)


def test_what_the_list_does_not_tell_may_be_no_bundle() -> None:
    store = Store()
    store.refer(b"sbom", "application/spdx+json", artifactType="application/spdx+json")
    store.refer(b"index", "application/json", layers=None, manifests=[])
    store.refer(b"one")
    store.listed = [replace(descriptor, artifact_type="") for descriptor in store.listed]
    assert [s.body for s in listed(store, BUNDLES) if isinstance(s, StoredBundle)] == [b"one"]
    assert store.asked == ["referrers", *(f"manifest {d.digest}" for d in store.listed), store.asked[-1]]
    store.listed[0] = replace(store.listed[0], artifact_type="application/spdx+json")
    store.asked.clear()
    listed(store, BUNDLES)
    assert f"manifest {store.listed[0].digest}" not in store.asked


def test_c5_too_many_that_the_list_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store()
    for number in range(3):
        store.refer(b"%d" % number, "application/spdx+json")
    store.listed = [replace(descriptor, artifact_type="") for descriptor in store.listed]
    assert listed(store, BUNDLES) == ()
    monkeypatch.setattr(discovery, "MAX_TOTAL_BYTES", 100)
    assert code_of(store, BUNDLES) == "too-large"
    monkeypatch.setattr(discovery, "MAX_BUNDLES", 2)
    assert code_of(store, BUNDLES) == "too-many-signatures"


def test_more_than_fifty_referrers_are_fine() -> None:
    store = Store()
    for number in range(60):
        store.refer(b"sbom %d" % number, "application/spdx+json")
    store.refer(b"one")
    assert len(listed(store, BUNDLES)) == 1


def test_only_the_first_layer_of_a_bundle_counts() -> None:
    store = Store()
    store.refer(b"one")
    (manifest,) = store.manifests.values()
    manifest["layers"].append(store.layer(b"two", BUNDLE))
    assert [s.body for s in listed(store, BUNDLES) if isinstance(s, StoredBundle)] == [b"one"]


def code_of(store: Store, listing: Listing) -> str:
    with pytest.raises(TransportError) as caught:
        listed(store, listing)
    return caught.value.code


@pytest.mark.parametrize("layers", [None, {}, "x", [1]])
def test_manifests_without_layers(layers: object) -> None:
    store = Store({signature_tag(IMAGE, suffix): {"layers": layers} for suffix in ("sig", "att")})
    assert code_of(store, SIGNATURES) == "bad-manifest"
    assert code_of(store, ATTESTATIONS) == "bad-manifest"


@pytest.mark.parametrize("layers", [None, []])
def test_bundles_without_layers(layers: object) -> None:
    store = Store()
    store.refer(b"one", layers=layers)
    assert code_of(store, BUNDLES) == "bad-manifest"


def test_c5_too_many_signatures() -> None:
    store = Store()
    for suffix, listing in (("sig", SIGNATURES), ("att", ATTESTATIONS)):
        tagged(store, *[store.layer(b"1")] * (MAX_SIGNATURES + 1), suffix=suffix)
        assert code_of(store, listing) == "too-many-signatures"


def test_c5_too_many_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAX_BUNDLES", 2)
    store = Store()
    for number in range(3):
        store.refer(b"%d" % number)
    assert code_of(store, BUNDLES) == "too-many-signatures"
    assert store.asked == ["referrers"]


def test_c6_all_that_is_read_has_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MAX_TOTAL_BYTES", 10)
    store = Store()
    tagged(store, store.layer(b"123456"), store.layer(b"123456"))
    assert len(listed(store, SIGNATURES)) == 2
    tagged(store, store.layer(b"123456"), store.layer(b"abcdef"))
    assert code_of(store, SIGNATURES) == "too-large"


def test_c6_bundles_of_more_than_ten_megabytes() -> None:
    store = Store()
    store.refer(bytes((10 << 20) + 1))
    assert code_of(store, BUNDLES) == "too-large"


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        (SIGNATURES, [Place.SIGNATURE_TAG]),
        (REFERRED, [Place.COSIGN_REFERRER, Place.SIGNATURE_TAG]),
        (ATTESTATIONS, [Place.ATTESTATION_TAG]),
        (BUNDLES, [Place.BUNDLES]),
        (Listing(SignatureFormat.NOTARY), [Place.NOTARY_SIGNATURES]),
        (Listing(SignatureFormat.NOTARY, attestations=True, type="sbom"), [Place.NOTARY_DOCUMENTS]),
    ],
)
def test_places_in_order(listing: Listing, expected: list[Place]) -> None:
    assert list(places(listing)) == expected


def test_every_place_is_asked_in_some_order() -> None:
    listings = [
        Listing(form, referrers=referrers, attestations=attestations)
        for form in SignatureFormat
        for referrers in (False, True)
        for attestations in (False, True)
    ]
    assert {place for listing in listings for place in places(listing)} == set(Place)
