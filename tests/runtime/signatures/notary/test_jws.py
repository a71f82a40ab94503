import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pratique.runtime.lab.keys import KeyType, b64
from pratique.runtime.lab.notary import NotarySigner, jws_envelope, jws_header, signed_attributes
from pratique.runtime.lab.oci import compact
from pratique.runtime.signatures.notary.jws import read_jws
from pratique.runtime.signatures.notary.limits import MAX_CERTIFICATES
from pratique.runtime.signatures.notary.model import Check, EnvelopeFormat, NotaryRefusal, SigningScheme
from tests.support_notary import AT, JWS, TARGET, refusal, signer, stamper, verify
from tests.support_notary_cases import TIME, jws_of

GOOD = signer().sign(TARGET)


def changed(**members: Any) -> bytes:
    return compact({**json.loads(GOOD), **members})


def test_parts() -> None:
    tsa = stamper()
    read = read_jws(signer().sign(TARGET, stamper=tsa))
    document = json.loads(GOOD)
    assert read.format is EnvelopeFormat.JWS
    assert read.algorithm == "ES256"
    assert read.signed.decode() == f"{document['protected']}.{document['payload']}"
    assert len(read.certificates) == 3
    assert len(read.signature) == 64
    assert read.token.startswith(b"\x30")
    assert read.agent == "pratique-lab/1"
    assert read.attributes.signing_time == AT


@pytest.mark.parametrize("name", ["payload", "protected", "header", "signature"])
def test_missing_members(name: str) -> None:
    document = json.loads(GOOD)
    del document[name]
    refusal(Check.ENVELOPE, lambda: read_jws(compact(document)))


@pytest.mark.parametrize("name", ["payload", "protected", "signature"])
@pytest.mark.parametrize("value", [None, 1, [], {}])
def test_members_of_wrong_types(name: str, value: object) -> None:
    refusal(Check.ENVELOPE, lambda: read_jws(changed(**{name: value})))


@pytest.mark.parametrize(
    "data",
    [
        b"null",
        b"[]",
        b"{",
        b"\xff",
        GOOD + b"x",
        b'{"a":' * 50_000,
        GOOD[:-1] + b',"payload":"e30"}',
        GOOD.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + GOOD,
        GOOD.replace(b'"payload"', b'"Payload"'),
    ],
)
def test_what_is_no_single_json_object(data: bytes) -> None:
    refusal(Check.ENVELOPE, lambda: read_jws(data))


def test_general_serialization_is_refused() -> None:
    document = json.loads(GOOD)
    inner = {name: document.pop(name) for name in ("protected", "header", "signature")}
    refusal(Check.ENVELOPE, lambda: read_jws(compact({**document, "signatures": [inner]})))


@pytest.mark.parametrize("name", ["payload", "protected", "signature"])
@pytest.mark.parametrize("spoil", ["{}=", "{}==", "{}\n", " {}", "{}+", "{}/", "{}A===", "{}\u00e9", "."])
def test_base64url_has_one_form(name: str, spoil: str) -> None:
    text = json.loads(GOOD)[name]
    refusal(Check.ENVELOPE, lambda: read_jws(changed(**{name: spoil.format(text)})))


def test_loose_bits_of_base64_are_refused() -> None:
    """86 characters carry 4 bits more than 64 bytes need; a second text for one signature is none."""
    text = json.loads(GOOD)["signature"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]
    assert base64.urlsafe_b64decode(other + "==") == base64.urlsafe_b64decode(text + "==")
    refusal(Check.ENVELOPE, lambda: read_jws(changed(signature=other)))


@pytest.mark.parametrize(
    "chain",
    [None, [], {}, "x", [""], [1], [None], ["*"], ["QUI"], ["QUJ="], [b64(b"x")] * (MAX_CERTIFICATES + 1)],
)
def test_malformed_chains(chain: object) -> None:
    refusal(Check.ENVELOPE, lambda: read_jws(changed(header={"x5c": chain})))


def test_malformed_token() -> None:
    header = json.loads(GOOD)["header"]
    tokens: list[object] = ["", "*", 1, "QUI", []]
    for token in tokens:
        damaged = changed(header={**header, "io.cncf.notary.timestampSignature": token})
        refusal(Check.ENVELOPE, read_jws, damaged)


def test_agent_is_only_for_people() -> None:
    header = json.loads(GOOD)["header"]
    for agent in (None, 1, {"a": "b"}):
        assert read_jws(changed(header={**header, "io.cncf.notary.signingAgent": agent})).agent == ""


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "", "HS256", "RS256", "ES256K", "EdDSA", "es256", "PS1"]
)
def test_other_algorithms(algorithm: str) -> None:
    envelope = jws_of(signer(), lambda header: header.update(alg=algorithm), AT)
    refusal(Check.SIGNATURE, lambda: verify(envelope, JWS))


def test_duplicate_header() -> None:
    """Two readers of one signed header must not see two schemes."""
    maker = signer()
    header = jws_header(maker, signed_attributes(SigningScheme.X509, AT, None))
    twice = compact(header)[:-1] + b',"io.cncf.notary.signingScheme":"notary.x509"}'
    protected = base64.urlsafe_b64encode(twice).rstrip(b"=").decode()
    payload = json.loads(GOOD)["payload"]
    signature = maker.raw_signature(f"{protected}.{payload}".encode())
    text = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
    assert "twice" in refusal(Check.ENVELOPE, lambda: read_jws(changed(protected=protected, signature=text)))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T12:00:00Z", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("2026-11-23T12:00:00.5Z", datetime(2026, 11, 23, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-23T12:00:00.999999999Z", datetime(2026, 11, 23, 12, 0, 0, 999_999, tzinfo=UTC)),
        ("2026-11-23T12:00:00+05:30", datetime(2026, 11, 23, 6, 30, tzinfo=UTC)),
        ("2026-11-23T12:00:00-01:00", datetime(2026, 11, 23, 13, tzinfo=UTC)),
    ],
)
def test_times(text: str, moment: datetime) -> None:
    envelope = jws_of(signer(), lambda header: header.update({TIME: text}), AT)
    assert read_jws(envelope).attributes.signing_time == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "2026-11-23 12:00:00Z",
        "2026-11-23T12:00:00",
        "2026-11-23T12:00:00z",
        "2026-11-23t12:00:00Z",
        "2026-11-23T12:00:60Z",
        "2026-11-23T24:00:00Z",
        "2026-02-30T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:59:59-23:00",
        "2026-11-23T12:00:00+24:00",
        "2026-11-23T12:00:00.Z",
        "2026-11-23T12:00:00.1234567890Z",
        "2026-11-23T12:00:00Z\n",
        "\u0662\u0660\u0662\u0666-11-23T12:00:00Z",
    ],
)
def test_malformed_times(text: str) -> None:
    envelope = jws_of(signer(), lambda header: header.update({TIME: text}), AT)
    refusal(Check.HEADERS, lambda: read_jws(envelope))


def test_deep_headers_are_refused() -> None:
    deep: Any = 0
    for _ in range(200):
        deep = [deep]
    envelope = jws_of(signer(), lambda header: header.update({"example.deep": deep}), AT)
    refusal(Check.ENVELOPE, lambda: read_jws(envelope))


def test_salt_of_any_length() -> None:
    """golang-jwt, which notation uses, takes any salt length; so signers exist that do not use the hash's."""

    class OddSalt(NotarySigner):
        def raw_signature(self, data: bytes) -> bytes:
            assert isinstance(self.key, rsa.RSAPrivateKey)
            return self.key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 17), hashes.SHA256())

    maker = OddSalt("notary tests", AT, kind=KeyType.RSA_2048)
    assert verify(maker.sign(TARGET), JWS).target == TARGET
    with pytest.raises(NotaryRefusal):
        verify(maker.sign(TARGET, form=EnvelopeFormat.COSE), EnvelopeFormat.COSE)


def test_detached_payload_is_refused() -> None:
    header = jws_header(signer(), signed_attributes(SigningScheme.X509, AT, None))
    envelope = jws_envelope(signer(), header, b"")
    refusal(Check.PAYLOAD, lambda: verify(envelope, JWS))
