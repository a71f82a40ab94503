"""Hostile expressions: advisories (K12-K14), bad input (B29), limits (R9), regular expressions (R12)."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.compiler.expressions.conditions import Conditions
from pratique.compiler.expressions.context import Context
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.expression import Expression, compile_expression
from pratique.compiler.expressions.jmespath.functions import all_functions
from pratique.compiler.expressions.variables import Template
from pratique.grammar.errors import EvaluationError
from pratique.grammar.limits import MIB
from tests.support_expressions import WORLD, failure_of

# --- K12: an unknown function ---------------------------------------------------------------------------


def test_k12_unknown_function_is_a_load_error_that_names_it() -> None:
    document = {
        "verifyImages": [{"attestors": [{"entries": [{"keys": {"kms": "{{@ | no_such_function }}"}}]}]}]
    }
    # Without parentheses it is a key, in Kyverno's advisory as here.
    Template.compile(document)
    for text in ("{{@ | no_such_function(@) }}", "a {{ request.x || no_such_function() }}"):
        with pytest.raises(ExpressionError) as caught:
            Template.compile({"rule": {"message": text}}, ("spec",))
        assert caught.value.code == "unknown-function"
        assert caught.value.message == "unknown function: no_such_function"
        assert caught.value.path == ("spec", "rule", "message")
        assert text[caught.value.offset :].startswith("no_such_function")
        with pytest.raises(ExpressionError):
            Conditions.compile([{"key": text, "operator": "Equals", "value": "x"}])


def test_k12_unknown_function_in_data_is_an_evaluation_error() -> None:
    context = Context({"a": {"k": "{{ no_such_function(@) }}"}})
    with pytest.raises(EvaluationError, match="unknown function: no_such_function"):
        Template.compile("{{ a }}").render(context)
    assert Template.compile("{{ a.k }}").render(context) == "{{ no_such_function(@) }}"


# --- K13: growth of context variables -------------------------------------------------------------------


def test_k13_self_joining_variables_end_in_context_too_large() -> None:
    join = compile_expression("join('', [l, l])")
    context = Context({"l": "x" * 1024})
    for _ in range(30):
        context = context.with_entry("l", lambda reader: reader.query(join))
    start = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(EvaluationError) as caught:
            Template.compile("{{ l }}").render(context)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == "context-too-large"
    assert time.process_time() - start < 1
    assert peak < 64 * MIB


def test_k13_growth_inside_one_template_ends_too() -> None:
    values = {f"v{i}": f"{{{{ v{i + 1} }}}}{{{{ v{i + 1} }}}}" for i in range(40)} | {"v40": "x" * 1024}
    start = time.process_time()
    with pytest.raises(EvaluationError) as caught:
        Template.compile("x {{ v0 }}").render(Context(values))
    assert caught.value.code in ("context-too-large", "too-many-variables", "expansion-too-deep")
    assert time.process_time() - start < 1


# --- K14: wrong types -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["text", 5, None, {"a": 1}, [1, "x", None, {}, []], True, 1.5])
def test_k14_a_list_of_any_type_evaluates_or_is_one_error(value: Any) -> None:
    context = Context({"list": value})
    for text in (
        "list[*].name",
        "list[?a].b",
        "list[]",
        "sort(list)",
        "length(list)",
        "list.*",
        "join(',', list)",
    ):
        for data in ("{{ " + text + " }}", "x {{ " + text + " }}", {"{{ " + text + " }}": 1}):
            template = Template.compile(data)
            error = failure_of(lambda: template.render(context))  # noqa: B023
            assert error is None or isinstance(error, EvaluationError)
    assert Template.compile("{{ list }}").render(context) == value


# --- B29: malformed variables ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["{{", "}}", "{{ a", "a }}", "{ { a } }", "{{{{", "}}{{", "{{ {a }}", "\\{{ a }}"]
)
def test_b29_unbalanced_braces_are_text(text: str) -> None:
    assert Template.compile(text).render(Context({"a": 1})) == text.replace("\\{{", "{{")


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("(" * 5000 + "a" + ")" * 5000, "expression-too-long"),
        ("(" * 2000 + "a" + ")" * 2000, "expression-too-deep"),
        ("[" * 2000 + "a" + "]" * 2000, "expression-too-deep"),
        ("!" * 4000 + "a", "expression-too-deep"),
        ("a" + "[]" * 2000, "expression-too-deep"),
        ("a" + "==a" * 1300, "expression-too-deep"),
        ("a" + "[*]" * 1300, "expression-too-deep"),
        ("a" * 1_000_000, "expression-too-long"),
        ("'" + "é" * 3000 + "'", "expression-too-long"),
        ("'" + "x" * 1_000_000, "expression-too-long"),
        ("\x00", "invalid-expression"),
        ("a\u2028b", "invalid-expression"),
        ("\ud800", "invalid-expression"),
    ],
)
def test_b29_deep_long_and_foreign_expressions_are_load_errors(expression: str, code: str) -> None:
    start = time.process_time()
    with pytest.raises(ExpressionError) as caught:
        Template.compile({"k": "{{ " + expression + " }}"})
    assert caught.value.code == code
    assert caught.value.path == ("k",)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    "unit", ["{{", "{{ ", "{{a}}", "{{{", "{a}", "}}", "\\{{", "$(", "$(/a)", "{{{a}", "{{ {a} "]
)
def test_b29_scanning_is_linear(unit: str) -> None:
    text = unit * (MIB // len(unit))
    start = time.process_time()
    failure_of(lambda: Template.compile({"t": text, "a": "x"}).render(Context({"a": "b"})))
    assert time.process_time() - start < 3


# --- R12: regular expressions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression", ["^(a+)+$", "(a|a)*b", "(a|aa)+$", "([a-z]+)*x", "(.*a){20}", "a{1000}{2}"]
)
def test_r12_exponential_expressions_run_in_linear_time(expression: str) -> None:
    start = time.process_time()
    for call in ("regex_match(e, t)", "regex_replace_all(e, t, 'x')"):
        data = {"e": expression, "t": "a" * 50_000 + "!"}
        error = failure_of(lambda: Expression(call).evaluate(data, WORLD))  # noqa: B023
        assert error is None or error.code in ("invalid-argument", "context-too-large")
    assert time.process_time() - start < 3


# --- anything -------------------------------------------------------------------------------------------

NAMES = [function.name for function in all_functions()]
ATOMS = st.sampled_from(
    ["a", "b", "@", "*", "'x'", "`1`", "`[1,null]`", '"q"', "[0]", "[*]", "[]", "missing", "'1h'", "'.*'"]
)


def _combine(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    call = st.tuples(st.sampled_from(NAMES), st.lists(inner, max_size=3)).map(
        lambda c: f"{c[0]}({', '.join(c[1])})"
    )
    binary = st.tuples(inner, st.sampled_from([" || ", " && ", " == ", " < ", " | ", "."]), inner).map(
        "".join
    )
    wrapped = st.tuples(
        st.sampled_from(["({})", "!{}", "[{}, @]", "{{k: {}}}", "a[?{}]", "{}[]", "map(&{}, @)"]), inner
    )
    return (
        call
        | binary
        | wrapped.map(lambda pair: pair[0].replace("{}", pair[1]).replace("{{", "{").replace("}}", "}"))
    )


EXPRESSIONS = st.recursive(ATOMS, _combine, max_leaves=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "q", "k"]), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=300)
@given(EXPRESSIONS, JSON)
def test_any_expression_answers_or_raises_its_errors(text: str, value: Any) -> None:
    error = failure_of(lambda: Expression(text).evaluate(value, WORLD))
    assert error is None or error.message
    assert not isinstance(error, ExpressionError) or 0 <= error.offset <= len(text)


@settings(max_examples=300)
@given(st.text(alphabet=".[]*()@{}:,|&!=<>?`'\"\\ab0-9 \n\x00é", max_size=30), JSON)
def test_any_text_is_an_expression_or_refused(text: str, value: Any) -> None:
    error = failure_of(lambda: Expression(text).evaluate(value, WORLD))
    assert error is None or (error.code and error.message)


def test_importing_loads_neither_re2_nor_functions() -> None:
    code = (
        "import sys, pratique.compiler.expressions.conditions\n"
        "loaded = [m for m in ('re2', 'cryptography', 'yaml', 'lark', 'ipaddress',\n"
        "          'pratique.compiler.expressions.jmespath.functions') if m in sys.modules]\n"
        "sys.exit(','.join(loaded) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
