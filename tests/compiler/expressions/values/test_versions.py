from __future__ import annotations

import itertools
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.values.versions import (
    Version,
    VersionRangeError,
    parse_range,
    parse_version,
)
from tests.support_expressions import recorded

CASES = recorded("values.json")["versions"]


@pytest.mark.parametrize("case", CASES, ids=[repr(case["text"]) for case in CASES])
def test_versions_are_strict(case: dict[str, Any]) -> None:
    assert (parse_version(case["text"]) is not None) is case["valid"]


def test_versions_sort_as_the_specification_says() -> None:
    ordered = [
        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
        "1.0.0-rc.1", "1.0.0", "1.0.1", "1.10.0", "2.0.0",
    ]  # fmt: skip
    versions = [parse_version(text) for text in ordered]
    for left, right in itertools.pairwise(versions):
        assert left is not None
        assert right is not None
        assert left.key < right.key


def test_build_metadata_does_not_count() -> None:
    assert parse_version("1.2.3+a") == parse_version("1.2.3+b") == Version(1, 2, 3)


@pytest.mark.parametrize(
    ("range_", "inside", "outside"),
    [
        (">=1.0.0 <2.0.0", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]),
        ("<2.0.0 || >=3.0.0", ["1.0.0", "3.0.0"], ["2.0.0", "2.9.9"]),
        ("1.x", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]),
        ("1.2.x", ["1.2.0", "1.2.9"], ["1.1.9", "1.3.0"]),
        (">1.2.x", ["1.3.0"], ["1.2.9"]),
        ("<=1.2.x", ["1.2.9", "0.1.0"], ["1.3.0"]),
        (">= 1.0.0", ["1.0.0"], ["0.9.9"]),
        ("!1.2.3", ["1.2.4"], ["1.2.3"]),
        (">1.0.0 !1.2.3", ["1.2.4"], ["1.2.3", "1.0.0"]),
        ("==1.2.3", ["1.2.3"], ["1.2.4"]),
        (">=4.1.x", ["4.1.3"], ["4.0.9"]),
    ],
)
def test_ranges(range_: str, inside: list[str], outside: list[str]) -> None:
    parsed = parse_range(range_)
    for text in inside + outside:
        version = parse_version(text)
        assert version is not None
        assert parsed.contains(version) is (text in inside)


@pytest.mark.parametrize(
    "text", ["", "||", "1.0.0 ||", "|| 1.0.0", "~1.0.0", "^1", ">", "x", "1 2", "1.0.0||2.0.0", "9" * 2000]
)
def test_bad_ranges(text: str) -> None:
    with pytest.raises(VersionRangeError):
        parse_range(text)


def test_an_empty_alternative_is_an_error_where_the_library_crashes() -> None:
    with pytest.raises(VersionRangeError, match="empty alternative"):
        parse_range("1.0.0 || || 2.0.0")


@given(st.text(alphabet="0123.x<>=!| -+a", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(VersionRangeError):
        parse_range(text).contains(Version(1, 2, 3))
    parse_version(text)
