import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.signatures.notary.der import OID, SEQUENCE, DerError, elements, encode, only


@given(
    st.lists(st.tuples(st.sampled_from([0x02, 0x04, 0x06, 0x30, 0xA0]), st.binary(max_size=400)), max_size=5)
)
def test_what_is_written_reads_the_same(parts: list[tuple[int, bytes]]) -> None:
    data = b"".join(encode(tag, content) for tag, content in parts)
    found = elements(data)
    assert [(element.tag, element.content) for element in found] == parts
    assert b"".join(element.whole for element in found) == data


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_read_back_or_refused(data: bytes) -> None:
    try:
        found = elements(data)
    except DerError:
        return
    assert b"".join(encode(element.tag, element.content) for element in found) == data


@pytest.mark.parametrize(
    "data",
    [
        "30",
        "3001",
        "3080",
        "30800000",
        "308101",
        "30810100",
        "3082000100",
        "30840000000100",
        "3088ffffffffffffffff",
        "30ff",
        "1f8100",
    ],
)
def test_lengths_and_tags_of_other_encodings_are_refused(data: str) -> None:
    with pytest.raises(DerError):
        elements(bytes.fromhex(data))


def test_exactly_one() -> None:
    assert only(encode(SEQUENCE, b""), SEQUENCE).content == b""
    for data in (b"", encode(SEQUENCE, b"") * 2, encode(OID, b"")):
        with pytest.raises(DerError):
            only(data, SEQUENCE)
