from __future__ import annotations

import io
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pratique.runtime.fleet import pieces as module
from pratique.runtime.fleet.pieces import Piece, pieces

values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text('ab \n"\\{}[],:-é', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from(["apiVersion", "kind", "metadata", "spec"]), values, max_size=4)


def read(text: str) -> list[Piece]:
    return list(pieces(io.StringIO(text, newline="")))


def loaded(text: str) -> list[Any]:
    return [json.loads(piece.text) for piece in read(text)]


@pytest.fixture(params=[7, 64, 1 << 18])
def _chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", request.param)


@pytest.mark.usefixtures("_chunk")
@pytest.mark.parametrize("indent", [None, 2])
def test_lists_of_kubectl_are_read_item_by_item(indent: int | None) -> None:
    items = [{"kind": "Pod", "metadata": {"name": f"p{n}", "x": 'a"]}'}} for n in range(5)]
    listed = {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}
    assert loaded(json.dumps(listed, indent=indent)) == items


def test_items_of_typed_lists_are_told_what_they_are() -> None:
    text = '{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[{"a":1},{}]}'
    assert [p.defaults for p in read(text)] == [{"apiVersion": "v1", "kind": "Pod"}] * 2


@given(
    st.lists(objects.filter(bool), max_size=5),
    st.sampled_from(["\n", " ", "\r\n", "\n\n"]),
    st.integers(3, 40),
)
def test_values_one_after_the_other(found: list[Any], between: str, chunk: int) -> None:
    text = between.join(json.dumps(each, ensure_ascii=False) for each in found)
    before, module.CHUNK = module.CHUNK, chunk  # type: ignore[misc]
    try:
        assert loaded(text) == found
    finally:
        module.CHUNK = before  # type: ignore[misc]


def test_places_are_those_in_the_whole_text() -> None:
    text = '{"apiVersion": "v1",\n "items": [\n  {"a": 1},   {"b":\n 2}\n]}\n{"c": 3}'
    assert [(p.line, p.column) for p in read(text)] == [(3, 3), (3, 15), (6, 1)]
    lines = text.split("\n")
    assert all(lines[p.line - 1][p.column - 1 :].startswith(p.text[:5]) for p in read(text))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1} {"b": ',
        '{"apiVersion": "v1", "items": [{"a": 1},,{"b": 1}]}',
        '{"apiVersion": "v1", "items": [{"a": 1} {"b": 1}]}',
        '{"apiVersion": "v1", "items": [{"a": 1}], "kind": "Pod"}',
        '{"apiVersion": "v1", "items": [{"a": 1}]',
        "[" * 10_000,
    ],
)
def test_what_is_malformed_comes_as_it_is_for_the_reader_to_refuse(text: str) -> None:
    *_, last = read(text)
    with pytest.raises((ValueError, RecursionError)):
        json.loads(last.text)


def test_yaml_documents_and_lists() -> None:
    text = """\
# a word
apiVersion: v1
kind: Pod
---
apiVersion: v1
items:
- apiVersion: v1
  kind: Pod
  metadata:
    annotations:
      text: |
        - no item
        ---no boundary
- apiVersion: v1
  kind: Node
kind: List
metadata:
  resourceVersion: ""
---
kind: PodList
apiVersion: v1
items:
# none has a kind
- spec: {}
---
{"apiVersion": "v1"}
"""
    found = read(text)
    kinds = [(yaml.safe_load(p.text).get("kind"), p.line, p.defaults.get("kind")) for p in found]
    assert kinds == [
        ("Pod", 1, None),
        ("Pod", 7, None),
        ("Node", 14, None),
        (None, 24, "Pod"),
        (None, 25, None),
    ]


@given(st.lists(objects.filter(bool), min_size=1, max_size=4), st.booleans())
def test_lists_in_yaml_read_as_a_whole_reader_reads_them(found: list[Any], as_list: bool) -> None:
    if as_list:
        text = yaml.safe_dump({"apiVersion": "v1", "items": found, "kind": "List"}, allow_unicode=True)
    else:
        text = "---\n".join(yaml.safe_dump(each, allow_unicode=True) for each in found)
    assert [yaml.safe_load(piece.text) for piece in read(text)] == found


def test_a_list_with_indented_items_is_one_piece() -> None:
    (piece,) = read("apiVersion: v1\nkind: List\nitems:\n  - kind: Pod\n  - kind: Node\n")
    assert len(yaml.safe_load(piece.text)["items"]) == 2


def test_nothing_comes_of_nothing() -> None:
    assert read("") == read(" \n") == []
