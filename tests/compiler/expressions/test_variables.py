from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.compiler.expressions.context import Context
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.jmespath.run import Environment
from pratique.compiler.expressions.limits import Limits
from pratique.compiler.expressions.variables import Template
from pratique.grammar.errors import EvaluationError
from tests.support_expressions import failure_of, normal, recorded

RECORDED = recorded("templates.json")
POD = {
    "request": {
        "operation": "CREATE",
        "object": {"metadata": {"name": "pod", "labels": {"app": "web"}}, "spec": {"replicas": 3}},
        "oldObject": {"metadata": {"name": "old"}},
    }
}


def render(document: Any, values: dict[str, Any] | None = None, **options: Any) -> Any:
    return Template.compile(document, **options).render(Context(POD if values is None else values))


def test_answers_are_those_of_kyverno() -> None:
    wrong = []
    for case in RECORDED["cases"]:
        request = {**RECORDED["data"]["request"], "operation": case["operation"]}
        try:
            got: Any = {"result": normal(render(case["document"], {**RECORDED["data"], "request": request}))}
        except (EvaluationError, ExpressionError) as error:
            got = {"error": error.message}
        if "result" in case:
            is_right = got == {"result": normal(case["result"])}
        else:
            is_right = "error" in got and case["error"] in (None, got["error"])
        if not is_right:
            wrong.append((case, got))
    assert not wrong, wrong[:5]
    assert len(RECORDED["cases"]) > 400


def test_the_message_of_a_missing_key() -> None:
    document = {
        "verifyImages": [
            {
                "attestors": [
                    {"entries": [{"keyless": {"subject": "{{ request.object.metadata.labels.owner }}"}}]}
                ]
            }
        ]
    }
    values = {"request": {"object": {"metadata": {"name": "x"}}}}
    with pytest.raises(EvaluationError) as caught:
        render(document, values)
    assert caught.value.code == "unknown-key"
    assert caught.value.message == (
        "failed to resolve request.object.metadata.labels.owner at path "
        "/verifyImages/0/attestors/0/entries/0/keyless/subject: "
        'JMESPath query failed: Unknown key "labels" in path'
    )


def test_the_path_in_messages_is_a_parameter() -> None:
    with pytest.raises(EvaluationError, match=r"at path /a\\/b/0/x: JMESPath"):
        render({"x": "{{ nope }}"}, at=("a/b", 0), path=("spec", "rules"))


@pytest.mark.parametrize(
    ("document", "result"),
    [
        ("{{ request.object.spec.replicas }}", 3),
        ("x{{ request.object.spec.replicas }}", "x3"),
        ("{{ request.object.metadata.labels }}", {"app": "web"}),
        ("l: {{ request.object.metadata.labels }}", 'l: {"app":"web"}'),
        ("{{ request.object.metadata.labels.x || `null` }}", None),
        ("n{{ request.object.metadata.labels.x || `null` }}", "nnull"),
        ({"{{ request.object.metadata.name }}": "{{ request.object.metadata.name }}"}, {"pod": "pod"}),
        (["{{ request.object.metadata.name }}", 5, None], ["pod", 5, None]),
        (r"\{{ request.x }}", "{{ request.x }}"),
        ("{{ request.object.metadata.{{ 'name' }} }}", "pod"),
        ("{{ {a: request.object.metadata.name}.a }}", "pod"),
        ("{{ 'a' }}{{ 'b' }}{{ 'c' }}", "abc"),
        ("{{ '' }}{{ request.object.spec.replicas }}", 3),
        ("no variable", "no variable"),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
    ],
)
def test_rendering(document: Any, result: Any) -> None:
    assert render(document) == result


def test_whole_values_keep_their_texts_but_inner_ones_are_expanded() -> None:
    values = {"text": "{{ a }}", "a": "A", "map": {"{{ a }}": ["{{ a }}", "x"]}}
    assert render("{{ text }}", values) == "{{ a }}"
    assert render("x {{ text }}", values) == "x A"
    assert render("{{ map }}", values) == {"A": ["A", "x"]}
    assert render("x {{- text }}", values) == "x {{ a }}"
    assert values["map"] == {"{{ a }}": ["{{ a }}", "x"]}


def test_the_own_place_in_the_resource() -> None:
    assert render({"validate": {"pattern": {"metadata": {"name": "{{ @ }}"}}}})["validate"]["pattern"] == {
        "metadata": {"name": "pod"}
    }
    values = {**POD, "target": {"metadata": {"name": "target"}}}
    document = {"mutate": {"patch": {"metadata": {"name": "{{@}}-x"}}}}
    assert render(document, values)["mutate"]["patch"]["metadata"]["name"] == "target-x"
    with pytest.raises(
        EvaluationError, match=r'failed to resolve request.object.a\[0\]."b c" at path /x/y/a/0/b c'
    ):
        render({"x": {"y": {"a": [{"b c": "{{@}}"}]}}})


def test_deletion_reads_the_old_object() -> None:
    values = {"request": {**POD["request"], "operation": "DELETE"}}
    assert render("{{ request.object.metadata.name }}", values) == "old"
    with pytest.raises(EvaluationError, match=r"failed to resolve request.oldObject.x at path"):
        render("{{ request.object.x }}", values)


def test_missing_keys_may_be_empty() -> None:
    template = Template.compile(
        ["{{ request.nope }}", "a-{{ request.nope }}", "{{ to_boolean('x') || 'a' }}"]
    )
    with pytest.raises(EvaluationError, match="to_boolean"):
        template.render(Context(POD), missing_as_empty=True)
    assert Template.compile(["{{ request.nope }}", "a-{{ nope }}"]).render(
        Context(POD), missing_as_empty=True
    ) == ["", "a-"]


@pytest.mark.parametrize("prefix", ["é", "😀", "語", "-", "\n"])
def test_a_variable_may_follow_any_character(prefix: str) -> None:
    assert render(prefix + "{{ request.object.metadata.name }}") == prefix + "pod"


@pytest.mark.parametrize(
    ("document", "path", "offset", "code"),
    [
        ("x {{ a. }}", (), 7, "invalid-expression"),
        ("{{ request.a }} {{ nope(@) }}", (), 19, "unknown-function"),
        ("{{ }}", (), 2, "invalid-expression"),
        ({"a": ["x", "{{ # }}"]}, ("a", 1), 3, "invalid-expression"),
        ({"a": {"{{ b( }}": 1}}, ("a",), 5, "invalid-expression"),
        ("{{-   a b }}", (), 8, "invalid-expression"),
        ("é{{ 'é' x }}", (), 8, "invalid-expression"),
        ({"a": "$(./b)"}, ("a",), 0, "unresolved-reference"),
        ({"a": "ab$(/c)", "c": 5}, ("a",), 2, "unresolved-reference"),
        ("x{{a}}" * 1001, (), 0, "too-many-variables"),
    ],
)
def test_mistakes_have_path_and_offset(document: Any, path: Any, offset: int, code: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Template.compile(document, ("spec", 0))
    assert (caught.value.code, caught.value.path, caught.value.offset) == (code, ("spec", 0, *path), offset)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{{ a.{{ 'b c' }} }}", "failed to resolve a.b c at path : incorrect query a.b c: SyntaxError: "),
        (
            "{{ {{ 'nope' }}(@) }}",
            "failed to resolve nope(@) at path : JMESPath query failed: unknown function: nope",
        ),
        ("{{ {{ '' }} }}", "failed to resolve  at path : invalid query (nil)"),
        ({"{{ `5` }}": 1}, 'expected string after substituting variables in key "{{ `5` }}"'),
        ("x{{ divide(`1e300`, `1e-300`) }}", "unsupported value: +Inf"),
    ],
)
def test_mistakes_that_only_an_evaluation_finds(document: Any, message: str) -> None:
    template = Template.compile(document)
    with pytest.raises(EvaluationError) as caught:
        template.render(Context({"a": 1}))
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"a": "{{ a }}!"}, "expansion-too-deep"),
        ({"a": "{{ b }} {{ b }}", "b": "{{ a }} {{ a }}"}, "too-many-variables"),
        ({"a": ["{{ b }}!"], "b": "x {{ a }}"}, "context-too-large"),
        ({"a": "{{ b }}", "b": "x" * 3_000_000}, "context-too-large"),
        ({"a": "{{ b }}", "b": {"{{ b }}": 1}}, "expansion-too-deep"),
        ({"a": "{{ b }}", "b": ["{{ b }}", "{{ b }}"]}, "too-many-variables"),
    ],
)
def test_expansion_without_end_is_an_error(values: dict[str, Any], code: str) -> None:
    start = time.process_time()
    with pytest.raises(EvaluationError) as caught:
        render(["{{ b }}", "x {{ a }}"] if isinstance(values.get("b"), dict | list) else "x {{ a }}", values)
    assert caught.value.code in (code, "expansion-too-deep", "too-many-variables")
    assert time.process_time() - start < 2


def test_expressions_of_a_template_are_known() -> None:
    template = Template.compile(
        {"a": "{{ x.y }}", "{{ z }}": ["{{ cm.data }} {{ length(`[]`) }}"], "b": "{{@}}"}
    )
    assert [expression.text for expression in template.expressions] == ["x.y", "z", "cm.data", "length(`[]`)"]
    assert template.mentions("cm")
    assert not template.mentions("data")
    assert not template.is_constant
    assert Template.compile({"a": [1]}).is_constant


def test_constant_parts_are_shared() -> None:
    document = {"a": {"b": [1, 2]}, "c": "{{ x }}"}
    template = Template.compile(document)
    first, second = template.render(Context({"x": 1})), template.render(Context({"x": 2}))
    assert (first["c"], second["c"]) == (1, 2)
    assert first["a"] is second["a"]


TEXTS = st.lists(
    st.sampled_from(
        ["{{", "}}", "{", "}", "a", " ", "\\", "$(", ")", ".", "/a", "@", "-", "'x'", "é", "||", "(", "[0]"]
    ),
    max_size=8,
).map("".join)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(DOCUMENTS, DOCUMENTS)
def test_any_document_renders_or_is_refused(document: Any, value: Any) -> None:
    small = Environment(limits=Limits(max_context_bytes=10_000, max_expansions=8))
    context = Context({"a": value, "x": value}, environment=small)
    error = failure_of(lambda: Template.compile(document).render(context))
    assert error is None or (error.code and error.message)


def test_deep_documents_are_refused() -> None:
    deep: Any = "{{ a }}"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ExpressionError) as caught:
        Template.compile(deep)
    assert caught.value.code == "data-too-deep"
    with pytest.raises(EvaluationError):
        render("{{ a }}", {"a": deep})
