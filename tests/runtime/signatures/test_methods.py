from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa, x25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from pratique.compiler import ir
from pratique.grammar.errors import TransportError, VerificationError
from pratique.runtime.signatures.anchors import anchors
from pratique.runtime.signatures.methods import needs_root, prepare
from pratique.runtime.signatures.sct import MISSING
from tests.support_signatures import (
    Instance,
    make_ca,
    new_key,
    pem,
    private_pem,
    public_good,
    public_pem,
)

ACME = Instance()
STRANGER = Instance("stranger")
KEY = new_key()
OWN = anchors(ACME.trust(), None)
LIFE = timedelta(days=3000)
LEAF = ACME.leaf(life=LIFE)
UNSTAMPED = ACME.leaf(life=LIFE, sct=False)


def refusal(method: ir.SigstoreMethod, found: Any = OWN) -> tuple[str, str]:
    with pytest.raises(VerificationError) as caught:
        prepare(method, found)
    return caught.value.code, caught.value.message


# --- keys ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [public_pem(KEY), f"\n  {public_pem(KEY)}\n\n"])
def test_a_key(text: str) -> None:
    prepared = prepare(ir.KeySigner(key=text), OWN)
    assert prepared.key is not None
    assert prepared.key.public == KEY.public_key()
    assert (prepared.certificate, prepared.path, prepared.authorities) == (None, None, None)


SECRET = private_pem(KEY)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", "bad-key", "failed to load public key: neither a PEM public key nor a reference to one"),
        ("hunter2", "bad-key", "failed to load public key: neither a PEM public key nor a reference to one"),
        (SECRET, "bad-key", "failed to load public key: a private key stands where a public key is expected"),
        (
            public_pem(KEY) + SECRET,
            "bad-key",
            "failed to load public key from PEM: a private key stands where a public key is expected",
        ),
        (
            pem(ACME.root.certificate),
            "bad-key",
            "failed to load public key: a certificate stands where a public key is expected",
        ),
        (
            public_pem(KEY) * 2,
            "bad-key",
            "failed to load public key from PEM: 2 PEM blocks where one public key is expected",
        ),
        (
            "-----BEGIN PUBLIC KEY-----\nYWJj\n-----END PUBLIC KEY-----",
            "bad-key",
            "failed to load public key from PEM: pem to public key: x509: failed to parse public key",
        ),
        (
            public_pem(rsa.generate_private_key(65537, 1024)),
            "bad-key",
            "failed to load public key from PEM: RSA key of 1024 bits, at least 2048 are needed",
        ),
        (
            public_pem(x25519.X25519PrivateKey.generate()),
            "bad-key",
            "failed to load public key from PEM: unsupported public key type",
        ),
        *(
            (
                reference,
                "key-unavailable",
                f"failed to load public key from {reference}: no provider for such references is installed",
            )
            for reference in (
                "k8s://team/cosign-key",
                "awskms:///arn:aws:kms:eu-west-1:1:key/x",
                "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k",
                "hashivault://cosign",
            )
        ),
    ],
)
def test_what_is_no_key(text: str, code: str, message: str) -> None:
    assert refusal(ir.KeySigner(key=text)) == (code, message)
    assert SECRET.splitlines()[1] not in message


def test_an_unknown_hash() -> None:
    method = ir.KeySigner(key=public_pem(KEY), hash_algorithm="md5")
    assert refusal(method) == ("bad-key", "invalid signature algorithm provided md5")


# --- certificates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoded", [False, True])
def test_a_certificate_alone_is_its_key(encoded: bool) -> None:
    text = pem(UNSTAMPED.certificate)
    text = base64.b64encode(text.encode()).decode() if encoded else text
    prepared = prepare(ir.CertificateSigner(certificate=text), anchors(ir.Trust(), None))
    assert prepared.certificate == UNSTAMPED.certificate
    assert prepared.key is not None
    assert prepared.key.public == UNSTAMPED.key.public_key()
    assert (prepared.path, prepared.authorities) == (None, None)


def test_a_chain_alone_is_a_set_of_authorities() -> None:
    prepared = prepare(ir.CertificateSigner(chain=ACME.chain), anchors(ir.Trust(), None))
    assert prepared.authorities is not None
    assert [a.anchor for a in prepared.authorities.all] == list(ACME.intermediate.chain)
    assert prepared.key is None


def given(leaf: Any, chain: str) -> ir.CertificateSigner:
    return ir.CertificateSigner(certificate=pem(leaf.certificate), chain=chain)


def test_a_certificate_with_chain_needs_its_timestamp() -> None:
    prepared = prepare(given(LEAF, ACME.chain), OWN)
    assert prepared.path is not None
    assert prepared.path.issuers == ACME.intermediate.chain
    ignoring = anchors(ACME.trust(sct=ir.SctPolicy(required=False)), public_good())
    text = f"failed to load validate certificate chain: {MISSING}"
    for found in (OWN, ignoring, anchors(ir.Trust(), None)):
        assert refusal(given(UNSTAMPED, ACME.chain), found) == ("sct-missing", text)
    assert refusal(given(LEAF, ACME.chain), ignoring)[0] == "sct-key-unknown"
    with pytest.raises(TransportError, match="failed to load CTLogs public keys"):
        prepare(given(LEAF, ACME.chain), anchors(ir.Trust(), None))


UNKNOWN = "cert verification failed: x509: certificate signed by unknown authority"


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        (
            ir.CertificateSigner(certificate="no pem"),
            "bad-certificate",
            "failed to load certificate from the policy: error during PEM decoding",
        ),
        (
            ir.CertificateSigner(certificate=" "),
            "bad-certificate",
            "failed to load certificate from the policy: no certs found in pem file",
        ),
        (
            ir.CertificateSigner(certificate=SECRET),
            "bad-certificate",
            "failed to load certificate from the policy: a private key stands where a certificate",
        ),
        (
            ir.CertificateSigner(certificate=public_pem(KEY)),
            "bad-certificate",
            "failed to load certificate from the policy: a PUBLIC KEY stands where a certificate is expected",
        ),
        (
            ir.CertificateSigner(chain="no pem"),
            "bad-certificate",
            "failed to load certificates: error creating root cert pool",
        ),
        (
            given(LEAF, "no pem"),
            "bad-certificate",
            "failed to load certificate chain: error during PEM decoding",
        ),
        (
            given(LEAF, " "),
            "bad-certificate",
            "failed to load validate certificate chain: no chain provided to validate certificate",
        ),
        (
            given(LEAF, ACME.chain * 6),
            "bad-certificate",
            "certificate chain too long (12), maximum allowed is 11",
        ),
        (
            given(LEAF, STRANGER.chain),
            "chain-untrusted",
            f"failed to load validate certificate chain: {UNKNOWN}",
        ),
        (
            given(LEAF, pem(ACME.root.certificate)),  # without the intermediate
            "chain-untrusted",
            f"failed to load validate certificate chain: {UNKNOWN}",
        ),
        (
            given(ACME.leaf(life=LIFE, purposes=[ExtendedKeyUsageOID.SERVER_AUTH]), ACME.chain),
            "certificate-usage",
            "failed to load validate certificate chain: cert verification failed: x509: certificate specifies"
            " an incompatible key usage",
        ),
    ],
)
def test_what_is_no_certificate(method: ir.CertificateSigner, code: str, text: str) -> None:
    got = refusal(method)
    assert (got[0], got[1][: len(text)]) == (code, text)
    assert SECRET.splitlines()[1] not in got[1]


def test_a_self_signed_certificate_may_be_given() -> None:
    own = make_ca("self")
    assert prepare(ir.CertificateSigner(certificate=pem(own.certificate)), OWN).certificate == own.certificate


# --- keyless ---------------------------------------------------------------------------------------------


def test_keyless_leaves_it_to_the_authorities() -> None:
    assert prepare(ir.AnyIdentity(), OWN).authorities is OWN.authorities
    with pytest.raises(TransportError) as caught:
        prepare(ir.AnyIdentity(), anchors(ir.Trust(), None))
    assert caught.value.code == "trust-unavailable"


def test_methods_are_remembered() -> None:
    assert prepare(ir.KeySigner(key=public_pem(KEY)), OWN) is prepare(ir.KeySigner(key=public_pem(KEY)), OWN)


# --- whether a trust root is needed ----------------------------------------------------------------------

FULL = ACME.trust()
NO_LOG = ir.LogPolicy(required=False)
NO_SCT = ir.SctPolicy(required=False)
KEY_SIGNER = ir.KeySigner(key=public_pem(KEY))
CERTIFICATE = ir.CertificateSigner(certificate="x")
CHAIN = ir.CertificateSigner(chain="x")
BOTH = ir.CertificateSigner(certificate="x", chain="x")


@pytest.mark.parametrize(
    ("method", "trust", "needed"),
    [
        *((method, FULL, False) for method in (ir.AnyIdentity(), KEY_SIGNER, CERTIFICATE, CHAIN, BOTH)),
        *((method, ir.Trust(), True) for method in (ir.AnyIdentity(), KEY_SIGNER, CERTIFICATE, CHAIN, BOTH)),
        (KEY_SIGNER, ir.Trust(log=NO_LOG), False),
        (CERTIFICATE, ir.Trust(log=NO_LOG), False),
        (CHAIN, ir.Trust(log=NO_LOG), True),
        (CHAIN, ir.Trust(log=NO_LOG, sct=NO_SCT), False),
        (BOTH, ir.Trust(log=NO_LOG, sct=NO_SCT), True),
        (BOTH, ir.Trust(log=NO_LOG, sct=FULL.sct), False),
        (ir.AnyIdentity(), ir.Trust(log=NO_LOG, sct=NO_SCT), True),
        (ir.AnyIdentity(), ir.Trust(roots=FULL.roots, log=NO_LOG, sct=NO_SCT), False),
        (ir.AnyIdentity(), ir.Trust(roots=FULL.roots, log=NO_LOG), True),
        (ir.AnyIdentity(), ir.Trust(roots=FULL.roots, sct=FULL.sct), True),
        (ir.AnyIdentity(), ir.Trust(log=FULL.log, sct=FULL.sct), True),
    ],
)
def test_when_a_trust_root_is_needed(method: ir.SigstoreMethod, trust: ir.Trust, needed: bool) -> None:
    assert needs_root(method, trust) is needed
