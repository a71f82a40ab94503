"""Finished signatures as registries store them: cosign's layers, and Sigstore bundles as OCI 1.1 referrers.

References: cosign `specs/SIGNATURE_SPEC.md`, `specs/BUNDLE_SPEC.md`; sigstore `protobuf-specs`, `bundle.v1`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pratique.runtime.lab.certificates import der_bytes, pem
from pratique.runtime.lab.faults import Fault
from pratique.runtime.lab.keys import b64, key_id, public_pem
from pratique.runtime.lab.log import InclusionProof, LogEntry
from pratique.runtime.lab.oci import compact, described, digest_of
from pratique.runtime.lab.signing import IN_TOTO, Evidence
from pratique.runtime.ports import Descriptor
from pratique.runtime.registry.media_types import OCI_CONFIG, OCI_EMPTY, OCI_MANIFEST

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE_ENVELOPE = "application/vnd.dsse.envelope.v1+json"
COSIGN_ARTIFACT = "application/vnd.dev.cosign.artifact.sig.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"

EMPTY_CONFIG = b"{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of a cosign manifest: one signature or attestation."""

    media_type: str
    blob: bytes
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A manifest and the blobs that it names, in the order of its config and layers."""

    manifest: bytes
    blobs: tuple[bytes, ...]
    artifact_type: str = ""
    annotations: Mapping[str, str] | None = None


def cosign_layer(evidence: Evidence, faults: Set[Fault], annotations: Mapping[str, str]) -> Layer:
    """Return a signature as a layer; `annotations` are further ones, such as an attestation's type."""
    notes = dict(annotations)
    # For an attestation the annotation is there and empty: its signature is inside the envelope.
    notes["dev.cosignproject.cosign/signature"] = "" if evidence.envelope else b64(evidence.signature)
    if evidence.certificate:
        field = pem(evidence.certificate)
        if evidence.bystander:
            field += pem(evidence.bystander)
        if Fault.KEY_AS_CERTIFICATE in faults:
            field = public_pem(evidence.key)
        notes["dev.sigstore.cosign/certificate"] = field
        if Fault.NO_CHAIN not in faults:
            notes["dev.sigstore.cosign/chain"] = pem(*evidence.chain)
    for entry in evidence.entries[:1]:
        notes["dev.sigstore.cosign/bundle"] = compact(log_bundle(entry)).decode()
    for timestamp in evidence.timestamps[:1]:
        field = compact({"SignedRFC3161Timestamp": b64(timestamp)}).decode()
        notes["dev.sigstore.cosign/rfc3161timestamp"] = field
    return Layer(
        media_type=DSSE_ENVELOPE if evidence.envelope else SIMPLE_SIGNING,
        blob=evidence.envelope or evidence.payload,
        annotations=dict(sorted(notes.items())),
    )


def cosign_artifact(layers: Sequence[Layer], subject: Descriptor | None = None) -> Artifact:
    """Return the manifest of all signatures (or attestations) of an image.

    With a `subject` it is a referrer, as in cosign's experimental OCI 1.1 mode: the media type of its config
    says what it is, and registries take the artifact type from there.
    """
    digests = [digest_of(layer.blob) for layer in layers]
    nil = "0001-01-01T00:00:00Z"
    config = compact(
        {
            "architecture": "",
            "created": nil,
            "history": [{"created": nil} for _ in layers],
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": digests},
            "config": {},
        }
    )
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(COSIGN_ARTIFACT if subject else OCI_CONFIG, config),
        "layers": [
            described(layer.media_type, layer.blob) | {"annotations": dict(layer.annotations)}
            for layer in layers
        ],
    }
    if subject:
        manifest["subject"] = _subject(subject)
    return Artifact(
        manifest=compact(manifest),
        blobs=(config, *(layer.blob for layer in layers)),
        artifact_type=COSIGN_ARTIFACT if subject else "",
    )


def bundle(evidence: Evidence, faults: Set[Fault]) -> bytes:
    """Return a signature as a Sigstore bundle v0.3."""
    material: dict[str, Any] = {}
    if evidence.certificate:
        material["certificate"] = {"rawBytes": b64(der_bytes(evidence.certificate))}
    else:
        material["publicKey"] = {"hint": b64(key_id(evidence.key))}
    if evidence.entries:
        material["tlogEntries"] = [_log_entry(entry, faults) for entry in evidence.entries]
    if evidence.timestamps:
        stamps = [{"signedTimestamp": b64(stamp)} for stamp in evidence.timestamps]
        material["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
    data: dict[str, Any] = {"mediaType": BUNDLE, "verificationMaterial": material}
    if evidence.envelope:
        data["dsseEnvelope"] = {
            "payload": b64(evidence.payload),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": b64(evidence.signature)}],
        }
    else:
        digest = hashlib.sha256(evidence.payload).digest()
        data["messageSignature"] = {
            "messageDigest": {"algorithm": "SHA2_256", "digest": b64(digest)},
            "signature": b64(evidence.signature),
        }
    return compact(data)


def bundle_artifact(content: bytes, subject: Descriptor, at: datetime, predicate_type: str = "") -> Artifact:
    """Return the referrer that carries a bundle; `predicate_type` is empty for a message signature."""
    annotations = {
        "dev.sigstore.bundle.content": "dsse-envelope" if predicate_type else "message-signature",
        "org.opencontainers.image.created": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if predicate_type:
        annotations["dev.sigstore.bundle.predicateType"] = predicate_type
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": BUNDLE,
        "config": described(OCI_EMPTY, EMPTY_CONFIG),
        "layers": [described(BUNDLE, content)],
        "subject": _subject(subject),
        "annotations": annotations,
    }
    return Artifact(
        manifest=compact(manifest),
        blobs=(EMPTY_CONFIG, content),
        artifact_type=BUNDLE,
        annotations=annotations,
    )


def log_bundle(entry: LogEntry) -> dict[str, Any]:
    """Return cosign's record of a log entry."""
    return {
        "SignedEntryTimestamp": b64(entry.promise),
        "Payload": {
            "body": b64(entry.body.content),
            "integratedTime": entry.integrated_at,
            "logIndex": entry.index,
            "logID": entry.log_id.hex(),
        },
    }


def _log_entry(entry: LogEntry, faults: Set[Fault]) -> dict[str, Any]:
    """Return a bundle's record of a log entry; 64-bit numbers are texts in protobuf's JSON."""
    data: dict[str, Any] = {
        "logIndex": str(entry.index),
        "logId": {"keyId": b64(entry.log_id)},
        "kindVersion": {"kind": entry.body.kind, "version": entry.body.version},
        "integratedTime": str(entry.integrated_at),
        "canonicalizedBody": b64(entry.body.content),
    }
    if Fault.NO_SET not in faults:
        data["inclusionPromise"] = {"signedEntryTimestamp": b64(entry.promise)}
    if Fault.NO_INCLUSION_PROOF not in faults:
        data["inclusionProof"] = _proof(entry.proof)
    return data


def _proof(proof: InclusionProof) -> dict[str, Any]:
    return {
        "logIndex": str(proof.index),
        "rootHash": b64(proof.root),
        "treeSize": str(proof.size),
        "hashes": [b64(node) for node in proof.hashes],
        "checkpoint": {"envelope": proof.checkpoint},
    }


def _subject(descriptor: Descriptor) -> dict[str, Any]:
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}
