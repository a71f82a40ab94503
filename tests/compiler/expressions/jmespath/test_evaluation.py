from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.expression import Expression
from pratique.grammar.errors import EvaluationError
from tests.support_expressions import evaluate

POD = {"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}, "n": 5, "zero": 0, "null": None}


@pytest.mark.parametrize(
    "text", ["labels", "spec.x", "spec.x.y", "spec.containers && spec.x", "[0].x.y || spec | x.y"]
)
def test_only_the_first_three_are_errors(text: str) -> None:
    """A missing key is an error in plain paths and on the right of `&&`; every pipe stage swallows it."""
    if "|" in text:
        assert evaluate(text, POD) is None
    else:
        with pytest.raises(EvaluationError) as caught:
            evaluate(text, POD)
        assert caught.value.code == "unknown-key"
        assert caught.value.message in ('Unknown key "labels" in path', 'Unknown key "x" in path')


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("x || 'd'", "d"),
        ("x || y", None),
        ("x && y", None),
        ("!x", True),
        ("x == y", True),
        ("x == null", True),
        ("x != n", True),
        ("x < n", None),
        ("spec.containers[*].image", ["x"]),
        ("spec.containers[].image", ["x"]),
        ("spec.containers[?image=='x'].name", ["a"]),
        ("spec.containers[?image].name", ["a"]),
        ("x[*]", None),
        ("x[]", None),
        ("x[?a]", None),
        ("x.*", None),
        ("[x, n]", [None, 5]),
        ("{a: x, b: n}", {"a": None, "b": 5}),
        ("x | @", None),
        ("to_string(x)", "null"),
        ("null.a.b", None),
        ("n.a", None),
        ("spec.containers.a", None),
        ("spec.containers[7]", None),
        ("zero || 'd'", 0),
        ("zero && 'd'", "d"),
        ("map(&image, spec.containers)", ["x", None]),
        ("not_null(x, n)", 5),
        ("spec.containers[*].name | [0]", "a"),
    ],
)
def test_where_a_missing_key_becomes_null(text: str, result: Any) -> None:
    assert evaluate(text, POD) == result


@pytest.mark.parametrize("left", ["parse_json('{')", "to_boolean('x')", "length(n)", "divide(`1`, `0`)"])
@pytest.mark.parametrize("form", ["({})[]", "({})[?a]", "({}).*", "({})[*]"])
def test_errors_left_of_a_projection_are_not_swallowed(left: str, form: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(form.format(left), POD)
    assert caught.value.code == "invalid-argument"


@pytest.mark.parametrize("form", ["keys(x)[]", "keys(x)[?@ == 'a']", "values(spec.x)[]", "(merge(x)).*"])
def test_null_arguments_left_of_a_projection_are_missing_keys(form: str) -> None:
    assert evaluate(form, POD) is None


@pytest.mark.parametrize("form", ["keys(x)", "keys(x)[*]", "length(keys(x))"])
def test_elsewhere_null_arguments_are_errors(form: str) -> None:
    with pytest.raises(EvaluationError, match="Invalid type for: <nil>"):
        evaluate(form, POD)


def test_values_come_in_the_order_of_keys() -> None:
    data = {"b": 2, "a": 1, "c": 3}
    assert evaluate("*", data) == [1, 2, 3]
    assert evaluate("values(@)", data) == [1, 2, 3]
    assert evaluate("keys(@)", data) == ["a", "b", "c"]


def test_every_value_brings_a_null_along() -> None:
    # go-jmespath's list of values starts with as many nulls; they show in functions only.
    assert evaluate("*.to_string(@)", {"a": "x", "b": "y"}) == ["null", "null", "x", "y"]
    assert evaluate("*.k", {"a": {"k": 1}, "b": {}}) == [1]


def test_numbers_are_doubles() -> None:
    assert evaluate("a == b", {"a": 2**53, "b": 2**53 + 1}) is True
    assert evaluate("a == b", {"a": 5, "b": 5.0}) is True
    assert evaluate("a == b", {"a": 1, "b": True}) is False
    assert evaluate("a == b", {"a": [1, {"x": 2}], "b": [1.0, {"x": 2.0}]}) is True
    assert evaluate("to_string(@)", 2**53 + 1) == "9007199254740992"
    assert evaluate("compare('a', 'b') == `-1`") is False
    assert evaluate("compare('a', 'b') == compare('c', 'd')") is True


@pytest.mark.parametrize(
    ("text", "offset", "code"),
    [
        ("a | no_such_function(@)", 4, "unknown-function"),
        ("a.nope(@)", 2, "unknown-function"),
        ("a || (b && nope())", 11, "unknown-function"),
        ("&a", 0, "invalid-expression"),
        ("[&a]", 1, "invalid-expression"),
        ("a[::0]", 1, "invalid-expression"),
    ],
)
def test_mistakes_are_found_at_compile_time(text: str, offset: int, code: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    assert (caught.value.code, caught.value.offset) == (code, offset)


def test_chains_cost_no_depth() -> None:
    for operator in ("||", "&&", "|", "."):
        Expression(operator.join(["a"] * 1000))
    assert evaluate(" || ".join(["x"] * 800 + ["'end'"]), {}) == "end"
    with pytest.raises(ExpressionError, match="too deep"):
        Expression("a" + "[]" * 1000)


def test_data_is_never_changed() -> None:
    data = {"list": [3, 1, 2], "people": [{"age": 2}, {"age": 1}], "map": {"a": {"b": 1}}}
    copy = {"list": [3, 1, 2], "people": [{"age": 2}, {"age": 1}], "map": {"a": {"b": 1}}}
    for text in (
        "sort(list)",
        "sort_by(people, &age)",
        "reverse(list)",
        'merge(map, `{"a": 1}`)',
        "list[] | [0]",
    ):
        evaluate(text, data)
    assert data == copy
