from __future__ import annotations

from typing import Any

import pytest

from pratique.compiler.expressions.context import Context
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.expressions.values.numbers import Integer
from pratique.compiler.expressions.variables import Template

DOCUMENT = {
    "spec": {
        "(name)": "web",
        "=(cpu)": "500m",
        "list": ["x", "y"],
        "number": 10,
        "whole": Integer(7),
        "null": None,
    },
    "a/b": "slash",
}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$(/spec/name)", "web"),
        ("$(./../spec/cpu)", "500m"),
        ("$(/spec/list/1)", "y"),
        ("<=$(/spec/cpu)", "<=500m"),
        ("$(<=/spec/cpu)", "<=500m"),
        ("$(>/spec/number)", ">10.000000"),
        ("$(!/spec/whole)", "!7"),
        ("a $(/spec/name) b", "a web b"),
        (r"\$(/spec/name)", "$(/spec/name)"),
        (r"/a\/b", r"/a\/b"),
        ("$(/a\\/b)", "slash"),
        ("$x (y)", "$x (y)"),
        ("costs $5", "costs $5"),
    ],
)
def test_references(text: str, result: str) -> None:
    rendered = Template.compile({**DOCUMENT, "here": text}).render(Context())
    assert rendered["here"] == result


def test_references_are_resolved_before_variables() -> None:
    document = {"a": "{{ x }}-$(./../b)", "b": "{{ y }}"}
    assert Template.compile(document).render(Context({"x": 1, "y": 2})) == {"a": "1-2", "b": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$(/nope)", "got nil resolved variable $(/nope) at path /here: <nil>"),
        ("$(/spec/null)", "got nil resolved variable $(/spec/null) at path /here: <nil>"),
        ("$(/spec/number)", "NotResolvedReferenceErr,reference $(/spec/number) not resolved at path /here"),
        ("$(/spec)", "NotResolvedReferenceErr,reference $(/spec) not resolved at path /here"),
        ("$()x", "got nil"),
        ("$(<=)", "failed to resolve $(<=) at path /here: expected path, found empty reference"),
        ("$(>=/nope)", "incorrect expression: operator >= does not match with value <nil>"),
    ],
)
def test_unresolved_references_are_mistakes_of_the_policy(text: str, message: str) -> None:
    document: dict[str, Any] = {**DOCUMENT, "here": text}
    if text == "$()x":
        assert Template.compile(document).render(Context())["here"] == text
        return
    with pytest.raises(ExpressionError) as caught:
        Template.compile(document, ("rules", 0))
    assert caught.value.code == "unresolved-reference"
    assert caught.value.path == ("rules", 0, "here")
    assert message in caught.value.message
