from datetime import UTC, datetime
from typing import Any

import pytest

from pratique.runtime.signatures.notary.cbor import Label, Tag, Value, decode, encode
from pratique.runtime.signatures.notary.cose import read_cose, to_be_signed
from pratique.runtime.signatures.notary.limits import MAX_CERTIFICATES
from pratique.runtime.signatures.notary.model import Check, EnvelopeFormat
from tests.support_notary import AT, COSE, TARGET, refusal, signer, stamper, verify
from tests.support_notary_cases import SCHEME, TIME, cose_of

GOOD = signer().sign(TARGET, form=COSE)
AGENT = "io.cncf.notary.signingAgent"


def parts(envelope: bytes = GOOD) -> list[Any]:
    tagged = decode(envelope)
    assert isinstance(tagged, Tag)
    assert isinstance(tagged.value, list)
    return tagged.value


def rebuilt(index: int, value: Value) -> bytes:
    changed = parts()
    changed[index] = value
    return encode(Tag(18, changed))


def unprotected(changes: dict[Label, Value]) -> bytes:
    return rebuilt(1, {**parts()[1], **changes})


def test_parts() -> None:
    read = read_cose(signer().sign(TARGET, form=COSE, stamper=stamper()))
    protected, _, payload, signature = parts()
    assert read.format is EnvelopeFormat.COSE
    assert read.algorithm == "ES256"
    assert (read.payload, read.signature) == (payload, signature)
    assert read.signed == to_be_signed(protected, payload)
    assert len(read.certificates) == 3
    assert read.token.startswith(b"\x30")
    assert read.agent == "pratique-lab/1"
    assert read.attributes.signing_time == AT


def test_signed_structure() -> None:
    """RFC 9052, 4.4."""
    expected = b"\x84\x6aSignature1\x42\xa1\x01\x40\x41x"
    assert to_be_signed(b"\xa1\x01", b"x") == expected


@pytest.mark.parametrize(
    "envelope",
    [
        GOOD[1:],
        encode(Tag(98, parts())),
        encode(Tag(18, Tag(18, parts()))),
        encode(Tag(18, parts()[:3])),
        encode(Tag(18, [*parts(), b""])),
        encode(Tag(18, {1: 2})),
        GOOD + b"\x00",
        GOOD[:-1],
        b"\xd2",
        b"\xd2\x84",
        b"\xd2\x84\x5b" + b"\xff" * 8,
        b"\xd2\x9f\x40\xa0\x40\x40\xff",
        b"{}",
        rebuilt(0, None),
        rebuilt(0, {}),
        rebuilt(0, b""),
        rebuilt(0, b"\x80"),
        rebuilt(0, encode({1: -7}) + b"\x00"),
        rebuilt(1, []),
        rebuilt(2, None),
        rebuilt(2, "text"),
        rebuilt(3, b""),
        rebuilt(3, None),
    ],
)
def test_what_is_no_sign1(envelope: bytes) -> None:
    refusal(Check.ENVELOPE, lambda: read_cose(envelope))


def test_long_form_lengths_are_refused() -> None:
    """The same item written with a longer head would be a second form of one signature."""
    protected = parts()[0]
    long_head = b"\x5a" + len(protected).to_bytes(4, "big") + protected
    at = GOOD.index(protected)
    short_head = GOOD[2:at]
    assert GOOD[:2] + short_head + protected == GOOD[: at + len(protected)]
    refusal(Check.ENVELOPE, lambda: read_cose(GOOD[:2] + long_head + GOOD[at + len(protected) :]))


@pytest.mark.parametrize("key", [33, AGENT])
def test_duplicate_labels_are_refused(key: int | str) -> None:
    header = parts()[1]
    pairs = b"".join(encode(k) + encode(v) for k, v in header.items()) + encode(key) + encode(header[key])
    raw = bytes((0xA0 | len(header) + 1,)) + pairs
    protected, _, payload, signature = (encode(part) for part in parts())
    refusal(Check.ENVELOPE, lambda: read_cose(b"\xd2\x84" + protected + raw + payload + signature))


def test_label_in_both_headers_is_refused() -> None:
    header = {**parts()[1], 1: -7}
    assert "both" in refusal(Check.ENVELOPE, lambda: read_cose(rebuilt(1, header)))


def test_unprotected_critical_and_tags_are_refused() -> None:
    extras: list[dict[Any, Any]] = [{2: [SCHEME]}, {"x": Tag(1, 1)}, {"x": [{"y": Tag(1, 1)}]}]
    for extra in extras:
        refusal(Check.ENVELOPE, read_cose, rebuilt(1, {**parts()[1], **extra}))


@pytest.mark.parametrize(
    "chain", [None, [], b"x", "x", [""], [b""], [1], [b"x", "y"], [b"x"] * (MAX_CERTIFICATES + 1)]
)
def test_malformed_chains(chain: Value) -> None:
    header = {**parts()[1], 33: chain}
    refusal(Check.ENVELOPE, lambda: read_cose(rebuilt(1, header)))


def test_token_is_a_byte_string() -> None:
    damaged = unprotected({"io.cncf.notary.timestampSignature": "text"})
    refusal(Check.ENVELOPE, lambda: read_cose(damaged))


def test_agent_is_only_for_people() -> None:
    assert read_cose(unprotected({AGENT: 7})).agent == ""


@pytest.mark.parametrize("algorithm", [None, "ES256", True, 5, -8, -47, -65535, 1 << 40, [-7]])
def test_other_algorithms(algorithm: Value) -> None:
    envelope = cose_of(signer(), lambda header: header.update({1: algorithm}), AT)
    refusal(Check.SIGNATURE, lambda: verify(envelope, COSE))


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (Tag(1, 1_700_000_000), datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)),
        (Tag(1, 1_700_000_000.5), datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)),
        (Tag(1, -1), datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_times(value: Value, moment: datetime) -> None:
    envelope = cose_of(signer(), lambda header: header.update({TIME: value}), AT)
    assert read_cose(envelope).attributes.signing_time == moment


@pytest.mark.parametrize(
    "value",
    [
        1_700_000_000,
        "2023-11-14T22:13:20Z",
        Tag(0, "2023-11-14T22:13:20Z"),
        Tag(1, "1700000000"),
        Tag(1, True),
        Tag(1, None),
        Tag(1, Tag(1, 0)),
        Tag(1, 1 << 63),
        Tag(1, -(1 << 63)),
        Tag(1, float("inf")),
        Tag(1, float("nan")),
        Tag(1, 1e300),
        Tag(2, b"\x00"),
    ],
)
def test_malformed_times(value: Value) -> None:
    envelope = cose_of(signer(), lambda header: header.update({TIME: value}), AT)
    refusal(Check.HEADERS, lambda: read_cose(envelope))


@pytest.mark.parametrize("critical", [SCHEME, [SCHEME, None], [SCHEME, True], [[SCHEME]], {1: 2}, b"x"])
def test_malformed_critical_lists(critical: Value) -> None:
    envelope = cose_of(signer(), lambda header: header.update({2: critical}), AT)
    refusal(Check.HEADERS, lambda: read_cose(envelope))
