"""Comments of a text: where they are, what they are about, and where they go."""

from __future__ import annotations

from pratique.compiler.converting.comments import Comment, comments_of, placed
from pratique.compiler.converting.model import Part
from pratique.grammar.source import Source

TEXT = """\
# first
a: "b # no comment"  # beside a
b: |
  text
  # no comment either
c: d#e

# about f

f: {g: h}  # beside f
# last
"""


def test_comments_are_found_with_what_they_are_about() -> None:
    assert comments_of(Source("t.yaml", TEXT), 1, 11) == (
        Comment(1, 2, "# first"),
        Comment(2, 2, "# beside a"),
        Comment(8, 10, "# about f"),
        Comment(10, 10, "# beside f"),
        Comment(11, 12, "# last"),
    )


def test_there_are_none_in_what_is_no_yaml() -> None:
    assert comments_of(Source("t.yaml", "a: [  # b\n"), 1, 1) == ()


def test_comments_go_to_the_smallest_part_around() -> None:
    parts = [
        Part(path=("spec",), lines=(1, 10)),
        Part(path=("spec", "x"), lines=(3, 5)),
        Part(path=("spec", "x", 0), lines=(4, 4)),
    ]
    given = [
        Comment(1, 2, "# spec"),
        Comment(3, 4, "# item"),
        Comment(4, 4, "# beside"),
        Comment(4, 4, "# again"),
        Comment(5, 5, "# inside"),
        Comment(12, 13, "# nothing"),
    ]
    found = placed(given, parts)
    assert found.above == {
        ("spec",): ["# spec"],
        ("spec", "x", 0): ["# item", "# again"],
        ("spec", "x"): ["# inside"],
    }
    assert found.beside == {("spec", "x", 0): "# beside"}
    assert found.head == ["# nothing"]
