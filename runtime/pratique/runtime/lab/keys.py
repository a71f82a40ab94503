"""Key pairs that follow from a seed and a label, and the signatures of each kind of key.

INVARIANT: nothing here is random, so a lab can be built again byte for byte; and nothing here is secret.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import TypeAlias, assert_never

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class KeyType(StrEnum):
    """The kinds of key a lab can make."""

    ECDSA_P256 = "ecdsa-p256"
    ECDSA_P384 = "ecdsa-p384"
    ECDSA_P521 = "ecdsa-p521"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    ED25519 = "ed25519"


class HashName(StrEnum):
    """The hashes a signature can be made over; Ed25519 has its own and ignores this."""

    SHA224 = "sha224"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


_HASHES: dict[HashName, hashes.HashAlgorithm] = {
    HashName.SHA224: hashes.SHA224(),
    HashName.SHA256: hashes.SHA256(),
    HashName.SHA384: hashes.SHA384(),
    HashName.SHA512: hashes.SHA512(),
}


def derive_bytes(seed: str, label: str, size: int) -> bytes:
    """Return `size` bytes that follow from `seed` and `label`; other labels give unrelated ones."""
    return hashlib.shake_256(f"pratique lab\n{len(seed)} {seed}\n{label}".encode()).digest(size)


def derive_ec_key(seed: str, label: str, curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """Return the ECDSA key pair of `label` on `curve` (P-256 unless another is given)."""
    curve = curve or ec.SECP256R1()
    # Nine bytes more than the order has make the bias of the reduction negligible.
    secret = int.from_bytes(derive_bytes(seed, label, curve.key_size // 8 + 9), "big")
    return ec.derive_private_key(secret % (curve.group_order - 1) + 1, curve)


@cache
def derive_key(seed: str, label: str, kind: KeyType = KeyType.ECDSA_P256) -> PrivateKey:
    """Return the key pair of `label`; RSA takes from 0.1 to some seconds, the others microseconds."""
    match kind:
        case KeyType.ECDSA_P256:
            return derive_ec_key(seed, label, ec.SECP256R1())
        case KeyType.ECDSA_P384:
            return derive_ec_key(seed, label, ec.SECP384R1())
        case KeyType.ECDSA_P521:
            return derive_ec_key(seed, label, ec.SECP521R1())
        case KeyType.RSA_2048:
            return _rsa_key(seed, label, 2048)
        case KeyType.RSA_3072:
            return _rsa_key(seed, label, 3072)
        case KeyType.RSA_4096:
            return _rsa_key(seed, label, 4096)
        case KeyType.ED25519:
            return ed25519.Ed25519PrivateKey.from_private_bytes(derive_bytes(seed, label, 32))
        case _:
            assert_never(kind)


def sign(key: PrivateKey, data: bytes, hash_name: HashName = HashName.SHA256) -> bytes:
    """Return the signature of `data`: ECDSA in DER (deterministic), RSA PKCS #1 v1.5, or Ed25519."""
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(data, ec.ECDSA(_HASHES[hash_name], deterministic_signing=True))
        case rsa.RSAPrivateKey():
            return key.sign(data, padding.PKCS1v15(), _HASHES[hash_name])
        case ed25519.Ed25519PrivateKey():
            return key.sign(data)
        case _:
            assert_never(key)


def spki(key: PublicKey) -> bytes:
    """Return the DER SubjectPublicKeyInfo of a public key."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def public_pem(key: PublicKey) -> str:
    """Return the PEM (`PUBLIC KEY`) of a public key."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_id(key: PublicKey) -> bytes:
    """Return the 32 bytes by which logs name a key: SHA-256 of its DER."""
    return hashlib.sha256(spki(key)).digest()


def b64(data: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(data).decode()


def flip_last_bit(data: bytes) -> bytes:
    """Return `data` with its last bit flipped: the smallest damage, and never the same bytes."""
    return data[:-1] + bytes((data[-1] ^ 1,))


_EXPONENT = 65537
_SMALL_PRIMES = tuple(n for n in range(3, 2000, 2) if all(n % d for d in range(3, math.isqrt(n) + 1, 2)))


def _rsa_key(seed: str, label: str, bits: int) -> rsa.RSAPrivateKey:
    p = _prime(seed, f"{label}/p", bits // 2)
    q = _prime(seed, f"{label}/q", bits // 2)
    d = pow(_EXPONENT, -1, math.lcm(p - 1, q - 1))
    public = rsa.RSAPublicNumbers(_EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key()


def _prime(seed: str, label: str, bits: int) -> int:
    """Return the first fit prime after a derived start whose two highest bits are set."""
    start = int.from_bytes(derive_bytes(seed, label, bits // 8), "big") | (3 << bits - 2) | 1
    return next(n for n in _candidates(start) if _probably_prime(n))


def _candidates(start: int) -> Iterator[int]:
    number = start
    while True:
        if (number - 1) % _EXPONENT and all(number % prime for prime in _SMALL_PRIMES):
            yield number
        number += 2


def _probably_prime(number: int) -> bool:
    """Say whether `number` passes Miller-Rabin to the first sixteen odd primes as bases."""
    even = number - 1
    twos = (even & -even).bit_length() - 1
    odd = even >> twos
    for base in _SMALL_PRIMES[:16]:
        power = pow(base, odd, number)
        if power in (1, even):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == even:
                break
        else:
            return False
    return True
