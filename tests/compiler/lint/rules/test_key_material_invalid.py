from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from pratique.compiler.lint import pem
from pratique.runtime.outputs.findings import LintReport, render_text
from pratique.runtime.outputs.text import Palette
from tests.support_attestors import GOOD, attestor, keyless
from tests.support_lint import findings


def public(key: Any, form: str = "SubjectPublicKeyInfo") -> str:
    encoding = serialization.Encoding.PEM
    text: str = key.public_key().public_bytes(encoding, getattr(serialization.PublicFormat, form)).decode()
    return text


def private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


P256 = ec.generate_private_key(ec.SECP256R1())
SMALL = rsa.generate_private_key(65537, 1024)


def certificate() -> str:
    from datetime import UTC, datetime, timedelta

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(P256.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(P256, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


CERTIFICATE = certificate()


@pytest.mark.parametrize(
    "text",
    [
        public(P256),
        public(ec.generate_private_key(ec.SECP384R1())),
        public(ed25519.Ed25519PrivateKey.generate()),
        public(rsa.generate_private_key(65537, 2048)),
        public(rsa.generate_private_key(65537, 2048), "PKCS1"),
    ],
)
def test_good_keys(text: str) -> None:
    assert pem.key_problem(text) == ""
    assert findings(attestor(keys={"publicKeys": text}), "PRQ027") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("not a key", "is no PEM"),
        ("-----BEGIN PUBLIC KEY-----\nMA==\n", "is no PEM"),
        ("-----BEGIN PUBLIC KEY-----\n?\n-----END PUBLIC KEY-----", "its content is damaged"),
        ("-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----", "its content is damaged"),
        (public(P256).replace("A", "B", 1), "is"),
        (public(SMALL), "is an RSA key of 1024 bits, and 2048 are the least"),
        (public(SMALL, "PKCS1"), "is an RSA key of 1024 bits, and 2048 are the least"),
        (public(ec.generate_private_key(ec.SECP256K1())), "is a key on a curve"),
        (public(dsa.generate_private_key(2048)), "is a key of an algorithm"),
        (CERTIFICATE, "is a PEM block `CERTIFICATE` where `PUBLIC KEY` is expected"),
    ],
)
def test_bad_keys(text: str, problem: str) -> None:
    [finding] = findings(attestor(keys={"publicKeys": text}), "PRQ027")
    assert problem in finding.problem.message
    assert finding.problem.message.startswith("`publicKeys` ")


def test_several_keys_are_several_attestors() -> None:
    both = public(P256) + public(SMALL)
    assert len(findings(attestor(keys={"publicKeys": both}), "PRQ027")) == 1
    assert pem.key_problem(both) == "holds 2 PEM blocks where one public key is expected"


def test_certificates() -> None:
    for text in (CERTIFICATE, CERTIFICATE * 2, base64.b64encode(CERTIFICATE.encode()).decode()):
        assert findings(attestor(certificates={"cert": text, "certChain": text}), "PRQ027") == []
    for text in ("x", "eA==", public(P256), CERTIFICATE.replace("MII", "MIA", 1)):
        assert len(findings(attestor(certificates={"cert": text}), "PRQ027")) == 1


def test_trust_is_looked_at() -> None:
    assert findings(keyless(roots=CERTIFICATE), "PRQ027") == []
    broken: dict[str, Any] = {
        "roots": "x",
        "rekor": {**GOOD["rekor"], "pubkey": "x"},
        "ctlog": {"pubkey": "y", "tsaCertChain": "z"},
    }
    messages = {finding.problem.message for finding in findings(keyless(**broken), "PRQ027")}
    assert messages == {"`roots` is no PEM", "`tsaCertChain` is no PEM", "`pubkey` is no PEM"}


@pytest.mark.parametrize("reference", ["k8s://ns/name", "awskms:///alias/x", "hashivault://key"])
def test_references_are_left_alone(reference: str) -> None:
    assert findings(attestor(keys={"kms": reference}), "PRQ027") == []


def test_a_private_key_is_never_repeated() -> None:
    text = private(P256)
    found = findings(attestor(keys={"publicKeys": text}), "PRQ027")
    [finding] = found
    assert "a private key stands in `publicKeys`" in finding.problem.message
    shown = render_text(LintReport(findings=tuple(found)), Palette())
    assert text.splitlines()[1] not in shown
    assert "BEGIN" not in shown
