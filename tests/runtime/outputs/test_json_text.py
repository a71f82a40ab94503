from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar.plain_documents import read_plain
from pratique.grammar.source import Source
from pratique.runtime.outputs.json_text import json_text, without_surrogates, yaml_text

TEXT = st.text(st.characters(categories=None))
DATA = st.recursive(
    TEXT | st.booleans() | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def reread(text: str) -> Any:
    """Return what Kubernetes reads."""
    found = read_plain(Source("x.yaml", text))
    assert not found.errors, [str(each) for each in found.errors]
    return found.documents[0].data


@given(DATA)
def test_json_is_harmless_ascii_that_says_the_same(data: Any) -> None:
    text = json_text(data)
    assert text.endswith("\n")
    assert all(c == "\n" or " " <= c <= "~" for c in text)
    assert not set("<>&") & set(text)
    assert json.loads(text) == without_surrogates(data)


@given(DATA)
def test_yaml_is_printable_ascii_that_says_the_same(data: Any) -> None:
    text = yaml_text([{"data": data}])
    assert all(c == "\n" or " " <= c <= "~" for c in text)
    assert yaml.safe_load(text) == {"data": without_surrogates(data)}


@given(DATA)
def test_without_surrogates_gives_text_that_utf_8_can_hold(data: Any) -> None:
    json.dumps(without_surrogates(data), ensure_ascii=False).encode()


def test_surrogate_pairs_become_the_character_they_mean() -> None:
    assert without_surrogates("\ud83d\ude00 \ud800x") == "\U0001f600 \ufffdx"


def test_yaml_documents_are_separated_and_keep_their_key_order() -> None:
    assert yaml_text([{"b": 1, "a": 2}, {"c": []}]) == "b: 1\na: 2\n---\nc: []\n"
    assert yaml_text([]) == ""


def test_yaml_has_no_aliases() -> None:
    shared = {"x": "z"}
    assert yaml_text([[shared, shared]]) == "- x: z\n- x: z\n"


@pytest.mark.parametrize(
    "text", ["y", "N", "0o7", "0O7", "0B1", "1e3", "-.5", "+1E3", "1.", "017", "on", "1_0"]
)
def test_texts_that_look_like_something_else_are_quoted(text: str) -> None:
    written = yaml_text([{text: text}])
    assert reread(written) == {text: text}


@given(st.text("yYnN01xobeE+-._~", max_size=5))
def test_kubernetes_reads_the_same_texts(text: str) -> None:
    assert reread(yaml_text([{"a": [text], "b": {text: "a"}}])) == {"a": [text], "b": {text: "a"}}
