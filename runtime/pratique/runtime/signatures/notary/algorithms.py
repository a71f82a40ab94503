"""The six signature algorithms, which one belongs to a key, and the check of a signature.

The key alone decides: an envelope that states another algorithm is refused, so that nobody can swap it.

References: Notary Project signature specification 1.1, "Algorithm selection"; RFC 7518, 3.4 and 3.5; RFC
9053, 2.1; RFC 8230.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from pratique.runtime.signatures.notary.model import Check, EnvelopeFormat, NotaryRefusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """A signature algorithm of the specification.

    Attributes:
        name: value of `alg` in JWS; messages use it too.
        label: value of `alg` in COSE.
        key: the keys it belongs to: RSA and bits, or the name of a curve.
    """

    name: str
    label: int
    hash: hashes.HashAlgorithm
    key: tuple[str, int] | str


ALGORITHMS: Final = (
    Algorithm(name="PS256", label=-37, hash=hashes.SHA256(), key=("rsa", 2048)),
    Algorithm(name="PS384", label=-38, hash=hashes.SHA384(), key=("rsa", 3072)),
    Algorithm(name="PS512", label=-39, hash=hashes.SHA512(), key=("rsa", 4096)),
    Algorithm(name="ES256", label=-7, hash=hashes.SHA256(), key="secp256r1"),
    Algorithm(name="ES384", label=-35, hash=hashes.SHA384(), key="secp384r1"),
    Algorithm(name="ES512", label=-36, hash=hashes.SHA512(), key="secp521r1"),
)
BY_NAME: Final = {algorithm.name: algorithm for algorithm in ALGORITHMS}
BY_LABEL: Final = {algorithm.label: algorithm for algorithm in ALGORITHMS}
_BY_KEY: Final = {algorithm.key: algorithm for algorithm in ALGORITHMS}


def algorithm_of(key: CertificatePublicKeyTypes) -> Algorithm | str:
    """Return the algorithm that `key` signs with, or in words why it has none."""
    match key:
        case rsa.RSAPublicKey():
            text = f"rsa key size {key.key_size} bits is not supported"
            return _BY_KEY.get(("rsa", key.key_size), text)
        case ec.EllipticCurvePublicKey():
            return _BY_KEY.get(key.curve.name, f"ecdsa curve {key.curve.name} is not supported")
        case _:
            return "unsupported public key type"


def verify_signature(
    key: CertificatePublicKeyTypes, stated: str, signature: bytes, signed: bytes, envelope: EnvelopeFormat
) -> None:
    """Check that `signature` is one of `signed` by `key` with that key's algorithm, and `stated` that one.

    Raises:
        NotaryRefusal: `SIGNATURE`, in notation's words.
    """
    algorithm = algorithm_of(key)
    if isinstance(algorithm, str):
        raise NotaryRefusal(Check.SIGNATURE, algorithm)
    if algorithm.name != stated:
        text = f"signature is invalid. Error: algorithm mismatch: verifier {algorithm.name}: header {stated}"
        raise NotaryRefusal(Check.SIGNATURE, text)
    jws = envelope is EnvelopeFormat.JWS
    try:
        match key:
            case rsa.RSAPublicKey():
                # golang-jwt, and so notation, takes any salt length in JWS; go-cose only that of the hash.
                salt = padding.PSS.AUTO if jws else padding.PSS.DIGEST_LENGTH
                scheme = padding.PSS(padding.MGF1(algorithm.hash), salt)
                key.verify(signature, signed, scheme, algorithm.hash)
            case ec.EllipticCurvePublicKey():
                key.verify(_dss(signature, key.key_size), signed, ec.ECDSA(algorithm.hash))
            case _:
                raise InvalidSignature
    except InvalidSignature as error:
        family = "rsa" if isinstance(key, rsa.RSAPublicKey) else "ecdsa"
        words = f"crypto/{family}: verification error" if jws else "verification error"
        raise NotaryRefusal(Check.SIGNATURE, f"signature is invalid. Error: {words}") from error


def _dss(signature: bytes, bits: int) -> bytes:
    """Return the DER form of `r || s`, each as long as the curve's order.

    Raises:
        InvalidSignature: the length is another one.
    """
    size = (bits + 7) // 8
    if len(signature) != 2 * size:
        raise InvalidSignature
    return encode_dss_signature(
        int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
    )
