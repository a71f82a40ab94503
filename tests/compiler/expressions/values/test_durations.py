from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.values.durations import (
    in_seconds,
    parse_duration,
    print_duration,
    saturate,
    wrap,
)
from pratique.compiler.expressions.values.numbers import INT_MAX, INT_MIN
from tests.support_expressions import recorded

CASES = recorded("values.json")["durations"]


@pytest.mark.parametrize("case", CASES, ids=[repr(case["text"]) for case in CASES])
def test_durations_read_and_print_as_in_go(case: dict[str, Any]) -> None:
    nanoseconds = parse_duration(case["text"])
    if "error" in case:
        assert nanoseconds is None
        return
    assert nanoseconds == case["nanoseconds"]
    assert nanoseconds is not None
    assert print_duration(nanoseconds) == case["printed"]
    assert in_seconds(nanoseconds) == case["seconds"]


@given(st.integers(INT_MIN, INT_MAX))
def test_printed_durations_read_back(nanoseconds: int) -> None:
    # Fractions are read through doubles, as in Go.
    read = parse_duration(print_duration(nanoseconds))
    assert read is not None
    assert abs(read - nanoseconds) <= 1


def test_long_texts_are_no_durations() -> None:
    assert parse_duration("1s" * 10_000) is None


@given(st.integers(-(2**70), 2**70))
def test_arithmetic_stays_within_64_bits(value: int) -> None:
    assert INT_MIN <= wrap(value) <= INT_MAX
    assert INT_MIN <= saturate(value) <= INT_MAX
    assert (wrap(value) - value) % 2**64 == 0
