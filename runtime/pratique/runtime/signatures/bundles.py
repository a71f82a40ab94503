"""Sigstore bundles: one file that holds a signature and all that proves it.

A time is believed only if it is signed: by the log in an inclusion promise, or by a timestamp authority. The
time beside an entry that is merely proved to be in the log says nothing (C12, C18).

References: sigstore `protobuf-specs`, `bundle/v1`; Sigstore client specification, "Verification"; sigstore-go
`pkg/verify`, whose limits and rules for duplicates are followed.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Final, assert_never

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.anchors import Anchors
from pratique.runtime.signatures.artifacts import ALGORITHMS, Artifact
from pratique.runtime.signatures.bundle_document import Bundle, BundleEntry, Message, read_bundle
from pratique.runtime.signatures.certificates import CertificateError, identity, load_certificate
from pratique.runtime.signatures.dsse import Envelope, keys_to_try, verify_envelope
from pratique.runtime.signatures.inclusion import verify_inclusion
from pratique.runtime.signatures.keys import HASHES, VerifyingKey
from pratique.runtime.signatures.log_records import (
    ENVELOPE_KINDS,
    MESSAGE_KINDS,
    Hashed,
    match_recorded,
    read_recorded,
)
from pratique.runtime.signatures.logs import LogKey, LogKeys
from pratique.runtime.signatures.methods import prepare
from pratique.runtime.signatures.model import Statement, VerifiedSignature
from pratique.runtime.signatures.signers import Signer, check_times, find_signer, named_verifier
from pratique.runtime.signatures.statements import read_statement, subject_with
from pratique.runtime.signatures.timestamps import verify_token
from pratique.runtime.signatures.transparency import LogEntry, verify_promise
from pratique.runtime.signatures.validity import moment, rfc3339

LOG_THRESHOLD: Final = 1
"""Distinct logs that must have the signature (C16)."""

_NO_TIME: Final = (
    "nothing signed says when the signature was made: the log gave no inclusion promise, and no trusted"
    " timestamp authority stamped it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Logged:
    """An entry that holds: by which log, and when if the log promised a time."""

    entry: BundleEntry
    promised_at: datetime | None


def verify_bundle(
    body: bytes,
    *,
    artifact: Artifact,
    method: ir.SigstoreMethod,
    trust: ir.Trust,
    anchors: Anchors,
    now: Callable[[], datetime],
) -> VerifiedSignature:
    """Return what a bundle proves about `artifact`.

    Args:
        body: the bundle's JSON.
        artifact: what the signature, or the subject of the statement, must be of.
        method: how the signer is known.
        trust: which proofs are demanded. Where no log is, log entries are not looked at.
        anchors: `anchors(trust, root)`.
        now: the clock, aware of its zone; asked only where no log is demanded and nothing is stamped, and for
            whether a log's key counts where no time is known at all.

    Raises:
        VerificationError: the first check that does not hold; see `docs/reasons.md` for the codes.
        TransportError: `trust-unavailable`.
    """
    prepared = prepare(method, anchors)
    bundle = read_bundle(body)
    leaf = _certificate(bundle)
    verifier = named_verifier(leaf, prepared)
    stamped_at = _stamped_at(bundle, anchors)
    logged: tuple[_Logged, ...] = ()
    if trust.log.required:
        logged = _logged(bundle, verifier, artifact, stamped_at, anchors.logs, now)
    signer = find_signer(leaf, anchors.known_intermediates, prepared, trust, anchors)
    _verify_signature(bundle.content, signer.key, artifact)
    statement, claims = _claimed(bundle.content, artifact)
    promised_at = tuple(each.promised_at for each in logged if each.promised_at)
    _check_times(leaf, signer, trust, stamped_at, promised_at, bundle, now)
    signed_at = next(iter((*promised_at, *stamped_at)), None)
    first = logged[0].entry if logged else None
    return VerifiedSignature(
        image_digest=artifact.digest,
        identity=identity(signer.certificate) if signer.certificate else None,
        key=signer.key.id,
        claims=claims,
        signed_at=int(signed_at.timestamp()) if signed_at else None,
        log_index=first.log_index if first else None,
        log_id=first.log_id if first else "",
        statement=statement,
    )


def _certificate(bundle: Bundle) -> x509.Certificate | None:
    """Return the leaf, if there is one.

    Issuers that came along are left aside, as the client specification asks (4.6): the trust root knows them,
    or no path is built.
    """
    if not bundle.certificates:
        return None
    try:
        leaf, *issuers = map(load_certificate, bundle.certificates)
    except CertificateError as error:
        raise VerificationError("not-a-certificate", str(error)) from error
    if any(issuer.subject == issuer.issuer for issuer in issuers):
        text = "a root certificate is in the bundle's chain; roots come from the trust root alone"
        raise VerificationError("chain-malformed", text)
    return leaf


# --- times -----------------------------------------------------------------------------------------------


def _stamped_at(bundle: Bundle, anchors: Anchors) -> tuple[datetime, ...]:
    """Return the times that trusted authorities gave; a bundle with timestamps must have a good one.

    Strangers' timestamps next to a good one count for nothing. Where neither policy nor trust root has been
    asked for authorities, timestamps are not looked at.
    """
    authorities = anchors.bundle_timestamps
    if not bundle.timestamps or authorities is None:
        return ()
    if len(set(bundle.timestamps)) != len(bundle.timestamps):
        raise VerificationError("timestamp-invalid", "the bundle holds a timestamp twice")
    found, refusals = [], []
    for token in bundle.timestamps:
        try:
            found.append(verify_token(token, _signature(bundle.content), authorities))
        except VerificationError as error:
            refusals.append(error)
    if not found:
        text = f"no timestamp of the bundle can be verified: {refusals[0].message}"
        raise VerificationError(refusals[0].code, text)
    return tuple(found)


def _check_times(
    leaf: x509.Certificate | None,
    signer: Signer,
    trust: ir.Trust,
    stamped_at: tuple[datetime, ...],
    promised_at: tuple[datetime, ...],
    bundle: Bundle,
    now: Callable[[], datetime],
) -> None:
    """Judge the certificate at every known time (C10), and demand one where it is needed (C12, C18).

    It is for a certificate where a log is demanded, and for keys too unless SCTs are waived: Kyverno takes
    that flag of a policy as the demand for a signed time of a bundle.
    """
    times = [("timestamp", at) for at in stamped_at] + [("log entry", at) for at in promised_at]
    if not times and (trust.sct.required or (leaf is not None and trust.log.required)):
        raise VerificationError("no-signed-time", _NO_TIME)
    if leaf is not None and trust.log.required:
        # Unsigned times prove nothing, but one that cannot be true gives a bundle away.
        unsigned = (e.integrated_time for e in bundle.entries if not e.promise and e.integrated_time)
        times += [("log entry", moment(seconds)) for seconds in unsigned]
    check_times(leaf, signer, times, now)


# --- the log ---------------------------------------------------------------------------------------------


def _logged(
    bundle: Bundle,
    verifier: pem.Block,
    artifact: Artifact,
    stamped_at: tuple[datetime, ...],
    logs: LogKeys,
    now: Callable[[], datetime],
) -> tuple[_Logged, ...]:
    """Return the entries of trusted logs, each about this signature; entries of strangers count for nothing.

    INVARIANT: an entry of a trusted log holds in every respect or the bundle is refused.
    """
    if not bundle.entries:
        raise VerificationError(
            "not-logged", "signature not found in transparency log: no entry in the bundle"
        )
    places = {(entry.log_id, entry.log_index) for entry in bundle.entries}
    if len(places) != len(bundle.entries):
        raise VerificationError("log-entry-duplicate", "the bundle holds a log entry twice")
    found = []
    for entry in bundle.entries:
        keys = _keys_of(entry, logs)
        if keys.keys:
            _match(entry, bundle.content, verifier, artifact)
            found.append(_Logged(entry=entry, promised_at=_proved(entry, keys, stamped_at, now)))
    distinct = {logged.entry.log_id for logged in found}
    if len(distinct) < LOG_THRESHOLD:
        text = "the bundle's log entries are not of a log that is trusted"
        raise VerificationError("log-key-unknown", text)
    return tuple(found)


def _keys_of(entry: BundleEntry, logs: LogKeys) -> LogKeys:
    """Return the keys by which the entry's log goes.

    A Rekor v2 log with an Ed25519 key is named by a hash over its origin and key; a policy that gives the key
    alone does not know that name, so it is made from the checkpoint's origin, which the key has signed.
    """
    named = logs.named(entry.log_id)
    if not named and entry.proof:
        origin = entry.proof.checkpoint.partition("\n")[0]
        named = tuple(
            replace(log, id=entry.log_id)
            for log in logs.keys
            if not log.url and entry.log_id == _note_id(origin, log.key)
        )
    return LogKeys(named)


def _note_id(origin: str, key: VerifyingKey) -> str | None:
    """Return the id of a key in a signed note (C2SP `signed-note`); None for other keys than Ed25519."""
    if not isinstance(key.public, ed25519.Ed25519PublicKey):
        return None
    raw = key.public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sha256(origin.encode(errors="replace") + b"\n\x01" + raw).hexdigest()


def _proved(
    entry: BundleEntry, keys: LogKeys, stamped_at: tuple[datetime, ...], now: Callable[[], datetime]
) -> datetime | None:
    """Return when the log says it took the entry, None if it gives no time; at least one proof holds."""
    promised_at = None
    if entry.promise:
        if entry.integrated_time is None:
            raise VerificationError("bundle-malformed", "invalid bundle: an inclusion promise without time")
        verify_promise(
            LogEntry(
                body=base64.b64encode(entry.body).decode(),
                integrated_time=entry.integrated_time,
                log_index=entry.log_index,
                log_id=entry.log_id,
                promise=entry.promise,
            ),
            keys,
        )
        promised_at = moment(entry.integrated_time)
    if entry.proof:
        at = (promised_at,) if promised_at else stamped_at or (now(),)
        verify_inclusion(entry.body, entry.proof, _current(keys, at))
    return promised_at


def _current(keys: LogKeys, times: tuple[datetime, ...]) -> LogKey:
    """Return the key that the log used at all of `times` (C17)."""
    for log in keys.keys:
        if all(log.window.contains(at) for at in times):
            return log
    text = f"the key of the log was not in use at {rfc3339(times[0])}"
    raise VerificationError("log-key-expired", text)


def _match(entry: BundleEntry, content: Message | Envelope, verifier: pem.Block, artifact: Artifact) -> None:
    """Return if the entry is about this signature (C1, C8, C19)."""
    match content:
        case Envelope():
            covered = content.covered
            accepted = ENVELOPE_KINDS
            digests = {
                Hashed.PAYLOAD: {"sha256": sha256(content.payload).digest()},
                Hashed.CONTENT: {name: hashlib.new(name, covered).digest() for name in ALGORITHMS},
            }
            signatures = content.signatures
        case Message():
            accepted = MESSAGE_KINDS
            digests = {Hashed.CONTENT: dict(artifact.digests)}
            signatures = (content.signature,)
        case _:
            assert_never(content)
    kind, recorded = read_recorded(entry.body, accepted)
    if kind != entry.kind:
        text = "kind and version of a log entry are not those of its body"
        raise VerificationError("log-entry-mismatch", text)
    match_recorded(recorded, signatures=signatures, verifier=verifier, digests=digests)


# --- the signature ---------------------------------------------------------------------------------------


def _signature(content: Message | Envelope) -> bytes:
    return content.signatures[0] if isinstance(content, Envelope) else content.signature


def _verify_signature(content: Message | Envelope, key: VerifyingKey, artifact: Artifact) -> None:
    match content:
        case Envelope():
            verify_envelope(content, key)
        case Message():
            _verify_message(content, key, artifact)
        case _:
            assert_never(content)


def _verify_message(message: Message, key: VerifyingKey, artifact: Artifact) -> None:
    digest = artifact.digests.get(message.algorithm)
    if digest is None:
        raise _unknown_digest(message.algorithm)
    if digest != message.digest:
        text = f"the bundle is about {message.algorithm}:{message.digest.hex()[:128]}"
        raise VerificationError("digest-mismatch", text)
    if isinstance(key.public, ed25519.Ed25519PublicKey):
        if artifact.content is None:
            text = "an Ed25519 signature can only be verified with the artifact itself, not with its digest"
            raise VerificationError("artifact-needed", text)
        key.verify(message.signature, artifact.content)
        return
    first, *others = keys_to_try(replace(key, algorithm=HASHES[message.algorithm]))
    for other in others:
        # The bundle's digest is a hint: what was signed may be the digest that fits the size of the key.
        own = artifact.digests.get(other.algorithm.name)
        if own is not None and _holds(other, message.signature, own):
            return
    first.verify_digest(message.signature, digest)


def _holds(key: VerifyingKey, signature: bytes, digest: bytes) -> bool:
    try:
        key.verify_digest(signature, digest)
    except VerificationError:
        return False
    return True


def _unknown_digest(algorithm: str) -> VerificationError:
    text = (
        f"the signature is of the artifact's {algorithm} digest, which is not known: give the artifact itself"
    )
    return VerificationError("artifact-needed", text)


def _claimed(
    content: Message | Envelope, artifact: Artifact
) -> tuple[Statement | None, tuple[tuple[str, str], ...] | None]:
    if isinstance(content, Message):
        return None, None
    statement = read_statement(content.payload)
    return statement, subject_with(statement, artifact.digests).annotations or None
