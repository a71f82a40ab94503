from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.conditions import as_policy_value
from pratique.compiler.expressions.jmespath.run import Run
from pratique.compiler.expressions.operators import OPERATORS, REPLACEMENTS
from pratique.grammar.errors import EvaluationError
from tests.support_expressions import failure_of, recorded

CASES = recorded("operators.json")["cases"]


def decide(operator: str, key: Any, value: Any) -> bool:
    return OPERATORS[operator](as_policy_value(key), as_policy_value(value), Run())


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_verdicts_are_those_of_kyverno(operator: str) -> None:
    cases = [case for case in CASES if case[0] == operator]
    assert len(cases) > 30
    assert {verdict for *_, verdict in cases} == {True, False}
    wrong = [case for case in cases if decide(*case[:3]) is not case[3]]
    assert not wrong


@pytest.mark.parametrize(
    ("operator", "key", "value", "verdict"),
    [
        # the value is the pattern
        ("Equals", "abc", "a*", True),
        ("Equals", "a*", "abc", False),
        # a quantity is never compared as text
        ("Equals", "5", "5*", False),
        ("NotEquals", "5", "5*", True),
        ("NotEquals", "5", "", True),
        ("Equals", "1000m", "1", True),
        ("Equals", "M", "m", True),
        # a null key is neither equal nor different
        ("Equals", None, None, False),
        ("NotEquals", None, "x", False),
        # durations, and bare numbers of seconds
        ("Equals", "60m", "1h", True),
        ("Equals", "1h", 3600, True),
        ("Equals", "1h", "3600", False),
        ("LessThan", "1m", "2", True),
        ("LessThan", "1m", 2, False),
        ("GreaterThan", "10", "9", True),
        ("GreaterThan", "1.10.0", "1.9.0", True),
        ("GreaterThan", "v1.10.0", "v1.9.0", False),
        ("GreaterThan", [1], 0, False),
        ("GreaterThan", True, 0, False),
        # membership: wildcards in either direction, scalars as texts
        ("AnyIn", "abc", ["a*"], True),
        ("AnyIn", "a*", ["abc"], True),
        ("AnyIn", 5, ["5"], True),
        ("AnyIn", ["x", "y"], ["y", "z"], True),
        ("AllIn", ["x", "y"], ["y", "z"], False),
        ("AnyNotIn", ["x", "y"], ["y", "z"], True),
        ("AllNotIn", ["x", "y"], ["y", "z"], False),
        ("AnyIn", [], ["x"], False),
        ("AllIn", [], ["x"], True),
        ("AnyNotIn", [], ["x"], False),
        ("AllNotIn", [], ["x"], True),
        ("AnyIn", None, ["x"], False),
        ("AllNotIn", None, ["x"], False),
        ("AllNotIn", {"a": 1}, ["x"], False),
        ("AnyIn", "x", None, False),
        ("AllNotIn", "x", {"x": 1}, False),
        # ranges
        ("AnyIn", 5, "1-10", True),
        ("AllIn", [1, 5, 11], "1-10", False),
        ("AnyNotIn", [1, 5, 11], "1-10", True),
        ("AllNotIn", [11, 12], "1-10", True),
        ("AnyIn", "512Mi", "1Mi-1Gi", True),
        # JSON lists as texts
        ("AnyIn", "a", '["a", "b"]', True),
        ("AnyIn", "a", '{"a": 1}', False),
        ("AllNotIn", "a", "5", False),
        # the deprecated ones
        ("In", ["a", "b"], ["a", "b", "c"], True),
        ("In", ["a*"], ["abc"], False),
        ("NotIn", ["a", "x"], ["a"], True),
        ("NotIn", ["a"], "a", True),
        ("DurationGreaterThan", "1h", 60, True),
        ("DurationLessThan", 1.9, "2s", True),
        # whole numbers inside lists are Go integers, a number by itself is a double
        ("AnyIn", 1_000_000, [1_000_000], False),
        ("AnyIn", 100_000, [100_000], True),
        ("Equals", [1, {"a": 2}], [1, {"a": 2}], True),
    ],
)
def test_traps(operator: str, key: Any, value: Any, verdict: bool) -> None:
    assert decide(operator, key, value) is verdict


@pytest.mark.parametrize("operator", ["In", "NotIn"])
def test_old_operators_refuse_lists_of_other_things_where_kyverno_panics(operator: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        decide(operator, [1, 2], ["1"])
    assert caught.value.code == "invalid-operand"


def test_replacements_are_operators() -> None:
    for operator, better in REPLACEMENTS.items():
        assert operator in OPERATORS
        assert set(better) <= set(OPERATORS) - set(REPLACEMENTS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet='ab1*?-.[]"!h|&', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(OPERATORS)), JSON, JSON)
def test_operators_answer_or_raise_evaluation_errors(operator: str, key: Any, value: Any) -> None:
    if failure_of(lambda: decide(operator, key, value)):
        assert operator in ("In", "NotIn")
    else:
        assert decide(operator, key, value) in (True, False)


@given(JSON, JSON)
def test_opposites(key: Any, value: Any) -> None:
    assert decide("NotEquals", key, value) is (key is not None and not decide("Equals", key, value))
    if isinstance(key, list) and isinstance(value, list):
        assert decide("AnyIn", key, value) is not decide("AllNotIn", key, value)
        assert decide("AllIn", key, value) is not decide("AnyNotIn", key, value)


@pytest.mark.parametrize("operator", ["AnyIn", "AllIn", "AnyNotIn", "AllNotIn", "In", "NotIn"])
@pytest.mark.parametrize("element", ["a{}", "a{}*b", "*a?{}b?"])
def test_large_lists_take_bounded_time(operator: str, element: str) -> None:
    key = [element.format(i) for i in range(20_000)]
    value = [element.format(-i) for i in range(20_000)]
    start = time.process_time()
    error = failure_of(lambda: OPERATORS[operator](key, value, Run()))
    assert error is None or error.code == "context-too-large"
    assert time.process_time() - start < 3
