from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.expressions.context import Context, Reader
from pratique.compiler.expressions.expression import Expression, compile_expression
from pratique.compiler.expressions.jmespath.run import Environment
from pratique.compiler.expressions.limits import Limits
from pratique.grammar.errors import EvaluationError, TransportError


def query(context: Reader, text: str) -> Any:
    return context.query(compile_expression(text))


class Loads:
    """A loader that counts its calls."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.calls = 0

    def __call__(self, context: Reader) -> Any:
        self.calls += 1
        return self.value(context) if callable(self.value) else self.value


def test_layers_leave_those_below_as_they_are() -> None:
    below = Context({"a": 1, "b": {"c": 2}})
    above = below.overlay({"a": 5})
    assert (query(below, "a"), query(above, "a")) == (1, 5)
    assert query(above, "b") is query(below, "b")


def test_merging_joins_maps() -> None:
    below = Context({"request": {"object": {"a": 1}}, "x": [1]})
    above = below.merged({"request": {"object": {"b": 2}, "y": 3}, "x": [2], "builder": {"id": "z"}})
    assert query(above, "@") == {
        "request": {"object": {"a": 1, "b": 2}, "y": 3},
        "x": [2],
        "builder": {"id": "z"},
    }
    assert query(below, "@") == {"request": {"object": {"a": 1}}, "x": [1]}


def test_merging_survives_deep_data() -> None:
    deep: dict[str, Any] = {}
    for _ in range(20_000):
        deep = {"a": deep}
    assert query(Context(deep).merged(deep), "a.a.a.a | !@") is False


def test_entries_are_loaded_when_mentioned_and_once() -> None:
    load = Loads({"data": {"k": "v"}})
    context = Context({"a": 1}).with_entry("cm", load)
    assert query(context, "a") == 1
    assert query(context, "a.cm") is None
    assert load.calls == 0
    assert query(context, "cm.data.k") == "v"
    assert query(context, "cm.data.k") == "v"
    assert load.calls == 1


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("cm", True),
        ("cm.data", True),
        ("a || cm", True),
        ("a||cm", True),
        ("f(cm)", True),
        ("'cm'", True),
        ("a_cm", True),
        ('"cm"', True),
        ("a.cm", False),
        ("xcm", False),
        ("cmx", False),
        ("cm_x", False),
        ("a.b.cm.c", False),
    ],
)
def test_what_mentions_an_entry(text: str, mentioned: bool) -> None:
    assert Expression(text.replace("f(", "length(")).mentions("cm") is mentioned


def test_a_failing_entry_is_an_error_even_where_it_is_not_reached() -> None:
    def fail(context: Reader) -> Any:
        raise EvaluationError("configmap", "failed to get configmap")

    context = Context({"a": 1}).with_entry("cm", fail)
    for _ in range(2):
        with pytest.raises(EvaluationError, match=r"^failed to get configmap$"):
            query(context, "a || cm")
    assert query(context, "a") == 1


def test_errors_of_other_kinds_pass_through() -> None:
    def fail(context: Reader) -> Any:
        raise TransportError("cluster-unreachable", "no answer")

    with pytest.raises(TransportError):
        query(Context().with_entry("cm", fail), "cm")


def test_entries_see_only_those_before_them() -> None:
    context = (
        Context({"x": 1})
        .with_entry("a", Loads(lambda c: query(c, "x")))
        .with_entry("b", Loads(lambda c: [query(c, "a"), query(c, "c || 'none'")]))
        .with_entry("c", Loads("late"))
    )
    assert query(context, "b") == [1, "none"]
    assert query(context, "c") == "late"


def test_the_last_of_equal_names_wins_and_may_use_the_one_before() -> None:
    context = (
        Context()
        .with_entry("list", Loads(["a"]))
        .with_entry("list", Loads(lambda c: query(c, "[list, ['b']][]")))
        .with_entry("list", Loads(lambda c: query(c, "[list, ['c']][]")))
    )
    assert query(context, "list") == ["a", "b", "c"]


def test_an_entry_that_mentions_itself_reads_what_was_there_before() -> None:
    context = Context({"x": "old"}).with_entry("x", Loads(lambda c: query(c, "join('', [x, '+'])")))
    assert query(context, "x") == "old+"
    with pytest.raises(EvaluationError, match="Unknown key"):
        query(Context().with_entry("x", Loads(lambda c: query(c, "x"))), "x")


def test_each_layer_loads_for_itself_with_its_own_values() -> None:
    load = Loads(lambda c: query(c, "image.name"))
    below = Context().with_entry("name", load)
    first, second = below.overlay({"image": {"name": "a"}}), below.overlay({"image": {"name": "b"}})
    assert (query(first, "name"), query(second, "name")) == ("a", "b")
    with pytest.raises(EvaluationError, match='Unknown key "image"'):
        query(below, "name")
    assert load.calls == 3


def test_what_is_loaded_stays_loaded_in_layers_above() -> None:
    load = Loads("v")
    below = Context().with_entry("a", load)
    assert query(below, "a") == "v"
    assert query(below.overlay({"b": 1}), "a") == "v"
    assert load.calls == 1


def test_elements() -> None:
    context = Context({"a": 1}).with_element({"x": 1}, 0).with_element("inner", 2, nesting=1)
    assert query(context, "[element, element0.x, element1, elementIndex, elementIndex0]") == [
        "inner",
        1,
        "inner",
        2,
        0,
    ]
    # Go holds the index as an integer, which no double equals.
    assert query(context, "elementIndex == `2`") is False
    assert query(context, "to_string(elementIndex)") == "2"


@pytest.mark.parametrize(
    ("values", "operation"),
    [
        ({"request": {"operation": "DELETE"}}, "DELETE"),
        ({}, ""),
        ({"request": 5}, ""),
        ({"request": {"operation": 5}}, ""),
    ],
)
def test_operation(values: dict[str, Any], operation: str) -> None:
    assert Context(values).operation == operation


def test_the_byte_budget_counts_all_entries() -> None:
    limits = Environment(limits=Limits(max_context_bytes=100))
    context = Context({"big": "x" * 1000}, environment=limits)
    context = (
        context.with_entry("a", Loads("x" * 58)).with_entry("b", Loads("x" * 38)).with_entry("c", Loads(1))
    )
    assert query(context, "a")
    assert query(context, "b")
    with pytest.raises(EvaluationError) as caught:
        query(context, "c")
    assert caught.value.code == "context-too-large"
    assert caught.value.message == "context size limit exceeded: 101 bytes exceeds limit of 100 bytes"


def test_messages_of_queries() -> None:
    with pytest.raises(EvaluationError) as caught:
        query(Context({"a": {}}), "a.b.c")
    assert caught.value.message == 'JMESPath query failed: Unknown key "b" in path'
    assert caught.value.code == "unknown-key"
