"""Who signed: the key that a signature is checked with, the certificate that vouches for it, and when.

References: cosign 3.1 `pkg/cosign/verify.go`, whose texts are repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.anchors import Anchors
from pratique.runtime.signatures.certificates import certificate_key, is_authority
from pratique.runtime.signatures.chains import Path, build_path, check_validity
from pratique.runtime.signatures.keys import KeyTextError, VerifyingKey
from pratique.runtime.signatures.methods import Prepared
from pratique.runtime.signatures.sct import verify_embedded


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The key a signature is checked with, and the certificate that vouches for it, if any."""

    key: VerifyingKey
    certificate: x509.Certificate | None
    path: Path | None


def named_verifier(leaf: x509.Certificate | None, prepared: Prepared) -> pem.Block:
    """Return what a log entry must name: the certificate next to the signature, else the given key.

    Raises:
        VerificationError: `certificate-missing`, `key-mismatch`, `not-a-certificate`.
    """
    if leaf is None:
        if prepared.key is None:
            raise VerificationError("certificate-missing", "no certificate found on signature")
        return pem.Block("PUBLIC KEY", prepared.key.info)
    if prepared.key is not None and _key_of(leaf).info != prepared.key.info:
        text = "both public key and certificate were provided but did not match"
        raise VerificationError("key-mismatch", text)
    return pem.Block("CERTIFICATE", leaf.public_bytes(Encoding.DER))


def find_signer(
    leaf: x509.Certificate | None,
    intermediates: tuple[x509.Certificate, ...],
    prepared: Prepared,
    trust: ir.Trust,
    anchors: Anchors,
) -> Signer:
    """Return the signer: the given key, else the holder of `leaf` once its path and SCT are verified.

    Raises:
        VerificationError: `certificate-missing`, `not-a-certificate`, and those of `chains` and `sct`.
        TransportError: `trust-unavailable`.
    """
    if prepared.key is not None:
        return Signer(key=prepared.key, certificate=prepared.certificate, path=prepared.path)
    if leaf is None or prepared.authorities is None:
        raise VerificationError("certificate-missing", "no certificate found on signature")
    key = _key_of(leaf)
    if is_authority(leaf):
        text = "a certificate authority's certificate stands next to the signature, a leaf is expected"
        raise VerificationError("not-a-certificate", text)
    path = build_path(leaf, prepared.authorities, intermediates, at=leaf.not_valid_before_utc)
    if trust.sct.required:
        verify_embedded(leaf, path.issuers[0], anchors.ct_logs)
    return Signer(key=key, certificate=leaf, path=path)


def check_times(
    leaf: x509.Certificate | None,
    signer: Signer,
    times: Iterable[tuple[str, datetime]],
    now: Callable[[], datetime],
) -> None:
    """Return if the certificates were valid at every time that is known, or are now if none is (C10).

    cosign judges a certificate that lies next to a signature even where a given key verified it.

    Args:
        leaf: the certificate next to the signature.
        signer: `find_signer` of it.
        times: the source of each time, as messages name it, with the time.
        now: asked only where `times` is empty.

    Raises:
        VerificationError: `certificate-expired`.
    """
    leaf = signer.certificate if signer.path else leaf
    if leaf is None:
        return
    known = tuple(times)
    for source, at in known:
        try:
            check_validity(leaf, signer.path, at)
        except VerificationError as error:
            text = f"checking expiry on certificate with {source}: {error.message}"
            raise VerificationError(error.code, text) from error
    if not known:
        try:
            check_validity(leaf, signer.path, now())
        except VerificationError as error:
            text = "expected a signed timestamp to verify an expired certificate"
            raise VerificationError(error.code, text) from error


def _key_of(certificate: x509.Certificate) -> VerifyingKey:
    try:
        return certificate_key(certificate)
    except KeyTextError as error:
        text = f"invalid certificate found on signature: {error}"
        raise VerificationError("not-a-certificate", text) from error
