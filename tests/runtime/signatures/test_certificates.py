from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.compiler.quiet import quiet
from pratique.runtime.signatures.certificates import (
    CertificateError,
    certificate_key,
    identity,
    is_authority,
    load_certificate,
    load_pem_certificates,
    load_shared_certificates,
    subject_names,
)
from pratique.runtime.signatures.keys import KeyTextError
from pratique.runtime.signatures.pem import armour
from tests.support_signatures import (
    FULCIO,
    Genuine,
    Instance,
    der_utf8,
    genuine_records,
    name,
    new_key,
    pem,
    private_pem,
    public_pem,
)

AUTHORITY = Instance()
VERSION_1 = """\
-----BEGIN CERTIFICATE-----
MIIBFjCBvQIUKPPHRA9ieeAFQKlgigxy2EauQbIwCgYIKoZIzj0EAwIwDjEMMAoG
A1UEAwwDb2xkMB4XDTI2MTEyMzIxNDEwNloXDTM2MTEyMDIxNDEwNlowDjEMMAoG
A1UEAwwDb2xkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdhaL8408gw1P5Bv7
vBWA48B1+A9c+cLHbxfmt6XcyAgnUfgW9WEwc9U/AsdCVYrfkLh3gDKeZ5oqzA76
sRk6hzAKBggqhkjOPQQDAgNIADBFAiEA2tZsQgZlmjcm0r6yh3TeIEoMpi/rhMQm
J0eSlrX6a5sCIHCV+IgFGr7fJD6EYv641OMwE8ML4XwnjlOZPiq7qfla
-----END CERTIFICATE-----
"""
"""Made with `openssl x509 -req`; the library at hand makes no such certificates."""
USER_NAME = ObjectIdentifier(FULCIO + "7")


def names_of(names: Sequence[x509.GeneralName]) -> tuple[str, ...]:
    return subject_names(AUTHORITY.leaf(names, sct=False).certificate)


def other_name(text: str, oid: ObjectIdentifier = USER_NAME) -> x509.OtherName:
    return x509.OtherName(oid, der_utf8(text))


@pytest.mark.parametrize("record", genuine_records("verified"), ids=lambda r: r.name)
def test_genuine_certificates_say_what_is_recorded(record: Genuine) -> None:
    if record.facts["kind"] == "key":
        assert record.stored.certificate == ""
        return
    (certificate,) = load_pem_certificates(record.stored.certificate)
    found = identity(certificate)
    assert found.subjects == (record.facts["expected"]["subject"],)
    assert found.issuer == record.facts["expected"]["issuer"]
    recorded = record.facts["expected"]["extensions"]
    assert [oid for oid, _ in found.extensions] == list(recorded)
    for oid, text in found.extensions:
        is_raw = int(oid.rpartition(".")[2]) <= 6
        # The files keep the DER header of the later ones: a tag and a length before the text.
        assert recorded[oid].endswith(text)
        assert len(recorded[oid]) - len(text) in ((0,) if is_raw else (2, 3, 4))


def test_subject_names_come_in_the_order_of_cosign() -> None:
    assert names_of(
        [
            other_name("user!realm"),
            x509.UniformResourceIdentifier("https://acme.test/bot"),
            x509.IPAddress(ip_address("192.0.2.7")),
            x509.RFC822Name("b@acme.test"),
            x509.DNSName("acme.test"),
            x509.RFC822Name("a@acme.test"),
            x509.IPAddress(ip_address("2001:db8::1")),
        ]
    ) == (
        "acme.test",
        "b@acme.test",
        "a@acme.test",
        "192.0.2.7",
        "2001:db8::1",
        "https://acme.test/bot",
        "user!realm",
    )


@pytest.mark.parametrize(
    "others",
    [
        [other_name("a", ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"))],
        [other_name("a"), other_name("b")],
        [other_name("a"), other_name("b", ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"))],
        [x509.OtherName(USER_NAME, b"\x16\x01a")],
    ],
)
def test_user_names_that_cosign_ignores(others: list[x509.GeneralName]) -> None:
    assert names_of([*others, x509.DNSName("acme.test")]) == ("acme.test",)


def test_no_alternative_name() -> None:
    assert names_of([]) == ()


def test_the_issuer_is_read_from_the_first_extension_only() -> None:
    leaf = AUTHORITY.leaf(issuer=None, extensions={8: der_utf8("https://other.test")}, sct=False)
    found = identity(leaf.certificate)
    assert found.issuer == ""
    assert dict(found.extensions) == {FULCIO + "8": "https://other.test"}


def test_extensions_are_decoded_by_their_number() -> None:
    leaf = AUTHORITY.leaf(
        issuer=None,
        extensions={2: b"push", 3: der_utf8("raw"), 9: der_utf8("text"), 10: b"not der", 6: b"\xff"},
        sct=False,
    )
    assert dict(identity(leaf.certificate).extensions) == {
        FULCIO + "2": "push",
        FULCIO + "3": "\x0c\x03raw",
        FULCIO + "9": "text",
        FULCIO + "10": "not der",
        FULCIO + "6": "\ufffd",
    }


def test_what_is_loaded_can_be_read_to_the_end() -> None:
    leaf = AUTHORITY.leaf()
    certificate = load_certificate(leaf.certificate.public_bytes(Encoding.DER))
    assert certificate == leaf.certificate
    assert certificate_key(certificate).public == leaf.key.public_key()
    assert not is_authority(certificate)
    assert is_authority(AUTHORITY.root.certificate)


def test_several_certificates_keep_their_order() -> None:
    chain = AUTHORITY.intermediate.chain
    assert load_pem_certificates(f"intermediate:\n{pem(*chain)}\n\n") == chain
    assert load_pem_certificates(" \n") == ()
    assert load_shared_certificates(pem(*chain)) is load_shared_certificates(pem(*chain))


def garbled(certificate: x509.Certificate, old: bytes, new: bytes) -> str:
    der = certificate.public_bytes(Encoding.DER)
    assert old in der
    return armour("CERTIFICATE", der.replace(old, new))


SUBJECT_ALTERNATIVE_NAME = bytes.fromhex("0603551d11")
EXTENDED_KEY_USAGE = bytes.fromhex("0603551d25")
ECDSA_WITH_SHA256 = bytes.fromhex("06082a8648ce3d040302")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no certificate", "error during PEM decoding"),
        (pem(AUTHORITY.root.certificate) + "x", "error during PEM decoding"),
        (public_pem(new_key()), "a PUBLIC KEY stands where a certificate is expected"),
        (private_pem(new_key()), "a PRIVATE KEY stands where a certificate is expected"),
        (armour("CERTIFICATE", b""), "x509: malformed certificate"),
        (armour("CERTIFICATE", b"abc"), "x509: malformed certificate"),
        (
            garbled(AUTHORITY.root.certificate, ECDSA_WITH_SHA256, ECDSA_WITH_SHA256[:-1] + b"\x63"),
            "x509: malformed certificate",
        ),
        (
            garbled(AUTHORITY.leaf().certificate, EXTENDED_KEY_USAGE, SUBJECT_ALTERNATIVE_NAME),
            "x509: malformed certificate",
        ),
        (
            armour("CERTIFICATE", AUTHORITY.root.certificate.public_bytes(Encoding.DER) + b"\0"),
            "x509: malformed certificate",
        ),
    ],
)
def test_what_is_no_certificate_is_refused(text: str, problem: str) -> None:
    with pytest.raises(CertificateError, match=f"^{problem}$"):
        load_pem_certificates(text)


def test_a_serial_number_is_positive() -> None:
    der = AUTHORITY.root.certificate.public_bytes(Encoding.DER)
    serial = AUTHORITY.root.certificate.serial_number
    encoded = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    negative = b"\xff" + encoded[1:] if encoded[1] & 0x80 == 0 else b"\x80" + encoded[1:]
    assert der.count(encoded) == 1
    with pytest.raises(CertificateError, match=r"^x509: serial number is not positive$"):
        load_certificate(der.replace(encoded, negative))


def test_a_country_of_any_length_is_read_without_a_word() -> None:
    with quiet():
        subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "XXX", _validate=False)])
    at, key = datetime(2024, 1, 1, tzinfo=UTC), new_key()
    made = x509.CertificateBuilder(subject, subject, key.public_key(), 7, at, at + timedelta(days=1))
    der = made.sign(key, SHA256()).public_bytes(Encoding.DER)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        certificate = load_certificate(der)
        assert certificate.subject.rfc4514_string() == "C=XXX"
    assert said == []


DAMAGED = [r.stored.certificate for r in genuine_records("verified") if r.stored.certificate][:3]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(DAMAGED), st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8))
def test_damaged_certificates_are_refused_or_can_be_read(text: str, place: int, noise: bytes) -> None:
    (whole,) = load_pem_certificates(text)
    data = bytearray(whole.public_bytes(Encoding.DER))
    place %= len(data)
    data[place : place + len(noise)] = noise
    with suppress(CertificateError, KeyTextError):
        certificate = load_certificate(bytes(data))
        identity(certificate)
        certificate_key(certificate)


def test_version_1_is_refused() -> None:
    with pytest.raises(CertificateError, match="certificate of version v1, v3 is expected"):
        load_pem_certificates(VERSION_1)


def test_the_key_must_be_of_an_accepted_kind() -> None:
    by = AUTHORITY.intermediate
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name("x"))
        .issuer_name(by.certificate.subject)
        .public_key(x25519.X25519PrivateKey.generate().public_key())
        .serial_number(1)
        .not_valid_before(by.certificate.not_valid_before_utc)
        .not_valid_after(by.certificate.not_valid_after_utc)
        .sign(by.key, by.certificate.signature_hash_algorithm)  # type: ignore[arg-type]
    )
    with pytest.raises(KeyTextError, match="unsupported public key type"):
        certificate_key(certificate)
