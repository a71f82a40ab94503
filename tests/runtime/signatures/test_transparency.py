from __future__ import annotations

import base64
import json
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric import ed25519
from sigstore._internal.trust import KeyringPurpose
from sigstore.errors import VerificationError as SigstoreError
from sigstore.models import TransparencyLogEntry, TrustedRoot

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.keys import verifying_key
from pratique.runtime.signatures.logs import LogKey, LogKeys
from pratique.runtime.signatures.pem import Block, armour
from pratique.runtime.signatures.transparency import (
    MAX_BUNDLE_BYTES,
    LogEntry,
    Record,
    match_record,
    read_bundle,
    read_record,
    verify_promise,
)
from pratique.runtime.signatures.validity import ALWAYS, Window
from tests.support_signatures import (
    DATA,
    T0,
    Genuine,
    Instance,
    b64,
    genuine_records,
    new_key,
    pem,
    private_pem,
    public_good,
    public_pem,
    spki,
)

ACME = Instance()
KEY = new_key()
BLOB = b"payload"
SIGNATURE = b64(b"signature")
BUNDLE = ACME.bundle(BLOB, SIGNATURE, public_pem(KEY))
KEY_BLOCK = Block("PUBLIC KEY", spki(KEY))
AT = T0 + timedelta(seconds=5)


def logs(key: Any = ACME.log_key, window: Window = ALWAYS, log_id: str = "") -> LogKeys:
    ready = verifying_key(key.public_key())
    return LogKeys((LogKey(id=log_id or ready.id, key=ready, window=window),))


def code_of(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(VerificationError) as caught:
        call(*arguments, **options)
    return caught.value.code


# --- reading ---------------------------------------------------------------------------------------------


def test_a_bundle_is_read() -> None:
    entry = read_bundle(BUNDLE)
    assert (entry.integrated_time, entry.log_index) == (int(AT.timestamp()), 7)
    assert entry.log_id == ACME.log_id
    assert read_record(entry.body) == Record(
        kind="hashedrekord",
        version="0.0.1",
        hash_algorithm="sha256",
        hash_value=sha256(BLOB).hexdigest(),
        signature=SIGNATURE,
        verifier=public_pem(KEY),
    )


def changed(**changes: Any) -> str:
    bundle = json.loads(BUNDLE)
    for name, value in changes.items():
        target = bundle if name in ("SignedEntryTimestamp", "Payload") else bundle["Payload"]
        if value is ...:
            del target[name]
        else:
            target[name] = value
    return json.dumps(bundle)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"Payload":{}}',
        changed(SignedEntryTimestamp=...),
        changed(SignedEntryTimestamp=7),
        changed(SignedEntryTimestamp="MEYCIQD#"),
        changed(Payload=...),
        changed(Payload="x"),
        changed(body=...),
        changed(body={"kind": "hashedrekord"}),
        changed(integratedTime=...),
        changed(integratedTime=-1),
        changed(integratedTime=1.5),
        changed(integratedTime="1709294405"),
        changed(integratedTime=True),
        changed(integratedTime=1 << 53),
        changed(integratedTime=253402300800),
        changed(logIndex=-1),
        changed(logIndex=1 << 63),
        changed(logIndex=None),
        changed(logID=...),
        changed(logID=5),
        BUNDLE.replace('"logIndex"', '"logIndex": 1, "logIndex"'),
        " " * MAX_BUNDLE_BYTES + BUNDLE,
    ],
)
def test_c4_what_is_no_bundle(text: str) -> None:
    with pytest.raises(VerificationError, match=r"^unmarshaling bundle: ") as caught:
        read_bundle(text)
    assert caught.value.code == "bundle-malformed"


def test_further_members_are_not_looked_at() -> None:
    assert read_bundle(changed(future=1)) == read_bundle(BUNDLE)


def body_of(**changes: Any) -> str:
    body = json.loads(base64.b64decode(json.loads(BUNDLE)["Payload"]["body"]))
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = body
        for parent in parents:
            target = target[parent]
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return b64(rfc8785.dumps(body))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("####", "bundle-malformed"),
        (b64(b"no json"), "bundle-malformed"),
        (b64(b"[]"), "bundle-malformed"),
        (b64(b'{"kind":"hashedrekord","kind":"rekord"}'), "bundle-malformed"),
        (body_of(kind=...), "bundle-malformed"),
        (body_of(apiVersion=1), "bundle-malformed"),
        (body_of(spec=...), "bundle-malformed"),
        (body_of(spec__data=[]), "bundle-malformed"),
        (body_of(spec__data__hash__value=...), "bundle-malformed"),
        (body_of(spec__signature__content=None), "bundle-malformed"),
        (body_of(spec__signature__publicKey=...), "bundle-malformed"),
        (body_of(spec__signature__publicKey__content="#"), "bundle-malformed"),
        (body_of(kind="rekord"), "bundle-malformed"),
        (body_of(kind="rekord", spec__signature__format="pgp"), "bundle-malformed"),
        (body_of(kind="intoto"), "entry-kind-unsupported"),
        (body_of(kind="HashedRekord"), "entry-kind-unsupported"),
        (body_of(apiVersion="0.0.2"), "entry-kind-unsupported"),
    ],
)
def test_what_is_no_record(body: str, code: str) -> None:
    with pytest.raises(VerificationError, match=r"^failed to extract signature from bundle: ") as caught:
        read_record(body)
    assert caught.value.code == code


def test_both_kinds_of_blob_entries() -> None:
    bundle = ACME.bundle(BLOB, SIGNATURE, public_pem(KEY), kind="rekord")
    assert read_record(read_bundle(bundle).body).kind == "rekord"


# --- the record is about this signature (C1) ------------------------------------------------------------

RECORD = read_record(read_bundle(BUNDLE).body)
HASH = sha256(BLOB).hexdigest()


def test_a_record_of_this_signature() -> None:
    match_record(RECORD, signature=SIGNATURE, verifier=KEY_BLOCK, payload_sha256=HASH)


OTHER = new_key()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"signature": b64(b"other")}, "signature in bundle does not match signature being verified"),
        ({"signature": ""}, "signature in bundle does not match signature being verified"),
        (
            {"verifier": Block("PUBLIC KEY", spki(OTHER))},
            f"comparing public key PEMs, expected {public_pem(OTHER)}, got {public_pem(KEY)}",
        ),
        ({"verifier": Block("CERTIFICATE", spki(KEY))}, "comparing public key PEMs, expected "),
        (
            {"payload_sha256": "00" * 32},
            f'matching bundle to payload: bundle="{HASH}", payload="{"00" * 32}"',
        ),
    ],
)
def test_c1_a_record_of_another_signature(changes: dict[str, Any], text: str) -> None:
    same: dict[str, Any] = {"signature": SIGNATURE, "verifier": KEY_BLOCK, "payload_sha256": HASH}
    with pytest.raises(VerificationError) as caught:
        match_record(RECORD, **{**same, **changes})
    assert caught.value.code == "log-entry-mismatch"
    assert caught.value.message.startswith(text)


def test_another_hash_algorithm() -> None:
    record = read_record(body_of(spec__data__hash__algorithm="sha512"))
    with pytest.raises(VerificationError, match=r'^unexpected algorithm: "sha512"$'):
        match_record(record, signature=SIGNATURE, verifier=KEY_BLOCK, payload_sha256=HASH)


LEAF = ACME.leaf().certificate


@pytest.mark.parametrize(
    "verifier",
    [
        "",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC dev",
        private_pem(KEY),
        public_pem(KEY) * 2,
        pem(LEAF) + pem(LEAF),
        public_pem(KEY) + "trailing",
        armour("PGP PUBLIC KEY BLOCK", b"abc"),
        "-----BEGIN PUBLIC KEY-----\n####\n-----END PUBLIC KEY-----",
    ],
)
def test_the_entry_holds_exactly_one_certificate_or_key(verifier: str) -> None:
    record = read_record(body_of(spec__signature__publicKey__content=b64(verifier.encode())))
    code = code_of(match_record, record, signature=SIGNATURE, verifier=KEY_BLOCK, payload_sha256=HASH)
    assert code == "not-a-certificate"


# --- the promise -----------------------------------------------------------------------------------------


def test_a_promise_of_a_trusted_log() -> None:
    verify_promise(read_bundle(BUNDLE), logs())


@pytest.mark.parametrize(
    "text",
    [
        changed(body=body_of(spec__data__hash__value="00" * 32)),
        changed(integratedTime=int(AT.timestamp()) + 1),
        changed(logIndex=8),
        changed(SignedEntryTimestamp=b64(b"0")),
        changed(SignedEntryTimestamp=""),
        ACME.bundle(BLOB, SIGNATURE, public_pem(KEY), key=new_key()),
    ],
)
def test_c4_a_promise_covers_the_whole_entry(text: str) -> None:
    with pytest.raises(VerificationError, match=r"^unable to verify SET$") as caught:
        verify_promise(read_bundle(text), logs())
    assert caught.value.code == "set-invalid"


def test_a_promise_of_a_stranger() -> None:
    with pytest.raises(
        VerificationError, match=r"^verifying bundle: rekor log public key not found for payload$"
    ) as caught:
        verify_promise(read_bundle(BUNDLE), logs(new_key()))
    assert caught.value.code == "log-key-unknown"


def test_the_name_of_a_log_alone_is_worth_nothing() -> None:
    assert code_of(verify_promise, read_bundle(BUNDLE), logs(new_key(), log_id=ACME.log_id)) == "set-invalid"
    upper = ACME.bundle(BLOB, SIGNATURE, public_pem(KEY), log_id=ACME.log_id.upper())
    assert code_of(verify_promise, read_bundle(upper), logs()) == "log-key-unknown"


@pytest.mark.parametrize(
    ("window", "code"),
    [
        (Window(AT, AT), ""),
        (Window(None, AT - timedelta(seconds=1)), "log-key-expired"),
        (Window(AT + timedelta(seconds=1), None), "log-key-expired"),
    ],
)
def test_a_log_key_counts_in_its_window_only(window: Window, code: str) -> None:
    if code:
        assert code_of(verify_promise, read_bundle(BUNDLE), logs(window=window)) == code
    else:
        verify_promise(read_bundle(BUNDLE), logs(window=window))


def test_promises_are_ecdsa() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(
        VerificationError, match=f"^rekor Public key for LogID {ACME.log_id} is not type ecdsa.PublicKey$"
    ):
        verify_promise(read_bundle(BUNDLE), logs(key, log_id=ACME.log_id))


# --- beside sigstore's own check -------------------------------------------------------------------------

SIGSTORE_ROOT = TrustedRoot.from_file(str(DATA / "trusted_root.json"))


def as_sigstore(entry: LogEntry) -> TransparencyLogEntry:
    made = object.__new__(TransparencyLogEntry)  # its constructor demands an inclusion proof
    made._inner = SimpleNamespace(  # type: ignore[assignment]
        log_index=entry.log_index,
        log_id=SimpleNamespace(key_id=bytes.fromhex(entry.log_id)),
        integrated_time=entry.integrated_time,
        inclusion_promise=SimpleNamespace(signed_entry_timestamp=entry.promise),
        canonicalized_body=base64.b64decode(entry.body),
    )
    return made


@pytest.mark.parametrize("record", genuine_records("verified"), ids=lambda r: r.name)
@pytest.mark.parametrize("shift", [0, 1])
def test_genuine_promises_are_judged_as_sigstore_judges_them(record: Genuine, shift: int) -> None:
    bundle = record.bundle
    bundle["Payload"]["integratedTime"] += shift
    entry = read_bundle(json.dumps(bundle))
    try:
        as_sigstore(entry)._verify_set(SIGSTORE_ROOT.rekor_keyring(KeyringPurpose.VERIFY))
        expected = True
    except SigstoreError:
        expected = False
    assert expected == (shift == 0)
    if expected:
        verify_promise(entry, public_good().logs)
    else:
        assert code_of(verify_promise, entry, public_good().logs) == "set-invalid"
