from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.operators.ranges import matches_pattern, pattern_operator


@pytest.mark.parametrize(
    ("pattern", "operator"),
    [
        ("", ""), ("5", ""), (">", ""), (">5", ">"), (">=5", ">="), ("<=5", "<="), ("<5", "<"),
        ("!5", "!"),
        ("1-10", "-"), ("1!-10", "!-"), ("-5--1", "-"), ("1Mi-1Gi", "-"), ("1.5-2.5", "-"), ("a-b", ""),
        ("1-", ""),
        ("1 - 10", ""), ("==5", ""),
    ],
)  # fmt: skip
def test_operators_of_patterns(pattern: str, operator: str) -> None:
    assert pattern_operator(pattern) == operator


@pytest.mark.parametrize(
    ("text", "pattern", "verdict"),
    [
        ("5", "1-10", True),
        ("1", "1-10", True),
        ("10", "1-10", True),
        ("11", "1-10", False),
        ("11", "1!-10", True),
        ("5", "1!-10", False),
        ("512Mi", "1Mi-1Gi", True),
        ("90s", "1m-2m", True),
        ("5", "10-1", False),
        ("abc", "1-10", False),
        ("5", ">= 5", True),
        ("5", ">5", False),
        ("5", "!5", False),
        ("x", "!a*", True),
        ("abc", "!a*", False),
        ("abc", "a* & *c", True),
        ("abc", "x | a*", True),
        ("abc", "x & a*", False),
        ("abc", ">a", False),
        ("1-10", "1-10", True),
        ("", "", True),
        ("", "*", True),
    ],
)
def test_patterns(text: str, pattern: str, verdict: bool) -> None:
    assert matches_pattern(text, pattern) is verdict


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.integers(-1000, 1000))
def test_ranges_of_numbers(number: int, low: int, high: int) -> None:
    assert matches_pattern(str(number), f"{low}-{high}") is (low <= number <= high)
    assert matches_pattern(str(number), f"{low}!-{high}") is (number < low or number > high)


@given(st.text(max_size=20), st.text(alphabet="0123456789-!<>=&|*?.Mih ", max_size=20))
def test_any_pattern_has_a_verdict(text: str, pattern: str) -> None:
    assert matches_pattern(text, pattern) in (True, False)
