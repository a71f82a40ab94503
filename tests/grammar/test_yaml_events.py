"""The two parsers give one answer: whichever PyYAML was installed with, a policy means the same."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar import yaml_tree
from pratique.grammar.nodes import MappingNode, Node, ScalarNode
from pratique.grammar.source import Source, Span
from pratique.grammar.yaml_events import PureParser, event_parser
from tests.support_grammar import documents, json_data, policy_sources, to_yaml

needs_libyaml = pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")

TEXTS = (
    "a: [1,\t2]\nb:\t3\n",
    "a: [\t1\t,\t2\t]\n",
    "a: {b:\t1}\t# c\n",
    "a\tb: c\td\n",
    "a: b\t\nc: d\n",
    "a: b\t\n  c\n",
    "k: |\n  a\tb\n\n  c\n",
    "? a\n: b\n? c\n",
    "- - 1\n  - 2\n-\n  - 3\n",
    "a: &x {b: 'it''s'}\nc: *x\nd: !!str 1\n",
    'a: "x\\ny\\u00e9\\U0001F600 \\\n  z"\n',
    "a: >-\n  x\n  y\n\n  z\nb: |+\n  q\n\n",
    "%YAML 1.1\n---\na: 1\n...\n---\nb: 2\n",
    "a: b # c\n#d\ne: f#g\n",
    "[a: 1, {b: c}, [], {}]\n",
    "a:\n- 1\n- b: 2\n  c: 3\n",
    "\ta: 1\n",
    "a:\n\tb: 1\n",
    "a: 'x\n",
    "a: b: c\n",
    "a: [1\nb: 2\n",
    '"\\ud83d\\ude00"',
    '"\\q"',
    "a: @b\n",
    "{a: 1} b\n",
    "*x",
    "&x &y z",
)


@contextmanager
def pure_parser() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_tree, "event_parser", PureParser)
        yield


def outline(node: Node) -> Any:
    """Return a tree with everything that a reader can see of it but the ends of block collections."""
    if isinstance(node, ScalarNode):
        return (node.value, node.raw, node.style, _ends(node))
    if isinstance(node, MappingNode):
        return (node.span.start, [(outline(key), outline(value)) for key, value in node.items])
    return (node.span.start, [outline(item) for item in node.items])


def _ends(node: ScalarNode) -> Span:
    # The end of a block scalar is that of its last line, or of the empty lines behind it.
    return Span(node.span.start, node.span.start) if node.style in ("|", ">") else node.span


def answer(text: str) -> tuple[list[Any], list[tuple[str, int]]]:
    found = documents(text)
    errors = [(e.code, e.location.span.start.line if e.location else 0) for e in found.errors]
    return [(d.index, outline(d.root)) for d in found.documents], errors


def both(text: str) -> tuple[Any, Any]:
    one = answer(text)
    with pure_parser():
        return one, answer(text)


@needs_libyaml
def test_libyaml_is_used_where_it_is() -> None:
    assert not isinstance(event_parser("a"), PureParser)


def test_without_libyaml_the_slow_parser_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    assert isinstance(event_parser("a"), PureParser)


@needs_libyaml
@pytest.mark.parametrize("text", TEXTS)
def test_b3_both_parsers_give_the_same_answer(text: str) -> None:
    one, two = both(text)
    assert one == two


@needs_libyaml
@pytest.mark.parametrize("source", policy_sources(), ids=lambda source: source.name)
def test_both_parsers_read_the_same_policies(source: Source) -> None:
    one, two = both(source.text)
    assert one == two


@needs_libyaml
@given(json_data)
def test_both_parsers_read_the_same_data(value: object) -> None:
    one, two = both(to_yaml(value))
    assert one == two


TOKENS = (
    "---\n",
    "...\n",
    "<<: ",
    "- ",
    ": ",
    "\n  ",
    "\n",
    "!!str ",
    "&a ",
    "*a",
    "\t",
    " ",
    "a",
    "1",
    "no",
    "'",
)
MORE_TOKENS = (*'"?[]{},#|>-%@`\\', "é", "\r\n", "k: ", "|-\n")


@needs_libyaml
@given(st.lists(st.sampled_from(TOKENS + MORE_TOKENS), max_size=25).map("".join))
def test_a_text_that_both_accept_means_the_same_to_both(text: str) -> None:
    one, two = both(text)
    if not one[1] and not two[1]:
        assert one == two
