from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pratique.runtime.lab import der


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, "0400"),
        (127, "047f"),
        (128, "048180"),
        (255, "0481ff"),
        (256, "04820100"),
        (65536, "0483010000"),
    ],
)
def test_lengths(size: int, head: str) -> None:
    encoded = der.octet_string(bytes(size))
    assert encoded.hex()[: len(head)] == head
    assert len(encoded) == len(head) // 2 + size


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "020100"),
        (1, "020101"),
        (127, "02017f"),
        (128, "02020080"),
        (256, "02020100"),
        (-1, "0201ff"),
        (-129, "0202ff7f"),
    ],
)
def test_integers(value: int, encoded: str) -> None:
    assert der.integer(value).hex() == encoded


def test_integers_as_cryptography_reads_them() -> None:
    for value in (1, 127, 128, 255, 2**64, 2**159 - 1):
        assert decode_dss_signature(der.sequence(der.integer(value), der.integer(5))) == (value, 5)


@pytest.mark.parametrize(
    ("dotted", "encoded"),
    [
        ("1.2.840.113549", "06062a864886f70d"),
        ("2.5.29.17", "0603551d11"),
        ("2.16.840.1.101.3.4.2.1", "0609608648016503040201"),
        ("1.3.6.1.4.1.57264.1.1", "060a2b0601040183bf300101"),
        ("2.999.3", "0603883703"),
    ],
)
def test_object_identifiers(dotted: str, encoded: str) -> None:
    assert der.oid(dotted).hex() == encoded


def test_set_is_sorted_and_sequence_is_not() -> None:
    items = (der.integer(3), der.integer(1), der.integer(2))
    assert der.set_of(*items) == b"\x31\x09" + der.integer(1) + der.integer(2) + der.integer(3)
    assert der.sequence(*items) == b"\x30\x09" + b"".join(items)


def test_small_things() -> None:
    assert der.boolean(True) == b"\x01\x01\xff"
    assert der.boolean(False) == b"\x01\x01\x00"
    assert der.utf8_string("é") == b"\x0c\x02\xc3\xa9"
    assert der.context(0, der.integer(1)) == b"\xa0\x03\x02\x01\x01"


def test_times_are_in_utc() -> None:
    summer = timezone(timedelta(hours=2))
    assert der.generalized_time(datetime(2023, 4, 1, 14, tzinfo=summer)) == b"\x18\x0f20230401120000Z"
    assert der.generalized_time(datetime(2050, 1, 2, 3, 4, 5, tzinfo=UTC))[2:] == b"20500102030405Z"
