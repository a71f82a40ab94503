import json
from datetime import UTC, datetime

import pytest
from cryptography import x509
from sigstore._internal.sct import verify_sct
from sigstore._internal.trust import CTKeyring, Keyring
from sigstore.errors import VerificationError
from sigstore_models.common.v1 import PublicKey

from pratique.runtime.lab.authority import CertificateAuthority, Identity, Promise
from pratique.runtime.lab.ctlog import CtLog, sct_list
from pratique.runtime.lab.keys import b64, derive_ec_key, spki

AT = datetime(2023, 4, 1, 12, tzinfo=UTC)
AUTHORITY = CertificateAuthority("seed", AT, "lab")
LOG = CtLog("seed", "ct.lab.test")


def certificate(promise: Promise) -> x509.Certificate:
    key = derive_ec_key("test", "leaf").public_key()
    return AUTHORITY.issue(Identity(extensions=((1, "issuer"),)), key, AT, serial="x", promise=promise)


def keyring(log: CtLog) -> CTKeyring:
    key = {
        "rawBytes": b64(spki(log.key.public_key())),
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        "validFor": {"start": "2020-01-01T00:00:00Z"},
    }
    return CTKeyring(Keyring([PublicKey.from_json(json.dumps(key))]))


def test_sigstore_accepts_the_promise() -> None:
    verify_sct(certificate(LOG.promise), [AUTHORITY.intermediate, AUTHORITY.root], keyring(LOG))


def test_sigstore_refuses_another_log() -> None:
    other = CtLog("other", "ct.lab.test")
    with pytest.raises(VerificationError, match="invalid signature"):
        verify_sct(certificate(other.promise), [AUTHORITY.intermediate], keyring(LOG))


def test_sigstore_refuses_another_issuer() -> None:
    with pytest.raises(VerificationError, match="invalid signature"):
        verify_sct(certificate(LOG.promise), [AUTHORITY.old_intermediate], keyring(LOG))


def test_promise_is_of_the_certificate_and_the_time() -> None:
    found = certificate(LOG.promise).extensions.get_extension_for_class(
        x509.PrecertificateSignedCertificateTimestamps
    )
    (sct,) = found.value
    assert sct.log_id == LOG.log_id
    assert sct.timestamp.replace(tzinfo=UTC) == AT
    assert sct.entry_type is x509.certificate_transparency.LogEntryType.PRE_CERTIFICATE


def test_list_of_several() -> None:
    assert sct_list(b"ab", b"c").hex() == "0409" + "0007" + "0002" + b"ab".hex() + "0001" + b"c".hex()
