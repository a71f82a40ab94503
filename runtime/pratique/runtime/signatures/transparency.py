"""Transparency log entries: what an entry records, that it is about this very signature, and its promise.

An entry is believed for two things only: that its body was logged, and when. Everything in the body is
compared with the signature under test, so an entry of anything else is worth nothing (C1, C8, C11).

References: Rekor `types/hashedrekord/v0.0.1` and `types/rekord/v0.0.1`; cosign `pkg/cosign/verify.go`
(`VerifyBundle`, `VerifySET`), whose order and texts are followed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.encodings import EncodingError, from_base64, from_json
from pratique.runtime.signatures.logs import LogKeys
from pratique.runtime.signatures.validity import moment, rfc3339

MAX_BUNDLE_BYTES: Final = 1 << 20
_MAX_INTEGER: Final = (1 << 53) - 1
_UNKNOWN_LOG: Final = "verifying bundle: rekor log public key not found for payload"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """An entry with the log's promise to include it, as stored next to a signature; nothing of it believed.

    Attributes:
        body: the canonical entry in base64, exactly as the promise covers it.
        integrated_time: seconds since the epoch.
        log_id: lower-case hex.
        promise: signature of the log over the other four (signed entry timestamp).
    """

    body: str
    integrated_time: int
    log_index: int
    log_id: str
    promise: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the body of an entry says was signed, by which signature and key.

    Attributes:
        kind: `hashedrekord`, `rekord`.
        signature: base64 as recorded.
        verifier: PEM of the public key or certificate.
    """

    kind: str
    version: str
    hash_algorithm: str
    hash_value: str
    signature: str
    verifier: str


def read_bundle(text: str) -> LogEntry:
    """Return the entry in cosign's annotation `dev.sigstore.cosign/bundle`.

    Raises:
        VerificationError: `bundle-malformed`.
    """
    try:
        data = from_json(text, max_bytes=MAX_BUNDLE_BYTES)
        payload = _member(data, "Payload", dict)
        promise = from_base64(_member(data, "SignedEntryTimestamp", str))
        entry = LogEntry(
            body=_body(payload),
            integrated_time=_natural(payload, "integratedTime"),
            log_index=_natural(payload, "logIndex"),
            log_id=_member(payload, "logID", str),
            promise=promise,
        )
        moment(entry.integrated_time)
    except ValueError as error:
        raise VerificationError("bundle-malformed", f"unmarshaling bundle: {error}") from error
    return entry


def _body(payload: dict[str, Any]) -> str:
    body = payload.get("body")
    if not isinstance(body, str):
        raise EncodingError("bundle payload body is not a string")
    return body


def read_record(body: str) -> Record:
    """Return what the body of an entry (base64) records.

    Raises:
        VerificationError: `bundle-malformed`, or `entry-kind-unsupported`.
    """
    try:
        data = from_json(from_base64(body), max_bytes=MAX_BUNDLE_BYTES)
        kind, version = _member(data, "kind", str), _member(data, "apiVersion", str)
        reader = _READERS.get((kind, version))
        if reader is None:
            text = "failed to extract signature from bundle: unsupported type"
            raise VerificationError("entry-kind-unsupported", text)
        return reader(kind, version, _member(data, "spec", dict))
    except EncodingError as error:
        raise VerificationError(
            "bundle-malformed", f"failed to extract signature from bundle: {error}"
        ) from error


def _signed_blob(kind: str, version: str, spec: dict[str, Any]) -> Record:
    """Read the shape that `hashedrekord` and `rekord` share once they are logged."""
    digest = _member(_member(spec, "data", dict), "hash", dict)
    signature = _member(spec, "signature", dict)
    if kind == "rekord" and signature.get("format") != "x509":
        raise EncodingError("signature format is not x509")
    verifier = from_base64(_member(_member(signature, "publicKey", dict), "content", str))
    return Record(
        kind=kind,
        version=version,
        hash_algorithm=_member(digest, "algorithm", str),
        hash_value=_member(digest, "value", str),
        signature=_member(signature, "content", str),
        verifier=verifier.decode("ascii", errors="replace"),
    )


_READERS: Final[dict[tuple[str, str], Callable[[str, str, dict[str, Any]], Record]]] = {
    ("hashedrekord", "0.0.1"): _signed_blob,
    ("rekord", "0.0.1"): _signed_blob,
}
"""Kinds of entries by (kind, version). A kind that is not here is never skipped but refused."""


def match_record(record: Record, *, signature: str, verifier: pem.Block, payload_sha256: str) -> None:
    """Return if `record` is about this signature, by this key or certificate, of this payload.

    Args:
        record: what a log entry says.
        signature: base64 as stored next to the payload.
        verifier: the certificate (label `CERTIFICATE`) or the public key (`PUBLIC KEY`) it is verified with.
        payload_sha256: lower-case hex.

    Raises:
        VerificationError: `log-entry-mismatch` (C1), `not-a-certificate` for anything but exactly one
            certificate or public key in the entry (C11).
    """
    if record.signature != signature:
        raise VerificationError(
            "log-entry-mismatch", "signature in bundle does not match signature being verified"
        )
    recorded = only_block(record.verifier)
    if recorded.der != verifier.der or recorded.label != verifier.label:
        expected = pem.armour(verifier.label, verifier.der)
        got = pem.armour(recorded.label, recorded.der)
        raise VerificationError(
            "log-entry-mismatch", f"comparing public key PEMs, expected {expected}, got {got}"
        )
    if record.hash_algorithm != "sha256":
        raise VerificationError("log-entry-mismatch", f'unexpected algorithm: "{record.hash_algorithm[:40]}"')
    if record.hash_value != payload_sha256:
        text = f'matching bundle to payload: bundle="{record.hash_value[:128]}", payload="{payload_sha256}"'
        raise VerificationError("log-entry-mismatch", text)


def only_block(text: str) -> pem.Block:
    """Return the one certificate or public key that an entry names.

    Raises:
        VerificationError: `not-a-certificate` for anything else (C11).
    """
    try:
        found, rest = pem.blocks(text)
    except EncodingError as error:
        raise VerificationError("not-a-certificate", f"failed to extract key from bundle: {error}") from error
    if len(found) != 1 or rest:
        raise VerificationError(
            "not-a-certificate", "the log entry does not hold exactly one certificate or public key"
        )
    if found[0].label not in ("CERTIFICATE", "PUBLIC KEY"):
        raise VerificationError(
            "not-a-certificate", "the log entry holds neither a certificate nor a public key"
        )
    return found[0]


def verify_promise(entry: LogEntry, logs: LogKeys) -> None:
    """Return if a trusted log promised this entry at this time and index.

    DEVIATION: the key must have been in use at the time of the entry; cosign only remarks that it was not
    (C17, `tests/runtime/signatures/test_transparency.py::test_a_log_key_counts_in_its_window_only`).

    Raises:
        VerificationError: `log-key-unknown`, `log-key-unsupported`, `log-key-expired`, `set-invalid`.
    """
    candidates = logs.named(entry.log_id)
    if not candidates:
        raise VerificationError("log-key-unknown", _UNKNOWN_LOG)
    logged_at = moment(entry.integrated_time)
    current = [log for log in candidates if log.window.contains(logged_at)]
    if not current:
        text = f"{_UNKNOWN_LOG}: the key was not in use at {rfc3339(logged_at)}"
        raise VerificationError("log-key-expired", text)
    public = current[0].key.public
    if not isinstance(public, ec.EllipticCurvePublicKey):
        text = f"rekor Public key for LogID {entry.log_id} is not type ecdsa.PublicKey"
        raise VerificationError("log-key-unsupported", text)
    covered = rfc8785.dumps(
        {
            "body": entry.body,
            "integratedTime": entry.integrated_time,
            "logID": entry.log_id,
            "logIndex": entry.log_index,
        }
    )
    try:
        public.verify(entry.promise, covered, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise VerificationError("set-invalid", "unable to verify SET") from error


def _member(data: Any, name: str, kind: type[Any]) -> Any:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, kind):
        raise EncodingError(f"no {name}")
    return value


def _natural(data: dict[str, Any], name: str) -> int:
    value = data.get(name)
    if type(value) is not int or not 0 <= value <= _MAX_INTEGER:
        raise EncodingError(f"no {name}")
    return value
