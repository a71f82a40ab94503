import warnings
from collections.abc import Sequence
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.quiet import quiet
from pratique.runtime.lab.keys import derive_ec_key
from pratique.runtime.signatures.notary.certificates import Certificate, CertificateError
from pratique.runtime.signatures.notary.chain import (
    check_code_signing_chain,
    check_time_stamping_chain,
    check_validity,
    check_validity_at_signing,
)
from pratique.runtime.signatures.notary.limits import MAX_CERTIFICATE_BYTES
from pratique.runtime.signatures.notary.model import Check, NotaryRefusal
from tests.support_notary import (
    AT,
    CA_EXTENSIONS,
    CA_USAGE,
    CODE_SIGNING,
    JWS,
    LEAF_EXTENSIONS,
    LEAF_USAGE,
    SEED,
    TARGET,
    Extension,
    OddSigner,
    SelfSigned,
    certify,
    constraints,
    name,
    purposes,
    refusal,
    signer,
    stamper,
    usage,
    verify,
)

TIME_STAMPING = purposes(ExtendedKeyUsageOID.TIME_STAMPING, critical=True)
SECOND = timedelta(seconds=1)


def read(*certificates: x509.Certificate) -> tuple[Certificate, ...]:
    return tuple(Certificate.read(certificate.public_bytes(Encoding.DER)) for certificate in certificates)


def test_good_chains() -> None:
    check_code_signing_chain(read(*signer().chain))
    check_code_signing_chain(read(*OddSigner().chain))
    check_code_signing_chain(read(*SelfSigned().chain))
    check_time_stamping_chain(read(*stamper().chain))


def test_no_chain() -> None:
    refusal(Check.CHAIN, check_code_signing_chain, ())


@pytest.mark.parametrize(
    "purpose", [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.SERVER_AUTH]
)
def test_forbidden_purposes(purpose: x509.ObjectIdentifier) -> None:
    """DEVIATION: notation overlooks the purpose "any", which the specification forbids like the others."""
    chain = read(*OddSigner(leaf=(usage(*LEAF_USAGE), purposes(CODE_SIGNING, purpose))).chain)
    text = refusal(Check.CHAIN, check_code_signing_chain, chain)
    assert "extended key usage must not contain" in text


def test_weak_authority() -> None:
    """DEVIATION: notation takes an authority whose RSA key has 1,024 bits."""
    weak = rsa.generate_private_key(65537, 1024)
    root_key = derive_ec_key(SEED, "weak/root")
    leaf_key = derive_ec_key(SEED, "weak/leaf")
    names = [name(f"weak {level}") for level in ("root", "intermediate", "leaf")]

    def chain(key: rsa.RSAPrivateKey) -> tuple[Certificate, ...]:
        root = certify(names[0], root_key.public_key(), names[0], root_key, CA_EXTENSIONS, at=AT)
        middle = certify(names[1], key.public_key(), names[0], root_key, CA_EXTENSIONS, at=AT)
        leaf = certify(names[2], leaf_key.public_key(), names[1], key, LEAF_EXTENSIONS, at=AT)
        return read(leaf, middle, root)

    check_code_signing_chain(chain(rsa.generate_private_key(65537, 2048)))
    assert "is not issued by" in refusal(Check.CHAIN, check_code_signing_chain, chain(weak))


def test_order_and_completeness() -> None:
    leaf, intermediate, root = read(*signer().chain)
    stranger = read(OddSigner().root)[0]
    for chain in (
        (leaf, root),
        (leaf, intermediate),
        (intermediate, root),
        (root, intermediate, leaf),
        (leaf, root, intermediate),
        (leaf, intermediate, intermediate, root),
        (leaf, intermediate, root, root),
        (leaf, intermediate, root, stranger),
        (leaf, leaf, intermediate, root),
        (root,),
        (leaf,),
    ):
        refusal(Check.CHAIN, check_code_signing_chain, chain)


def test_authority_by_name_only() -> None:
    """The same names with other keys are no chain."""
    ours, theirs = signer(), OddSigner()
    impostor = certify(
        ours.intermediate.subject,
        theirs.key.public_key(),
        ours.root.subject,
        derive_ec_key(SEED, "odd/root"),
        CA_EXTENSIONS,
        at=AT,
    )
    refusal(Check.CHAIN, check_code_signing_chain, read(ours.leaf, impostor, ours.root))


def test_who_may_issue() -> None:
    leaf, intermediate, root = read(*OddSigner().chain)
    assert leaf.is_issued_by(intermediate)
    assert intermediate.is_issued_by(root)
    assert root.is_issued_by(root)
    assert not leaf.is_issued_by(root)
    for extensions in (
        (usage(*CA_USAGE),),
        (usage(*CA_USAGE), constraints(False)),
        (usage("crl_sign"), constraints(True)),
    ):
        leaf, intermediate, _ = read(*OddSigner(intermediate=extensions).chain)
        assert leaf.is_signed_by(intermediate)
        assert not leaf.is_issued_by(intermediate)


def test_leaf_that_signs_itself_with_company() -> None:
    alone = SelfSigned()
    refusal(Check.CHAIN, check_code_signing_chain, read(alone.leaf, alone.root))


@pytest.mark.parametrize(
    ("extensions", "words"),
    [
        ((usage(*LEAF_USAGE), purposes(ExtendedKeyUsageOID.TIME_STAMPING)), "marked as critical"),
        ((usage(*LEAF_USAGE),), "must have and only have Timestamping"),
        ((usage(*LEAF_USAGE), purposes(CODE_SIGNING, critical=True)), "must have and only have Timestamping"),
        (
            (usage(*LEAF_USAGE), purposes(ExtendedKeyUsageOID.TIME_STAMPING, CODE_SIGNING, critical=True)),
            "must have and only have Timestamping",
        ),
        ((TIME_STAMPING,), "key usage extension must be present"),
        ((usage("key_encipherment"), TIME_STAMPING), "Digital Signature"),
    ],
)
def test_time_stamping_leaves(extensions: Sequence[Extension], words: str) -> None:
    assert words in refusal(
        Check.TIMESTAMP, check_time_stamping_chain, read(*OddSigner(leaf=extensions).chain)
    )


def test_time_stamping_usage_need_not_be_critical() -> None:
    leaf = (usage(*LEAF_USAGE, critical=False), TIME_STAMPING)
    check_time_stamping_chain(read(*OddSigner(leaf=leaf).chain))


def test_life_is_inclusive() -> None:
    chain = read(*OddSigner(life={"leaf": (timedelta(hours=1), timedelta(hours=1))}).chain)
    start, end = AT - timedelta(hours=1), AT + timedelta(hours=1)
    for moment in (start, AT, end):
        check_validity(chain, moment)
        check_validity_at_signing(chain, moment)
    for moment in (start - SECOND, end + timedelta(microseconds=1)):
        refusal(Check.VALIDITY, check_validity, chain, moment)
        refusal(Check.VALIDITY, check_validity_at_signing, chain, moment)


# --- reading -----------------------------------------------------------------------------------------------


def test_facts() -> None:
    leaf, intermediate, _ = signer().chain
    certificate = read(leaf)[0]
    assert certificate.subject == "CN=builder,O=pratique lab,ST=WA,C=US"
    assert str(certificate) == '"CN=builder,O=pratique lab,ST=WA,C=US"'
    assert not certificate.is_authority
    assert read(intermediate)[0].is_authority
    assert certificate.purposes == (CODE_SIGNING,)
    assert len(certificate.fingerprint) == len(certificate.key_fingerprint) == 64


@given(st.binary(max_size=2000))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(CertificateError):
        Certificate.read(data)


DER = signer().leaf.public_bytes(Encoding.DER)


@given(st.integers(min_value=0, max_value=len(DER) - 1), st.integers(min_value=1, max_value=255))
def test_a_changed_byte_breaks_the_chain(place: int, change: int) -> None:
    """Every byte of a certificate is under its issuer's signature, or is that signature."""
    der = DER[:place] + bytes((DER[place] ^ change,)) + DER[place + 1 :]
    try:
        leaf = Certificate.read(der)
    except CertificateError:
        return
    with pytest.raises(NotaryRefusal):
        check_code_signing_chain((leaf, *read(*signer().chain[1:])))


@pytest.mark.parametrize("country", ["", "X", "XXX"])
def test_a_country_of_any_length_is_read_without_a_word(country: str) -> None:
    with quiet():
        names = [x509.NameAttribute(NameOID.COUNTRY_NAME, country, _validate=False)]
    maker = OddSigner(subject=x509.Name(names))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert verify(maker.sign(TARGET), JWS, maker.trust).target == TARGET
    assert said == []


@pytest.mark.parametrize("serial", [b"\x00", b"\xf9"])
def test_a_serial_number_is_positive(serial: bytes) -> None:
    der, version = OddSigner().leaf.public_bytes(Encoding.DER), b"\xa0\x03\x02\x01\x02\x02\x01"
    assert der.count(version + b"\x07") == 1
    odd = der.replace(version + b"\x07", version + serial)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pytest.raises(CertificateError, match=r"^x509: serial number is not positive$"):
            Certificate.read(odd)
    assert said == []


def test_large_certificates_are_refused() -> None:
    with pytest.raises(CertificateError, match="more than"):
        Certificate.read(b"\x30" * (MAX_CERTIFICATE_BYTES + 1))


@pytest.mark.parametrize(
    "text",
    ["=#" * 4000, "#", "a,b+c;d", "\u202e" * 64, "\x00\x1b[2J\r\n", '"' * 200, "\U0001f600" * 100],
    ids=["hex", "number sign", "separators", "right to left", "controls", "quotes", "faces"],
)
def test_n3_hostile_subjects(text: str) -> None:
    """Threat N3: a subject decides nothing and costs nothing, and messages show it safely."""
    with quiet():  # making such names is worth a warning of the library; reading them must not be
        common = x509.NameAttribute(NameOID.COMMON_NAME, text, _validate=False)
    maker = OddSigner(subject=x509.Name([common, x509.NameAttribute(x509.ObjectIdentifier("1.2.3.4"), text)]))
    verified = verify(maker.sign(TARGET), JWS, maker.trust)
    assert verified.target == TARGET
    assert len(verified.subject) < 8 * len(text) + 200
    after = maker.leaf.not_valid_after_utc + SECOND
    message = refusal(Check.VALIDITY, check_validity, read(maker.leaf), after)
    assert message.isprintable()
    assert len(message) < 3000


def test_malformed_extension() -> None:
    broken = x509.UnrecognizedExtension(x509.KeyUsage.oid, b"\x03\x05\x00")
    leaf = certify(
        name("x"), signer().key.public_key(), name("y"), derive_ec_key(SEED, "y"), ((broken, True),), at=AT
    )
    with pytest.raises(CertificateError):
        read(leaf)


def test_sha224_is_no_sound_hash() -> None:
    maker = OddSigner(hash_algorithm=hashes.SHA224())
    refusal(Check.CHAIN, check_code_signing_chain, read(*maker.chain))


def test_keys_without_algorithm() -> None:
    maker = OddSigner(curve=ec.SECP224R1())
    text = refusal(Check.CHAIN, check_code_signing_chain, read(*maker.chain))
    assert text.endswith("ecdsa curve secp224r1 is not supported")
