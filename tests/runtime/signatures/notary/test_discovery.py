import asyncio
import json
import time
from typing import Any

import pytest

from pratique.compiler.evidence_limits import MAX_NOTARY_SIGNATURES
from pratique.grammar.errors import NotFoundError, TransportError
from pratique.runtime.lab.notary import NotaryFault, notary_artifact
from pratique.runtime.lab.oci import compact, described
from pratique.runtime.ports import Descriptor, Digest
from pratique.runtime.registry.media_types import OCI_MANIFEST
from pratique.runtime.signatures.notary.discovery import (
    attestation_statement,
    notary_documents,
    notary_signatures,
)
from pratique.runtime.signatures.notary.limits import (
    MAX_ENVELOPE_BYTES,
    MAX_REFERRERS,
    MAX_STATEMENT_BYTES,
)
from pratique.runtime.signatures.notary.model import (
    SIGNATURE_ARTIFACT,
    Check,
    EnvelopeFormat,
    NotaryRefusal,
    StoredNotarySignature,
    Target,
)
from tests.support_notary import (
    COSE,
    FORMS,
    JWS,
    REPOSITORY,
    TARGET,
    MemoryStore,
    digest_of,
    signer,
    verdict_of,
)

IMAGE = TARGET.digest
SBOM = "application/vnd.example.sbom+json"


def put_signature(
    store: MemoryStore, target: Target = TARGET, form: EnvelopeFormat = JWS, *faults: NotaryFault
) -> Digest:
    envelope = signer(faults=frozenset(faults)).sign(target, form=form)
    return put_envelope(store, envelope, form, target)


def put_envelope(
    store: MemoryStore, envelope: bytes, form: Any, target: Target = TARGET, **layer: Any
) -> Digest:
    artifact = notary_artifact(envelope, form, target)
    manifest = json.loads(artifact.manifest)
    manifest["layers"][0].update(layer)
    store.put(envelope)
    return store.put(compact(manifest), target.digest, SIGNATURE_ARTIFACT)


def put_document(
    store: MemoryStore, body: bytes = b'{"a":1}', artifact_type: str = SBOM, **changes: Any
) -> Target:
    store.put(body)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "layers": [described("application/json", body)],
        "subject": {"mediaType": TARGET.media_type, "digest": IMAGE, "size": TARGET.size},
        **changes,
    }
    content = compact(manifest)
    return Target(media_type=OCI_MANIFEST, digest=store.put(content, IMAGE, artifact_type), size=len(content))


def signatures(store: MemoryStore, digest: Digest = IMAGE) -> tuple[StoredNotarySignature, ...]:
    return asyncio.run(notary_signatures(store, REPOSITORY, digest))


def attestation(store: MemoryStore, artifact_type: str = SBOM) -> tuple[StoredNotarySignature, ...]:
    return asyncio.run(notary_documents(store, REPOSITORY, IMAGE, artifact_type))


def statement(store: MemoryStore) -> dict[str, Any]:
    document = next(target for target in store.listed[IMAGE] if target.artifact_type == SBOM)
    manifest = asyncio.run(store.manifest(REPOSITORY, document.digest))
    return asyncio.run(attestation_statement(store, REPOSITORY, manifest, SBOM))


# --- signatures --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_signature(form: EnvelopeFormat) -> None:
    store = MemoryStore()
    manifest = put_signature(store, TARGET, form)
    (found,) = signatures(store)
    assert (found.manifest, found.media_type, found.fault) == (manifest, form, None)
    assert verdict_of((found,)).accepted is found


def test_order_is_that_of_the_listing() -> None:
    store = MemoryStore()
    digests = [put_signature(store), put_signature(store, TARGET, COSE)]
    digests.append(put_signature(store, TARGET, JWS, NotaryFault.EXPIRED))
    assert [found.manifest for found in signatures(store)] == digests


def test_other_referrers_are_passed_over() -> None:
    store = MemoryStore()
    put_document(store)
    assert signatures(store) == ()
    manifest = put_signature(store)
    assert [found.manifest for found in signatures(store)] == [manifest]


def test_only_as_many_as_are_tried_are_fetched() -> None:
    store = MemoryStore()
    for number in range(MAX_NOTARY_SIGNATURES + 3):
        put_envelope(store, b"x" * (number + 1), JWS)
    assert len(signatures(store)) == MAX_NOTARY_SIGNATURES
    assert len(store.asked) == 1 + 2 * MAX_NOTARY_SIGNATURES


@pytest.mark.parametrize("artifact_type", [SIGNATURE_ARTIFACT, SBOM])
def test_n1_too_many_referrers(artifact_type: str) -> None:
    """Threats K17, N1: referrers of whatever type count, and nothing is fetched."""
    store = MemoryStore()
    listed = [
        Descriptor(OCI_MANIFEST, digest_of(b"%d" % n), 1, {}, artifact_type) for n in range(MAX_REFERRERS + 1)
    ]
    store.listed[IMAGE] = listed
    with pytest.raises(TransportError) as caught:
        signatures(store)
    assert caught.value.code == "too-many-signatures"
    assert caught.value.detail == "failed to fetch referrers: too many referrers found, max limit is 50"
    with pytest.raises(TransportError):
        attestation(store)
    assert store.asked == [f"referrers {IMAGE}"] * 2
    store.listed[IMAGE] = listed[1:]
    assert len(signatures(store)) == (MAX_NOTARY_SIGNATURES if artifact_type == SIGNATURE_ARTIFACT else 0)


def test_a_hundred_thousand_referrers_cost_nothing() -> None:
    store = MemoryStore()
    store.listed[IMAGE] = [Descriptor(OCI_MANIFEST, IMAGE, 1, {}, SIGNATURE_ARTIFACT)] * 100_000
    started = time.process_time()
    with pytest.raises(TransportError):
        signatures(store)
    assert time.process_time() - started < 8


def test_the_listing_cannot_be_had() -> None:
    store = MemoryStore()
    store.down.add("referrers")
    with pytest.raises(TransportError):
        signatures(store)


def test_faults_stay_with_their_signature() -> None:
    store = MemoryStore()
    good = put_signature(store)
    lost, broken = put_envelope(store, b"lost", JWS), put_envelope(store, b"down", COSE)
    del store.blobs[digest_of(b"lost")]
    store.down.add(digest_of(b"down"))
    found = {item.manifest: item for item in signatures(store)}
    assert found[good].fault is None
    assert isinstance(found[lost].fault, NotFoundError)
    assert isinstance(found[broken].fault, TransportError)
    assert found[lost].envelope == b""


@pytest.mark.parametrize(
    "layers",
    [
        None,
        [],
        {},
        [1],
        [{}],
        [{"mediaType": JWS, "digest": "sha256:x"}],
        [{"mediaType": JWS, "digest": 1, "size": 1}],
        [{"mediaType": JWS, "digest": "sha256:x", "size": "1"}],
        [{"mediaType": JWS, "digest": "sha256:x", "size": 1}] * 2,
        [{"mediaType": JWS, "digest": "sha256:x", "size": MAX_ENVELOPE_BYTES + 1}],
    ],
)
def test_manifests_without_exactly_one_envelope(layers: Any) -> None:
    store = MemoryStore()
    store.put(compact({"layers": layers}), IMAGE, SIGNATURE_ARTIFACT)
    (found,) = signatures(store)
    assert isinstance(found.fault, NotaryRefusal)
    assert found.fault.code == Check.ENVELOPE
    assert len(store.asked) == 2


def test_size_that_the_manifest_does_not_state() -> None:
    store = MemoryStore()
    put_envelope(store, b"four", JWS, size=5)
    (found,) = signatures(store)
    assert isinstance(found.fault, NotaryRefusal)
    assert "4 bytes" in found.fault.message


def test_more_bytes_than_the_manifest_states() -> None:
    """Threat C6: the blob is bounded while it is read, whatever its manifest says."""
    store = MemoryStore()
    put_envelope(store, b"x" * (MAX_ENVELOPE_BYTES + 1), JWS, size=10)
    (found,) = signatures(store)
    assert isinstance(found.fault, TransportError)


# --- attestations ------------------------------------------------------------------------------------------


def test_first_document_of_the_type() -> None:
    store = MemoryStore()
    put_document(store, artifact_type="other/type")
    first = put_document(store)
    put_document(store, b'{"a":2}')
    signature = put_signature(store, first)
    (found,) = attestation(store)
    assert found.document
    assert found.target == Target.of(found.document) == first
    assert found.manifest == signature
    assert verdict_of((found,)).accepted is found


def test_content_is_not_fetched_before_it_is_verified() -> None:
    store = MemoryStore()
    put_signature(store, put_document(store))
    attestation(store)
    assert digest_of(b'{"a":1}') not in store.asked


def test_an_unsigned_document() -> None:
    """Rule R5, and the signature of the image is none of the document."""
    store = MemoryStore()
    document = put_document(store)
    put_signature(store)
    with pytest.raises(NotaryRefusal) as caught:
        attestation(store)
    assert caught.value.code == Check.MISSING
    assert f'"{REPOSITORY}@{document.digest}"' in caught.value.message


def test_a_signature_of_the_image_that_lies_with_the_document() -> None:
    store = MemoryStore()
    put_envelope(store, signer().sign(TARGET), JWS, put_document(store))
    assert verdict_of(attestation(store)).code == Check.TARGET


def test_a_document_about_another_image() -> None:
    """A registry lists a document that was signed for something else: it says itself what it is about."""
    for subject in ({"digest": "sha256:" + "b" * 64}, {}, None, "x"):
        store = MemoryStore()
        put_signature(store, put_document(store, subject=subject))
        with pytest.raises(NotaryRefusal) as caught:
            attestation(store)
        assert caught.value.code == Check.TARGET


@pytest.mark.parametrize("artifact_type", ["", "other/type", SBOM.upper()])
def test_no_document_of_the_type(artifact_type: str) -> None:
    """Threat C2: a document of another type does not stand in, and no type matches none."""
    store = MemoryStore()
    put_document(store)
    put_document(store, artifact_type="")
    assert attestation(store, artifact_type) == ()


def test_statement() -> None:
    store = MemoryStore()
    put_document(store, b'{"a": {"b": [1, null]}}')
    found = statement(store)
    assert found["type"] == SBOM
    assert found["predicate"] == {"a": {"b": [1, None]}}
    assert found["artifactType"] == SBOM
    assert found["layers"]


def test_statement_keeps_members_of_the_manifest() -> None:
    store = MemoryStore()
    put_document(store, type="own/type", predicate={"own": True})
    found = statement(store)
    assert (found["type"], found["predicate"]) == ("own/type", {"own": True})


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"1", b"null", b"{", b'{"a":1,"a":2}', b"\xff", b"{}x", b'{"a":' * 10_000, b"\x1f\x8b\x08"],
)
def test_documents_that_are_no_json_object(body: bytes) -> None:
    store = MemoryStore()
    put_document(store, body)
    with pytest.raises(NotaryRefusal) as caught:
        statement(store)
    assert caught.value.code == Check.STATEMENT


@pytest.mark.parametrize(
    "layers",
    [[], [described("a/b", b"x")] * 2, [{**described("a/b", b"x"), "size": MAX_STATEMENT_BYTES + 1}]],
)
def test_documents_not_in_one_layer(layers: Any) -> None:
    store = MemoryStore()
    put_document(store, layers=layers)
    with pytest.raises(NotaryRefusal) as caught:
        statement(store)
    assert caught.value.code == Check.STATEMENT


def test_document_larger_than_it_says() -> None:
    store = MemoryStore()
    body = b'"' + b"x" * MAX_STATEMENT_BYTES + b'"'
    put_document(store, body, layers=[{**described("a/b", body), "size": 10}])
    with pytest.raises(TransportError):
        statement(store)


def test_manifest_of_the_document_cannot_be_had() -> None:
    store = MemoryStore()
    document = put_document(store)
    store.down.add(document.digest)
    with pytest.raises(TransportError):
        attestation(store)
