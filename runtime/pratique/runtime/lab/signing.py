"""One signing ceremony: certificate, signature, log entry and timestamp, each with the faults asked for.

The steps run in the order in which cosign runs them. A fault stands at the step it spoils, once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias, assert_never

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from pratique.runtime.lab import entries
from pratique.runtime.lab.authority import LEAF_LIFE, Identity, NameKind, SubjectName
from pratique.runtime.lab.certificates import pem
from pratique.runtime.lab.entries import EntryBody
from pratique.runtime.lab.faults import MANY_ENTRIES, Fault
from pratique.runtime.lab.instance import SigstoreInstance
from pratique.runtime.lab.keys import (
    HashName,
    PrivateKey,
    PublicKey,
    b64,
    derive_key,
    flip_last_bit,
    public_pem,
    sign,
)
from pratique.runtime.lab.log import LogEntry, Rekor

IN_TOTO = "application/vnd.in-toto+json"
"""Payload type of the DSSE envelopes."""

LOG_DELAY = timedelta(seconds=5)
STAMP_DELAY = timedelta(seconds=2)
LONG_LIFE = timedelta(days=30 * 365)
_HOUR = timedelta(hours=1)


class EntryKind(StrEnum):
    """The kinds of Rekor v1 entry."""

    HASHEDREKORD = "hashedrekord"
    REKORD = "rekord"
    DSSE = "dsse"
    INTOTO = "intoto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyless:
    """A signer who gets a certificate for each signature."""

    identity: Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A signer with a key of their own; `hash_name` is what the signatures are made over."""

    key: PrivateKey
    hash_name: HashName = HashName.SHA256


Signer: TypeAlias = Keyless | KeyPair


class Stamped(StrEnum):
    """What a timestamp is of: cosign stamps the envelope of an attestation, and all else by its signature."""

    SIGNATURE = "signature"
    ENVELOPE = "envelope"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One signature to be made.

    Attributes:
        label: what the leaf key and the serial follow from; one of its kind in a lab.
        at: when it is signed; certificates begin then.
        payload: the claim.
        envelope: whether the claim goes into a DSSE envelope; else it is signed as it is.
        entry: kind of the log entry; None for no log.
        stamped: what the timestamp is of; None for no timestamp.
    """

    label: str
    signer: Signer
    at: datetime
    payload: bytes
    envelope: bool
    entry: EntryKind | None
    stamped: Stamped | None = None
    faults: Set[Fault] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A finished signature.

    Attributes:
        payload: the claim, as it is stored.
        envelope: the DSSE envelope as JSON, with one signature; None for a claim signed as it is.
        certificate: the signer's certificate; None for a key pair.
        bystander: somebody else's certificate, made for a fault of storage only.
        chain: issuers of the certificate, root last.
        timestamps: DER of TimeStampResp each.
    """

    payload: bytes
    signature: bytes
    envelope: bytes | None
    key: PublicKey
    certificate: x509.Certificate | None = None
    bystander: x509.Certificate | None = None
    chain: tuple[x509.Certificate, ...] = ()
    entries: tuple[LogEntry, ...] = ()
    timestamps: tuple[bytes, ...] = ()


def pae(payload: bytes, payload_type: str = IN_TOTO) -> bytes:
    """Return the bytes that a DSSE signature covers.

    References: DSSE protocol v1, "PAE".
    """
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)


def dsse_envelope(payload: bytes, signature: bytes) -> bytes:
    """Return a DSSE envelope in cosign's JSON."""
    data = {
        "payloadType": IN_TOTO,
        "payload": b64(payload),
        "signatures": [{"keyid": "", "sig": b64(signature)}],
    }
    return json.dumps(data, separators=(",", ":")).encode()


def perform(order: Order, sigstore: SigstoreInstance) -> Evidence:
    """Return the signature that `order` asks for; its log entry is appended to a log of `sigstore`."""
    ceremony = _Ceremony(order, sigstore)
    holder = ceremony.introduce()
    signature = ceremony.sign(holder, order.payload)
    signed = _Signed(
        order.payload, signature, dsse_envelope(order.payload, signature) if order.envelope else None
    )
    evidence = Evidence(
        payload=signed.payload,
        signature=signature,
        envelope=signed.envelope,
        key=holder.key.public_key(),
        certificate=holder.certificate,
        bystander=holder.bystander,
        chain=holder.chain,
        entries=ceremony.log(holder, signed),
        timestamps=ceremony.stamp(signed),
    )
    if Fault.TAMPERED_PAYLOAD in order.faults:
        payload = order.payload + b" "
        tampered = dsse_envelope(payload, signature) if order.envelope else None
        evidence = replace(evidence, payload=payload, envelope=tampered)
    return evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """Who signs, with what; `verifier` is the PEM that the log gets."""

    key: PrivateKey
    hash_name: HashName
    verifier: str
    certificate: x509.Certificate | None = None
    bystander: x509.Certificate | None = None
    chain: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class _Signed:
    payload: bytes
    signature: bytes
    envelope: bytes | None


@dataclass(frozen=True, slots=True)
class _Ceremony:
    """The steps of one order."""

    order: Order
    sigstore: SigstoreInstance

    def introduce(self) -> _Holder:
        """Return the signer with a key and, for a keyless one, a new certificate."""
        match self.order.signer:
            case KeyPair(key=key, hash_name=hash_name):
                return _Holder(key=key, hash_name=hash_name, verifier=public_pem(key.public_key()))
            case Keyless(identity=identity):
                key = derive_key(self.sigstore.seed, f"leaf/{self.order.label}")
                certificate, chain = self._certify(identity, key.public_key())
                return _Holder(
                    key=key,
                    hash_name=HashName.SHA256,
                    verifier=pem(certificate),
                    certificate=certificate,
                    bystander=self._bystander(),
                    chain=chain,
                )
            case _:
                assert_never(self.order.signer)

    def sign(self, holder: _Holder, payload: bytes) -> bytes:
        """Return the signature of a claim."""
        key = holder.key
        if Fault.FOREIGN_KEY in self.order.faults:
            key = derive_key(self.sigstore.seed, f"foreign/{self.order.label}")
        signature = sign(key, pae(payload) if self.order.envelope else payload, holder.hash_name)
        return flip_last_bit(signature) if Fault.TAMPERED_SIGNATURE in self.order.faults else signature

    def log(self, holder: _Holder, signed: _Signed) -> tuple[LogEntry, ...]:
        """Return the log entries, none where nothing was logged."""
        faults = self.order.faults
        if self.order.entry is None or Fault.NO_TLOG in faults:
            return ()
        if Fault.SWAPPED_BUNDLE in faults:
            other = b"Another payload."
            signature = self.sign(holder, other)
            signed = _Signed(other, signature, dsse_envelope(other, signature) if signed.envelope else None)
        body = _entry_body(self.order.entry, signed, holder.verifier, self._logged_hash(signed))
        count = MANY_ENTRIES if Fault.MANY_LOG_ENTRIES in faults else 1
        return tuple(self._logged(body) for _ in range(count))

    def stamp(self, signed: _Signed) -> tuple[bytes, ...]:
        """Return the timestamps, none where none is wanted."""
        faults = self.order.faults
        match self.order.stamped:
            case Stamped.SIGNATURE:
                data = signed.signature
            case Stamped.ENVELOPE:
                data = signed.envelope or b""
            case None:
                return ()
            case _:
                assert_never(self.order.stamped)
        if Fault.WRONG_TIMESTAMP in faults:
            data = b"Other bytes."
        stranger = self.sigstore.stranger.timestamps
        authority = stranger if Fault.FOREIGN_TIMESTAMP in faults else self.sigstore.timestamps
        impostor = stranger if Fault.IMPOSTOR_TIMESTAMP in faults else None
        at = self.order.at + (_HOUR if Fault.LATE_TIMESTAMP in faults else STAMP_DELAY)
        count = MANY_ENTRIES if Fault.MANY_TIMESTAMPS in faults else 1
        stamps = (authority.stamp(data, at, serial=n, impostor=impostor) for n in range(count))
        damage = Fault.TAMPERED_TIMESTAMP in faults
        return tuple(flip_last_bit(stamp) if damage else stamp for stamp in stamps)

    def _certify(
        self, identity: Identity, key: PublicKey
    ) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
        """Return the leaf certificate and its issuers."""
        faults = self.order.faults
        sigstore = self.sigstore.stranger if Fault.FOREIGN_ROOT in faults else self.sigstore
        old = Fault.EXPIRED_INTERMEDIATE in faults
        wrong_usage = Fault.WRONG_USAGE in faults
        certificate = sigstore.authority.issue(
            identity,
            key,
            self.order.at,
            serial=f"leaf/{self.order.label}",
            promise=None if Fault.NO_SCT in faults else self._promise,
            life=LONG_LIFE if Fault.LONG_LIVED in faults else LEAF_LIFE,
            usage=ExtendedKeyUsageOID.SERVER_AUTH if wrong_usage else ExtendedKeyUsageOID.CODE_SIGNING,
            old=old,
        )
        return certificate, sigstore.authority.old_chain if old else sigstore.authority.chain

    def _bystander(self) -> x509.Certificate | None:
        """Return a good certificate of somebody else, where a fault asks for one."""
        if Fault.TWO_CERTIFICATES not in self.order.faults:
            return None
        label = f"bystander/{self.order.label}"
        return self.sigstore.authority.issue(
            Identity(subjects=(SubjectName(NameKind.EMAIL, "bystander@lab.test"),)),
            derive_key(self.sigstore.seed, label).public_key(),
            self.order.at,
            serial=label,
            promise=self.sigstore.ctlog.promise,
        )

    def _promise(self, certificate: x509.Certificate, issuer: PublicKey, at: datetime) -> bytes:
        foreign = Fault.FOREIGN_SCT in self.order.faults
        ctlog = self.sigstore.stranger.ctlog if foreign else self.sigstore.ctlog
        sct = ctlog.promise(certificate, issuer, at)
        return flip_last_bit(sct) if Fault.TAMPERED_SCT in self.order.faults else sct

    def _logged_hash(self, signed: _Signed) -> str:
        wrong = Fault.WRONG_PAYLOAD_DIGEST in self.order.faults
        return hashlib.sha256(b"Other bytes." if wrong else signed.payload).hexdigest()

    def _logged(self, body: EntryBody) -> LogEntry:
        faults = self.order.faults
        log = self.sigstore.log
        if Fault.FOREIGN_SET in faults:
            log = self.sigstore.stranger.log
        elif Fault.RETIRED_LOG in faults:
            log = self.sigstore.retired_log
        delay = LOG_DELAY
        if Fault.EXPIRED in faults:
            delay = _HOUR
        elif Fault.EARLY_LOG in faults:
            delay = -_HOUR
        return self._damaged(log.append(body, self.order.at + delay), log)

    def _damaged(self, entry: LogEntry, log: Rekor) -> LogEntry:
        """Return the entry with the faults of the log's own statements."""
        faults = self.order.faults
        proof = entry.proof
        if Fault.TAMPERED_SET in faults:
            entry = replace(entry, promise=flip_last_bit(entry.promise))
        if Fault.EDITED_LOG_TIME in faults:
            entry = replace(entry, integrated_at=entry.integrated_at + 60)
        if Fault.BAD_INCLUSION_PROOF in faults:
            proof = replace(proof, hashes=(flip_last_bit(proof.hashes[0]), *proof.hashes[1:]))
        if Fault.BAD_CHECKPOINT in faults:
            checkpoint = log.checkpoint(proof.size, proof.root, self.sigstore.stranger.log.key)
            proof = replace(proof, checkpoint=checkpoint)
        return replace(entry, proof=proof)


def _entry_body(kind: EntryKind, signed: _Signed, verifier: str, payload_hash: str) -> EntryBody:
    match kind:
        case EntryKind.HASHEDREKORD:
            return entries.hashedrekord(payload_hash, signed.signature, verifier)
        case EntryKind.REKORD:
            return entries.rekord(payload_hash, signed.signature, verifier)
        case EntryKind.DSSE:
            return entries.dsse(signed.envelope or b"", payload_hash, signed.signature, verifier)
        case EntryKind.INTOTO:
            return entries.intoto(signed.envelope or b"", payload_hash, verifier)
        case _:
            assert_never(kind)
