"""Public keys: how they are read from PEM, which are accepted, and how they verify a signature.

References: sigstore (Go) `pkg/signature`, whose texts the errors repeat; cosign `pkg/cosign/keys.go`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from pratique.compiler.quiet import quiet
from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures import pem
from pratique.runtime.signatures.encodings import EncodingError

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "": hashes.SHA256(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
"""What a policy may set as signature algorithm; Ed25519 hashes by itself and takes no notice of it."""

MIN_RSA_BITS: Final = 2048
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_MAX_P1363_BYTES: Final = 132


class KeyTextError(ValueError):
    """A key cannot be used; the message says why and never quotes the key."""


class NoKeyError(KeyTextError):
    """A text is no public key at all: what Kyverno finds out before it looks at the kind of the key."""


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key with the hash it signs over.

    Attributes:
        info: DER of its SubjectPublicKeyInfo.
        pss: signatures by an RSA key are RSA-PSS, not PKCS#1 v1.5.
    """

    public: PublicKey
    info: bytes
    algorithm: hashes.HashAlgorithm
    pss: bool = False

    @property
    def id(self) -> str:
        """Return the SHA-256 of `info` in lower-case hex: the log id of RFC 6962, and who signed."""
        return sha256(self.info).hexdigest()

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return if `signature` over `message` is by this key.

        ECDSA signatures may be DER or the bare numbers (IEEE P1363), as cosign takes both.

        Raises:
            VerificationError: `signature-invalid`.
        """
        public = self.public
        try:
            match public:
                case ec.EllipticCurvePublicKey():
                    der, text = _ecdsa_signature(signature)
                    public.verify(der, message, ec.ECDSA(self.algorithm))
                case rsa.RSAPublicKey():
                    text = "crypto/rsa: verification error"
                    public.verify(signature, message, self._padding, self.algorithm)
                case ed25519.Ed25519PublicKey():
                    text = "failed to verify signature"
                    public.verify(signature, message)
        except InvalidSignature as error:
            raise VerificationError("signature-invalid", text) from error

    @property
    def _padding(self) -> padding.AsymmetricPadding:
        """Return the padding of RSA signatures; PSS with a salt of any length, as in Go."""
        if not self.pss:
            return padding.PKCS1v15()
        return padding.PSS(mgf=padding.MGF1(self.algorithm), salt_length=padding.PSS.AUTO)

    def verify_digest(self, signature: bytes, digest: bytes) -> None:
        """Return if `signature` is by this key over a message with `digest` under `algorithm`.

        Raises:
            VerificationError: `signature-invalid`; always for Ed25519, which does not sign digests.
        """
        public, prehashed = self.public, Prehashed(self.algorithm)
        try:
            match public:
                case ec.EllipticCurvePublicKey():
                    der, text = _ecdsa_signature(signature)
                    public.verify(der, digest, ec.ECDSA(prehashed))
                case rsa.RSAPublicKey():
                    text = "crypto/rsa: verification error"
                    public.verify(signature, digest, self._padding, prehashed)
                case ed25519.Ed25519PublicKey():
                    text = "Ed25519 does not sign digests"
                    raise InvalidSignature(text)
        except InvalidSignature as error:
            raise VerificationError("signature-invalid", text) from error


def _ecdsa_signature(signature: bytes) -> tuple[bytes, str]:
    """Return the signature in DER, and what cosign says when it does not hold."""
    try:
        decode_dss_signature(signature)
    except ValueError as error:
        half, odd = divmod(len(signature), 2)
        if odd or not 0 < len(signature) <= _MAX_P1363_BYTES:
            text = "ecdsa: Invalid IEEE_P1363 encoded bytes"
            raise VerificationError("signature-invalid", text) from error
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        return encode_dss_signature(r, s), "invalid signature when validating IEEE_P1363 encoded signature"
    return signature, "invalid signature when validating ASN.1 encoded signature"


def verifying_key(public: object, algorithm: str = "sha256") -> VerifyingKey:
    """Return `public`, an object of `cryptography`, as a key to verify with.

    DEVIATION: RSA keys under 2,048 bits and curves other than P-256, P-384 and P-521 are refused
    (`tests/runtime/signatures/test_keys.py::test_weak_keys_are_refused`).

    Raises:
        KeyTextError: the kind, size or curve of the key, or its pairing with `algorithm`, is not accepted.
    """
    chosen = HASHES.get(algorithm)
    if chosen is None:
        raise KeyTextError(f"invalid signature algorithm provided {algorithm}")
    match public:
        case ec.EllipticCurvePublicKey():
            if not isinstance(public.curve, _CURVES):
                raise KeyTextError(f"unsupported elliptic curve {public.curve.name}")
        case rsa.RSAPublicKey():
            if public.key_size < MIN_RSA_BITS:
                raise KeyTextError(f"RSA key of {public.key_size} bits, at least {MIN_RSA_BITS} are needed")
            if isinstance(chosen, hashes.SHA224):
                raise KeyTextError("invalid hash function specified")
        case ed25519.Ed25519PublicKey():
            pass
        case _:
            raise KeyTextError("unsupported public key type")
    info = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return VerifyingKey(public, info, chosen)


@lru_cache(maxsize=256)
def load_der_key(der: bytes, algorithm: str = "sha256") -> VerifyingKey:
    """Return the key in a DER SubjectPublicKeyInfo (or PKCS#1 RSA key).

    Raises:
        KeyTextError: as `verifying_key`, or it is no key at all.
    """
    try:
        with quiet():
            public = serialization.load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NoKeyError("x509: failed to parse public key") from error
    return verifying_key(public, algorithm)


@lru_cache(maxsize=256)
def load_pem_key(text: str, algorithm: str = "sha256", *, several: bool = False) -> VerifyingKey:
    """Return the public key in a PEM text.

    Args:
        text: one block `PUBLIC KEY` or `RSA PUBLIC KEY`; a certificate or private key is refused.
        algorithm: name in `HASHES`.
        several: take the first of several blocks, as Kyverno does for the keys of logs, instead of refusing.

    Raises:
        KeyTextError: no message quotes the text, since it may be a private key pasted by mistake.
    """
    if pem.holds_private_key(text):
        raise KeyTextError("a private key stands where a public key is expected")
    try:
        found, _ = pem.blocks(text)
    except EncodingError as error:
        raise NoKeyError("PEM decoding failed") from error
    if not found:
        raise NoKeyError("PEM decoding failed")
    if len(found) > 1 and not several:
        raise KeyTextError(f"{len(found)} PEM blocks where one public key is expected")
    if found[0].label not in ("PUBLIC KEY", "RSA PUBLIC KEY"):
        raise NoKeyError(
            f"unknown Public key PEM file type: {found[0].label[:40]}."
            " Are you passing the correct public key?"
        )
    return load_der_key(found[0].der, algorithm)
