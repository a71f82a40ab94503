"""What can be wrong with a signature on purpose: the closed list of faults, and where each can be planted.

A fault spoils one thing. All else about the signature stays as it would be without it, so a verifier that
accepts the signature did not look at that one thing. `claims.py` plants the faults of what is signed,
`signing.py` those of certificate, signature, log entry and timestamp, `carriers.py` those of storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """How a signature is stored."""

    COSIGN = "cosign"
    """Layers under the tags `sha256-….sig` and `sha256-….att`."""
    COSIGN_REFERRER = "cosign-referrer"
    """The same layers in an OCI 1.1 referrer (cosign's experimental mode)."""
    BUNDLE = "bundle"
    """A Sigstore bundle v0.3 around a DSSE envelope, as an OCI 1.1 referrer."""
    BUNDLE_MESSAGE = "bundle-message"
    """A Sigstore bundle v0.3 over the manifest's bytes, as an OCI 1.1 referrer."""
    NOTARY = "notary"
    """A Notary Project signature in a JWS envelope, as an OCI 1.1 referrer."""
    NOTARY_COSE = "notary-cose"
    """The same in a COSE envelope."""

    @property
    def is_notary(self) -> bool:
        """Say whether the signature is one of the Notary Project."""
        return self in (Format.NOTARY, Format.NOTARY_COSE)

    @property
    def is_bundle(self) -> bool:
        """Say whether the signature is a Sigstore bundle."""
        return self in (Format.BUNDLE, Format.BUNDLE_MESSAGE)


class Part(StrEnum):
    """The part of a signature that a fault spoils."""

    CLAIM = "claim"
    CERTIFICATE = "certificate"
    SCT = "certificate timestamp"
    SIGNATURE = "signature"
    ATTRIBUTES = "signed attributes"
    LOG = "log entry"
    TIMESTAMP = "timestamp"


class Fault(StrEnum):
    """The name of each fault, as recipes write it."""

    WRONG_DIGEST = "wrong-digest"
    NOT_A_STATEMENT = "not-a-statement"
    NO_SUBJECT = "no-subject"
    MANY_SUBJECTS = "many-subjects"

    FOREIGN_ROOT = "foreign-root"
    EXPIRED_INTERMEDIATE = "expired-intermediate"
    LONG_LIVED = "long-lived"
    WRONG_USAGE = "wrong-usage"
    NO_CHAIN = "no-chain"
    TWO_CERTIFICATES = "two-certificates"
    KEY_AS_CERTIFICATE = "key-as-certificate"
    EXPIRED_CERTIFICATE = "expired-certificate"
    NO_INTERMEDIATE = "no-intermediate"
    REVOCABLE = "revocable"

    NO_SCT = "no-sct"
    TAMPERED_SCT = "tampered-sct"
    FOREIGN_SCT = "foreign-sct"

    TAMPERED_SIGNATURE = "tampered-signature"
    TAMPERED_PAYLOAD = "tampered-payload"
    FOREIGN_KEY = "foreign-key"
    WRONG_ALGORITHM = "wrong-algorithm"

    PAST_EXPIRY = "past-expiry"
    UNKNOWN_CRITICAL = "unknown-critical"
    NOT_CRITICAL = "not-critical"
    PLUGIN = "plugin"

    NO_TLOG = "no-tlog"
    NO_SET = "no-set"
    TAMPERED_SET = "tampered-set"
    FOREIGN_SET = "foreign-set"
    RETIRED_LOG = "retired-log"
    EDITED_LOG_TIME = "edited-log-time"
    EXPIRED = "expired"
    EARLY_LOG = "early-log"
    SWAPPED_BUNDLE = "swapped-bundle"
    WRONG_PAYLOAD_DIGEST = "wrong-payload-digest"
    NO_INCLUSION_PROOF = "no-inclusion-proof"
    BAD_INCLUSION_PROOF = "bad-inclusion-proof"
    BAD_CHECKPOINT = "bad-checkpoint"
    MANY_LOG_ENTRIES = "many-log-entries"

    TAMPERED_TIMESTAMP = "tampered-timestamp"
    FOREIGN_TIMESTAMP = "foreign-timestamp"
    IMPOSTOR_TIMESTAMP = "impostor-timestamp"
    LATE_TIMESTAMP = "late-timestamp"
    WRONG_TIMESTAMP = "wrong-timestamp"
    MANY_TIMESTAMPS = "many-timestamps"


SIGSTORE = frozenset(form for form in Format if not form.is_notary)
"""Formats of cosign and Sigstore."""
NOTARY = frozenset(form for form in Format if form.is_notary)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultInfo:
    """What a fault does.

    Attributes:
        summary: one sentence.
        part: what it spoils.
        formats: where it can be planted.
        keyless: it needs a certificate, so a key pair cannot have it (but Notary signers have one).
        removes: it takes its part away, so no other fault of that part can be seen beside it.
        harmless: a verifier may well accept the signature; the summary says when not.
        statement: it needs an in-toto statement: an attestation, or a bundle of format `bundle`.
    """

    summary: str
    part: Part
    formats: frozenset[Format] = SIGSTORE
    keyless: bool = False
    removes: bool = False
    harmless: bool = False
    statement: bool = False


_LAYERS = frozenset({Format.COSIGN, Format.COSIGN_REFERRER})
_BUNDLES = frozenset({Format.BUNDLE, Format.BUNDLE_MESSAGE})

MANY_SUBJECTS = 1025
"""One more than other clients take in one statement."""
MANY_ENTRIES = 33
"""One more than other clients take in one bundle, for log entries and timestamps alike."""

CATALOGUE: dict[Fault, FaultInfo] = {
    Fault.WRONG_DIGEST: FaultInfo(
        summary="What is signed names the digest of another image.",
        part=Part.CLAIM,
        formats=frozenset(Format),
    ),
    Fault.NOT_A_STATEMENT: FaultInfo(
        summary="The DSSE payload says that it is an in-toto statement and is not even JSON.",
        part=Part.CLAIM,
        statement=True,
        removes=True,
    ),
    Fault.NO_SUBJECT: FaultInfo(
        summary="The statement has no subject.",
        part=Part.CLAIM,
        statement=True,
        removes=True,
    ),
    Fault.MANY_SUBJECTS: FaultInfo(
        summary=f"The statement has {MANY_SUBJECTS} subjects, the image last; some clients stop at 1,024.",
        part=Part.CLAIM,
        statement=True,
        harmless=True,
    ),
    Fault.FOREIGN_ROOT: FaultInfo(
        summary="The certificate is of an authority with the same names and other keys.",
        part=Part.CERTIFICATE,
        formats=frozenset(Format),
        keyless=True,
    ),
    Fault.EXPIRED_INTERMEDIATE: FaultInfo(
        summary="The certificate is of an intermediate of the right root that had expired a year before.",
        part=Part.CERTIFICATE,
        keyless=True,
    ),
    Fault.LONG_LIVED: FaultInfo(
        summary="The certificate lives for 30 years; accepted, but it shows who relies on the log.",
        part=Part.CERTIFICATE,
        keyless=True,
        harmless=True,
    ),
    Fault.WRONG_USAGE: FaultInfo(
        summary="The certificate is for TLS servers, not for code signing.",
        part=Part.CERTIFICATE,
        formats=frozenset(Format),
        keyless=True,
    ),
    Fault.NO_CHAIN: FaultInfo(
        summary="The layer does not carry the chain; refused where the policy gives roots only.",
        part=Part.CERTIFICATE,
        formats=_LAYERS,
        keyless=True,
        harmless=True,
    ),
    Fault.TWO_CERTIFICATES: FaultInfo(
        summary="The layer's certificate field holds the signer's certificate and then a stranger's.",
        part=Part.CERTIFICATE,
        formats=_LAYERS,
        keyless=True,
        harmless=True,
    ),
    Fault.KEY_AS_CERTIFICATE: FaultInfo(
        summary="The layer's certificate field holds the bare public key that made the signature.",
        part=Part.CERTIFICATE,
        formats=_LAYERS,
        keyless=True,
        removes=True,
    ),
    Fault.EXPIRED_CERTIFICATE: FaultInfo(
        summary="The certificate expired an hour before signing.",
        part=Part.CERTIFICATE,
        formats=NOTARY,
    ),
    Fault.NO_INTERMEDIATE: FaultInfo(
        summary="The envelope's chain lacks the intermediate.",
        part=Part.CERTIFICATE,
        formats=NOTARY,
    ),
    Fault.REVOCABLE: FaultInfo(
        summary="The certificate names an OCSP responder, so that its status has to be known.",
        part=Part.CERTIFICATE,
        formats=NOTARY,
    ),
    Fault.NO_SCT: FaultInfo(
        summary="The certificate carries no promise of a certificate transparency log.",
        part=Part.SCT,
        keyless=True,
        removes=True,
    ),
    Fault.TAMPERED_SCT: FaultInfo(
        summary="One bit of the certificate transparency log's signature is flipped.",
        part=Part.SCT,
        keyless=True,
    ),
    Fault.FOREIGN_SCT: FaultInfo(
        summary="The promise is by a certificate transparency log that the trust root does not know.",
        part=Part.SCT,
        keyless=True,
    ),
    Fault.TAMPERED_SIGNATURE: FaultInfo(
        summary="One bit of the signature is flipped; a log entry has the same flipped signature.",
        part=Part.SIGNATURE,
        formats=frozenset(Format),
    ),
    Fault.TAMPERED_PAYLOAD: FaultInfo(
        summary="A space was added behind the payload after signing: other bytes, the same JSON.",
        part=Part.SIGNATURE,
        formats=_LAYERS | {Format.BUNDLE} | NOTARY,
    ),
    Fault.FOREIGN_KEY: FaultInfo(
        summary="The signature is by another key than the certificate or the signer's key pair has.",
        part=Part.SIGNATURE,
    ),
    Fault.WRONG_ALGORITHM: FaultInfo(
        summary="The header states another algorithm than the key's, whose signature it is nevertheless.",
        part=Part.SIGNATURE,
        formats=NOTARY,
    ),
    Fault.PAST_EXPIRY: FaultInfo(
        summary="The signature's own expiry is an hour before the moment of the lab.",
        part=Part.ATTRIBUTES,
        formats=NOTARY,
    ),
    Fault.UNKNOWN_CRITICAL: FaultInfo(
        summary="The signature has a critical attribute that nobody knows.",
        part=Part.ATTRIBUTES,
        formats=NOTARY,
    ),
    Fault.NOT_CRITICAL: FaultInfo(
        summary="The signing scheme is not marked as critical.",
        part=Part.ATTRIBUTES,
        formats=NOTARY,
    ),
    Fault.PLUGIN: FaultInfo(
        summary="The signature demands a verification plugin.",
        part=Part.ATTRIBUTES,
        formats=NOTARY,
    ),
    Fault.NO_TLOG: FaultInfo(
        summary="There is no log entry.",
        part=Part.LOG,
        removes=True,
    ),
    Fault.NO_SET: FaultInfo(
        summary="The bundle's log entry has no promise, so that nothing signed vouches for its time.",
        part=Part.LOG,
        formats=_BUNDLES,
    ),
    Fault.TAMPERED_SET: FaultInfo(
        summary="One bit of the signed entry timestamp is flipped.",
        part=Part.LOG,
    ),
    Fault.FOREIGN_SET: FaultInfo(
        summary="The log entry is in a log that the trust root does not know.",
        part=Part.LOG,
    ),
    Fault.RETIRED_LOG: FaultInfo(
        summary="The log entry is in a log whose key, by the trust root, had been retired the day before.",
        part=Part.LOG,
    ),
    Fault.EDITED_LOG_TIME: FaultInfo(
        summary="The log entry's time was changed by a minute after the log had promised it.",
        part=Part.LOG,
    ),
    Fault.EXPIRED: FaultInfo(
        summary="The log entry was made an hour after signing, when the certificate had expired.",
        part=Part.LOG,
        keyless=True,
    ),
    Fault.EARLY_LOG: FaultInfo(
        summary="The log entry was made an hour before the certificate's life began.",
        part=Part.LOG,
        keyless=True,
    ),
    Fault.SWAPPED_BUNDLE: FaultInfo(
        summary="The log entry is a good one, but of another signature by the same signer.",
        part=Part.LOG,
    ),
    Fault.WRONG_PAYLOAD_DIGEST: FaultInfo(
        summary="The log entry has this signature, but the hash of other bytes.",
        part=Part.LOG,
    ),
    Fault.NO_INCLUSION_PROOF: FaultInfo(
        summary="The bundle's log entry has no inclusion proof.",
        part=Part.LOG,
        formats=_BUNDLES,
    ),
    Fault.BAD_INCLUSION_PROOF: FaultInfo(
        summary="One bit of the first hash of the inclusion proof is flipped.",
        part=Part.LOG,
        formats=_BUNDLES,
    ),
    Fault.BAD_CHECKPOINT: FaultInfo(
        summary="The checkpoint is signed by another key in the log's name.",
        part=Part.LOG,
        formats=_BUNDLES,
    ),
    Fault.MANY_LOG_ENTRIES: FaultInfo(
        summary=f"The bundle has {MANY_ENTRIES} log entries of the same content.",
        part=Part.LOG,
        formats=_BUNDLES,
    ),
    Fault.TAMPERED_TIMESTAMP: FaultInfo(
        summary="One bit of the timestamp's signature is flipped.",
        part=Part.TIMESTAMP,
    ),
    Fault.FOREIGN_TIMESTAMP: FaultInfo(
        summary="The timestamp is by an authority with the same names and other keys.",
        part=Part.TIMESTAMP,
    ),
    Fault.IMPOSTOR_TIMESTAMP: FaultInfo(
        summary="The timestamp names and embeds the trusted certificate, but another key signed it.",
        part=Part.TIMESTAMP,
    ),
    Fault.LATE_TIMESTAMP: FaultInfo(
        summary="The timestamp was made an hour after signing, when the certificate had expired.",
        part=Part.TIMESTAMP,
        keyless=True,
    ),
    Fault.WRONG_TIMESTAMP: FaultInfo(
        summary="The timestamp is of other bytes.",
        part=Part.TIMESTAMP,
    ),
    Fault.MANY_TIMESTAMPS: FaultInfo(
        summary=f"The bundle has {MANY_ENTRIES} good timestamps.",
        part=Part.TIMESTAMP,
        formats=_BUNDLES,
    ),
}
"""Every fault. A fault of the timestamp brings a timestamp with it."""
