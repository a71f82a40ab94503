"""Scalars of patterns: which values each accepts."""

from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.patterns.leaves import compile_leaf

ABSENT = None


@pytest.mark.parametrize(
    ("pattern", "accepted", "refused"),
    [
        (True, [True], [False, "true", 1, ABSENT, []]),
        (False, [False], [True, "false", 0, ABSENT]),
        (5, [5, 5.0, "5", "+5"], [6, 5.5, "5.0", "5m", True, ABSENT, {}]),
        (1, [1, 1.0, "1"], [True]),
        (1.5, [1.5, "1.5", "15e-1"], [1, "1,5", ABSENT]),
        (5.0, [5, 5.0, "5", "5.0"], ["5m", 6, True]),
        (None, [ABSENT, "", 0, 0.0, False], ["x", 1, True, {}, []]),
    ],
)
def test_numbers_booleans_and_null(pattern: Any, accepted: list[Any], refused: list[Any]) -> None:
    accepts = compile_leaf(pattern)
    assert [value for value in accepted if not accepts(value)] == []
    assert [value for value in refused if accepts(value)] == []


@pytest.mark.parametrize(
    ("pattern", "accepted", "refused"),
    [
        # equality and wildcards
        ("nginx", ["nginx"], ["nginx:1", "", ABSENT, {}, True]),
        ("nginx*", ["nginx", "nginx:1"], ["my-nginx"]),
        ("?*", ["a", "ab", 5, True, 1.5], ["", ABSENT, {}]),
        ("?", ["a"], ["", "ab"]),
        ("*", ["", "a", 5, False], [ABSENT, {}]),
        ("", [""], ["a", ABSENT]),
        ("true", [True, "true"], [False, 1]),
        # text of numbers
        ("5", [5, 5.0, "5", "5000m"], [6, "6"]),
        ("8*", [8080, "80"], [8080.0 + 1e6]),
        ("8.08E*", [8080.0], [8080]),
        # negation
        ("!a", ["b", "", "aa", 5], ["a", ABSENT, {}]),
        ("!*:latest", ["x:1", "x"], ["x:latest", ABSENT]),
        ("!5", [6, "6", "x"], [5, "5", 5.0]),
        ("!0", [1], [ABSENT, 0, "0"]),
        ("!", ["!"], ["a"]),
        # alternatives and conditions
        ("a|b", ["a", "b", "a|b"], ["c"]),
        (" a | b* ", ["a", "bc", " a | b* "], ["c"]),
        ("!a&!b", ["c"], ["a", "b"]),
        ("!a | !b", ["a", "b"], []),
        ("a* & *c | x", ["abc", "x"], ["ab", "bc"]),
        # quantities
        ("<=1Gi", ["1Gi", "1024Mi", "1", 5], ["2Gi", "1.5Gi"]),
        (">1", ["1500m", 2], [1, "1", "x", ABSENT]),
        ("<10", [5, ABSENT, "9"], [10, "x"]),
        ("1000m", ["1", 1], ["2"]),
        ("10Mi-1Gi", ["10Mi", "1Gi", "500Mi"], ["1Mi", "2Gi", "x"]),
        ("10!-20", ["9", "21", 5], ["10", "15", "20"]),
        ("1-10", [1, 10.0, "5"], [0, 11, "a"]),
        # durations come first
        ("<1h", ["30m", "59m59s", ABSENT], ["1h", "2h", "30"]),
        ("60s", ["1m"], ["60", 60]),
        ("<=1m", ["30s", "1m"], ["61s", "1"]),
        (">30m", ["1h"], ["30m", "10m"]),
        ("!1h", ["30m", "x"], ["60m"]),
        # orders of texts hold never
        (">a", [], ["b", ABSENT]),
        ("==a", ["==a"], ["a"]),
        (">=", [">="], ["a"]),
    ],
)
def test_texts(pattern: str, accepted: list[Any], refused: list[Any]) -> None:
    accepts = compile_leaf(pattern)
    assert [value for value in accepted if not accepts(value)] == []
    assert [value for value in refused if accepts(value)] == []


def test_quantities_beat_texts() -> None:
    # "1.0" is the quantity 1, so that it equals "1", and is not the text "1.0".
    assert compile_leaf("1.0")("1")
    assert not compile_leaf("!1.0")("1")


def test_longer_patterns_are_compiled_but_not_kept() -> None:
    long = "x" * 2000
    assert compile_leaf(f"{long}|a")("a")
    assert not compile_leaf(f"{long}|a")("b")
