from __future__ import annotations

import pytest

from pratique.grammar.nodes import ScalarNode
from pratique.grammar.scalar_places import place_in_scalar
from tests.support_grammar import documents


def place(text: str, offset: int) -> tuple[int, int, str]:
    """Return line, column and character of a place in the scalar under `e`."""
    (document,) = documents(text).documents
    node = document.node(("e",))
    assert isinstance(node, ScalarNode)
    start = place_in_scalar(document.source, node, offset).start
    return start.line, start.column, document.source.line(start.line)[start.column - 1 : start.column]


def value(text: str) -> str:
    node = documents(text).documents[0].node(("e",))
    assert isinstance(node, ScalarNode)
    return str(node.value)


TEXTS = {
    "plain": "a: 1\ne: one two\nz: 2\n",
    "folded plain": "e: one\n   two\n\n   three\n",
    "single": "e: 'it''s one\n    two'\n",
    "double": 'e: "a\\tb \\"c\\" \\u00e9 \\x41 d\\\n   e"\n',
    "surrogates": '{"e": "a \\ud83d\\ude00 b"}',
    "literal": "e: |-\n  one ==\n    two\n\n  three\nz: 1\n",
    "literal with indicator": "e: |2- # note\n    one\n   two\n",
    "folded": "e: >-\n  one\n  two\n\n  three\n",
    "anchor": "a: &x one two\ne: *x\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_visible_character_is_found(text: str) -> None:
    found = value(text)
    for offset, character in enumerate(found):
        if not character.isspace():
            shown = place(text, offset)[2]
            assert shown in (character, "\\"), (offset, character, shown)


def test_lines_of_a_block() -> None:
    text = TEXTS["literal"]
    assert place(text, value(text).index("two")) == (3, 5, "t")
    assert place(text, value(text).index("three")) == (5, 3, "t")


def test_white_space_is_behind_the_character_before() -> None:
    assert place("e: one  two\n", 3) == (1, 7, " ")
    assert place("e: |\n  one\n", 4)[:2] == (2, 6)


def test_the_end_is_behind_the_last_character() -> None:
    assert place("e: 'one'\n", 3) == (1, 8, "'")


def test_an_empty_text_and_the_start() -> None:
    assert place("e: ''\n", 0)[:2] == (1, 4)


def test_tags_are_no_part_of_the_text() -> None:
    assert place("e: !!str one\n", 0) == (1, 10, "o")


def test_numbers_have_one_place() -> None:
    (document,) = documents("e: 12\n").documents
    node = document.node(("e",))
    assert isinstance(node, ScalarNode)
    assert place_in_scalar(document.source, node, 1) == node.span
