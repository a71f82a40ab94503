import pytest
from hypothesis import given

from pratique.grammar.nodes import Document, MappingNode, ScalarNode, show_path
from tests.support_grammar import data, documents, json_data, to_yaml, whole

TEXT = "a:\n  - x\n  - b: 1\n    c: [2,\n      3]\nd:\n"


def document() -> Document:
    return documents(TEXT).documents[0]


@pytest.mark.parametrize(
    ("path", "key", "line", "column"),
    [
        ((), False, 1, 1),
        (("a",), False, 2, 3),
        (("a",), True, 1, 1),
        (("a", 0), False, 2, 5),
        (("a", 0), True, 2, 5),
        (("a", 1, "b"), True, 3, 5),
        (("a", 1, "b"), False, 3, 8),
        (("a", 1, "c", 1), False, 5, 7),
        (("d",), True, 6, 1),
        # Where a part is missing: the deepest part that exists.
        (("z",), False, 1, 1),
        (("a", 7), False, 2, 3),
        (("a", 7), True, 1, 1),
        (("a", 1, "b", "x"), False, 3, 8),
        (("a", 1, "b", "x"), True, 3, 5),
        (("a", "x"), False, 2, 3),
        (("a", -1), False, 2, 3),
    ],
)
def test_locate(path: tuple[str | int, ...], key: bool, line: int, column: int) -> None:
    assert document().locate(path, key=key).start == (line, column)


def test_location_names_the_source() -> None:
    assert str(document().location(("a", 1, "b"))) == "f.yaml:3:8"


def test_node() -> None:
    node = document().node(("a", 1))
    assert isinstance(node, MappingNode)
    value = node.get("b")
    assert isinstance(value, ScalarNode)
    assert (value.value, value.raw, value.style) == (1, "1", "")
    assert node.get("x") is None
    assert document().node(("a", 2)) is None
    assert document().node(("a", "b")) is None


def test_plain_shares_nothing() -> None:
    (found,) = data("a: &x {k: [1]}\nb: *x\n")
    found["a"]["k"].append(2)
    assert found["b"] == {"k": [1]}


def test_show_path() -> None:
    assert show_path(("spec", "rules", 0, "name")) == "spec.rules[0].name"
    assert show_path(()) == ""


@given(json_data)
def test_block_yaml_reads_back(value: object) -> None:
    assert data(to_yaml(value)) == ([] if value is None else [whole(value)])


@given(json_data)
def test_every_scalar_is_where_its_span_says(value: object) -> None:
    """The caret stands under the first character of the text that was read."""
    text = to_yaml(value)
    stack = [d.root for d in documents(text).documents]
    lines = text.split("\n")
    while stack:
        node = stack.pop()
        if isinstance(node, ScalarNode):
            (line, column), (end_line, end_column) = node.span
            assert line == end_line
            written = lines[line - 1][column - 1 : end_column - 1]
            assert data(f"[{written}]") == [[node.value]]
        elif isinstance(node, MappingNode):
            stack += [part for pair in node.items for part in pair]
        else:
            stack += node.items
