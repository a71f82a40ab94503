from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.jmespath import syntax
from pratique.compiler.expressions.jmespath.parser import parse
from pratique.compiler.expressions.jmespath.tokens import tokenize
from pratique.compiler.expressions.limits import Limits
from tests.support_expressions import failure_of


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("   ", 0),
        ("a.", 2),
        ("a..b", 2),
        ("a[", 2),
        ("a[1", 3),
        ("a b", 2),
        ("foo(", 4),
        ("#", 0),
        ("a.#", 2),
        ("'open", 0),
        ("a || `{`", 5),
        ('"a\\q"', 0),
        ("a = b", 2),
        ("[1:2:3:4]", 7),
        ("[--1]", 1),
        ("[99999999999999999999]", 1),
        ("{a}", 2),
        ("{`1`: a}", 1),
        ('"f"(a)', 0),
        ("'f'(a)", 3),
        ("@(a)", 1),
        ("a*", 1),
        ("é", 0),
        ("(a", 2),
        ("a)", 1),
    ],
)
def test_mistakes_have_their_offset(text: str, offset: int) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.code == "invalid-expression"
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a||b&&c", "a || (b && c)"),
        ("a==b||c", "(a==b) || c"),
        ("a|b||c", "a | (b||c)"),
        ("!a==b", "(!a)==b"),
        ("!a.b", "(!a).b"),
        ("f(a b)", "f(a, b)"),
        ("f(a,)", "f(a)"),
        ("{x:a y:b}", "{x:a, y:b}"),
        ("\n a\t.b\r\n", "a.b"),
        ("[ 0 ]", "[0]"),
    ],
)
def test_precedence_and_what_go_jmespath_lets_pass(text: str, same: str) -> None:
    assert _shape(parse(text)) == _shape(parse(same))


def _shape(node: syntax.Node) -> object:
    parts = [type(node).__name__, getattr(node, "name", None), getattr(node, "operator", None)]
    return (*parts, *(_shape(child) for child in syntax.children(node)))


def test_nodes_know_where_they_start() -> None:
    tree = parse("  a.b || length(c)")
    places = {
        node.at: type(node).__name__
        for node in syntax.walk(tree)
        if isinstance(node, syntax.Call | syntax.Field)
    }
    assert places == {2: "Field", 4: "Field", 9: "Call", 16: "Field"}


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "a" + ")" * 5000,
        "!" * 4000 + "a",
        "[" * 4000,
        "a[?" * 1000,
        "{a:" * 1000,
        "f(" * 1000,
        "map(&" * 800,
    ],
)
def test_nesting_is_bounded(text: str) -> None:
    start = time.process_time()
    with pytest.raises(ExpressionError) as caught:
        parse(text, Limits(max_expression_bytes=20_000))
    assert caught.value.code == "expression-too-deep"
    assert time.process_time() - start < 0.5


def test_64_levels_are_allowed() -> None:
    limit = 64
    parse("(" * (limit - 1) + "a" + ")" * (limit - 1))
    with pytest.raises(ExpressionError):
        parse("(" * limit + "a" + ")" * limit)


def test_length_is_bounded_in_bytes() -> None:
    parse("a" * 4096)
    for text in ("a" * 4097, "'" + "é" * 2048 + "'", "x" * 1_000_000):
        with pytest.raises(ExpressionError) as caught:
            parse(text)
        assert caught.value.code == "expression-too-long"


@given(st.text(max_size=40))
def test_tokens_cover_the_text(text: str) -> None:
    error = failure_of(lambda: tokenize(text))
    if error is not None:
        assert isinstance(error, ExpressionError)
        assert 0 <= error.offset < len(text)
        return
    tokens = tokenize(text)
    assert [token.at for token in tokens] == sorted({token.at for token in tokens})
    assert tokens[-1].at == len(text)
