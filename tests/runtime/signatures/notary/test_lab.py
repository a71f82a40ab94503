import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pratique.runtime.lab.keys import KeyType
from pratique.runtime.lab.notary import NotaryFault, NotarySigner, notary_artifact
from pratique.runtime.signatures.notary.cbor import decode, encode
from pratique.runtime.signatures.notary.model import SIGNATURE_ARTIFACT, EnvelopeFormat
from tests.support_notary import AT, FORMS, JWS, SEED, TARGET, digest_of, plain, signer, stamper


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [KeyType.RSA_2048, KeyType.ECDSA_P384])
def test_equal_seeds_give_equal_bytes(kind: KeyType, form: EnvelopeFormat) -> None:
    first, second = (
        NotarySigner(SEED, AT, kind=kind).sign(TARGET, form=form, stamper=stamper()) for _ in range(2)
    )
    assert first == second
    assert NotarySigner("another seed", AT).sign(TARGET, form=form) != NotarySigner(SEED, AT).sign(
        TARGET, form=form
    )


def test_pss_by_the_book() -> None:
    """The deterministic signature is one that the library accepts with a salt as long as the hash."""
    maker = NotarySigner(SEED, AT, kind=KeyType.RSA_2048)
    assert isinstance(maker.key, rsa.RSAPrivateKey)
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    for data in (b"", b"a", b"b" * 1000):
        maker.key.public_key().verify(maker.raw_signature(data), data, scheme, hashes.SHA256())


def test_ed25519_has_no_place() -> None:
    with pytest.raises(ValueError, match="Ed25519"):
        NotarySigner(SEED, AT, kind=KeyType.ED25519)


def test_signature_manifest() -> None:
    envelope = signer().sign(TARGET)
    artifact = notary_artifact(envelope, JWS, TARGET)
    manifest = json.loads(artifact.manifest)
    assert manifest["config"]["mediaType"] == artifact.artifact_type == SIGNATURE_ARTIFACT
    assert manifest["subject"] == plain(TARGET)
    assert [layer["digest"] for layer in manifest["layers"]] == [digest_of(envelope)]
    assert manifest["layers"][0]["mediaType"] == "application/jose+json"
    assert {digest_of(blob) for blob in artifact.blobs} == {
        manifest["config"]["digest"],
        manifest["layers"][0]["digest"],
    }


def test_envelopes_are_deterministic_cbor() -> None:
    envelope = signer().sign(TARGET, form=EnvelopeFormat.COSE)
    assert encode(decode(envelope)) == envelope


@pytest.mark.parametrize("fault", NotaryFault)
def test_every_fault_changes_something(fault: NotaryFault) -> None:
    faulty = signer(faults={fault})
    assert (faulty.sign(TARGET), faulty.trust) != (signer().sign(TARGET), "")
    assert faulty.sign(TARGET) != signer().sign(TARGET)
