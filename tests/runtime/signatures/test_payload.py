from __future__ import annotations

import json
from typing import Any

import pytest

from pratique.grammar.errors import VerificationError
from pratique.runtime.signatures.payload import MAX_PAYLOAD_BYTES, Claims, read_claims
from tests.support_signatures import DIGEST, Genuine, genuine_records, payload


@pytest.mark.parametrize(
    ("optional", "claims"),
    [
        (None, None),
        ({}, ()),
        ({"env": "prod", "a": "1"}, (("env", "prod"), ("a", "1"))),
        ({"n": 1, "t": True, "z": None, "l": ["x"], "s": "text"}, (("s", "text"),)),
    ],
)
def test_claims_are_read(optional: Any, claims: Any) -> None:
    assert read_claims(payload(DIGEST, optional)) == Claims(digest=DIGEST, optional=claims)


@pytest.mark.parametrize("record", genuine_records("verified", "rejected"), ids=lambda r: r.name)
def test_genuine_claims(record: Genuine) -> None:
    claims = read_claims(record.stored.payload)
    assert claims.digest == record.digest
    signed = record.facts["signed_annotations"]
    assert (None if claims.optional is None else dict(claims.optional)) == signed


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "null",
        '{"critical": null}',
        '{"critical": {"image": {}}}',
        '{"critical": {"image": {"docker-manifest-digest": ""}}}',
        '{"Critical": {"Image": {"Docker-Manifest-Digest": "sha256:x"}}}',
    ],
)
def test_a_payload_that_names_no_image(text: str) -> None:
    assert read_claims(text.encode()).digest == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no json",
        b"[]",
        b'"text"',
        b'{"critical": []}',
        b'{"critical": {"image": "x"}}',
        b'{"critical": {"image": {"docker-manifest-digest": 1}}}',
        b'{"critical": {"image": {"docker-manifest-digest": null}}}',
        b'{"optional": "x"}',
        b'{"critical": {}, "critical": {}}',
        payload()[:-1] + b',"critical":{"image":{"docker-manifest-digest":"sha256:00"}}}',
        payload().replace(b'"type"', b'"image":{"docker-manifest-digest":"sha256:00"},"type"'),
        payload(DIGEST, {"a": "1"}).replace(b'"a":"1"', b'"a":"1","a":"2"'),
        payload() + b"{}",
        b"\xff" + payload(),
        b" " * MAX_PAYLOAD_BYTES + payload(),
    ],
)
def test_what_is_no_payload(data: bytes) -> None:
    with pytest.raises(VerificationError, match=r"^payload is no simple signing document: ") as caught:
        read_claims(data)
    assert caught.value.code == "payload-malformed"


def test_type_and_reference_are_not_looked_at() -> None:
    data = json.loads(payload())
    data["critical"] = {"image": data["critical"]["image"]}
    assert read_claims(json.dumps(data).encode()).digest == DIGEST
