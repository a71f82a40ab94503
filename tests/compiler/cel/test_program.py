"""Budgets, bindings and hostile expressions."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from pratique.compiler.cel.errors import CelError, CostLimitError
from pratique.compiler.cel.parser import MAX_CHARACTERS, MAX_DEPTH
from pratique.compiler.cel.program import EXPRESSION_LIMIT, POLICY_LIMIT, Run
from pratique.compiler.expressions.errors import ExpressionError
from pratique.grammar.errors import EvaluationError
from tests.support_cel import environment, evaluate, world


def doubled(times: int) -> str:
    """Return an expression that doubles a text so many times."""
    text = "x.size()"
    for _ in range(times):
        text = f"cel.bind(x, x + x, {text})"
    return f"cel.bind(x, 'xxxxxxxxxx', {text})"


@pytest.mark.parametrize(
    "text",
    [
        "object.all(a, object.all(b, object.all(c, object.all(d, true))))",
        "object.map(a, object.map(b, object.map(c, c))).size() == 0",
        "object.all(a, object == object)",
        "object.all(a, object in [object])",
        doubled(60),
        "lists.range(900000).map(x, lists.range(900000))",
        "lists.range(900000).map(x, string(x)).join(',').split('').size() > lists.range(9).size()",
        "lists.range(90000).map(x, 'a').join('').replace('', 'bbbbbbbbbbbbbbbbbbbbbbbbb')",
        "object.map(x, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('(a*)*(a*)*(a*)*(a*)*$'))",
        "lists.range(9000).map(x, x).distinct()",
        "sets.equivalent(lists.range(9000), lists.range(9000))",
        "lists.range(3000).map(x, '%s'.format([object])).size()",
        "random.random('[a-z]{900}[a-z]{900}[a-z]{900}').size() + object.map(x, random('[a-z]{900}')).size()",
    ],
)
def test_hostile_expressions_end_in_time(text: str) -> None:
    start = time.perf_counter()
    with suppress(CostLimitError):
        evaluate(text, object=list(range(4000)))
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("text", [doubled(60), "object.all(a, object == object)"])
def test_hostile_expressions_end_in_one_error(text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(text, object=list(range(4000)))
    assert (caught.value.code, caught.value.message) == (
        "cel-cost",
        "operation cancelled: actual cost limit exceeded",
    )


def test_precision_is_bounded() -> None:
    assert evaluate("'%.3f'.format([1.0])") == "1.000"
    with pytest.raises(CelError, match="precision 9999999 exceeds maximum allowed precision"):
        evaluate("'%.9999999f'.format([1.0])")


def test_no_operator_swallows_the_cost_limit() -> None:
    with pytest.raises(CostLimitError) as caught:
        evaluate("lists.range(2000000).size() > 0 || true")
    assert caught.value.message == "operation cancelled: actual cost limit exceeded"


def test_the_expressions_of_a_policy_share_a_budget() -> None:
    run = Run(world())
    text = f"lists.range({EXPRESSION_LIMIT - 1000}).size() > 0"
    for _ in range(POLICY_LIMIT // EXPRESSION_LIMIT):
        assert evaluate(text, run=run) is True
    with pytest.raises(CostLimitError):
        evaluate(text, run=run)


def test_branches_that_are_not_taken_are_charged() -> None:
    run = Run(world())
    before = POLICY_LIMIT
    evaluate("true || [object.a, object.b, object.c, object.d].size() > 0", run=run)
    taken = Run(world())
    evaluate("true", run=taken)
    assert before - run.policy_left > before - taken.policy_left


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 5000 + "1" + ")" * 5000, f"expression recursion limit exceeded: {MAX_DEPTH}"),
        ("[" * 5000 + "1" + "]" * 5000, f"expression recursion limit exceeded: {MAX_DEPTH}"),
        ("1" + "+1" * 5000, f"expression recursion limit exceeded: {MAX_DEPTH}"),
        ("object" + ".a" * 5000, f"expression recursion limit exceeded: {MAX_DEPTH}"),
        ("true ? 1 : " * 5000 + "1", f"expression recursion limit exceeded: {MAX_DEPTH}"),
        ("a" * (MAX_CHARACTERS + 1), "expression code point size exceeds limit: "
         f"size: {MAX_CHARACTERS + 1}, limit {MAX_CHARACTERS}"),
    ],
)  # fmt: skip
def test_depth_and_size_are_bounded(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        environment().compile(text)
    assert caught.value.code == "cel-too-large"
    assert caught.value.message == message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 150 + "1" + ")" * 150,
        "[" * 150 + "1" + "]" * 150,
        "1" + "+1" * 150,
        "!(" * 90 + "true" + ")" * 90,
        " && ".join(["true"] * 3000),
        "cel.bind(a, 1, " * 90 + "a" + ")" * 90,
    ],
)
def test_deep_and_long_expressions_below_the_limits_are_evaluated(text: str) -> None:
    assert evaluate(text) is not None


def test_variables_that_are_not_bound_are_errors_only_where_they_are_used() -> None:
    program = environment().compile("true || request.name == 'x'")
    assert program.evaluate({}, Run()) is True
    with pytest.raises(CelError, match=r"^no such attribute\(s\): request$"):
        environment().compile("request.name == 'x'").evaluate({}, Run())


def test_the_data_of_a_resource_is_not_changed() -> None:
    data = {"a": [3, 1, 2], "b": {"c": [1]}}
    assert evaluate("object.a.sort() + object.b.c + [4]", object=data) == [1, 2, 3, 1, 4]
    assert data == {"a": [3, 1, 2], "b": {"c": [1]}}


def test_constant_lists_are_not_shared_with_results() -> None:
    program = environment().compile("[1, 2]")
    first = program.evaluate({}, Run())
    assert first == program.evaluate({}, Run()) == [1, 2]


def test_the_output_type_is_known() -> None:
    for text, expected in {
        "object.a == 1": "bool",
        "object.a": "dyn",
        "object.?a": "optional_type(dyn)",
        "object.?a.orValue(1)": "dyn",
        "[1].map(x, string(x))": "list(string)",
        "{'a': 1}": "map(string, int)",
        "[]": "list(dyn)",
        "request.userInfo.groups": "list(string)",
        "true ? 1 : 2": "int",
    }.items():
        assert str(environment().compile(text).output) == expected


def test_questions_are_asked_with_what_was_checked() -> None:
    asked: list[object] = []

    def ask(question: object) -> object:
        asked.append(question)
        return {"items": [{"metadata": {"name": "x"}}]}

    assert (
        evaluate("resource.list('v1', 'pods', 'shop', {'app': 'web'}).items[0].metadata.name", ask=ask) == "x"
    )
    assert evaluate("http.post('https://a.b/c', {'x': 1}, {'h': 'v'}).items.size()", ask=ask) == 1
    assert evaluate("resource.toGVR('apps/v1', 'Deployment') != null", ask=ask) is True
    shown = [str(question) for question in asked]
    assert shown == [
        "ResourceListQuestion(api_version='v1', resource='pods', namespace='shop', labels=(('app', 'web'),))",
        "HttpQuestion(method='POST', url='https://a.b/c', data='{\"x\":1}', headers=(('h', 'v'),), "
        "authorities='', namespace='')",
        "ResourceNameQuestion(api_version='apps/v1', kind='Deployment')",
    ]


def test_a_namespaced_policy_asks_about_its_own_namespace() -> None:
    asked: list[object] = []

    def ask(question: object) -> object:
        asked.append(question)
        return None

    evaluate("dyn(resource.Get('v1', 'configmaps', 'x')) == null", "namespaced", ask=ask)
    evaluate("http.Get('http://a.b') == null", "namespaced", ask=ask)
    assert [question.namespace for question in asked] == ["shop", "shop"]  # type: ignore[attr-defined]


def test_what_is_generated_is_kept_in_the_run() -> None:
    run = Run(world())
    text = "generator.Apply('shop', [{'kind': 'ConfigMap', 'data': object}, object])"
    assert evaluate(text, "generating", run=run, object={"a": 1}) is True
    assert run.generated == [("shop", [{"kind": "ConfigMap", "data": {"a": 1}}, {"a": 1}])]
