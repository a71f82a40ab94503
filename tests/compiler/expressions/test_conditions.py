from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.conditions import Conditions, as_policy_value
from pratique.compiler.expressions.context import Context
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.operators import OPERATORS
from pratique.compiler.expressions.values.numbers import Integer
from pratique.grammar.errors import EvaluationError
from tests.support_expressions import failure_of

VALUES = {
    "request": {
        "operation": "UPDATE",
        "object": {"metadata": {"name": "pod-1", "labels": {"app": "web"}}, "n": 3},
    },
    "builder": {"id": "https://builder.example/1"},
    "scan": {"high": 0},
}


def condition(key: Any, operator: str, value: Any, message: str | None = None) -> dict[str, Any]:
    return {"key": key, "operator": operator, "value": value} | ({"message": message} if message else {})


YES = condition("{{ request.operation }}", "Equals", "UPDATE", "is update")
NO = condition("{{ request.operation }}", "Equals", "CREATE", "is no create")
NAME = condition("{{ request.object.metadata.name }}", "Equals", "pod-*", "has name")
FAILS = condition("{{ nope }}", "Equals", "x")


def evaluate(data: Any, values: dict[str, Any] | None = None) -> tuple[bool, str]:
    return Conditions.compile(data).evaluate(Context(VALUES if values is None else values))


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        (None, (True, "")),
        ({}, (True, "")),
        ([], (True, "")),
        ({"any": []}, (False, "")),
        ({"all": []}, (True, "")),
        ({"any": None, "all": None}, (True, "")),
        ({"any": [YES]}, (True, "is update")),
        ({"any": [NO]}, (False, "is no create")),
        ({"any": [NO, YES]}, (True, "is update")),
        ({"any": [NO, NO]}, (False, "is no create; is no create")),
        ({"all": [YES, NAME]}, (True, "is update; has name")),
        ({"all": [YES, NO]}, (False, "is no create")),
        ({"any": [YES], "all": [NAME]}, (True, "is update; has name")),
        ({"any": [NO], "all": [NAME]}, (False, "is no create")),
        ({"any": [YES], "all": [NO]}, (False, "is no create")),
        ({"any": [NO], "all": [NO]}, (False, "is no create; is no create")),
        # the old form joins without a blank, and tells the first false one only
        ([YES, NAME], (True, "is update;has name")),
        ([YES, NO, NAME], (False, "is no create")),
        # messages are not substituted here, and empty ones are left out
        ({"any": [condition("a", "Equals", "a", "{{ x }}")]}, (True, "{{ x }}")),
        ({"all": [condition("a", "Equals", "a"), YES]}, (True, "is update")),
        # evaluation stops when the result is known
        ({"any": [YES, FAILS]}, (True, "is update")),
        ({"all": [NO, FAILS]}, (False, "is no create")),
        ([NO, FAILS], (False, "is no create")),
    ],
)
def test_blocks(data: Any, verdict: tuple[bool, str]) -> None:
    assert evaluate(data) == verdict


@pytest.mark.parametrize(
    ("part", "data"),
    [
        ("key", condition("{{ scan.scanner.high }}", "Equals", 0)),
        ("value", condition(0, "Equals", "{{ scan.scanner.high }}")),
    ],
)
def test_a_variable_without_value_is_an_error(part: str, data: Any) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate({"any": [data]})
    assert caught.value.code == "unknown-key"
    assert caught.value.message == (
        f"failed to substitute variables in condition {part}: failed to resolve scan.scanner.high at path : "
        'JMESPath query failed: Unknown key "scanner" in path'
    )


def test_values_and_keys_are_templates() -> None:
    assert evaluate([condition("x-{{ request.object.n }}", "AnyIn", ["x-{{ request.object.n }}", "y"])]) == (
        True,
        "",
    )
    assert evaluate([condition("{{ request.object.metadata.labels }}", "Equals", {"app": "web"})]) == (
        True,
        "",
    )
    with pytest.raises(EvaluationError, match="at path /1/a: JMESPath"):
        evaluate([condition("a", "AnyIn", ["b", {"a": "{{ nope }}"}])])


@pytest.mark.parametrize(
    ("data", "path", "code"),
    [
        ({"any": [condition("a", "Contains", "b")]}, ("any", 0, "operator"), "unknown-operator"),
        ({"any": [condition("a", "equals", "b")]}, ("any", 0, "operator"), "unknown-operator"),
        ([condition("a", "Equals", "{{ a..b }}")], (0, "value"), "invalid-expression"),
        ({"all": [YES, condition("{{ f(@) }}", "Equals", 1)]}, ("all", 1, "key"), "unknown-function"),
        ({"any": [{"key": "a", "value": "b"}]}, ("any", 0), "invalid-condition"),
        ({"any": [{"key": "a", "operator": "Equals"}]}, ("any", 0), "invalid-condition"),
        ({"any": [{"operator": "Equals", "value": "a"}]}, ("any", 0), "invalid-condition"),
        ({"any": [{"key": None, "operator": "Equals", "value": "a"}]}, ("any", 0), "invalid-condition"),
        ({"any": [{**YES, "messages": "x"}]}, ("any", 0, "messages"), "invalid-condition"),
        ({"any": [{**YES, "message": 5}]}, ("any", 0, "message"), "invalid-condition"),
        ({"any": [{**YES, "operator": ["Equals"]}]}, ("any", 0, "operator"), "unknown-operator"),
        ({"any": YES}, ("any",), "invalid-condition"),
        ({"none": [YES]}, ("none",), "invalid-condition"),
        ({"any": ["x"]}, ("any", 0), "invalid-condition"),
        ("x", (), "invalid-condition"),
        ([[]], (0,), "invalid-condition"),
    ],
)
def test_mistakes_have_their_path(data: Any, path: Any, code: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Conditions.compile(data, ("rules", 0, "preconditions"))
    assert (caught.value.code, caught.value.path) == (code, ("rules", 0, "preconditions", *path))


def test_unknown_operators_are_named_with_all_that_exist() -> None:
    with pytest.raises(ExpressionError) as caught:
        Conditions.compile([condition("a", "Is", "b")])
    assert caught.value.message.startswith("entered value of `operator` is invalid. valid values: [")
    assert all(f'"{name}"' in caught.value.message for name in OPERATORS)


# --- conditions of attestations -------------------------------------------------------------------------


def evaluate_blocks(data: Any, values: dict[str, Any] | None = None) -> tuple[bool, str]:
    return Conditions.compile_blocks(data).evaluate(Context(VALUES if values is None else values))


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        ([], (True, "")),
        ([{}], (True, "")),
        ([{"any": []}], (True, "")),
        ([{"all": [YES]}, {"any": [NO, NAME]}], (True, "is update;has name")),
        ([{"all": [YES]}, {"all": [NO]}, {"all": [YES]}], (False, "is no create")),
        ([{"all": [{**YES, "message": "{{ builder.id }}!"}]}], (True, "https://builder.example/1!")),
        ([{"any": [condition("{{ builder.id }}", "Equals", "https://*")]}], (True, "")),
        ([{"any": [condition("{{ scan.high }}", "LessThan", 1)]}], (True, "")),
        ([{"any": [condition(["{{ scan.high }}"], "Equals", [0])]}], (True, "")),
        ([{"any": [{"operator": "Equals", "value": "x"}]}], (False, "")),
    ],
)
def test_blocks_of_attestations(data: Any, verdict: tuple[bool, str]) -> None:
    assert evaluate_blocks(data) == verdict


def test_all_variables_of_an_attestation_must_have_values() -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate_blocks([{"all": [YES]}, {"any": [YES, FAILS]}])
    assert caught.value.message == (
        "failed to substitute variables in attestation conditions: failed to resolve nope at path "
        '/1/any/1/key: JMESPath query failed: Unknown key "nope" in path'
    )


def test_variables_inside_a_predicate_are_not_evaluated() -> None:
    values = {"id": "{{ request.secret }}", "request": {"secret": "s"}}
    data = [{"all": [condition("{{ id }}", "Equals", "s")]}]
    assert evaluate_blocks(data, values) == (False, "")


def test_numbers_of_predicates_are_read_again_as_integers() -> None:
    # In preconditions a number of the context stays a double, which prints otherwise.
    data = condition(["{{ size }}"], "AnyIn", [1_000_000])
    assert evaluate_blocks([{"all": [data]}], {"size": 1_000_000}) == (True, "")
    assert evaluate({"all": [data]}, {"size": 1_000_000}) == (False, "")


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"any": []}, ()),
        ([YES], (0, "key")),
        ([{"all": [condition("a", "Nope", "b")]}], (0, "all", 0, "operator")),
        ([{"all": [{"key": "a"}]}], (0, "all", 0)),
        ([{"all": [condition("{{ a( }}", "Equals", "b")]}], (0, "all", 0, "key")),
        (["x"], (0,)),
    ],
)
def test_mistakes_in_blocks_have_their_path(data: Any, path: Any) -> None:
    with pytest.raises(ExpressionError) as caught:
        Conditions.compile_blocks(data, ("c",))
    assert caught.value.path == ("c", *path)


def test_a_message_must_stay_a_text() -> None:
    with pytest.raises(EvaluationError, match="not a text"):
        evaluate_blocks([{"all": [{**YES, "message": "{{ scan }}"}]}])


# --- values ---------------------------------------------------------------------------------------------


def test_numbers_of_a_policy() -> None:
    assert isinstance(as_policy_value(5), float)
    inner = as_policy_value([5, 1.0, 1.5, True, {"a": 7}, 2**70])
    assert [type(item) for item in inner] == [Integer, Integer, float, bool, dict, float]
    assert isinstance(inner[4]["a"], Integer)


def test_expressions_are_known() -> None:
    conditions = Conditions.compile({"any": [NAME], "all": [condition("{{ cm.data }}", "Equals", "{{ a }}")]})
    texts = [expression.text for expression in conditions.expressions]
    assert texts == ["request.object.metadata.name", "cm.data", "a"]
    assert conditions.mentions("cm")
    assert Conditions.compile_blocks([{"all": [NAME]}]).mentions("request")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["{{ a }}", "x{{ a }}", "a*", "1-5", "{{ b"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["k", "{{ a }}"]), inner, max_size=2)
    ),
    max_leaves=6,
)
CONDITION = st.fixed_dictionaries(
    {"key": JSON, "operator": st.sampled_from(sorted(OPERATORS)), "value": JSON},
    optional={"message": st.text(max_size=3)},
)
BLOCK = st.fixed_dictionaries(
    {}, optional={"any": st.lists(CONDITION, max_size=2), "all": st.lists(CONDITION, max_size=2)}
)


@given(BLOCK, JSON)
def test_conditions_answer_or_raise_their_errors(block: Any, value: Any) -> None:
    for compile_, data in ((Conditions.compile, block), (Conditions.compile_blocks, [block])):
        verdicts: list[tuple[bool, str]] = []
        error = failure_of(lambda: verdicts.append(compile_(data).evaluate(Context({"a": value}))))  # noqa: B023
        if error is None:
            verdict, message = verdicts[0]
            assert isinstance(verdict, bool)
            assert isinstance(message, str)
        else:
            assert error.message


def test_a_compiled_condition_is_fast() -> None:
    conditions = Conditions.compile({"all": [NAME]})
    context = Context(VALUES)
    conditions.evaluate(context)
    best = min(_seconds(conditions, context) for _ in range(5))
    # The budget is 10 microseconds; a busy machine gets five times that.
    assert best < 50e-6


def _seconds(conditions: Conditions, context: Context) -> float:
    rounds = 2000
    start = time.process_time()
    for _ in range(rounds):
        conditions.evaluate(context)
    return (time.process_time() - start) / rounds
