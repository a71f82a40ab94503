"""What an attestor brings along itself: its key, its certificate, its chain, made ready to verify with.

References: Kyverno 1.19 `pkg/image/verifiers/cpol/cosign/cosign.go` (`buildCosignOptions`), whose texts are
repeated; cosign `ValidateAndUnpackCertWithChain`.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from cryptography import x509

from pratique.compiler import ir
from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.anchors import Anchors, load_pool
from pratique.runtime.signatures.certificates import (
    CertificateError,
    certificate_key,
    load_shared_certificates,
)
from pratique.runtime.signatures.chains import (
    MAX_INTERMEDIATES,
    Authorities,
    Path,
    authorities_of,
    build_path,
)
from pratique.runtime.signatures.encodings import EncodingError, from_base64
from pratique.runtime.signatures.keys import KeyTextError, NoKeyError, VerifyingKey, load_pem_key
from pratique.runtime.signatures.sct import MISSING, embedded_timestamps, verify_embedded

_KEY_BEGIN: Final = "-----BEGIN PUBLIC KEY-----"
_REFERENCE: Final = re.compile(r"[a-z][a-z0-9+]*://[^\s]{1,512}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A method made ready; exactly one of `key` and `authorities` is set.

    Attributes:
        key: the attestor's own key, or that of its certificate.
        certificate: the attestor's own certificate, with `path` where it came with a chain.
        authorities: whom the certificate next to the signature must chain to.
    """

    key: VerifyingKey | None = None
    certificate: x509.Certificate | None = None
    path: Path | None = None
    authorities: Authorities | None = None


@lru_cache(maxsize=512)
def prepare(method: ir.SigstoreMethod, anchors: Anchors) -> Prepared:
    """Return `method` made ready; remembered.

    Raises:
        VerificationError: `bad-key`, `bad-certificate`, `key-unavailable`: what the policy brings along
            cannot be used. Kyverno finds out before it asks the registry, so the text stands alone, without
            `no matching signatures: `.
        TransportError: `trust-unavailable`.
    """
    match method:
        case ir.KeySigner():
            return Prepared(key=_key(method))
        case ir.CertificateSigner(certificate="", chain=chain):
            pool = load_pool(chain, "failed to load certificates", code="bad-certificate")
            return Prepared(authorities=pool)
        case ir.CertificateSigner():
            return _certificate(method, anchors)
        case ir.AnyIdentity():
            return Prepared(authorities=anchors.authorities)


def needs_root(method: ir.Method, trust: ir.Trust) -> bool:
    """Say whether signatures by `method` under `trust` can only be judged with a trust root.

    A bare key needs neither authorities nor certificate transparency.
    """
    if isinstance(method, ir.TrustStoreSigner):
        return False
    if trust.log.required and trust.log.public_keys is None:
        return True
    match method:
        case ir.KeySigner() | ir.CertificateSigner(chain=""):
            return False
        case ir.CertificateSigner(certificate=""):
            return trust.sct.required and trust.sct.public_keys is None
        case ir.CertificateSigner():
            return trust.sct.public_keys is None
        case ir.AnyIdentity():
            return trust.roots is None or (trust.sct.required and trust.sct.public_keys is None)


def _key(method: ir.KeySigner) -> VerifyingKey:
    text = method.key.strip()
    if not text.startswith(_KEY_BEGIN):
        raise _unusable_reference(text)
    try:
        key = load_pem_key(text, method.hash_algorithm)
        return replace(key, pss=True) if method.pss else key
    except KeyTextError as error:
        message = f"pem to public key: {error}" if isinstance(error, NoKeyError) else str(error)
        if not message.startswith("invalid signature algorithm"):
            message = f"failed to load public key from PEM: {message}"
        raise VerificationError("bad-key", message) from error


def _unusable_reference(text: str) -> VerificationError:
    """Say why `text` is no key, without repeating what may be a secret."""
    if _REFERENCE.fullmatch(text):
        message = f"failed to load public key from {text}: no provider for such references is installed"
        return VerificationError("key-unavailable", message)
    if pem.holds_private_key(text):
        why = "a private key stands where a public key is expected"
    elif "BEGIN CERTIFICATE" in text:
        why = "a certificate stands where a public key is expected"
    else:
        why = "neither a PEM public key nor a reference to one"
    return VerificationError("bad-key", f"failed to load public key: {why}")


def _certificate(method: ir.CertificateSigner, anchors: Anchors) -> Prepared:
    try:
        certificate = _load_certificate(method.certificate)
    except CertificateError as error:
        text = f"failed to load certificate from the policy: {error}"
        raise VerificationError("bad-certificate", text) from error
    try:
        key = certificate_key(certificate)
    except KeyTextError as error:
        text = f"failed to load signature from certificate: {error}"
        raise VerificationError("bad-certificate", text) from error
    path = _given_path(certificate, method.chain, anchors) if method.chain else None
    return Prepared(key=key, certificate=certificate, path=path)


def _load_certificate(text: str) -> x509.Certificate:
    if pem.holds_private_key(text):
        raise CertificateError("a private key stands where a certificate is expected")
    with suppress(EncodingError, UnicodeDecodeError):  # else it is PEM itself, not base64 of PEM
        text = from_base64(text).decode()
    certificates = load_shared_certificates(text)
    if not certificates:
        raise CertificateError("no certs found in pem file")
    return certificates[0]


def _given_path(certificate: x509.Certificate, chain: str, anchors: Anchors) -> Path:
    """Return the path of a given certificate through its given chain, the last of which is trusted.

    Kyverno 1.19 does this before it reads `ignoreSCT`, so an embedded timestamp is demanded here whatever the
    policy says of it.

    DEVIATION: where there is one, it is checked; Kyverno has no keys to check it with at that point and
    refuses (`tests/runtime/signatures/test_methods.py::test_a_certificate_with_chain_needs_its_timestamp`).
    """
    try:
        issuers = load_shared_certificates(chain)
    except CertificateError as error:
        text = f"failed to load certificate chain: {error}"
        raise VerificationError("bad-certificate", text) from error
    if len(issuers) > MAX_INTERMEDIATES + 1:
        text = f"certificate chain too long ({len(issuers)}), maximum allowed is {MAX_INTERMEDIATES + 1}"
        raise VerificationError("bad-certificate", text)
    try:
        if not issuers:
            raise VerificationError("bad-certificate", "no chain provided to validate certificate")
        authorities = authorities_of(issuers[-1:])
        path = build_path(certificate, authorities, issuers[:-1], at=certificate.not_valid_before_utc)
        if not embedded_timestamps(certificate):
            raise VerificationError("sct-missing", MISSING)
        verify_embedded(certificate, path.issuers[0], anchors.ct_logs)
    except VerificationError as error:
        text = f"failed to load validate certificate chain: {error.message}"
        raise VerificationError(error.code, text) from error
    return path
