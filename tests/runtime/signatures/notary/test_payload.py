import json
from typing import Any

import pytest

from pratique.runtime.signatures.notary.limits import MAX_PAYLOAD_BYTES
from pratique.runtime.signatures.notary.model import PAYLOAD_TYPE, Check
from pratique.runtime.signatures.notary.payload import read_payload
from tests.support_notary import TARGET, plain, refusal

GOOD = plain(TARGET)


def test_target_and_annotations() -> None:
    payload = {"targetArtifact": {**GOOD, "annotations": {"b": "1", "a": "2"}, "artifactType": "x/y"}}
    target, annotations = read_payload(json.dumps(payload).encode(), PAYLOAD_TYPE)
    assert target == TARGET
    assert annotations == (("b", "1"), ("a", "2"))


@pytest.mark.parametrize("digest", ["sha384:" + "0" * 96, "sha512:" + "f" * 128])
def test_other_digests(digest: str) -> None:
    payload = json.dumps({"targetArtifact": {**GOOD, "digest": digest}}).encode()
    assert read_payload(payload, PAYLOAD_TYPE)[0].digest == digest


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "sha256:" + "A" * 64},
        {"digest": "sha256:" + "a" * 63},
        {"digest": "sha256:" + "a" * 64 + "\n"},
        {"digest": "md5:" + "a" * 32},
        {"digest": None},
        {"size": -1},
        {"size": True},
        {"size": 1.0},
        {"size": 1 << 63},
        {"mediaType": ""},
        {"mediaType": 1},
        {"annotations": []},
        {"annotations": {"a": None}},
    ],
)
def test_malformed_targets(change: dict[str, Any]) -> None:
    payload = json.dumps({"targetArtifact": {**GOOD, **change}}).encode()
    refusal(Check.PAYLOAD, lambda: read_payload(payload, PAYLOAD_TYPE))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'{"targetArtifact": {}, "targetArtifact": {}}',
        b'{"targetArtifact": []}',
        b"[" * 100_000,
        b'{"targetArtifact": {"size": NaN}}',
        "\ufeff{}".encode(),
        b"\xff",
        b" " * (MAX_PAYLOAD_BYTES + 1),
    ],
)
def test_hostile_payloads(payload: bytes) -> None:
    refusal(Check.PAYLOAD, lambda: read_payload(payload, PAYLOAD_TYPE))


def test_duplicate_member_in_target() -> None:
    payload = json.dumps({"targetArtifact": GOOD}).replace('"size"', '"size": 7, "size"').encode()
    assert "twice" in refusal(Check.PAYLOAD, lambda: read_payload(payload, PAYLOAD_TYPE))


def test_other_content_type() -> None:
    text = refusal(Check.PAYLOAD, lambda: read_payload(b"{}", "application/json"))
    assert text == 'payload content type "application/json" not supported'
