import base64
import json

import rekor_types

from pratique.runtime.lab import entries

PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
HEX = "ab" * 32


def test_hashedrekord_is_what_rekor_has() -> None:
    body = entries.hashedrekord(HEX, b"signature", PEM)
    assert (body.kind, body.version) == ("hashedrekord", "0.0.1")
    entry = rekor_types.Hashedrekord.model_validate_json(body.content)
    assert entry.api_version == "0.0.1"
    spec = json.loads(body.content)["spec"]
    assert base64.b64decode(spec["signature"]["content"]) == b"signature"
    assert spec["data"] == {"hash": {"algorithm": "sha256", "value": HEX}}
    assert base64.b64decode(spec["signature"]["publicKey"]["content"]).decode() == PEM


def test_dsse_is_what_rekor_has() -> None:
    body = entries.dsse(b"{}", HEX, b"signature", PEM)
    entry = rekor_types.Dsse.model_validate_json(body.content)
    assert (entry.kind, entry.api_version) == ("dsse", "0.0.1")
    spec = json.loads(body.content)["spec"]
    assert spec["payloadHash"]["value"] == HEX
    assert spec["envelopeHash"]["value"] == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert [base64.b64decode(s["signature"]) for s in spec["signatures"]] == [b"signature"]


def test_older_kinds() -> None:
    rekord = json.loads(entries.rekord(HEX, b"signature", PEM).content)
    assert rekord["spec"]["signature"]["format"] == "x509"
    intoto = json.loads(entries.intoto(b"{}", HEX, PEM).content)
    assert intoto["kind"] == "intoto"
    assert intoto["spec"]["content"]["payloadHash"]["value"] == HEX
    assert base64.b64decode(intoto["spec"]["publicKey"]).decode() == PEM


def test_bodies_are_canonical_json() -> None:
    for body in (
        entries.hashedrekord(HEX, b"s", PEM),
        entries.rekord(HEX, b"s", PEM),
        entries.dsse(b"{}", HEX, b"s", PEM),
        entries.intoto(b"{}", HEX, PEM),
    ):
        data = json.loads(body.content)
        assert body.content == json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
        assert (data["kind"], data["apiVersion"]) == (body.kind, body.version)
