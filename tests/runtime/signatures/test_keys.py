from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.keys import (
    KeyTextError,
    VerifyingKey,
    load_der_key,
    load_pem_key,
    verifying_key,
)
from tests.support_signatures import Instance, new_key, pem, private_pem, public_pem, sign, spki

MESSAGE = b"simple signing payload"
P256 = new_key()
P384 = ec.generate_private_key(ec.SECP384R1())
P521 = ec.generate_private_key(ec.SECP521R1())
RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
HASHES: dict[str, Any] = {
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
ACCEPTED = [
    *((key, algorithm) for key in (P256, P384, P521) for algorithm in HASHES),
    *((RSA, algorithm) for algorithm in ("sha256", "sha384", "sha512")),
    *((ED25519, algorithm) for algorithm in HASHES),
]


@pytest.mark.parametrize(("private", "algorithm"), ACCEPTED, ids=lambda v: getattr(v, "__name__", str(v)[:8]))
def test_a_signature_holds_for_its_message_key_and_hash_only(private: Any, algorithm: str) -> None:
    key = load_pem_key(public_pem(private), algorithm)
    signature = sign(private, MESSAGE, HASHES[algorithm])
    key.verify(signature, MESSAGE)
    other = ed25519.Ed25519PrivateKey.generate() if private is ED25519 else new_key()
    for bad_key, bad_signature, message in [
        (key, signature, MESSAGE + b" "),
        (key, sign(private, b"another"), MESSAGE),
        (verifying_key(other.public_key()), signature, MESSAGE),
        (key, b"", MESSAGE),
        (key, signature[:-1], MESSAGE),
    ]:
        with pytest.raises(VerificationError) as caught:
            bad_key.verify(bad_signature, message)
        assert caught.value.code == "signature-invalid"


@pytest.mark.parametrize("private", [P256, P384, P521, RSA])
def test_another_hash_does_not_do(private: Any) -> None:
    with pytest.raises(VerificationError):
        load_pem_key(public_pem(private), "sha256").verify(sign(private, MESSAGE, hashes.SHA384()), MESSAGE)


@pytest.mark.parametrize(
    ("private", "signature", "text"),
    [
        (P256, sign(P384, b"x"), "invalid signature when validating ASN.1 encoded signature"),
        (P256, b"", "ecdsa: Invalid IEEE_P1363 encoded bytes"),
        (P256, b"odd", "ecdsa: Invalid IEEE_P1363 encoded bytes"),
        (P256, b"x" * 134, "ecdsa: Invalid IEEE_P1363 encoded bytes"),
        (P256, b"\x01" * 64, "invalid signature when validating IEEE_P1363 encoded signature"),
        (P256, b"\x00" * 64, "invalid signature when validating IEEE_P1363 encoded signature"),
        (RSA, b"x", "crypto/rsa: verification error"),
        (ED25519, b"x", "failed to verify signature"),
    ],
)
def test_texts_are_those_of_cosign(private: Any, signature: bytes, text: str) -> None:
    with pytest.raises(VerificationError) as caught:
        load_pem_key(public_pem(private)).verify(signature, MESSAGE)
    assert caught.value.message == text


@pytest.mark.parametrize(("private", "size"), [(P256, 32), (P384, 48), (P521, 66)])
def test_bare_numbers_are_a_signature_too(private: Any, size: int) -> None:
    r, s = decode_dss_signature(sign(private, MESSAGE))
    bare = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    load_pem_key(public_pem(private)).verify(bare, MESSAGE)
    with pytest.raises(VerificationError):
        load_pem_key(public_pem(private)).verify(bare, MESSAGE + b"x")


def test_weak_keys_are_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024)
    with pytest.raises(KeyTextError, match="RSA key of 1024 bits, at least 2048 are needed"):
        load_pem_key(public_pem(weak))
    for curve in (ec.SECP224R1(), ec.SECP192R1(), ec.SECP256K1()):
        with pytest.raises(KeyTextError, match="unsupported elliptic curve"):
            load_pem_key(public_pem(ec.generate_private_key(curve)))
    with pytest.raises(KeyTextError, match="unsupported public key type"):
        load_der_key(spki(x25519.X25519PrivateKey.generate()))


def test_algorithms() -> None:
    with pytest.raises(KeyTextError, match=r"^invalid signature algorithm provided md5$"):
        load_pem_key(public_pem(P256), "md5")
    with pytest.raises(KeyTextError, match=r"^invalid hash function specified$"):
        load_pem_key(public_pem(RSA), "sha224")
    assert isinstance(load_pem_key(public_pem(P256), "").algorithm, hashes.SHA256)


def test_pkcs1_keys() -> None:
    text = (
        RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1).decode()
    )
    assert "RSA PUBLIC KEY" in text
    assert load_pem_key(text) == load_pem_key(public_pem(RSA))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "PEM decoding failed"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC dev@acme", "PEM decoding failed"),
        ("-----BEGIN PUBLIC KEY-----\n####\n-----END PUBLIC KEY-----", "PEM decoding failed"),
        ("-----BEGIN PUBLIC KEY-----\nYWJj\n-----END PUBLIC KEY-----", "x509: failed to parse public key"),
        (pem(Instance().root.certificate), "unknown Public key PEM file type: CERTIFICATE"),
        (public_pem(P256) + public_pem(P384), "2 PEM blocks where one public key is expected"),
        (private_pem(P256), "a private key stands where a public key is expected"),
        (public_pem(P256) + private_pem(P256), "a private key stands where"),
    ],
)
def test_what_is_no_key_is_refused_and_not_quoted(text: str, problem: str) -> None:
    with pytest.raises(KeyTextError, match=problem) as caught:
        load_pem_key(text)
    body = [line for line in text.splitlines() if len(line) > 20 and not line.startswith("-")]
    assert not any(line in str(caught.value) for line in body)


def test_logs_take_the_first_of_several() -> None:
    assert load_pem_key(public_pem(P256) + public_pem(P384), several=True) == load_pem_key(public_pem(P256))


def test_loading_is_remembered() -> None:
    assert load_pem_key(public_pem(P256)) is load_pem_key(public_pem(P256))


def test_the_id_is_that_of_logs() -> None:
    from sigstore._utils import key_id

    key: VerifyingKey = load_pem_key(public_pem(P256))
    assert key.id == key_id(P256.public_key()).hex()


@pytest.mark.parametrize("salt", [32, 0, padding.PSS.MAX_LENGTH])
def test_rsa_pss_where_the_key_is_said_to_use_it(salt: int) -> None:
    private = rsa.generate_private_key(65537, 2048)
    key = verifying_key(private.public_key())
    pss = replace(key, pss=True)
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt)
    signature = private.sign(b"message", scheme, hashes.SHA256())
    digest = hashlib.sha256(b"message").digest()
    pss.verify(signature, b"message")
    pss.verify_digest(signature, digest)
    plain = private.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    for wrong, by in ((signature, key), (plain, pss)):
        with pytest.raises(VerificationError):
            by.verify(wrong, b"message")
        with pytest.raises(VerificationError):
            by.verify_digest(wrong, digest)
