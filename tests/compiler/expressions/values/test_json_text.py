from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.values.json_text import clean, json_size, read_json, write_json
from pratique.compiler.expressions.values.numbers import Integer
from pratique.grammar.errors import EvaluationError

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ({"b": 1, "a": [True, "x"]}, '{"a":[true,"x"],"b":1}'),
        ('<&>\u2028é\n\x01"\\', '"\\u003c\\u0026\\u003e\\u2028é\\n\\u0001\\"\\\\"'),
        (Integer(10**15), "1000000000000000"),
        (10**21, "1e+21"),
        ([], "[]"),
        ({}, "{}"),
        ("\ud800", '"\ufffd"'),
    ],
)
def test_json_is_written_as_go_does(value: Any, text: str) -> None:
    assert write_json(value) == text


@given(VALUES)
def test_written_json_reads_back_and_its_size_is_known(value: Any) -> None:
    text = write_json(value)
    assert read_json(text) == clean(value)
    assert json.loads(text, parse_int=float) == clean(value)
    assert json_size(value, 10**9) == len(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "x",
        "[1,]",
        "{'a':1}",
        "NaN",
        "[Infinity]",
        "1e400",
        "1 2",
        '"\x01"',
        "[" * 50,
        "nul",
        "01",
        "+1",
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_json(text)
    assert not isinstance(caught.value, UnicodeError)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1.0),
        (" [1, 2.5] ", [1.0, 2.5]),
        ('{"a":1,"a":2}', {"a": 2.0}),
        ('"\\ud800"', "\ufffd"),
        ('"\\ud83d\\ude00"', "😀"),
        ('["[[[["]', ["[[[["]),
        ("9" * 400 + "e-400", 0.9999999999999999),
    ],
)
def test_json_is_read_as_go_does(text: str, value: Any) -> None:
    result = read_json(text)
    assert result == pytest.approx(value) if isinstance(value, float) else result == value
    assert not isinstance(result, int) or isinstance(result, bool)


def test_depth_is_bounded_both_ways() -> None:
    with pytest.raises(EvaluationError) as caught:
        read_json("[" * 200 + "]" * 200)
    assert caught.value.code == "data-too-deep"
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(EvaluationError) as caught:
        write_json(deep)
    assert caught.value.code == "data-too-deep"


def test_size_is_bounded_even_for_shared_parts() -> None:
    shared: Any = "x"
    for _ in range(100):
        shared = [shared, shared]
    with pytest.raises(EvaluationError) as caught:
        write_json(shared, max_bytes=10_000)
    assert caught.value.code == "context-too-large"
    assert json_size(shared, 10_000) > 10_000
