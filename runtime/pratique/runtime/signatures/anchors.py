"""What one `ir.Trust` comes down to: the keys and certificates that signatures are checked against.

PEM texts in a policy take the place of the same part of the trust root, part by part. Where they cover all
that a signature needs, no trust root is needed, and none is read.

References: Kyverno 1.19 `pkg/image/verifiers/cpol/cosign/cosign.go` (`buildCosignOptions`), whose texts are
repeated: they stand in front of the whole attestor, not of one signature.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from cryptography import x509

from pratique.compiler import ir
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.certificates import CertificateError, load_shared_certificates
from pratique.runtime.signatures.chains import Authorities, authorities_of
from pratique.runtime.signatures.encodings import EncodingError
from pratique.runtime.signatures.keys import KeyTextError, load_pem_key
from pratique.runtime.signatures.logs import LogKey, LogKeys
from pratique.runtime.signatures.timestamps import TimestampAuthority, load_authority
from pratique.runtime.signatures.trust_root import TrustRoot


@dataclass(frozen=True, eq=False, kw_only=True)
class Anchors:
    """The anchors of one trust; what neither the policy nor a trust root has is found out when it is needed.

    Attributes:
        timestamps: authorities whose timestamps are looked at; empty where a policy names none.
        bundle_timestamps: authorities that bundles' timestamps are checked against: the policy's, else the
            trust root's; None where the policy names none and no trust root was needed.
        known_intermediates: issuers that the trust root knows, for bundles, which hold the leaf alone. Not
            trusted by themselves: a path through them ends at `authorities`.
        root: name of the trust root that they were taken from; empty if there was none.
        version: the version of the trust root they were taken from; empty if there was none. Anchors of equal
            trust and equal version are the same (rule R3).
    """

    version: str
    root: str
    timestamps: tuple[TimestampAuthority, ...]
    bundle_timestamps: tuple[TimestampAuthority, ...] | None
    known_intermediates: tuple[x509.Certificate, ...]
    own_authorities: Authorities | None = field(repr=False)
    own_logs: LogKeys | None = field(repr=False)
    own_ct_logs: LogKeys | None = field(repr=False)

    @property
    def authorities(self) -> Authorities:
        """Return the certificate authorities.

        Raises:
            TransportError: `trust-unavailable`.
        """
        if self.own_authorities is None:
            raise self._unavailable("failed to get roots from fulcio")
        return self.own_authorities

    @property
    def logs(self) -> LogKeys:
        """Return the keys of transparency logs.

        Raises:
            TransportError: `trust-unavailable`.
        """
        if self.own_logs is None:
            raise self._unavailable("failed to load Rekor public keys")
        return self.own_logs

    @property
    def ct_logs(self) -> LogKeys:
        """Return the keys of certificate-transparency logs.

        Raises:
            TransportError: `trust-unavailable`.
        """
        if self.own_ct_logs is None:
            raise self._unavailable("failed to load CTLogs public keys")
        return self.own_ct_logs

    def _unavailable(self, what: str) -> TransportError:
        lack = f"the trust root {self.root} has none" if self.root else "there is no trust root"
        return TransportError(
            "trust-unavailable",
            f"{what}: {lack}, and the policy names no own. Give a --trusted-root that has them, name them in"
            " the policy, or have the policy not ask for them",
        )


@lru_cache(maxsize=256)
def anchors(trust: ir.Trust, root: TrustRoot | None) -> Anchors:
    """Return the anchors of `trust`; what it leaves open comes from `root`, if there is one.

    Remembered: equal trust and the same root give the same object.

    Raises:
        VerificationError: `bad-roots`, `bad-log-key`, `bad-ct-log-key`, `bad-timestamp-chain`: a PEM text of
            the policy cannot be used. The message has Kyverno's prefix and never quotes the text.
    """
    authorities = root.authorities if root and root.authorities.all else None
    logs = root.logs if root and root.logs.keys else None
    ct_logs = root.ct_logs if root and root.ct_logs.keys else None
    if trust.roots is not None:
        authorities = load_pool(trust.roots, "failed to load Root certificates", code="bad-roots")
    if trust.log.required and trust.log.public_keys is not None:
        logs = _log_keys(
            trust.log.public_keys,
            "bad-log-key",
            "failed to load Rekor public keys: failed to get rekor public keys",
        )
    if trust.sct.required and trust.sct.public_keys is not None:
        ct_logs = _log_keys(
            trust.sct.public_keys,
            "bad-ct-log-key",
            "failed to load CTLogs public keys: failed to get transparency log public keys",
        )
    named = None if trust.timestamp_chain is None else (load_authority(trust.timestamp_chain),)
    return Anchors(
        version=root.version if root else "",
        root=root.name if root else "",
        timestamps=named or (),
        known_intermediates=tuple(i for a in root.authorities.all for i in a.intermediates) if root else (),
        bundle_timestamps=root.timestamps if named is None and root else named,
        own_authorities=authorities,
        own_logs=logs,
        own_ct_logs=ct_logs,
    )


def load_pool(text: str, prefix: str, *, code: str) -> Authorities:
    """Return the certificates of a PEM text as authorities, each trusted as it is.

    Stricter than Go's pool, which skips what it cannot read: a damaged text is refused as a whole. Blocks
    that are no certificates are skipped as there, unless one is a private key.

    Raises:
        VerificationError: with `code`; the message is `prefix` and Go's text.
    """
    try:
        if pem.holds_private_key(text):
            raise CertificateError("a private key stands where certificates are expected")
        found, _ = pem.blocks(text)
        certificates = "".join(pem.armour(b.label, b.der) for b in found if b.label == "CERTIFICATE")
        loaded = load_shared_certificates(certificates)
        if not loaded:
            raise CertificateError("error creating root cert pool")
    except (EncodingError, CertificateError) as error:
        raise VerificationError(code, f"{prefix}: {error}") from error
    return authorities_of(loaded)


def _log_keys(text: str, code: str, prefix: str) -> LogKeys:
    """Return the one key of a policy's `pubkey` field: the first block, as Kyverno reads it."""
    try:
        key = load_pem_key(text, several=True)
    except KeyTextError as error:
        raise VerificationError(code, f"{prefix}: {error}") from error
    return LogKeys((LogKey(id=key.id, key=key),))
