import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from pratique.runtime.lab.certificates import pem
from pratique.runtime.lab.keys import derive_ec_key
from pratique.runtime.signatures.notary.model import Check
from pratique.runtime.signatures.notary.trust_store import TrustStore
from tests.support_notary import (
    AT,
    CA_EXTENSIONS,
    JWS,
    SEED,
    TARGET,
    OddSigner,
    certify,
    refusal,
    signer,
    verify,
)

ROOT = pem(signer().root)
OTHER = pem(OddSigner().root)


def der(text: str) -> tuple[bytes, ...]:
    return TrustStore.from_pem(text).certificates


def test_cert_and_chain_are_one_store() -> None:
    assert TrustStore.from_pem(ROOT, OTHER).certificates == der(ROOT) + der(OTHER)
    assert TrustStore.from_pem("", OTHER).certificates == der(OTHER)
    assert TrustStore.from_pem(ROOT, ROOT).certificates == der(ROOT)
    assert TrustStore.from_pem(ROOT) == TrustStore.from_pem(ROOT)
    assert hash(TrustStore.from_pem(ROOT)) == hash(TrustStore.from_pem(ROOT))


def test_text_before_blocks_is_passed_over() -> None:
    assert der(f"subject: x\n{ROOT}\nissuer: y\n{OTHER}\n \n") == der(ROOT) + der(OTHER)
    assert der(ROOT.replace("\n", "\r\n")) == der(ROOT)


@pytest.mark.parametrize(
    ("cert", "chain"),
    [
        ("no PEM at all", ""),
        (ROOT + "behind", ""),
        (ROOT, "behind"),
        (ROOT.replace("-----END CERTIFICATE-----", ""), ""),
        (ROOT[: len(ROOT) // 2], ""),
        (ROOT.replace("CERTIFICATE", "PUBLIC KEY"), ""),
        (ROOT.replace("CERTIFICATE", "TRUSTED CERTIFICATE"), ""),
        ("-----BEGIN CERTIFICATE-----\nQUFB\n-----END CERTIFICATE-----", ""),
        ("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----", ""),
        (ROOT * 65, ""),
        ("x" * (1 << 20), ""),
    ],
)
def test_malformed_stores(cert: str, chain: str) -> None:
    text = refusal(Check.TRUST_STORE, TrustStore.from_pem, cert, chain)
    assert text.startswith("failed to parse certificates: ")


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_store_trusts_nothing(text: str) -> None:
    """Rule R5. Kyverno lets such a policy load, and no signature ever holds for it."""
    words = refusal(Check.TRUST_STORE, TrustStore.from_pem, text, text)
    assert words == "no trusted certificates are found to verify authenticity"


def test_private_keys_are_never_repeated() -> None:
    secret = "-----BEGIN PRIVATE KEY-----\nQUJDREVG\n-----END PRIVATE KEY-----\n"
    assert "QUJD" not in refusal(Check.TRUST_STORE, TrustStore.from_pem, secret)


def test_any_certificate_of_the_chain_may_be_trusted() -> None:
    maker = signer()
    for certificate in maker.chain:
        verified = verify(maker.sign(TARGET), JWS, OTHER + pem(certificate))
        assert verified.anchor == TrustStore.from_pem(pem(certificate)).load()[0].fingerprint
    refusal(Check.AUTHENTICITY, verify, maker.sign(TARGET), JWS, OTHER)


def test_trust_is_in_the_certificate_not_in_its_key() -> None:
    """The root's name and key in another certificate are another root."""
    maker = signer()
    key = derive_ec_key(SEED, "notary/root")
    twin = certify(maker.root.subject, key.public_key(), maker.root.subject, key, CA_EXTENSIONS, at=AT)
    assert twin.public_key() == maker.root.public_key()
    assert twin.public_bytes(Encoding.DER) != maker.root.public_bytes(Encoding.DER)
    refusal(Check.AUTHENTICITY, verify, maker.sign(TARGET), JWS, pem(twin))
