from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.values.numbers import (
    INT_MAX,
    INT_MIN,
    Integer,
    as_double,
    parse_float,
    parse_int,
    print_json,
    print_plain,
    print_scientific,
    print_single,
    sprint,
    to_int64,
)
from pratique.grammar.errors import EvaluationError
from tests.support_expressions import recorded

FLOATS = recorded("values.json")["floats"]


@pytest.mark.parametrize("case", FLOATS, ids=[repr(case["text"]) for case in FLOATS])
def test_floats_read_and_print_as_in_go(case: dict[str, Any]) -> None:
    number = parse_float(case["text"])
    if "error" in case:
        assert number is None
        return
    assert number is not None
    assert print_plain(number) == case["sprint"]
    assert print_single(number) == case["single"]
    assert print_scientific(number) == case["scientific"]
    if math.isfinite(number):
        assert print_json(number, padded=True) == case["json"]
    else:
        with pytest.raises(EvaluationError, match="unsupported value"):
            print_json(number)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (5.0, "5"),
        (1e21, "1e+21"),
        (1e20, "100000000000000000000"),
        (1e-7, "1e-7"),
        (1e-10, "1e-10"),
        (-0.0, "-0"),
    ],
)
def test_json_numbers_of_to_string(number: float, text: str) -> None:
    assert print_json(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_printed_floats_read_back(number: float) -> None:
    for text in (print_plain(number), print_json(number), print_scientific(number)):
        assert parse_float(text) == number


@given(st.text(alphabet="0123456789.eE+-_xXpPinfa ", max_size=12))
def test_parse_float_accepts_nothing_that_python_reads_otherwise(text: str) -> None:
    number = parse_float(text)
    if number is not None and "x" not in text.lower():
        assert float(text) == number or math.isnan(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("+5", 5),
        ("-5", -5),
        ("007", 7),
        (str(INT_MAX), INT_MAX),
        (str(INT_MIN), INT_MIN),
        (str(INT_MAX + 1), None),
        ("", None),
        ("5.0", None),
        ("1_0", None),
        ("٣", None),  # an Arabic digit
        (" 5", None),
        ("9" * 5000, None),
    ],
)
def test_integers_read_as_in_go(text: str, number: int | None) -> None:
    assert parse_int(text) == number


@pytest.mark.parametrize(
    ("number", "whole"),
    [(1.9, 1), (-1.9, -1), (1e300, INT_MIN), (math.inf, INT_MIN), (math.nan, INT_MIN), (2.0**62, 2**62)],
)
def test_conversion_to_int64(number: float, whole: int) -> None:
    assert to_int64(number) == whole


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "<nil>"),
        (True, "true"),
        (5, "5"),
        (1_000_000, "1e+06"),
        (Integer(1_000_000), "1000000"),
        (1.5, "1.5"),
        ("a b", "a b"),
        ([], "[]"),
        (["a", 1, None], "[a 1 <nil>]"),
        ({}, "map[]"),
        ({"b": 1, "a": ["x"]}, "map[a:[x] b:1]"),
    ],
)
def test_sprint(value: Any, text: str) -> None:
    assert sprint(value) == text


def test_sprint_is_bounded() -> None:
    assert len(sprint(["x" * 100] * 1000, 200)) < 500
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]
    assert sprint(deep).startswith("[[[")


def test_an_integer_beyond_all_doubles_is_an_error() -> None:
    with pytest.raises(EvaluationError) as caught:
        as_double(10**400)
    assert caught.value.code == "number-out-of-range"
