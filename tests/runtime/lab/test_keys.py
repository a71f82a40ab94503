import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from pratique.runtime.lab.keys import (
    HashName,
    KeyType,
    PrivateKey,
    derive_bytes,
    derive_ec_key,
    derive_key,
    flip_last_bit,
    key_id,
    public_pem,
    sign,
    spki,
)

QUICK = [kind for kind in KeyType if kind not in (KeyType.RSA_3072, KeyType.RSA_4096)]
HASHES: dict[HashName, hashes.HashAlgorithm] = {
    HashName.SHA224: hashes.SHA224(),
    HashName.SHA256: hashes.SHA256(),
    HashName.SHA384: hashes.SHA384(),
    HashName.SHA512: hashes.SHA512(),
}


def check(key: PrivateKey, signature: bytes, data: bytes, hash_name: HashName) -> None:
    match key.public_key():
        case ec.EllipticCurvePublicKey() as public:
            public.verify(signature, data, ec.ECDSA(HASHES[hash_name]))
        case rsa.RSAPublicKey() as public:
            public.verify(signature, data, padding.PKCS1v15(), HASHES[hash_name])
        case ed25519.Ed25519PublicKey() as public:
            public.verify(signature, data)


@pytest.mark.parametrize("kind", QUICK)
def test_key_follows_from_seed_and_label(kind: KeyType) -> None:
    first = public_pem(derive_key("seed", "label", kind).public_key())
    derive_key.cache_clear()
    assert public_pem(derive_key("seed", "label", kind).public_key()) == first
    assert public_pem(derive_key("seed", "other", kind).public_key()) != first
    assert public_pem(derive_key("sead", "label", kind).public_key()) != first


@pytest.mark.parametrize("hash_name", HashName)
@pytest.mark.parametrize("kind", QUICK)
def test_signatures_are_good_and_repeatable(kind: KeyType, hash_name: HashName) -> None:
    key = derive_key("seed", "signer", kind)
    signature = sign(key, b"data", hash_name)
    assert sign(key, b"data", hash_name) == signature
    check(key, signature, b"data", hash_name)
    with pytest.raises(InvalidSignature):
        check(key, signature, b"date", hash_name)
    with pytest.raises(InvalidSignature):
        check(key, flip_last_bit(signature), b"data", hash_name)


@pytest.mark.parametrize(
    ("kind", "curve"),
    [
        (KeyType.ECDSA_P256, "secp256r1"),
        (KeyType.ECDSA_P384, "secp384r1"),
        (KeyType.ECDSA_P521, "secp521r1"),
    ],
)
def test_curves(kind: KeyType, curve: str) -> None:
    key = derive_key("seed", "curve", kind)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == curve


def test_rsa_keys_are_full_size_and_sound() -> None:
    key = derive_key("seed", "signer", KeyType.RSA_2048)
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()
    assert key.key_size == 2048
    assert numbers.p != numbers.q
    # Fermat's test to bases that the generator does not use.
    for prime in (numbers.p, numbers.q):
        assert all(pow(base, prime - 1, prime) == 1 for base in (2, 1009, 65539))


def test_bytes_do_not_depend_on_how_seed_and_label_are_split() -> None:
    assert derive_bytes("a", "b/c", 16) != derive_bytes("a/b", "c", 16)
    assert derive_bytes("a\nb", "c", 16) != derive_bytes("a", "b\nc", 16)


def test_default_curve_is_p256() -> None:
    assert derive_ec_key("seed", "x").curve.name == "secp256r1"


def test_public_forms_load() -> None:
    public = derive_key("seed", "forms").public_key()
    assert load_pem_public_key(public_pem(public).encode()) == public
    assert load_der_public_key(spki(public)) == public
    assert len(key_id(public)) == 32


def test_flip_changes_one_bit() -> None:
    assert flip_last_bit(b"\x00\x01") == b"\x00\x00"
    assert flip_last_bit(b"\xfe") == b"\xff"
