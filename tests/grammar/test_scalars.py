import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar.scalars import (
    Scalar,
    ScalarError,
    json_float,
    json_integer,
    key_text,
    resolve_plain,
    resolve_tagged,
    show_tag,
)

TAG = "tag:yaml.org,2002:"


def test_b13_words_of_yaml_1_1_are_booleans() -> None:
    for words, value in (("y yes true on", True), ("n no false off", False)):
        for word in words.split():
            for spelling in {word, word.capitalize(), word.upper()}:
                assert resolve_plain(spelling) is value
                assert key_text(spelling) == ("true" if value else "false")


@pytest.mark.parametrize("text", ["yES", "tRUE", "oN", "nULL", "Yes!", "TrUe"])
def test_other_spellings_are_texts(text: str) -> None:
    assert resolve_plain(text) == text


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_null(text: str) -> None:
    assert resolve_plain(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-0", 0),
        ("+7", 7),
        ("017", 15),
        ("-017", -15),
        ("0o17", 15),
        ("0O17", 15),
        ("0x1F", 31),
        ("0XfF", 255),
        ("-0x10", -16),
        ("0b101", 5),
        ("-0b11", -3),
        ("1_000", 1000),
        ("1__0_", 10),
        ("0_7", 7),
        ("08", 8),
        ("1e3", 1000),
        ("1.0", 1),
        ("1.", 1),
        ("-1.5E+2", -150),
        (".5", 0.5),
        ("+.5", 0.5),
        ("1.25", 1.25),
        ("1_000.5", 1000.5),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1e20", 1e20),
    ],
)
def test_b14_numbers_read_as_kubernetes_reads_them(text: str, value: int | float) -> None:
    found = resolve_plain(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "12:30:45",
        "190:20:30",
        "2024-01-01",
        "2024-01-01T00:00:00Z",
        "1.2.3",
        "v1",
        "0x",
        "0b2",
        "0o8",
        "-",
        "+",
        *(".", "._5", ".5_0", "_1", "1e", "e3", "1e3x", "--1", "0x1p3", "inf", "nan", "\u0661", "<<", "="),
    ],
)
def test_b14_dates_times_and_versions_stay_texts(text: str) -> None:
    assert resolve_plain(text) == text
    assert key_text(text) == text


@pytest.mark.parametrize(
    "text", [".nan", ".NaN", ".NAN", ".inf", ".Inf", "-.inf", "+.INF", "1e999", "-1e400"]
)
def test_b14_numbers_without_a_json_form_are_refused(text: str) -> None:
    with pytest.raises(ScalarError) as error:
        resolve_plain(text)
    assert error.value.code == "bad-number"


@pytest.mark.parametrize(
    "text", ["9" * 5000, "9223372036854775808", "-9223372036854775809", "0x" + "f" * 17, "1." + "0" * 5000]
)
def test_b15_huge_numbers_are_refused(text: str) -> None:
    with pytest.raises(ScalarError) as error:
        resolve_plain(text)
    assert error.value.code == "bad-number"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("1", "1"),
        ("017", "15"),
        ("1.50", "1.5"),
        ("1.0", "1"),
        ("1e6", "1e+06"),
        ("123456.5", "123456.5"),
        ("1234567.5", "1.2345675e+06"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("0.1", "0.1"),
        ("-0.0", "-0"),
    ],
)
def test_numbers_as_keys_are_written_as_go_writes_them(text: str, key: str) -> None:
    assert key_text(text) == key


@pytest.mark.parametrize(
    ("text", "code"), [("~", "bad-key"), ("", "bad-key"), ("1e300", "bad-key"), (".nan", "bad-number")]
)
def test_b16_keys_that_are_no_texts_are_refused(text: str, code: str) -> None:
    with pytest.raises(ScalarError) as error:
        key_text(text)
    assert error.value.code == code


@given(st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_a_float_key_reads_back_as_the_same_single(value: float) -> None:
    text = key_text(f"{value:.60f}".rstrip("0") if abs(value) < 1e10 else f"{value:.20e}")
    assert struct.pack("<f", float(text)) == struct.pack("<f", value)


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("!", "12", "12"),
        (f"{TAG}str", "no", "no"),
        (f"{TAG}int", "017", 15),
        (f"{TAG}int", "0", 0),
        (f"{TAG}float", "1", 1),
        (f"{TAG}float", "1.5", 1.5),
        (f"{TAG}bool", "n", False),
        (f"{TAG}null", "~", None),
    ],
)
def test_tags_of_json_types_are_honoured(tag: str, text: str, value: Scalar) -> None:
    assert resolve_tagged(tag, text) == value


@pytest.mark.parametrize(
    ("tag", "text"),
    [("int", "x"), ("int", "1.5"), ("int", "yes"), ("bool", "1"), ("float", "true"), ("null", "0")],
)
def test_tags_that_do_not_fit_are_refused(tag: str, text: str) -> None:
    with pytest.raises(ScalarError) as error:
        resolve_tagged(TAG + tag, text)
    assert error.value.code == "bad-scalar"


@pytest.mark.parametrize("tag", [f"{TAG}binary", f"{TAG}timestamp", f"{TAG}python/name:os.system", "!custom"])
def test_b17_other_tags_are_refused(tag: str) -> None:
    with pytest.raises(ScalarError) as error:
        resolve_tagged(tag, "x")
    assert error.value.code == "tag-not-allowed"
    assert show_tag(tag) in str(error.value)


def test_long_tags_are_shortened() -> None:
    assert len(show_tag("!" * 10_000)) < 80


@given(st.text(max_size=20))
def test_any_text_resolves_or_is_refused(text: str) -> None:
    try:
        value = resolve_plain(text)
    except ScalarError:
        return
    if isinstance(value, str):
        assert value == text
    if isinstance(value, float):
        assert not value.is_integer() or abs(value) >= 2**63


@given(st.integers(-(2**70), 2**70))
def test_json_integers(number: int) -> None:
    if -(2**63) <= number < 2**63:
        assert json_integer(str(number)) == number
    else:
        with pytest.raises(ScalarError):
            json_integer(str(number))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_json_floats(number: float) -> None:
    assert json_float(repr(number)) == number
