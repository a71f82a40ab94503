"""YAML that reads as what was written."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pratique.compiler.converting.writing import Comments, Lines, document, scalar

TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        "",
        "yes",
        "null",
        "1.0",
        "0x1",
        "- a",
        "a: b",
        "a #b",
        "'",
        '"',
        "\\",
        "a\nb\n",
        "a\n\nb",
        " a\nb",
        "\n",
        "|",
        "~",
        "a\n",
    ]
)
SCALARS = TEXTS | st.booleans() | st.none() | st.integers(-5, 5)
DATA = st.recursive(
    SCALARS, lambda of: st.lists(of, max_size=3) | st.dictionaries(TEXTS, of, max_size=3), max_leaves=10
)


@settings(max_examples=200, phases=[Phase.explicit, Phase.generate])
@given(st.dictionaries(TEXTS, DATA, min_size=1, max_size=3))
def test_what_is_written_is_read(data: dict[str, Any]) -> None:
    assert yaml.safe_load(document(data, Comments())) == data


def test_folded_lines_are_one() -> None:
    text = document({"a": {"b": Lines("x &&\ny")}}, Comments())
    assert text == "a:\n  b: >-\n    x &&\n    y\n"
    assert yaml.safe_load(text) == {"a": {"b": "x && y"}}


def test_comments() -> None:
    comments = Comments()
    comments.head, comments.tail = ["# head"], ["# tail"]
    comments.above = {("a",): ["# a"], ("a", 0): ["# first"], ("a", 0, "b"): ["# b"], ("a", 1): ["# second"]}
    comments.beside = {("a", 1): "# beside"}
    text = document({"a": [{"b": 1, "c": 2}, "d"]}, comments)
    assert text == (
        "# head\n# a\na:\n  # first\n  # b\n  - b: 1\n    c: 2\n  # second\n  - d # beside\n# tail\n"
    )


def test_scalars_need_quotes_only_where_they_do() -> None:
    texts = ["ghcr.io/acme/*", "^a$", "true", "", "it's", "https://a.example/x?y=1", "quay.io/a@*"]
    assert [scalar(text) for text in texts] == [
        "ghcr.io/acme/*",
        "'^a$'",
        "'true'",
        "''",
        '"it\'s"',
        "'https://a.example/x?y=1'",
        "quay.io/a@*",
    ]
