from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from pratique.runtime.lab.authority import (
    AUTHORITY_LIFE,
    EXTENSIONS,
    FULCIO_OID,
    LEAF_LIFE,
    OTHER_NAME_OID,
    CertificateAuthority,
    Identity,
    NameKind,
    SubjectName,
    general_name,
)
from pratique.runtime.lab.ctlog import CtLog
from pratique.runtime.lab.keys import derive_ec_key

AT = datetime(2023, 4, 1, 12, tzinfo=UTC)
LEAF_KEY = derive_ec_key("test", "leaf").public_key()
DEV = Identity(
    subjects=(SubjectName(NameKind.EMAIL, "dev@acme.example"),),
    extensions=((1, "https://issuer.example"), (8, "https://issuer.example")),
)


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority("seed", AT, "lab")


def leaf(authority: CertificateAuthority, identity: Identity = DEV, **options: object) -> x509.Certificate:
    settings: dict[str, object] = {"serial": "x", "promise": CtLog("seed", "ct.lab.test").promise, **options}
    return authority.issue(identity, LEAF_KEY, AT, **settings)  # type: ignore[arg-type]


def test_chain_is_signed_up_to_the_root(authority: CertificateAuthority) -> None:
    leaf(authority).verify_directly_issued_by(authority.intermediate)
    authority.intermediate.verify_directly_issued_by(authority.root)
    authority.old_intermediate.verify_directly_issued_by(authority.root)
    authority.root.verify_directly_issued_by(authority.root)
    assert authority.chain == (authority.intermediate, authority.root)


def test_authorities_are_authorities(authority: CertificateAuthority) -> None:
    for certificate, length in ((authority.root, 1), (authority.intermediate, 0)):
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert (constraints.value.ca, constraints.value.path_length) == (True, length)
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        assert (usage.key_cert_sign, usage.crl_sign, usage.digital_signature) == (True, True, False)
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp384r1"
        assert certificate.not_valid_before_utc == AT - AUTHORITY_LIFE[0]
        assert certificate.not_valid_after_utc == AT + AUTHORITY_LIFE[1]


def test_leaf_has_the_shape_of_fulcio(authority: CertificateAuthority) -> None:
    certificate = leaf(authority)
    assert list(certificate.subject) == []
    assert certificate.not_valid_before_utc == AT
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == LEAF_LIFE
    assert certificate.public_key() == LEAF_KEY
    assert 0 < certificate.serial_number < 2**159
    order = [(e.oid.dotted_string, e.critical) for e in certificate.extensions]
    assert sorted(order) == sorted(
        [
            ("2.5.29.15", True),
            ("2.5.29.37", False),
            ("2.5.29.14", False),
            ("2.5.29.35", False),
            ("2.5.29.17", True),
            (f"{FULCIO_OID}.1", False),
            (f"{FULCIO_OID}.8", False),
            ("1.3.6.1.4.1.11129.2.4.2", False),
        ]
    )
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CODE_SIGNING]
    parent = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = authority.intermediate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert parent.key_identifier == own.digest


def value_of(certificate: x509.Certificate, arc: int) -> bytes:
    oid = x509.ObjectIdentifier(f"{FULCIO_OID}.{arc}")
    extension = certificate.extensions.get_extension_for_oid(oid).value
    assert isinstance(extension, x509.UnrecognizedExtension)
    return extension.value


def test_old_extensions_are_raw_and_new_ones_der(authority: CertificateAuthority) -> None:
    texts = tuple((arc, f"text {arc}") for arc in sorted(EXTENSIONS.values()))
    certificate = leaf(authority, Identity(extensions=texts))
    for arc, text in texts:
        expected = text.encode() if arc <= 6 else bytes((0x0C, len(text))) + text.encode()
        assert value_of(certificate, arc) == expected


def test_subject_alternative_names(authority: CertificateAuthority) -> None:
    names = (
        SubjectName(NameKind.EMAIL, "dev@acme.example"),
        SubjectName(NameKind.URI, "https://acme.example/ci"),
        SubjectName(NameKind.DNS, "ci.acme.example"),
        SubjectName(NameKind.OTHER, "bot!acme"),
    )
    certificate = leaf(authority, Identity(subjects=names))
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.RFC822Name) == ["dev@acme.example"]
    assert found.get_values_for_type(x509.UniformResourceIdentifier) == ["https://acme.example/ci"]
    assert found.get_values_for_type(x509.DNSName) == ["ci.acme.example"]
    (other,) = [name for name in found if isinstance(name, x509.OtherName)]
    assert (other.type_id.dotted_string, other.value) == (OTHER_NAME_OID, b"\x0c\x08bot!acme")


def test_no_subject_leaves_the_extension_out(authority: CertificateAuthority) -> None:
    with pytest.raises(x509.ExtensionNotFound):
        leaf(authority, Identity()).extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)


@pytest.mark.parametrize("text", ["ünï@acme.example", "Dev <dev@acme.example>"])
def test_names_that_no_certificate_can_have(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        general_name(SubjectName(NameKind.EMAIL, text))


def test_options(authority: CertificateAuthority) -> None:
    long = leaf(authority, life=timedelta(days=1))
    assert long.not_valid_after_utc == AT + timedelta(days=1)
    server = leaf(authority, usage=ExtendedKeyUsageOID.SERVER_AUTH)
    usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    plain = leaf(authority, promise=None)
    with pytest.raises(x509.ExtensionNotFound):
        plain.extensions.get_extension_for_class(x509.PrecertificateSignedCertificateTimestamps)


def test_old_intermediate_had_expired(authority: CertificateAuthority) -> None:
    old = leaf(authority, old=True)
    old.verify_directly_issued_by(authority.old_intermediate)
    assert authority.old_intermediate.not_valid_after_utc < AT - timedelta(days=300)
    with pytest.raises((InvalidSignature, ValueError)):
        old.verify_directly_issued_by(authority.intermediate)


def test_certificates_follow_from_the_seed(authority: CertificateAuthority) -> None:
    again = CertificateAuthority("seed", AT, "lab")
    assert (again.root, again.intermediate) == (authority.root, authority.intermediate)
    assert leaf(again) == leaf(authority)
    assert leaf(authority, serial="y").serial_number != leaf(authority).serial_number
    assert CertificateAuthority("other", AT, "lab").root != authority.root
