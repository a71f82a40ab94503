"""Strict JSON: one reading, bounded depth, no text that cannot be printed."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.strict_json import MAX_DEPTH, StrictJsonError, parse

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_reads_what_was_written(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"{} {}", "malformed"),
        (b"<html>", "malformed"),
        (b"NaN", "malformed"),
        (b"[-Infinity]", "malformed"),
        (b"1" * 5000, "malformed"),
        (b'{"a":1,"a":1}', "twice"),
        (b'{"x":{"a":1,"\\u0061":2}}', "twice"),
        (b'"\xff"', "UTF-8"),
        ('{"a":1}'.encode("utf-16"), "UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "malformed"),
        (b'["\\ud800"]', "surrogate"),
        (b'{"\\udc00":1}', "surrogate"),
        (b"[" * 40_000, "deeper"),
        (b"[" * 40_000 + b"]" * 40_000, "deeper"),
        (b'{"a":' * 40_000, "deeper"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), None),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), "deeper"),
    ],
)
def test_refuses(body: bytes, reason: str | None) -> None:
    if reason is None:
        parse(body)
        return
    with pytest.raises(StrictJsonError, match=reason):
        parse(body)


def test_depth_bomb_is_quick() -> None:
    started = time.process_time()
    with pytest.raises(StrictJsonError):
        parse(b"[" * (4 << 20))
    assert time.process_time() - started < 5


@given(st.binary(max_size=64))
def test_never_raises_anything_else(body: bytes) -> None:
    with suppress(StrictJsonError):
        json.dumps(parse(body), ensure_ascii=False).encode()


KEYS = st.sampled_from(["a", "b", "\\u0061", '\\":', ":"])
LEAVES = st.sampled_from(
    [
        "0",
        "-0",
        "1.0",
        "1e5",
        "18446744073709551616",
        "null",
        "[]",
        '""',
        '":"',
        '"é"',
        '"\\u00e9"',
        '"<"',
        '"\\ud800"',
    ]
)


def objects(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(KEYS, inner).map(lambda pair: f'"{pair[0]}":{pair[1]}'), max_size=4)
    return pairs.map(lambda found: "{" + ",".join(found) + "}")


def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("twice")
    return dict(pairs)


@given(st.recursive(LEAVES, objects, max_leaves=12), st.sampled_from(["", "\n", " ", "\n\n"]))
def test_w7_the_short_way_reads_what_the_long_way_reads(text: str, end: str) -> None:
    """Texts of programs, with second keys in every spelling."""
    body = (text + end).encode()
    try:
        expected = json.loads(text, object_pairs_hook=unique)
        json.dumps(expected, ensure_ascii=False).encode()
    except ValueError:
        with pytest.raises(StrictJsonError):
            parse(body)
    else:
        assert repr(parse(body)) == repr(expected)
