import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.lab.keys import KeyType, derive_ec_key
from pratique.runtime.lab.notary import NotarySigner
from pratique.runtime.signatures.notary.algorithms import ALGORITHMS, algorithm_of, verify_signature
from pratique.runtime.signatures.notary.model import Check, EnvelopeFormat
from tests.support_notary import AT, COSE, FORMS, JWS, QUICK_KINDS, SEED, refusal, signer

DATA = b"some data"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", QUICK_KINDS)
def test_signatures_of_each_kind(kind: KeyType, form: EnvelopeFormat) -> None:
    maker = NotarySigner(SEED, AT, kind=kind)
    key = maker.key.public_key()
    algorithm = algorithm_of(key)
    assert not isinstance(algorithm, str)
    signature = maker.raw_signature(DATA)
    verify_signature(key, algorithm.name, signature, DATA, form)
    for other in ALGORITHMS:
        if other is not algorithm:
            text = refusal(Check.SIGNATURE, verify_signature, key, other.name, signature, DATA, form)
            assert "algorithm mismatch" in text
    for damaged in (
        signature[:-1],
        signature + b"\x00",
        b"",
        bytes(len(signature)),
        b"\xff" * len(signature),
    ):
        refusal(Check.SIGNATURE, verify_signature, key, algorithm.name, damaged, DATA, form)


@given(st.binary(max_size=200))
def test_arbitrary_signatures_are_refused(signature: bytes) -> None:
    key = signer().key.public_key()
    refusal(Check.SIGNATURE, lambda: verify_signature(key, "ES256", signature, DATA, JWS))


def test_der_signatures_are_refused() -> None:
    """Envelopes hold `r || s`; the DER form of a good signature is not one."""
    key = derive_ec_key(SEED, "x")
    der = key.sign(DATA, ec.ECDSA(ALGORITHMS[3].hash))
    refusal(Check.SIGNATURE, lambda: verify_signature(key.public_key(), "ES256", der, DATA, COSE))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (derive_ec_key(SEED, "x", ec.SECP256K1()).public_key(), "ecdsa curve secp256k1 is not supported"),
        (derive_ec_key(SEED, "x", ec.SECP224R1()).public_key(), "ecdsa curve secp224r1 is not supported"),
        (ed25519.Ed25519PrivateKey.from_private_bytes(b"x" * 32).public_key(), "unsupported public key type"),
        (
            rsa.RSAPublicNumbers(65537, (1 << 1023) + 1155).public_key(),
            "rsa key size 1024 bits is not supported",
        ),
        (
            rsa.RSAPublicNumbers(65537, (1 << 2559) + 1155).public_key(),
            "rsa key size 2560 bits is not supported",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_other_keys(key: rsa.RSAPublicKey, text: str) -> None:
    assert algorithm_of(key) == text
    assert refusal(Check.SIGNATURE, lambda: verify_signature(key, "PS256", b"", b"", JWS)) == text


def test_padded_signatures_are_refused() -> None:
    """Zeros between `r` and `s` change neither number, and would make a second signature of one."""
    maker = signer()
    signature = maker.raw_signature(DATA)
    padded = signature[:32] + b"\x00\x00" + signature[32:]
    refusal(Check.SIGNATURE, verify_signature, maker.key.public_key(), "ES256", padded, DATA, JWS)


def test_labels() -> None:
    """RFC 9053, 2.1 and RFC 8230, 2."""
    assert {a.name: a.label for a in ALGORITHMS} == {
        "PS256": -37,
        "PS384": -38,
        "PS512": -39,
        "ES256": -7,
        "ES384": -35,
        "ES512": -36,
    }
