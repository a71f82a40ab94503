import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.signatures.notary.cbor import CborError, Tag, Value, decode, encode
from pratique.runtime.signatures.notary.limits import MAX_DEPTH, MAX_ITEMS

INTEGERS = st.integers(min_value=-(1 << 64), max_value=(1 << 64) - 1)
LABELS = INTEGERS | st.text(max_size=8)
SCALARS = (
    INTEGERS
    | st.booleans()
    | st.none()
    | st.binary(max_size=300)
    | st.text(max_size=300)
    | st.floats(allow_nan=False)
)
VALUES: st.SearchStrategy[Value] = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(LABELS, inner, max_size=4)
        | st.builds(Tag, st.integers(min_value=0, max_value=(1 << 64) - 1), inner)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_reads_the_same(value: Value) -> None:
    assert decode(encode(value)) == value


@given(VALUES)
def test_a_cut_is_noticed(value: Value) -> None:
    data = encode(value)
    for end in {0, len(data) // 2, len(data) - 1}:
        with pytest.raises(CborError):
            decode(data[:end])


@given(st.binary(max_size=400))
def test_arbitrary_bytes_have_one_reading_or_none(data: bytes) -> None:
    try:
        value = decode(data)
    except CborError:
        return
    # Floats and the order of keys are all that may be written in several ways.
    assert decode(encode(value)) == value or "nan" in repr(value)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        # RFC 8949, appendix A.
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1903e8", 1000),
        ("1bffffffffffffffff", 18446744073709551615),
        ("20", -1),
        ("3863", -100),
        ("3bffffffffffffffff", -18446744073709551616),
        ("f90000", 0.0),
        ("f93e00", 1.5),
        ("fa47c35000", 100000.0),
        ("fb3ff199999999999a", 1.1),
        ("f4", False),
        ("f5", True),
        ("f6", None),
        ("c11a514b67b0", Tag(1, 1363896240)),
        ("4401020304", b"\x01\x02\x03\x04"),
        ("62c3bc", "\u00fc"),
        ("83010203", [1, 2, 3]),
        ("a201020304", {1: 2, 3: 4}),
        ("826161a161626163", ["a", {"b": "c"}]),
    ],
)
def test_examples_of_the_standard(data: str, value: Value) -> None:
    assert decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "end too early"),
        ("0000", "after the end"),
        ("1817", "shortest"),
        ("190017", "shortest"),
        ("1a0000ffff", "shortest"),
        ("1b00000000ffffffff", "shortest"),
        ("580141", "shortest"),
        ("9801f6", "shortest"),
        ("5f4100ff", "indefinite"),
        ("9f00ff", "indefinite"),
        ("bf0000ff", "indefinite"),
        ("1c", "reserved"),
        ("fe", "simple"),
        ("f7", "simple"),
        ("e0", "simple"),
        ("f8ff", "simple"),
        ("ff", "simple"),
        ("61ff", "UTF-8"),
        ("63eda080", "UTF-8"),
        ("a201000100", "twice"),
        ("a2616101616102", "twice"),
        ("a14000", "neither"),
        ("a1f500", "neither"),
        ("a1f90000f6", "neither"),
        ("a18000", "neither"),
    ],
)
def test_second_readings_are_refused(data: str, words: str) -> None:
    with pytest.raises(CborError, match=words):
        decode(bytes.fromhex(data))


@pytest.mark.parametrize("head", ["5b", "7b", "9b", "bb"])
@pytest.mark.parametrize("length", [1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_stated_lengths_cost_nothing(head: str, length: int) -> None:
    """A length is compared with what is there before anything is made of it (threat C7)."""
    with pytest.raises(CborError, match=r"too early|too many"):
        decode(bytes.fromhex(head) + length.to_bytes(8, "big") + b"\x00" * 64)


def test_depth_is_bounded() -> None:
    assert decode(b"\x81" * (MAX_DEPTH - 1) + b"\x00")
    for bomb in (b"\x81" * MAX_DEPTH + b"\x00", b"\x81" * 100_000, b"\xc1" * 100_000, b"\xa1\x00" * 50_000):
        with pytest.raises(CborError, match="deeply"):
            decode(bomb)


def test_items_are_bounded() -> None:
    assert decode(encode([0] * (MAX_ITEMS - 1)))
    with pytest.raises(CborError, match="too many"):
        decode(encode([0] * MAX_ITEMS))
    started = time.process_time()
    with pytest.raises(CborError, match="too many"):
        decode(encode([[0] * 900] * 1000))
    assert time.process_time() - started < 8


def test_a_label_is_never_a_truth_value() -> None:
    """In Python True == 1, so a map {1: ..., true: ...} would be read as having one key."""
    with pytest.raises(CborError):
        decode(bytes.fromhex("a20100f501"))
