"""Sigstore bundles as JSON: read in full or refused, within limits, before anything of them is looked at.

Stricter than protobuf's JSON: unknown fields, doubled keys, `snake_case` names and sloppy base64 are refused,
so that no two programs read two things from one bundle.

References: sigstore `protobuf-specs`, `bundle/v1/sigstore_bundle.proto`; the limits are sigstore-go's (C15).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.chains import MAX_INTERMEDIATES
from pratique.runtime.signatures.dsse import MAX_SIGNATURES, Envelope
from pratique.runtime.signatures.encodings import EncodingError, from_json
from pratique.runtime.signatures.inclusion import MAX_HASHES, InclusionProof
from pratique.runtime.signatures.log_records import V2_ALGORITHMS, Kind
from pratique.runtime.signatures.validity import LATEST_MOMENT

MAX_BUNDLE_BYTES: Final = 10 << 20
MAX_LOG_ENTRIES: Final = 32
MAX_TIMESTAMPS: Final = 32

VERSIONS: Final = {
    "application/vnd.dev.sigstore.bundle+json;version=0.1": (0, 1),
    "application/vnd.dev.sigstore.bundle+json;version=0.2": (0, 2),
    "application/vnd.dev.sigstore.bundle+json;version=0.3": (0, 3),
    "application/vnd.dev.sigstore.bundle.v0.3+json": (0, 3),
}
"""Versions by media type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleEntry:
    """A log entry of a bundle.

    Attributes:
        log_index: place in the log over all its trees.
        log_id: lower-case hex.
        kind: what the entry says of itself beside its body.
        integrated_time: seconds since the epoch; None where absent or zero. Unsigned without `promise`.
        promise: signed entry timestamp; empty where absent.
        body: the canonical entry.
    """

    log_index: int
    log_id: str
    kind: Kind
    integrated_time: int | None
    promise: bytes
    proof: InclusionProof | None
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A signature of an artifact that is not in the bundle.

    Attributes:
        algorithm: name of the hash that `digest` is by.
        digest: what the bundle says the artifact's digest is; it has to be right.
    """

    algorithm: str
    digest: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle as it was read; nothing of it believed.

    Attributes:
        certificates: DER, the leaf first; empty where the signer is a bare key.
        timestamps: DER of a `TimeStampResp` each.
    """

    version: tuple[int, int]
    certificates: tuple[bytes, ...]
    entries: tuple[BundleEntry, ...]
    timestamps: tuple[bytes, ...]
    content: Message | Envelope


def read_bundle(body: bytes) -> Bundle:
    """Return the bundle in a JSON text.

    Raises:
        VerificationError: `bundle-too-large`, `bundle-version-unsupported`, `bundle-malformed`,
            `promise-missing` and `inclusion-proof-missing` where the version demands them.
    """
    if len(body) > MAX_BUNDLE_BYTES:
        raise VerificationError("bundle-too-large", f"bundle of more than {MAX_BUNDLE_BYTES} bytes")
    try:
        value = from_json(body.decode(), max_bytes=MAX_BUNDLE_BYTES)
        media_type = value.get("mediaType") if isinstance(value, dict) else None
        if not isinstance(media_type, str):
            raise EncodingError("no mediaType")
        version = VERSIONS.get(media_type)
        if version is None:
            text = f"unsupported bundle version: {media_type[:80]!a}"
            raise VerificationError("bundle-version-unsupported", text)
        bundle = _bundle(version, _Bundle.model_validate(_present(value)))
    except ValidationError as error:
        raise _refusal(error) from error
    except (EncodingError, UnicodeDecodeError) as error:
        text = str(error) if isinstance(error, EncodingError) else "not valid JSON"
        raise VerificationError("bundle-malformed", f"invalid bundle: {text}") from error
    _check_proofs(bundle)
    return bundle


def _refusal(error: ValidationError) -> VerificationError:
    errors = error.errors(include_url=False, include_input=False)
    too_large = next((e for e in errors if e["type"] == "too_long"), None)
    first = too_large or errors[0]
    place = ascii(".".join(map(str, first["loc"]))[:120]).strip("'")
    text = f"invalid bundle: {place}: {first['msg']}"
    return VerificationError("bundle-too-large" if too_large else "bundle-malformed", text)


def _check_proofs(bundle: Bundle) -> None:
    for entry in bundle.entries:
        if bundle.version == (0, 1) and not entry.promise:
            text = "a log entry has no inclusion promise, which bundles v0.1 need"
            raise VerificationError("promise-missing", text)
        if bundle.version > (0, 1) and entry.proof is None:
            text = "a log entry has no inclusion proof, which bundles from v0.2 on need"
            raise VerificationError("inclusion-proof-missing", text)


# --- the document ----------------------------------------------------------------------------------------


def _present(value: Any) -> Any:
    """Return a JSON value without members that are null: protobuf's JSON writes absent fields so, too."""
    if isinstance(value, dict):
        return {name: _present(member) for name, member in value.items() if member is not None}
    return [_present(item) for item in value] if isinstance(value, list) else value


def _decode(value: object) -> object:
    """Return the bytes of base64 in the one way there is to write them."""
    if not isinstance(value, str):
        raise ValueError("not a base64 text")
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("illegal base64 data") from error
    if base64.b64encode(raw).decode() != value:
        raise ValueError("illegal base64 data")
    return raw


def _integer(value: object) -> object:
    """Return a 64-bit integer, which protobuf's JSON writes as text or number."""
    if isinstance(value, str) and 0 < len(value) <= 20 and value.isascii():
        digits = value.removeprefix("-")
        if digits.isdigit() and str(int(digits)) == digits:
            return int(value)
    if type(value) is int:
        return value
    raise ValueError("not an integer")


Bytes = Annotated[bytes, BeforeValidator(_decode)]
Content = Annotated[Bytes, Field(min_length=1)]
Natural = Annotated[int, BeforeValidator(_integer), Field(ge=0, lt=1 << 63)]
Seconds = Annotated[int, BeforeValidator(_integer), Field(ge=0, le=LATEST_MOMENT)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel)


class _Certificate(_Model):
    raw_bytes: Content


class _Chain(_Model):
    certificates: Annotated[list[_Certificate], Field(min_length=1, max_length=MAX_INTERMEDIATES + 1)]


class _Key(_Model):
    hint: Annotated[str, Field(max_length=1024)] = ""


class _LogId(_Model):
    key_id: Annotated[Bytes, Field(min_length=1, max_length=64)]


class _KindVersion(_Model):
    kind: Annotated[str, Field(max_length=64)]
    version: Annotated[str, Field(max_length=64)]


class _Promise(_Model):
    signed_entry_timestamp: Content


class _Checkpoint(_Model):
    envelope: Annotated[str, Field(min_length=1)]


class _Proof(_Model):
    log_index: Natural = 0
    root_hash: Content
    tree_size: Natural
    hashes: Annotated[list[Bytes], Field(max_length=MAX_HASHES)] = []
    checkpoint: _Checkpoint | None = None


class _Entry(_Model):
    log_index: Natural = 0
    log_id: _LogId
    kind_version: _KindVersion
    integrated_time: Seconds | None = None
    inclusion_promise: _Promise | None = None
    inclusion_proof: _Proof | None = None
    canonicalized_body: Content


class _Timestamp(_Model):
    signed_timestamp: Content


class _Timestamps(_Model):
    rfc3161_timestamps: Annotated[
        list[_Timestamp], Field(max_length=MAX_TIMESTAMPS, alias="rfc3161Timestamps")
    ] = []


class _Material(_Model):
    certificate: _Certificate | None = None
    x509_certificate_chain: Annotated[_Chain | None, Field(alias="x509CertificateChain")] = None
    public_key: _Key | None = None
    tlog_entries: Annotated[list[_Entry], Field(max_length=MAX_LOG_ENTRIES)] = []
    timestamp_verification_data: _Timestamps | None = None


class _Digest(_Model):
    algorithm: Literal["SHA2_256", "SHA2_384", "SHA2_512"]
    digest: Content


class _MessageSignature(_Model):
    message_digest: _Digest
    signature: Content


class _Signature(_Model):
    sig: Content
    keyid: Annotated[str, Field(max_length=1024)] = ""


class _Envelope(_Model):
    payload: Content
    payload_type: Annotated[str, Field(min_length=1, max_length=256)]
    signatures: Annotated[list[_Signature], Field(min_length=1, max_length=MAX_SIGNATURES)]


class _Bundle(_Model):
    media_type: str
    verification_material: _Material
    message_signature: _MessageSignature | None = None
    dsse_envelope: _Envelope | None = None


def _bundle(version: tuple[int, int], document: _Bundle) -> Bundle:
    material = document.verification_material
    data = material.timestamp_verification_data
    return Bundle(
        version=version,
        certificates=_certificates(version, material),
        entries=tuple(map(_entry, material.tlog_entries)),
        timestamps=tuple(stamp.signed_timestamp for stamp in data.rfc3161_timestamps) if data else (),
        content=_content(document),
    )


def _certificates(version: tuple[int, int], material: _Material) -> tuple[bytes, ...]:
    holders = (material.certificate, material.x509_certificate_chain, material.public_key)
    if sum(holder is not None for holder in holders) != 1:
        raise EncodingError("not exactly one of certificate, x509CertificateChain and publicKey")
    if material.certificate:
        if version < (0, 3):
            raise EncodingError("a certificate where bundles before v0.3 have a chain")
        return (material.certificate.raw_bytes,)
    if material.x509_certificate_chain:
        if version >= (0, 3):
            raise EncodingError("a certificate chain where bundles from v0.3 on have a certificate")
        return tuple(c.raw_bytes for c in material.x509_certificate_chain.certificates)
    return ()


def _content(document: _Bundle) -> Message | Envelope:
    message, envelope = document.message_signature, document.dsse_envelope
    if (message is None) == (envelope is None):
        raise EncodingError("not exactly one of messageSignature and dsseEnvelope")
    if envelope:
        if len(envelope.signatures) != 1:
            raise EncodingError("not exactly one signature in the envelope")
        return Envelope(
            payload=envelope.payload,
            payload_type=envelope.payload_type,
            signatures=tuple(signature.sig for signature in envelope.signatures),
        )
    assert message  # noqa: S101 (exactly one of the two)
    return Message(
        algorithm=V2_ALGORITHMS[message.message_digest.algorithm],
        digest=message.message_digest.digest,
        signature=message.signature,
    )


def _entry(entry: _Entry) -> BundleEntry:
    promise = entry.inclusion_promise
    return BundleEntry(
        log_index=entry.log_index,
        log_id=entry.log_id.key_id.hex(),
        kind=(entry.kind_version.kind, entry.kind_version.version),
        integrated_time=entry.integrated_time or None,
        promise=promise.signed_entry_timestamp if promise else b"",
        proof=_proof(entry.inclusion_proof) if entry.inclusion_proof else None,
        body=entry.canonicalized_body,
    )


def _proof(proof: _Proof) -> InclusionProof:
    if proof.checkpoint is None:
        raise VerificationError("checkpoint-missing", "an inclusion proof has no checkpoint")
    return InclusionProof(
        log_index=proof.log_index,
        tree_size=proof.tree_size,
        root_hash=proof.root_hash,
        hashes=tuple(proof.hashes),
        checkpoint=proof.checkpoint.envelope,
    )
