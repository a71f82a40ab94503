import tracemalloc

import pytest

from pratique.grammar.limits import Limits
from pratique.grammar.source import Source
from pratique.grammar.yaml_tree import plain, read_documents
from tests.support_grammar import codes, data, documents, place, pointed_at, seconds


def bomb(levels: int, width: int = 9) -> str:
    """Return a text of a few hundred bytes that expands to `width ** levels` scalars."""
    lines = [f"a0: &a0 [{','.join(['x'] * width)}]"]
    lines += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(lines)


# --- syntax --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 'x\n", (2, 1)),
        ("a: 1\n b: 2\n", (2, 3)),
        ("a: [1, 2\nb: 3\n", (2, 2)),
        ("a: b: c\n", (1, 5)),
        ("a: @x\n", (1, 4)),
        ("- a\nb\n", (2, 1)),
    ],
)
def test_b1_malformed_text_is_an_error_at_its_place(text: str, where: tuple[int, int]) -> None:
    found = documents(text)
    assert found.documents == ()
    assert codes(found.errors) == ["yaml-syntax"]
    assert place(found.errors[0]) == where


def test_b1_the_place_where_it_started_is_shown() -> None:
    (error,) = documents("a:\n  - 'x\n  - y\n").errors
    ((label, where),) = error.related
    assert (label, str(where)) == ("it started here", "f.yaml:2:5")


def test_b1_other_documents_go_on() -> None:
    found = documents("a: 1\n---\nb: 'x\n---\nc: 3\n---\n- [\n---\nd: 4\n")
    assert [plain(d.root) for d in found.documents] == [{"a": 1}, {"c": 3}, {"d": 4}]
    assert [d.index for d in found.documents] == [0, 2, 4]
    assert [place(e)[0] for e in found.errors] == [4, 8]


def test_documents_behind_a_bad_one_keep_their_lines() -> None:
    found = documents("- 'x\n---\na: 1\r\n---\r\nb:\r\n  c: 2\n")
    assert [d.locate(("b", "c")).start.line for d in found.documents] == [3, 6]


def test_b3_tabs() -> None:
    (error,) = documents("a:\n\tb: 1\n").errors
    assert (error.code, place(error)) == ("yaml-syntax", (2, 1))
    assert "spaces" in error.help
    assert data("a: [1,\t2]\n") == [{"a": [1, 2]}]
    assert data("a:\t1\n") == [{"a": 1}]


# --- keys ----------------------------------------------------------------------------------------------


def test_b2_duplicate_keys_are_errors_with_both_places() -> None:
    found = documents("spec:\n  action: Enforce\n  rules: []\n  action: Audit\n")
    assert found.documents == ()
    (error,) = found.errors
    assert (error.code, place(error), pointed_at(error)) == ("duplicate-key", (4, 3), "action")
    ((_, first),) = error.related
    assert str(first) == "f.yaml:2:3"


@pytest.mark.parametrize(
    "text", ["{1: a, '1': b}", "{yes: a, true: b}", "{a: 1, 'a': 1}", "{017: a, 15: b}", '{"a":1,"a":2}']
)
def test_b2_keys_are_compared_as_json_has_them(text: str) -> None:
    assert codes(documents(text).errors) == ["duplicate-key"]


def test_b2_every_duplicate_is_reported() -> None:
    assert codes(documents("a: 1\na: 2\nb: {c: 1, c: 2}\na: 3\n").errors) == ["duplicate-key"] * 3


@pytest.mark.parametrize("text", ["~: 1", "? [a]\n: 1", "? {a: b}\n: 1", "null: 1", "{&x [1]: 2}"])
def test_b16_keys_that_are_no_texts(text: str) -> None:
    assert codes(documents(text).errors) == ["bad-key"]


def test_keys_become_texts() -> None:
    assert data("1: a\nyes: b\n1.5: c\n'~': d\n&k key: e\n") == [
        {"1": "a", "true": "b", "1.5": "c", "~": "d", "key": "e"}
    ]


def test_an_alias_of_a_text_can_be_a_key() -> None:
    assert data("a: &k key\nb: {*k : 1}\n") == [{"a": "key", "b": {"key": 1}}]


# --- anchors -------------------------------------------------------------------------------------------


def test_aliases_are_followed() -> None:
    assert data("a: &x [1, &y {b: 2}]\nc: *x\nd: *y\n") == [
        {"a": [1, {"b": 2}], "c": [1, {"b": 2}], "d": {"b": 2}}
    ]


def test_an_alias_stands_where_its_text_is() -> None:
    (document,) = documents("a: &x\n  b: 1\nc: *x\n").documents
    assert document.locate(("c", "b")).start == (2, 6)
    assert document.locate(("c",), key=True).start == (3, 1)


def test_b4_billion_laughs_are_refused_at_once() -> None:
    text = bomb(9)
    time, found = seconds(lambda: documents(text))
    assert codes(found.errors) == ["too-many-aliases"]
    assert time < 0.05
    tracemalloc.start()
    try:
        documents(text)
        assert tracemalloc.get_traced_memory()[1] < 20 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_b4_aliases_are_counted() -> None:
    text = "a: &a 1\nb: [" + "*a," * 1001 + "]\n"
    assert codes(documents(text).errors) == ["too-many-aliases"]
    assert not documents(text, Limits(max_aliases=1001)).errors


def test_b4_aliases_of_long_texts_are_refused() -> None:
    """Few nodes, each of 60 KiB: it is the expanded text that counts."""
    text = f"a: &a {'x' * 60_000}\nb: [{'*a,' * 900}]\n"
    assert codes(documents(text).errors) == ["too-many-aliases"]


def test_b4_aliases_cannot_hide_depth() -> None:
    text = f"a: &a {'[' * 40}{']' * 40}\nb: {'[' * 40}*a{']' * 40}\n"
    assert codes(documents(text).errors) == ["too-deep"]


@pytest.mark.parametrize("text", ["&a [*a]", "&a {b: *a}", "a: &a\n  b:\n    - {c: *a}\n"])
def test_b5_recursive_aliases_are_refused(text: str) -> None:
    (error,) = documents(text).errors
    assert (error.code, pointed_at(error)) == ("recursive-alias", "*a")


def test_unknown_aliases_are_refused() -> None:
    found = documents("a: *x\n---\nb: &x 1\n---\nc: *x\n")
    assert codes(found.errors) == ["unknown-alias"] * 2
    assert [plain(d.root) for d in found.documents] == [{"b": 1}]


def test_an_anchor_can_be_used_again() -> None:
    assert data("a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == [{"a": 1, "b": 1, "c": 2, "d": 2}]


# --- merge keys ----------------------------------------------------------------------------------------


def test_b8_merge_keys_are_merged() -> None:
    text = (
        "base: &b {x: 1, w: 2}\nmore: &m {w: 3, z: 4}\n"
        "one: {<<: *b, w: 5}\ntwo: {<<: [*b, *m]}\nthree: {<<: {q: 1}}\n"
    )
    (found,) = data(text)
    assert found["one"] == {"x": 1, "w": 5}
    assert found["two"] == {"x": 1, "w": 2, "z": 4}
    assert found["three"] == {"q": 1}


def test_b8_merged_values_stand_where_they_were_written() -> None:
    (document,) = documents("base: &b\n  x: 1\none:\n  <<: *b\n  w: 2\n").documents
    assert document.locate(("one", "x")).start == (2, 6)


def test_merge_key_after_own_key_is_ambiguous() -> None:
    (error,) = documents("base: &b {action: Audit}\none:\n  action: Enforce\n  <<: *b\n").errors
    assert (error.code, place(error), pointed_at(error)) == ("ambiguous-merge", (3, 3), "action")
    assert str(error.related[0][1]) == "f.yaml:1:11"
    assert data("base: &b {x: 1}\none:\n  x: 1\n  <<: *b\n") == [{"base": {"x": 1}, "one": {"x": 1}}]


@pytest.mark.parametrize("text", ["a: {<<: 1}", "a: {<<: [1]}", "a: {<<: ~}", "a: {<<: [[{b: 1}]]}"])
def test_b8_merging_needs_mappings(text: str) -> None:
    assert codes(documents(text).errors) == ["bad-merge"]


def test_b8_two_merge_keys_are_duplicates() -> None:
    assert codes(documents("a: &a {x: 1}\nb: {<<: *a, <<: *a}\n").errors) == ["duplicate-key"]


def test_a_quoted_merge_key_is_a_key() -> None:
    assert data("{'<<': {a: 1}}") == [{"<<": {"a": 1}}]


# --- limits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["[", "{", "- ", "? ", "{a: ", "a:\n "])
def test_b6_deep_nesting_is_refused_at_once(text: str) -> None:
    long = (
        text * (1024 * 1024 // len(text))
        if text != "a:\n "
        else "".join(" " * i + "a:\n" for i in range(1000))
    )
    time, found = seconds(lambda: documents(long))
    assert codes(found.errors) == ["too-deep"]
    assert time < 0.1


def test_b6_depth_is_counted_exactly() -> None:
    assert data("[" * 64 + "]" * 64)
    assert codes(documents("[" * 65 + "]" * 65).errors) == ["too-deep"]


def test_b6_what_follows_a_deep_document_is_read() -> None:
    found = documents("[" * 100 + "\n---\na: 1\n")
    assert codes(found.errors) == ["too-deep"]
    assert [plain(d.root) for d in found.documents] == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "limits", "where"),
    [
        ("a: 123\n", Limits(max_bytes=6), None),
        ("- aaaa\n- bbbb\n", Limits(max_document_bytes=8), (2, 3)),
        ("- üüü\n- üüü\n", Limits(max_document_bytes=14), (1, 1)),
        ("a: 1\n---\nb: 2\n", Limits(max_documents=1), (2, 1)),
        ("[1, 2, 3]", Limits(max_nodes=3), (1, 8)),
        ("{a: 1, b: 2}", Limits(max_nodes=4), (1, 11)),
        ("a: 12345678\n", Limits(max_scalar_bytes=7), (1, 4)),
        ("a: üüüü\n", Limits(max_scalar_bytes=7), (1, 4)),
    ],
)
def test_b7_sizes_are_limited(text: str, limits: Limits, where: tuple[int, int] | None) -> None:
    (error,) = documents(text, limits).errors
    assert error.code == "too-large"
    assert (place(error) if error.location else None) == where


def test_b7_a_policy_of_realistic_size_is_read_quickly() -> None:
    rule = (
        "  - name: r%d\n    match: {any: [{resources: {kinds: [Pod]}}]}\n"
        "    verifyImages:\n    - imageReferences: ['a*']\n"
    )
    text = "kind: Policy\nrules:\n" + "".join(rule % i for i in range(550))
    assert 60_000 < len(text) < 64 * 1024
    assert seconds(lambda: data(text))[0] < 0.2


def test_reading_ends_at_the_limit_of_errors() -> None:
    assert len(documents("[" + ".nan," * 1000 + "]").errors) == 100
    assert len(documents("---\n- 'x\n" * 1000).errors) == 100


def test_bad_documents_cost_no_more_than_good_ones() -> None:
    text = "---\na: 1\n---\n- 'x\n" * 50 + "---\na: 1\n" * 9_000
    time, found = seconds(lambda: documents(text), 1)
    assert len(found.documents) > 9_000
    assert time < 2


def test_lines_that_start_with_a_percent_sign_are_limited() -> None:
    time, found = seconds(lambda: documents("%TAG ! tag:x\n" * 70_000 + "--- a\n"))
    assert codes(found.errors) == ["yaml-syntax"]
    assert time < 0.2


# --- tags and documents --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "a: !!binary aGk=",
        "a: !custom b",
        "!!set {a}",
        "!!omap [a: 1]",
        "a: !!timestamp 2024-01-01",
        "a: !!python/name:os.system ''",
        "!<tag:x,2000:y> {}",
    ],
)
def test_b17_tags_are_refused(text: str) -> None:
    found = documents(text)
    assert "tag-not-allowed" in codes(found.errors)
    assert found.documents == ()


def test_tags_of_json_types_are_allowed() -> None:
    assert data("!!map {a: !!str 1, b: !!int '2', c: !!seq [!!null '']}") == [{"a": "1", "b": 2, "c": [None]}]


@pytest.mark.parametrize(
    "text", ["", "# only\n# comments\n", "---\n", "null\n", "---\n---\n", "~", "\n\n", "---\n...\n"]
)
def test_b18_empty_documents_are_skipped(text: str) -> None:
    found = documents(text)
    assert (found.documents, found.errors) == ((), ())


def test_b19_documents_have_their_own_position() -> None:
    found = documents("a: 1\n---\n---\n# c\nb: 2\n...\n---\na: 1\na: 2\n---\nc: 3\n")
    assert [(d.index, d.root.span.start.line) for d in found.documents] == [(0, 1), (2, 5), (4, 11)]
    assert codes(found.errors) == ["duplicate-key"]


def test_sources_that_were_not_decoded_are_checked_too() -> None:
    assert codes(read_documents(Source("f", "a: \x1b[31m")).errors) == ["control-character"]
    assert codes(read_documents(Source("f", "a: \ud800")).errors) == ["bad-encoding"]


def test_anchors_tags_and_quotes_do_not_move_a_place() -> None:
    (document,) = documents("a: &x !!str  'text'\nb: >-\n  folded\n  text\nc: 1\n").documents
    assert document.locate(("a",)).start == (1, 4)
    assert document.locate(("b",)).start == (2, 4)
    assert document.locate(("c",)).start == (5, 4)
