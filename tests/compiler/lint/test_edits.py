from __future__ import annotations

from collections.abc import Callable

import pytest

from pratique.compiler.lint.base import Edit
from pratique.compiler.lint.edits import (
    added_items,
    added_setting,
    affixed,
    removed_comment,
    removed_item,
    rewritten,
    switched,
    value_of,
)
from pratique.compiler.lint.fixes import applied
from pratique.grammar.source import Location, Source, Span
from pratique.grammar.yaml_tree import plain, read_documents

Path = tuple[str | int, ...]


def place(text: str, *path: str | int) -> Location:
    [document] = read_documents(Source("p.yaml", text)).documents
    return document.location(path)


def after(edit: Edit | None) -> str | None:
    """Return the text after an edit; it must be YAML still."""
    if edit is None:
        return None
    text = applied(edit.location.source, [edit])
    assert not read_documents(Source("p", text)).errors, text
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('- "a/" # why', '- "a/*" # why'),
        ("- 'a/'", "- 'a/*'"),
        ("- a/   # why", "- a/*   # why"),
        ("[a/, b]", "[a/*, b]"),
        ('["a/"]', '["a/*"]'),
        ("- >-\n  a/\n", None),
        ("- &x a/\n- *x\n", None),
        ("- !!str a/\n", None),
    ],
)
def test_scalars_keep_their_quotes(text: str, expected: str | None) -> None:
    assert after(rewritten(place(text, 0), "a/*")) == expected


@pytest.mark.parametrize(
    "value", ["it's", 'a "b"', "*", "a, b", "no", "12", "a: b", "a #b", "- a", "x:y", "{a}"]
)
@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize("frame", ["- {}\n- z\n", "[{}, z]"])
def test_what_is_written_means_what_it_should(value: str, quote: str, frame: str) -> None:
    text = after(rewritten(place(frame.format(f"{quote}old{quote}"), 0), value))
    assert text is not None
    [document] = read_documents(Source("p", text)).documents
    assert plain(document.root) == [value, "z"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('k: "https://a\\\\.b"', 'k: "^https://a\\\\.b/.+$"'),
        ("k: 'https://a\\.b'", "k: '^https://a\\.b/.+$'"),
        ("k: https://a\\.b # c", "k: ^https://a\\.b/.+$ # c"),
        ("{k: https://a}", "{k: ^https://a/.+$}"),
    ],
)
def test_affixes_leave_what_is_there_as_it_is(text: str, expected: str) -> None:
    assert after(affixed(place(text, "k"), "^", "/.+$")) == expected


def test_an_affix_that_needs_quotes_gets_them() -> None:
    assert after(affixed(place("k: '@a\\.b'", "k"), "^[^@]+", "$")) == "k: '^[^@]+@a\\.b$'"
    assert after(affixed(place("k: a\\.b", "k"), "^[^@]+", "$")) == 'k: "^[^@]+a\\\\.b$"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("k:\n- a # why\n- b\n", 'k:\n- a # why\n- "n"\n- "m"\n- b\n'),
        ("k:\n  -   a", 'k:\n  -   a\n  -   "n"\n  -   "m"'),
        ("k:\r\n- a\r\n", 'k:\r\n- a\r\n- "n"\r\n- "m"\r\n'),
        ("k: [a, b]", 'k: [a, "n", "m", b]'),
        ("k: [\n  a, # why\n  b\n]", 'k: [\n  a,\n  "n",\n  "m", # why\n  b\n]'),
        ("k: [\n  # why\n  a\n]", 'k: [\n  # why\n  a,\n  "n",\n  "m"\n]'),
        ("k:\n-\n  a\n", None),
        ("k:\n- &x a\n", None),
        ("k: a\n", None),
    ],
)
def test_items_are_added_behind_another(text: str, expected: str | None) -> None:
    path: Path = ("k", 0) if text[3:] != "a\n" else ("k",)
    assert after(added_items(place(text, *path), ["n", "m"])) == expected


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        ("k:\n- a\n- b\n", 0, "k:\n- b\n"),
        ("k:\n- a\n- b\n", 1, "k:\n- a\n"),
        ("k:\n- a\n- b", 1, "k:\n- a"),
        ("k:\n  - 'x\n    y'\n  - b\n", 0, "k:\n  - b\n"),
        ("k:\n- a # why\n- b\n", 0, None),
        ("k:\n- # why\n  a\n- b\n", 0, None),
        ("k: [a, b, c]", 0, "k: [b, c]"),
        ("k: [a, b, c]", 1, "k: [a, c]"),
        ("k: [a, b, c]", 2, "k: [a, b]"),
        ("k: [\n  a,\n  b\n]", 0, "k: [\n  b\n]"),
        ("k: [\n  a,\n  b\n]", 1, None),
        ("k: [\n  a, # why\n  b\n]", 0, None),
        ("k: [a, # why\n  b]", 0, None),
    ],
)
def test_items_are_removed(text: str, number: int, expected: str | None) -> None:
    assert after(removed_item(place(text, "k", number))) == expected


BLOCK = "- a: 1\n  b: # none\n    c: true\n    'd': \"x\" # c: true\n"


@pytest.mark.parametrize(
    ("name", "value", "found"), [("d", "x", '"x"'), ("d", "y", None), ("e", "x", None), ("a", True, None)]
)
def test_the_value_of_a_setting(name: str, value: str | bool, found: str | None) -> None:
    where = value_of(place(BLOCK, 0), name, value)
    assert (where and where.source.line(where.span.start.line)[slice(*_columns(where.span))]) == found


def _columns(span: Span) -> tuple[int, int]:
    return span.start.column - 1, span.end.column - 1


@pytest.mark.parametrize("text", ["- a: {c: x}\n  c: x\n", "- a: 1 # c: x\n  c: x\n"])
def test_of_two_places_neither_is_taken(text: str) -> None:
    assert value_of(place(text, 0), "c", "x") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a: x\n  on: false # why\n", "- a: x\n  on: true # why\n"),
        ('- {"on": false}\n', '- {"on": true}\n'),
        ("- on: true\n", None),
        ("- on: 'false'\n", None),
        ("- {a: {on: false}, b: {on: false}}\n", None),
        ("- not-on: false\n", None),
    ],
)
def test_switches(text: str, expected: str | None) -> None:
    assert after(switched(place(text, 0), "on", on=True)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a: x # why\n- b\n", "- a: x # why\n  n: https://v\n- b\n"),
        ("- a: x", "- a: x\n  n: https://v"),
        ("- a:\n    b:\n      - c\n  # over\n", "- a:\n    b:\n      - c\n  n: https://v\n  # over\n"),
        ("- a: |\n    text\n- b\n", "- a: |\n    text\n  n: https://v\n- b\n"),
        ("- {a: x}\n", '- {n: "https://v", a: x}\n'),
        ('[{"a": 1}]', '[{"n": "https://v", "a": 1}]'),
        ("- {\n  a: x}\n", None),
        ("- {}\n", None),
        ("- &x\n  a: x\n", None),
    ],
)
def test_settings_are_added(text: str, expected: str | None) -> None:
    assert after(added_setting(place(text, 0), "n", "https://v")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a: 1 # x\nb: 2\n", "a: 1\nb: 2\n"), ("  # x\nb: 2\n", "b: 2\n"), ("b: 2\n# x", "b: 2\n")],
)
def test_comments_are_removed(text: str, expected: str) -> None:
    source = Source("p", text)
    number = next(n for n in (1, 2) if "#" in source.line(n))
    column = source.line(number).index("#") + 1
    location = Location(source, Span.at(number, column, len(source.line(number)) - column + 1))
    assert after(removed_comment(location)) == expected


@pytest.mark.parametrize(
    "edit", [lambda: rewritten(None, "a"), lambda: added_items(None, ["a"]), lambda: removed_item(None)]
)
def test_without_a_place_there_is_no_edit(edit: Callable[[], Edit | None]) -> None:
    assert edit() is None
    assert switched(None, "a", on=True) is None
    assert added_setting(None, "a", "b") is None
    assert affixed(None, "a", "b") is None
