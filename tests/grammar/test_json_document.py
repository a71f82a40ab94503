import json

import pytest
from hypothesis import given

from pratique.grammar.json_document import is_json
from pratique.grammar.limits import Limits
from pratique.grammar.nodes import MappingNode, ScalarNode
from tests.support_grammar import (
    codes,
    data,
    documents,
    json_data,
    place,
    pointed_at,
    seconds,
    to_yaml,
    whole,
)


@pytest.mark.parametrize("text", ["{}", " [1]\n", '{"a": {"b": [null, true]}}', '["\\ud83d"]', "[1e999]"])
def test_json_is_recognised(text: str) -> None:
    assert is_json(text)


@pytest.mark.parametrize(
    "text", ["", "1", '"a"', "{a: 1}", "[1,]", "[NaN]", "[Infinity]", "{} {}", "---\n{}", "['a']"]
)
def test_what_is_no_json_is_yaml(text: str) -> None:
    assert not is_json(text)


def test_deep_json_is_refused_at_once() -> None:
    time, found = seconds(lambda: documents("[" * 500_000 + "]" * 500_000))
    assert codes(found.errors) == ["too-deep"]
    assert time < 0.1
    assert codes(documents("[" * 65 + "]" * 65).errors) == ["too-deep"]
    assert data("[" * 64 + "]" * 64)


@given(json_data)
def test_json_and_yaml_give_the_same_data(value: object) -> None:
    wrapped = {"k": value}
    for text in (json.dumps(wrapped), json.dumps(wrapped, indent=1), json.dumps(wrapped, ensure_ascii=False)):
        if all(c.isprintable() or c == "\n" for c in text):
            assert data(text) == [whole(wrapped)] == data(to_yaml(wrapped))


@given(json_data)
def test_every_json_scalar_is_where_its_span_says(value: object) -> None:
    text = json.dumps([value], indent=1)
    lines = text.split("\n")
    stack = [d.root for d in documents(text).documents]
    while stack:
        node = stack.pop()
        if isinstance(node, ScalarNode):
            (line, column), (_, end) = node.span
            assert whole(json.loads(lines[line - 1][column - 1 : end - 1])) == node.value
        elif isinstance(node, MappingNode):
            stack += [part for pair in node.items for part in pair]
        else:
            stack += node.items


def test_places_are_those_of_the_text() -> None:
    (document,) = documents('{"é": "\\ud83d\\ude00", "b"\n : [1,\r\n2]}').documents
    assert document.locate(("b",), key=True) == ((1, 23), (1, 26))
    assert document.locate(("b", 1)) == ((3, 1), (3, 2))
    assert document.locate(()) == ((1, 1), (3, 4))


def test_b2_duplicate_keys() -> None:
    (error,) = documents('{"a": 1,\n "a": 2}').errors
    assert (error.code, place(error), pointed_at(error)) == ("duplicate-key", (2, 2), '"a"')


def test_b12_lone_surrogates_are_refused() -> None:
    (error,) = documents('["x", "\\ud83d"]').errors
    assert (error.code, pointed_at(error)) == ("bad-encoding", '"\\ud83d"')


@pytest.mark.parametrize("number", ["1e999", "9" * 5000, "-9223372036854775809"])
def test_b15_numbers_out_of_range_are_refused(number: str) -> None:
    (error,) = documents(f"[1, {number}]").errors
    assert (error.code, place(error)) == ("bad-number", (1, 5))


@pytest.mark.parametrize(
    "limits",
    [Limits(max_nodes=4), Limits(max_document_bytes=12), Limits(max_scalar_bytes=3), Limits(max_bytes=10)],
)
def test_b7_sizes_are_limited(limits: Limits) -> None:
    assert codes(documents('{"a": ["éé", 2], "b": 1}', limits).errors) == ["too-large"]


def test_a_quoted_merge_key_and_an_empty_key_are_keys() -> None:
    assert data('{"<<": {"a": 1}, "": 2, "~": 3}') == [{"<<": {"a": 1}, "": 2, "~": 3}]
