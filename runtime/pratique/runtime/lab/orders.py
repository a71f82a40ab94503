"""What a line of a recipe means to a signing ceremony."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pratique.runtime.lab import claims
from pratique.runtime.lab.faults import CATALOGUE, Format, Part
from pratique.runtime.lab.keys import KeyType, PrivateKey, derive_key
from pratique.runtime.lab.recipe import AttestationSpec, ImageName, SignatureSpec, SignerSpec
from pratique.runtime.lab.signing import EntryKind, Keyless, KeyPair, Order, Signer, Stamped
from pratique.runtime.ports import Descriptor
from pratique.runtime.signatures.statements import SIGN_PREDICATE

Spec = SignatureSpec | AttestationSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A manifest to be signed: an image, or one platform of it; `name` is that of the image."""

    name: ImageName
    manifest: bytes
    descriptor: Descriptor


def signer_key(seed: str, name: str, kind: KeyType) -> PrivateKey:
    """Return the key pair of the signer `name`."""
    return derive_key(seed, f"signer/{name}", kind)


def signer_for(seed: str, name: str, spec: SignerSpec) -> Signer:
    """Return the signer of a recipe's entry."""
    if spec.key:
        return KeyPair(key=signer_key(seed, name, spec.key), hash_name=spec.hash)
    return Keyless(identity=spec.identity)


def order_for(spec: Spec, target: Target, position: int, signer: Signer, at: datetime) -> Order:
    """Return the order for one signature or attestation of `target`.

    `position` is its place in its list, `at` the time for those that give none.
    """
    attestation = isinstance(spec, AttestationSpec)
    envelope = attestation or spec.format is Format.BUNDLE
    kind = "attestation" if attestation else "signature"
    stamped = spec.timestamp or any(CATALOGUE[fault].part is Part.TIMESTAMP for fault in spec.fault)
    # Cosign stamps the whole envelope of an attestation in its own format, and signatures otherwise.
    stamp_of = Stamped.ENVELOPE if attestation and spec.format is Format.COSIGN else Stamped.SIGNATURE
    return Order(
        label=f"{kind}/{position}/{target.name}@{target.descriptor.digest}",
        signer=signer,
        at=spec.at or at,
        payload=_payload(spec, target),
        envelope=envelope,
        entry=(spec.entry or (EntryKind.DSSE if envelope else EntryKind.HASHEDREKORD)) if spec.log else None,
        stamped=stamp_of if stamped else None,
        faults=frozenset(spec.fault),
    )


def predicate_type(spec: Spec) -> str:
    """Return the predicate type of what is signed; empty for a message."""
    if isinstance(spec, AttestationSpec):
        return spec.type
    return "" if spec.format is Format.BUNDLE_MESSAGE else SIGN_PREDICATE


def _payload(spec: Spec, target: Target) -> bytes:
    faults = frozenset(spec.fault)
    digest = target.descriptor.digest
    subject: dict[str, Any] = {}
    if isinstance(spec, AttestationSpec):
        version = claims.STATEMENT_V1 if spec.format is Format.BUNDLE else claims.STATEMENT_V0
        subject = {"name": claims.docker_reference(target.name.repository)}
        return claims.statement(version, subject, digest, spec.type, spec.predicate, faults)
    match spec.format:
        case Format.BUNDLE_MESSAGE:
            return claims.claimed_bytes(target.manifest, faults)
        case Format.BUNDLE:
            if spec.annotations:
                subject = {"annotations": dict(sorted(spec.annotations.items()))}
            return claims.statement(claims.STATEMENT_V1, subject, digest, SIGN_PREDICATE, {}, faults)
        case _:
            reference = spec.reference or claims.docker_reference(target.name.repository)
            return claims.simple_signing(reference, digest, spec.annotations, faults)
