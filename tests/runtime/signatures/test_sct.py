from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ObjectIdentifier
from sigstore._internal.sct import verify_sct
from sigstore._internal.trust import CTKeyring, KeyringPurpose
from sigstore.errors import VerificationError as SigstoreError
from sigstore.models import TrustedRoot

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.certificates import load_pem_certificates
from pratique.runtime.signatures.keys import verifying_key
from pratique.runtime.signatures.logs import LogKey, LogKeys
from pratique.runtime.signatures.sct import MISSING, embedded_timestamps, verify_embedded
from pratique.runtime.signatures.validity import ALWAYS, Window
from tests.support_signatures import (
    DATA,
    T0,
    Genuine,
    Instance,
    Leaf,
    der,
    genuine_records,
    new_key,
    public_good,
)

ACME = Instance()
SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def keys(*private: Any, window: Window = ALWAYS) -> LogKeys:
    found = [verifying_key(key.public_key()) for key in private]
    return LogKeys(tuple(LogKey(id=key.id, key=key, window=window) for key in found))


def refusal(leaf: Leaf, logs: LogKeys, issuer: x509.Certificate | None = None) -> tuple[str, str]:
    with pytest.raises(VerificationError) as caught:
        verify_embedded(leaf.certificate, issuer or ACME.intermediate.certificate, logs)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize("key", [new_key(), rsa.generate_private_key(65537, 2048)], ids=["ECDSA", "RSA"])
def test_a_timestamp_of_a_trusted_log(key: Any) -> None:
    leaf = ACME.leaf(sct_key=key)
    verify_embedded(leaf.certificate, ACME.intermediate.certificate, keys(new_key(), key))
    (timestamp,) = embedded_timestamps(leaf.certificate)
    assert timestamp.timestamp == T0.replace(tzinfo=None)


def test_none() -> None:
    assert embedded_timestamps(ACME.leaf(sct=False).certificate) == ()
    assert refusal(ACME.leaf(sct=False), keys(ACME.ct_key)) == ("sct-missing", MISSING)


def test_an_unknown_log() -> None:
    code, text = refusal(ACME.leaf(), keys(new_key()))
    assert code == "sct-key-unknown"
    assert text == (
        "ctfe public key not found for payload. Check your TUF root (see cosign initialize) or set a custom"
        " key with env var SIGSTORE_CT_LOG_PUBLIC_KEY_FILE"
    )


def test_a_timestamp_of_another_certificate() -> None:
    donor = embedded_extension(ACME.leaf())
    leaf = ACME.leaf(sct=False, extra=[(donor, False)])
    text = "error verifying embedded SCT: failed to verify ECDSA signature"
    assert refusal(leaf, keys(ACME.ct_key)) == ("sct-invalid", text)


def embedded_extension(leaf: Leaf) -> x509.UnrecognizedExtension:
    for extension in leaf.certificate.extensions:
        if extension.oid == SCT_LIST:
            return x509.UnrecognizedExtension(SCT_LIST, extension.value.public_bytes())
    raise AssertionError("no timestamp embedded")


def test_another_issuer_than_the_one_that_was_logged() -> None:
    assert refusal(ACME.leaf(), keys(ACME.ct_key), ACME.root.certificate)[0] == "sct-invalid"


def test_the_claimed_kind_of_signature_must_fit_the_key() -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    logs = keys(rsa_key)
    (rsa_log,) = logs.keys
    leaf = ACME.leaf()
    ec_id = verifying_key(ACME.ct_key.public_key()).id
    disguised = LogKeys((LogKey(id=ec_id, key=rsa_log.key),))
    assert refusal(leaf, disguised)[0] == "sct-invalid"


@pytest.mark.parametrize(
    ("window", "code"),
    [
        (Window(T0, T0), ""),
        (Window(None, T0 - timedelta(seconds=1)), "sct-key-expired"),
        (Window(T0 + timedelta(seconds=1), None), "sct-key-expired"),
    ],
)
def test_a_log_key_counts_in_its_window_only(window: Window, code: str) -> None:
    leaf = ACME.leaf()
    if code:
        assert refusal(leaf, keys(ACME.ct_key, window=window))[0] == code
        # A key may have been in use twice.
        twice = LogKeys((*keys(ACME.ct_key, window=window).keys, *keys(ACME.ct_key).keys))
        verify_embedded(leaf.certificate, ACME.intermediate.certificate, twice)
    else:
        verify_embedded(leaf.certificate, ACME.intermediate.certificate, keys(ACME.ct_key, window=window))


@pytest.mark.parametrize("count", [0, 33])
def test_the_number_of_timestamps_is_bounded(count: int) -> None:
    entry = _only_entry(embedded_extension(ACME.leaf()).value)
    body = b"".join([entry] * count)
    listed = x509.UnrecognizedExtension(SCT_LIST, der(0x04, len(body).to_bytes(2, "big") + body))
    code, _ = refusal(ACME.leaf(sct=False, extra=[(listed, False)]), keys(ACME.ct_key))
    assert code == ("sct-malformed" if count else "sct-missing")


def _only_entry(value: bytes) -> bytes:
    """Return the one timestamp of a list, with its length before it."""
    header = 2 + (value[1] & 0x7F if value[1] & 0x80 else 0)
    return value[header + 2 :]


@pytest.mark.parametrize(
    "value", [b"", b"\x04\x00", der(0x04, b"\0"), der(0x04, b"\0\x05abc"), der(0x05), b"\x04\x03\x00\x00"]
)
def test_garbage_is_malformed(value: bytes) -> None:
    # Certificates that come from outside are refused as a whole before this point.
    leaf = ACME.leaf(sct=False, extra=[(x509.UnrecognizedExtension(SCT_LIST, value), False)])
    assert refusal(leaf, keys(ACME.ct_key))[0] in ("sct-malformed", "sct-missing")


# --- beside sigstore's own check -------------------------------------------------------------------------


def keyring(root: TrustedRoot) -> CTKeyring:
    return root.ct_keyring(KeyringPurpose.VERIFY)


SIGSTORE_ROOT = TrustedRoot.from_file(str(DATA / "trusted_root.json"))
KEYLESS = [r for r in genuine_records("verified", "rejected") if r.stored.certificate]


@pytest.mark.parametrize("record", KEYLESS, ids=lambda r: r.name)
def test_genuine_timestamps_are_judged_as_sigstore_judges_them(record: Genuine) -> None:
    (leaf,) = load_pem_certificates(record.stored.certificate)
    for authority in public_good().authorities.all:
        issuer = (*authority.intermediates, authority.anchor)[0]
        try:
            verify_sct(leaf, [issuer], keyring(SIGSTORE_ROOT))
            expected = True
        except SigstoreError:
            expected = False
        try:
            verify_embedded(leaf, issuer, public_good().ct_logs)
            got = True
        except VerificationError:
            got = False
        assert got == expected


def test_curves_other_than_p_256_are_taken() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    verify_embedded(ACME.leaf(sct_key=key).certificate, ACME.intermediate.certificate, keys(key))
