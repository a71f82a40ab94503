from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from sigstore.models import TrustedRoot

from pratique.grammar.errors import TransportError
from pratique.runtime.signatures.trust_root import MAX_BYTES, TrustRoot
from pratique.runtime.signatures.validity import Window
from tests.support_signatures import DATA, Instance, TimestampSigner, b64, spki

ACME = Instance()
PUBLIC_GOOD = (DATA / "trusted_root.json").read_bytes()


def test_the_public_good_root() -> None:
    root = TrustRoot.from_json(PUBLIC_GOOD, "file")
    assert root.name == "file"
    old, new = root.authorities.all
    assert old.intermediates == ()
    assert len(new.intermediates) == 1
    assert old.window == Window(datetime(2021, 3, 7, 3, 20, 29, tzinfo=UTC), old.window.end)
    assert old.window.end == datetime(2022, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
    assert new.window.end is None
    rekor, second = root.logs.keys
    assert rekor.id == "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d" == rekor.key.id
    assert (rekor.url, second.url) == ("https://rekor.sigstore.dev", "https://log2025-1.rekor.sigstore.dev")
    assert isinstance(second.key.public, ed25519.Ed25519PublicKey)
    assert second.id != second.key.id  # a log of the second version is named by more than its key
    assert [log.url for log in root.ct_logs.keys] == [
        "https://ctfe.sigstore.dev/test",
        "https://ctfe.sigstore.dev/2022",
    ]
    (authority,) = root.timestamps
    assert authority.signer is not None
    assert len(authority.roots) == 1


def test_the_same_certificates_as_sigstore_reads() -> None:
    ours = TrustRoot.from_json(PUBLIC_GOOD, "file").authorities.all
    theirs = TrustedRoot.from_file(str(DATA / "trusted_root.json")).get_fulcio_certs()
    assert [c for a in ours for c in (*a.intermediates, a.anchor)] == theirs


def test_the_root_that_comes_with_sigstore() -> None:
    root = TrustRoot.production()
    assert root is TrustRoot.production()
    assert root.logs.named("c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d")
    assert len(root.authorities.all) >= 2


def test_the_version_is_that_of_the_content() -> None:
    value = json.loads(PUBLIC_GOOD)
    expected = sha256(rfc8785.dumps(value)).hexdigest()
    for text in (json.dumps(value), json.dumps(value, indent=7, sort_keys=True)):
        assert TrustRoot.from_json(text.encode(), "x").version == expected
    value["ctlogs"].pop()
    assert TrustRoot.from_json(json.dumps(value).encode(), "x").version != expected


def made(change: Callable[[dict[str, Any]], None]) -> TrustRoot:
    document = json.loads(ACME.trusted_root())
    change(document)
    return TrustRoot.from_json(json.dumps(document).encode(), "made")


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *parents, last = path.split(".")

    def change(document: Any) -> None:
        for parent in parents:
            document = document[int(parent) if parent.isdigit() else parent]
        if value is ...:
            del document[last]
        else:
            document[int(last) if last.isdigit() else last] = value

    return change


LOG = "tlogs.0.publicKey"
CHAIN = "certificateAuthorities.0.certChain"


@pytest.mark.parametrize(
    "change",
    [
        put("mediaType", ...),
        put("mediaType", "application/vnd.dev.sigstore.trustedroot+json;version=9"),
        put("tlogs", {}),
        put("tlogs.0", "x"),
        put(LOG, ...),
        put(f"{LOG}.rawBytes", "####"),
        put(f"{LOG}.rawBytes", b64(b"no key")),
        put(f"{LOG}.rawBytes", b64(spki(ec.generate_private_key(ec.SECP224R1())))),
        put(f"{LOG}.rawBytes", 1),
        put(f"{LOG}.validFor", ...),  # a key without a beginning never counted
        put(f"{LOG}.validFor", {}),
        put(f"{LOG}.validFor.start", "yesterday"),
        put(f"{LOG}.validFor.start", "2024-01-01T00:00:00"),
        put("tlogs.0.logId.keyId", "#"),
        put(f"{CHAIN}.certificates", []),
        put(f"{CHAIN}.certificates.0.rawBytes", b64(b"no certificate")),
        put(f"{CHAIN}.certificates.0.rawBytes", b64(spki(ACME.log_key))),
        put("certificateAuthorities.0.validFor", ...),
        put("timestampAuthorities", [{}]),
        put("tlogs", [{}] * 300),
        put("huge", 1 << 60),  # no number that every reader reads the same
    ],
)
def test_nothing_of_a_damaged_root_is_used(change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(TransportError, match=r"^the trust root made cannot be used: ") as caught:
        made(change)
    assert caught.value.code == "trust-invalid"


@pytest.mark.parametrize(
    "data", [b"", b"no json", b"[]", b"null", b'{"a":1,"a":2}', b"[" * 100_000, b" " * MAX_BYTES + b"{}"]
)
def test_what_is_no_root(data: bytes) -> None:
    with pytest.raises(TransportError) as caught:
        TrustRoot.from_json(data, "x")
    assert caught.value.code == "trust-invalid"


def test_newer_fields_are_left_to_newer_readers() -> None:
    assert made(put("future", {"a": [1]})).authorities.all


def test_a_log_with_a_key_of_an_unknown_kind_is_left_out() -> None:
    assert made(put(f"{LOG}.keyDetails", "ML_DSA_65")).logs.keys == ()


def test_a_log_may_leave_its_name_to_its_key() -> None:
    (log,) = made(put("tlogs.0.logId", ...)).logs.keys
    assert log.id == log.key.id == ACME.log_id


def test_the_periods_of_authorities_are_kept() -> None:
    period = {"start": "2024-01-01T00:00:00Z", "end": "2024-06-30T23:59:59Z"}
    root = TrustRoot.from_json(ACME.trusted_root(ca=period, log=period, ct=period), "x")
    window = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 6, 30, 23, 59, 59, tzinfo=UTC))
    assert root.authorities.all[0].window == window
    assert root.logs.keys[0].window == root.ct_logs.keys[0].window == window


def test_timestamp_authorities() -> None:
    stamp = TimestampSigner()
    chain = [stamp.signer.certificate, stamp.root.certificate]

    def change(document: dict[str, Any]) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding

        certificates = [{"rawBytes": b64(c.public_bytes(Encoding.DER))} for c in chain]
        document["timestampAuthorities"] = [
            {"certChain": {"certificates": certificates}, "validFor": {"start": "2024-01-01T00:00:00Z"}}
        ]

    (authority,) = made(change).timestamps
    assert (authority.signer, authority.intermediates, authority.roots) == (chain[0], (), (chain[1],))
